"""The pilot: takes slices of its job until none is left, runs their runs one after the other, writes all of it down.

Knows claims, slots and orders; how one run is run is in `execution`, and no scheduler and no link is known here.
"""

import argparse
import math
import os
import re
import sys
import time
import traceback
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Set

from . import bell, claims, journal, layout, process, slots
from .allotment import TIME_UP, Allotment
from .earlier import Earlier
from .execution import AGAIN, CUT, Desk, Execution
from .ledger import Ledger
from .loop import Loop
from .tenure import Orders, Tenure

_SLICE = re.compile(r"(0|[1-9][0-9]*)\.json\Z")

Need = NamedTuple("Need", [("cpus", int), ("memory", Optional[int]), ("gpus", int)])


def main(arguments: List[str]) -> int:
    """`pilot --statedir S --workdir W --token T --member k`, with FARPOINT_JOB_ID in the environment."""
    parser = argparse.ArgumentParser(prog="pilot")
    for name in ("statedir", "workdir", "token"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--member", type=int, required=True)
    given = parser.parse_args(arguments)
    os.umask(0o077)
    statedir, workdir = os.path.abspath(given.statedir), os.path.abspath(given.workdir)
    job = layout.read_json(os.path.join(layout.job_folder(statedir, given.token), layout.JOB))
    if job["format"] > layout.FORMAT:
        print(
            "job %s has format %s; this runner reads %d" % (given.token, job["format"], layout.FORMAT), file=sys.stderr
        )
        return 2
    return Pilot(statedir, workdir, job, given.member, os.environ.get("FARPOINT_JOB_ID") or _nobodys_id()).work()


class Pilot:
    """One start of one member of a job."""

    def __init__(self, statedir: str, workdir: str, job: Mapping[str, Any], member: int, job_id: str) -> None:
        self._job = job
        self._folder = layout.job_folder(statedir, job["token"])
        self._statedir = statedir
        self._time = Allotment(job.get("walltime"))
        self._loop = Loop()
        self._bell = bell.Bell(os.path.join(self._folder, "bells"))
        self._claims = claims.Claims(self._folder)
        self._orders = Orders(self._folder)
        self._slots = self._shared()
        start = _make_start(os.path.join(self._folder, "pilots"), member)
        self._me = {"job": job_id, "member": member, "start": start}
        own = os.path.join(self._folder, layout.pilot_name(member, start))
        self._ledger = Ledger(own, self._loop, os.path.join(statedir, "bells"))
        self._stream = journal.Journal(os.path.join(own, layout.STREAM))
        work, silence = layout.work_folder(workdir, job["token"]), float(job["timing"]["silence"])
        self._earlier = Earlier(self._folder, work, silence)
        self._pause = min(1.0, silence / 4)
        self._desk = Desk(self._loop, self._ledger, self._write_stream, job, workdir, self._time)
        self._slices: Dict[int, List[int]] = {}
        self._open: List[int] = []
        self._known: List[int] = []
        self._cancelled_slices: Set[int] = set()
        self._counted = 0
        self._tenure: Optional[Tenure] = None
        self._tries: Dict[int, int] = {}  # executions of runs that failed and were followed by another
        self._longest: Optional[float] = None  # seconds that a run took here; None before the first

    def work(self) -> int:
        """Take slices until none is left or somebody asks to stop; the exit code."""
        about = dict(self._me, e="pilot", host=process.identity(), python="%d.%d.%d" % sys.version_info[:3])
        about.update(slots=self._job.get("slots"))
        if math.isfinite(self._time.left):
            about["walltime"] = round(self._time.left, 3)
            self._loop.once(max(0.0, self._time.work), self._time_is_up)
        self._ledger.write(about, sync=True)
        self._loop.every(float(self._job["timing"]["beat"]), self._beat)
        self._loop.add(self._bell.fileno(), self._rung)
        reason, code = "", 0
        try:
            self._work_through()
            stopped = self._loop.stopped
            reason = self._time.reason(stopped) if stopped else "cancelled" if self._orders.stop else ""
        except Exception:
            traceback.print_exc()
            reason, code = "pilot died", 1
        self._ledger.write({"e": "ended", "reason": reason}, sync=True)
        self._ledger.close()
        self._stream.close()
        self._bell.close()
        self._ledger.ring()
        self._loop.close()
        return code

    def _work_through(self) -> None:
        while not self._asked_to_leave():
            s = self._candidate()
            if s is not None:
                self._take(s)
            elif any(not self._fits(self._runs(s)) for s in self._open):
                self._time_is_up()  # what is left needs more than what is left of our time
            elif self._open:
                self._loop.step(self._pause)  # an earlier start of this member holds them, and is not silent yet
            elif not self._list():
                return

    def _time_is_up(self) -> None:
        self._loop.stopped = self._loop.stopped or TIME_UP

    def _fits(self, runs: Sequence[int]) -> bool:
        """Whether these runs can be done before our time is up: as they declared, else as long as others took here.

        A pilot that did nothing yet takes anything: no other would have more time for it.
        """
        if self._longest is None:
            return True
        return self._time.fits(sum(float(self._job["runs"][i].get("time") or self._longest) for i in runs))

    def _asked_to_leave(self) -> bool:
        self._orders.read()
        return bool(self._loop.stopped) or self._orders.stop

    def _candidate(self, need: Optional[Need] = None) -> Optional[int]:
        """The first slice that may be claimed now: one whose runs are all cancelled, then one somebody waits for.

        With `need`, one that asks for no more than that.
        """
        for s in self._doomed() + self._wished() + self._open:
            bodies = self._claims.of(s)
            if claims.may_claim(bodies, self._me, self._earlier.silent) is None:
                if not claims.waits_for(bodies, self._me):
                    self._drop(s)
            elif (need is None or _within(self._need(s), need)) and self._fits(self._runs(s)):
                return s
        return None

    def _drop(self, s: int) -> None:
        """Nothing of this slice can ever be ours any more."""
        self._open = [other for other in self._open if other != s]

    def _doomed(self) -> List[int]:
        """Open slices whose runs are all to end before they began. Found once per order: there may be thousands."""
        count = len(self._orders.cancelled)
        if count != self._counted:
            self._counted = count
            self._cancelled_slices = {s for s in self._open if self._cancelled(s)}
        return [s for s in self._open if s in self._cancelled_slices] if self._cancelled_slices else []

    def _wished(self) -> List[int]:
        """Open slices that somebody looks at and waits for."""
        return [s for s in self._orders.first if s in self._open]

    def _list(self) -> bool:
        """Whether slices were put there since: a held job may get more."""
        names = os.listdir(os.path.join(self._folder, "slices"))
        numbers = sorted(int(match.group(1)) for match in map(_SLICE.match, names) if match)
        self._open = [s for s in numbers if s not in set(self._known)]
        self._known, self._counted = numbers, 0
        return bool(self._open)

    def _cancelled(self, s: int) -> bool:
        """Whether all runs of a slice are to end before they began; it then needs no slots."""
        return all(i in self._orders.cancelled for i in self._runs(s))

    def _runs(self, s: int) -> List[int]:
        if s not in self._slices:
            self._slices[s] = layout.read_json(os.path.join(self._folder, layout.slice_name(s)))["runs"]
        return self._slices[s]

    def _need(self, s: int) -> Need:
        """What the largest run of a slice needs."""
        runs = [self._job["runs"][i] for i in self._runs(s)]
        memory = max((run.get("memory") or 0 for run in runs), default=0)
        cpus = max(((run.get("cpus") or 1) * (run.get("tasks") or 1) for run in runs), default=1)
        return Need(cpus, memory or None, max((run.get("gpus") or 0 for run in runs), default=0))

    def _take(self, s: int) -> None:
        """Claim a slice and run it, once there is room for it."""
        if self._slots is None or self._cancelled(s):
            self._claim(s, None)
            return
        need = self._need(s)
        asked = len(self._orders.cancelled)
        held = self._slots.acquire(*need, lambda bell, seconds: self._wake(bell, seconds, asked))
        if held is None:
            return
        try:
            other = self._candidate(need)  # while we waited, another may have taken the one we wanted
            if other is not None:
                self._claim(other, held)
        finally:
            held.release()

    def _wake(self, descriptor: int, seconds: float, asked: int) -> bool:
        """Wait for slots; False where there is something else to be done first, or nothing at all."""
        self._loop.wait(descriptor, seconds)
        changed = self._asked_to_leave() or len(self._orders.cancelled) != asked
        return not changed and self._candidate() is not None

    def _claim(self, s: int, held: Optional[slots.Held]) -> None:
        bodies = self._claims.of(s)
        c = claims.may_claim(bodies, self._me, self._earlier.silent)
        if c is None or self._asked_to_leave():
            return
        finished = self._earlier.finished(bodies)
        if all(i in finished for i in self._runs(s)):
            self._drop(s)
            return
        if not self._claims.link(s, c, dict(self._me, t=_now())):
            return
        self._drop(s)  # one start never takes a slice twice, even on a disk that forgets what was linked
        self._ledger.write({"e": "claimed", "s": s, "c": c})
        self._earlier.end_what_is_left(bodies)
        self._tries.update(self._earlier.tries(bodies))
        self._tenure = Tenure(s, c, self._claims, self._orders, self._loop, self._me)
        try:
            self._run_all([i for i in self._runs(s) if i not in finished], self._tenure, held)
        finally:
            self._tenure = None

    def _run_all(self, todo: List[int], tenure: Tenure, held: Optional[slots.Held]) -> None:
        for i in todo:
            tenure.look()
            cause = tenure.cause(i)
            if cause in ("superseded", "stopped"):
                return
            if cause == "cancelled":
                Execution(self._desk, i, tenure).cancel()
            elif not self._fits([i]) or not self._run(i, tenure, held):
                return

    def _run(self, i: int, tenure: Tenure, held: Optional[slots.Held]) -> bool:
        """Run it, and again where it failed and may be; False where it was interrupted."""
        while True:
            began = time.monotonic()
            ended = Execution(self._desk, i, tenure, self._tries.get(i, 0)).go(self._gpus(held))
            if ended == CUT:
                return False
            self._longest = max(self._longest or 0.0, time.monotonic() - began)
            if ended != AGAIN:
                return True
            self._tries[i] = self._tries.get(i, 0) + 1

    def _gpus(self, held: Optional[slots.Held]) -> Optional[List[int]]:
        counted = held is not None and (self._job.get("slots") or {}).get("gpus")
        return held.gpus if held is not None and counted else None

    def _shared(self) -> Optional[slots.Slots]:
        there = self._job.get("slots")
        if not there:
            return None
        folder = slots.folder(self._statedir)
        return slots.Slots(folder, int(there["cpus"]), there.get("memory"), int(there.get("gpus") or 0))

    def _beat(self) -> None:
        self._ledger.write({"e": "beat"}, keep=False)
        self._look()

    def _rung(self) -> None:
        self._bell.drain()
        self._look()

    def _look(self) -> None:
        if self._tenure is not None:
            self._tenure.look()
        else:
            self._orders.read()

    def _write_stream(self, event: Dict[str, Any]) -> None:
        try:
            self._stream.write(dict(event, t=_now()))
        except OSError:
            return  # what is printed is not worth the last bytes of a disk
        self._ledger.ring_soon()


def _within(one: Need, other: Need) -> bool:
    return one.cpus <= other.cpus and (one.memory or 0) <= (other.memory or 0) and one.gpus <= other.gpus


def _make_start(folder: str, member: int) -> int:
    """Make the folder of the next start of this member; whoever makes it is its only writer."""
    layout.make_private(folder)
    names = (name.split(".") for name in os.listdir(folder))
    start = max((int(words[1]) for words in names if words[0] == str(member) and words[1:]), default=-1) + 1
    while True:
        try:
            os.mkdir(os.path.join(os.path.dirname(folder), layout.pilot_name(member, start)), 0o700)
        except FileExistsError:
            start += 1
            continue
        layout.sync_folder(folder)
        return start


def _nobodys_id() -> str:
    """For a pilot started by hand: an id that no other start shares, so that it takes nothing over."""
    return "by-hand-%s-%d" % (os.uname().nodename, os.getpid())


def _now() -> float:
    return round(time.time(), 6)
