"""One run under one claim, from its `started` line to its outcome.

Knows what a pilot says of a run; must not know how slices are chosen or shared.
"""

import errno
import math
import os
import signal
import time
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence

from . import process, ranks
from .allotment import EARLY, TIME_UP, Allotment
from .child import Child, Limits
from .ledger import Ledger, Stream
from .loop import Loop
from .tenure import Tenure
from .workplace import Workplace

STOP_GRACE = 3.0  # seconds a run has when its pilot was asked to stop, and has little time itself
LATE = 0.5  # seconds a stop may come later than the signal that ended the run: schedulers tell all processes at once
RECORD = ["e", "name", "value", "step", "warn"]
PROGRESS = ["e", "done", "text"]
RESULTS = ("COMPLETED", "FAILED", "CANCELLED")
PAUSES = (1.0, 4.0)  # seconds before a start that failed for now is tried again
PASSING = (errno.EAGAIN, errno.ENOMEM, errno.ENFILE, errno.ETXTBSY)
INTERRUPTIONS = ("superseded", "stopped")  # causes that count nothing
IN_VAIN = ("timeout", "out of memory", "gone")  # failures that another execution here would only repeat
CUT, AGAIN, DONE = "cut", "again", "done"  # what became of an execution

Event = Dict[str, Any]
Error = Dict[str, str]

End = NamedTuple("End", [("state", str), ("reason", str), ("exit", Optional[int]), ("error", Optional[Error])])
Desk = NamedTuple(
    "Desk",
    [
        ("loop", Loop),
        ("ledger", Ledger),
        ("stream", Callable[[Event], None]),
        ("job", Mapping[str, Any]),
        ("workdir", str),
        ("time", Allotment),
    ],
)


class Execution:
    """Runs run `i` for as long as `tenure` gives no cause against it; `tries` executions of this job failed before."""

    def __init__(self, desk: Desk, i: int, tenure: Tenure, tries: int = 0) -> None:
        self._desk = desk
        self._i = i
        self._tenure = tenure
        self._run = desk.job["runs"][i]
        self._tries = tries
        self._attempt = int(self._run["attempt"]) + tries
        self._place = Workplace(desk.workdir, desk.job, i, tenure.c, self._attempt)
        self._stream = Stream(desk.stream, i, tenure.c)
        self._began = (time.time(), time.monotonic())
        self._memory: Optional[int] = None
        self._killed_before = process.short_of_memory()

    def go(self, gpus: Optional[Sequence[int]]) -> str:
        """Run it. CUT: it was interrupted, and nothing of it counts; AGAIN: it failed, and the next claim is taken."""
        self._write(dict({"attempt": self._attempt} if self._tries else {}, e="started", folder=self._place.name))
        self._desk.ledger.ring()
        end = self._execute(gpus)
        self._stream.close()
        if end is None:
            return CUT
        for artifact in self._artifacts():
            self._write(dict(artifact, e="artifact"))
        self._tenure.look()
        if self._cause() != "superseded" and self._another_may_help(end) and self._retry(end):
            return AGAIN
        if self._cause() == "superseded":
            self._interrupt("superseded")
            return CUT
        self._tell(end)
        return DONE

    def cancel(self) -> None:
        """It is not run at all."""
        self._tell(End("CANCELLED", "cancelled", None, None))

    def _execute(self, gpus: Optional[Sequence[int]]) -> Optional[End]:
        """Start its program and wait for its end; None where it was interrupted."""
        try:
            self._place.prepare()
        except OSError as fault:
            reason = "gone" if isinstance(fault, FileNotFoundError) else "exception"
            return _failed(reason, None, type(fault).__name__, "the run's folder could not be made: %s" % fault)
        child = Child(self._desk.loop, self._place.events, self._hear, self._stream.add)
        try:
            return self._attend(child, gpus)
        finally:
            child.close()

    def _attend(self, child: Child, gpus: Optional[Sequence[int]]) -> Optional[End]:
        argv = self._place.argv()
        limits = Limits(self._run.get("time"), self._run.get("memory"))
        try:
            self._start(child, argv, gpus, limits)
        except OSError as fault:
            return _not_started(argv[0], fault)
        while child.running:
            cause = self._cause()
            if cause:
                child.end(cause, STOP_GRACE if cause == "stopped" else 5.0)
            self._desk.loop.step(60.0)
            child.reap()
        self._memory = child.memory
        if self._place.tasks > 1:
            self._gather_ranks(child)
        cause = child.cause or self._late_cause(child)
        if cause in INTERRUPTIONS and not _completed(child):
            return self._cut(cause)
        end = _end_of(child, self._run, self._desk.job["task"]["kind"])
        if end.reason == "killed by signal 9" and process.short_of_memory() > self._killed_before:
            end = end._replace(reason="out of memory")  # the system did it, not we
        return end

    def _start(self, child: Child, argv: List[str], gpus: Optional[Sequence[int]], limits: Limits) -> None:
        """Start it, after a while where this computer is only short of something now: that is no fault of the run."""
        for pause in PAUSES:
            try:
                return child.start(argv, self._place.folder, self._place.environment(gpus), limits)
            except OSError as fault:
                if fault.errno not in PASSING or self._cause():
                    raise
            until = time.monotonic() + pause
            while time.monotonic() < until and not self._cause():
                self._desk.loop.step(until - time.monotonic())
        return child.start(argv, self._place.folder, self._place.environment(gpus), limits)

    def _gather_ranks(self, child: Child) -> None:
        """What ranks left in files; the failure of one is the run's, whatever rank 0 said before it was ended."""
        found = ranks.left(self._place.ours, self._place.tasks)
        for event in found.events:
            if event.get("e") == "result":
                child.result = event
            else:
                self._hear(event)
        if not _completed(child) or child.status != 0:
            child.result = found.failure or (None if _completed(child) else child.result)

    def _cut(self, cause: str) -> Optional[End]:
        """It was ended from here and counts nothing, unless it had all the time that a pilot can give it."""
        given = self._desk.time
        reason = given.reason(self._desk.loop.stopped) if cause == "stopped" else cause
        if reason == TIME_UP and given.was_whole(self._began[1]):
            return _failed("timeout", None, "", "the run had all of its pilot's %g s and was not done" % given.given)
        self._interrupt(reason)
        return None

    def _cause(self) -> str:
        cause = self._tenure.cause(self._i)
        return "" if cause == "stopped" and self._may_end() else cause

    def _may_end(self) -> bool:
        """Whether a warning came so early that the run, by what it declared, ends before the time is up."""
        given, declared = self._desk.time, self._run.get("time")
        if self._desk.loop.stopped not in EARLY or not declared or math.isinf(given.given):
            return False
        return given.fits(self._began[1] + float(declared) - time.monotonic())

    def _late_cause(self, child: Child) -> str:
        """A run that a signal ended although nobody here asked: is this pilot about to be stopped as well?"""
        if child.result is not None or not (child.status < 0 or child.status == 128 + signal.SIGTERM):
            return ""
        until = time.monotonic() + LATE
        while not self._cause() and time.monotonic() < until:
            self._desk.loop.step(until - time.monotonic())
        return self._cause()

    def _hear(self, event: Event) -> None:
        """A record or a progress line of the run becomes one of the journal."""
        if event.get("e") == "record" and isinstance(event.get("name"), str):
            kept = {key: event[key] for key in RECORD if key in event}
        elif event.get("e") == "progress":
            kept = {key: event.get(key) for key in PROGRESS}
        else:
            return
        kept.update(i=self._i, c=self._tenure.c)
        self._desk.ledger.write(kept, keep=event["e"] == "record")
        self._desk.ledger.ring_soon()

    def _artifacts(self) -> List[Event]:
        found = []
        for artifact in self._place.artifacts(self._desk.loop.tick):
            found.append(dict(artifact))
            if self._cause() in INTERRUPTIONS:
                break
        return found

    def _interrupt(self, reason: str) -> None:
        self._write({"e": "interrupted", "reason": reason})
        self._desk.ledger.ring()

    def _tell(self, end: End) -> None:
        """The outcome: the run's commit point."""
        self._write(dict(self._told(end), e="outcome", state=end.state), sync=True)
        self._desk.ledger.ring()

    def _told(self, end: End) -> Event:
        """How it ended, and what it took."""
        took = time.monotonic() - self._began[1]
        return {
            "reason": end.reason, "exit": end.exit, "error": end.error, "started": round(self._began[0], 6),
            "ended": round(time.time(), 6), "seconds": round(took, 6), "memory": self._memory,
            "host": process.host()["name"],
        }  # fmt: skip

    def _another_may_help(self, end: End) -> bool:
        """Whether it failed of itself, may be executed again, and there is time for that. Nobody wants its end."""
        if end.state != "FAILED" or end.reason in IN_VAIN or self._tries >= int(self._run.get("retries") or 0):
            return False
        took = time.monotonic() - self._began[1]
        return not self._tenure.cause(self._i) and self._desk.time.fits(float(self._run.get("time") or took))

    def _retry(self, end: End) -> bool:
        """Take the next claim for another execution, and say how this one ended; False where it is not to be had."""
        c = self._tenure.c
        if not self._tenure.renew():
            return False
        self._write(dict(self._told(end), e="retried", attempt=self._attempt, c=c), sync=True)
        process.end_all(None, "FARPOINT_SPEC=" + self._place.spec)  # what it started and left must not run beside it
        return True

    def _write(self, event: Event, sync: bool = False) -> None:
        about = {"i": self._i, "s": self._tenure.s, "c": self._tenure.c}
        self._desk.ledger.write(dict(about, **event), sync=sync)


def _end_of(child: Child, run: Mapping[str, Any], kind: str) -> End:
    """What became of it: its own word if it gave one, unless it was ended from here before it was done."""
    own = _own_word(child)
    if child.cause and (own is None or own.state != "COMPLETED"):
        error = own.error if own is not None and own.error else _limit_error(child, run)
        state = "CANCELLED" if child.cause == "cancelled" else "FAILED"
        return End(state, child.cause, None, None if state == "CANCELLED" else error)
    if own is not None:
        return own
    if child.status == 0 and kind == "script":
        return End("COMPLETED", "", 0, None)
    if child.status < 0:
        reason = "killed by signal %d" % -child.status
        return _failed(reason, None, "", reason, child.errors)
    reason = "exit code %d" % child.status
    return _failed(reason, child.status, "", reason if kind == "script" else reason + " without a result", child.errors)


def _completed(child: Child) -> bool:
    own = _own_word(child)
    return own is not None and own.state == "COMPLETED"


def _own_word(child: Child) -> Optional[End]:
    told = child.result
    if told is None or told.get("state") not in RESULTS:
        return None
    error = told.get("error")
    return End(
        told["state"], str(told.get("reason") or ""), told.get("exit"), error if isinstance(error, dict) else None
    )


def _limit_error(child: Child, run: Mapping[str, Any]) -> Error:
    if child.cause == "timeout":
        message = "the run took longer than the %s s it was given" % run.get("time")
    else:
        message = "the run used %d bytes of memory and was given %s" % (child.memory, run.get("memory"))
    return {"type": "", "message": message, "traceback": ""}


def _failed(reason: str, code: Optional[int], kind: str, message: str, trace: str = "") -> End:
    last = trace.strip().splitlines()[-1:]
    shown = "%s: %s" % (message, last[0]) if last else message
    return End("FAILED", reason, code, {"type": kind, "message": shown, "traceback": trace})


def _not_started(program: str, fault: OSError) -> End:
    """As a shell says it: 127 where there is no such program, 126 where it cannot be run."""
    code = 127 if isinstance(fault, FileNotFoundError) else 126
    message = "%s could not be started: %s. Is it there on %s?" % (
        program,
        os.strerror(fault.errno or 0),
        os.uname().nodename,
    )
    return _failed("exit code %d" % code, code, type(fault).__name__, message)
