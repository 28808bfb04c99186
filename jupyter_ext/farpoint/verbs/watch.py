"""The one driver: refresh → decide → act, for as long as something is unfinished; and waiting for changes.

Any process may drive; a lock per machine lets one at a time through, and every step can be repeated after a crash.
"""

from __future__ import annotations

import math
import threading
import weakref
from collections.abc import Callable, Mapping

from farpoint import lifecycle
from farpoint.errors import BadConfig, MachineError, NotFound, Unreachable
from farpoint.machines.base import Machine
from farpoint.model import JobRow, Limits, Observation, Phase
from farpoint.project import Project
from farpoint.verbs import accept, act, read, room

Decide = act.Decide
AWAY = (Unreachable, MachineError, NotFound, BadConfig)  # it does not answer, or was taken out of farpoint.toml
SILENT = 25.0  # seconds without a line of a pilot that began, after which its queue is worth asking


def tick(project: Project, decide: Decide = lifecycle.decide) -> None:
    """One round over every machine that holds open jobs of this project."""
    for name in sorted({job.machine for job in project.store.jobs(project.id, open_only=True)}):
        tick_machine(project, name, decide)


def tick_machine(
    project: Project, name: str, decide: Decide = lifecycle.decide, *, ask: bool = True
) -> Mapping[str, set[str]]:
    """One round on one machine; the journals that grew, by token. A machine that does not answer is paused and tried
    again later, never failed.

    Without `ask` only the journals are read: they tell of every start and end, and cost less than the queue does.
    """
    paused = project.store.paused(name)
    heard: Mapping[str, set[str]] = {}
    if paused is not None and project.clock() < paused[1]:
        return heard
    try:
        with project.lock(f"machine-{name}"):
            heard = _round(act.Desk(project, project.machine(name), decide, ask))
    except AWAY as fault:
        failures = paused[2] + 1 if paused else 1
        with project.store.write() as writer:
            now = project.clock()
            writer.pause(name, str(fault), now + lifecycle.pause_for(failures), failures, now)
        return heard
    if paused is not None:
        with project.store.write() as writer:
            writer.pause(name, "", 0.0, 0)
    return heard


def _round(desk: act.Desk) -> Mapping[str, set[str]]:
    jobs = desk.project.store.jobs(desk.project.id, machine=desk.machine.name, open_only=True)
    may = room.admitted(desk.project, jobs, desk.machine.limits().together) if _accepted(jobs) else ()
    jobs = [act.place(desk, job) if job.token in may else job for job in jobs]
    jobs = [job for job in jobs if job.phase is not Phase.ACCEPTED]  # the others wait here for room
    seen, heard = look(desk, jobs)
    for job in jobs:
        try:
            act.settle(desk, job, seen, heard.get(job.token, ()))
        except MachineError as fault:  # this job's trouble, not the machine's: the others go on
            act.trouble(desk, job.token, str(fault))
    return heard


def _accepted(jobs: list[JobRow]) -> bool:
    return any(job.phase is Phase.ACCEPTED for job in jobs)


def look(desk: act.Desk, jobs: list[JobRow]) -> tuple[Observation, dict[str, set[str]]]:
    """One observation of all open jobs, and the journals of each that grew.

    What the journals say goes into the store before anything is decided.
    """
    heard: dict[str, set[str]] = {}
    asked = {job.token: desk.project.store.cursors(job.token) for job in jobs}
    ids = {job.token: job.job_ids for job in jobs}
    scans = {job.token: job.scan for job in jobs}
    queue = desk.ask and any(job.phase is Phase.SUBMITTED for job in jobs)
    claims, account = _wanted(desk, jobs)
    first = seen = desk.machine.observe(asked, queue=queue, jobs=ids, claims=claims, account=account)
    while any(chunk.data for chunk in seen.chunks):
        for chunk in seen.chunks:
            desk.project.folders.copy_journal(scans[chunk.token], chunk.token, chunk.file, chunk.offset, chunk.data)
        for chunk in seen.chunks:
            heard.setdefault(chunk.token, set()).add(chunk.file)
        with desk.project.store.write() as writer:
            for chunk in seen.chunks:
                read.apply_chunk(writer, chunk)
                writer.changed = True
        before, asked = asked, {token: desk.project.store.cursors(token) for token in asked}
        if asked == before:
            break
        seen = desk.machine.observe(asked, queue=False, claims=claims)
    return Observation(claims=seen.claims, queue=first.queue, trouble=first.trouble), heard


def _wanted(desk: act.Desk, jobs: list[JobRow]) -> tuple[list[str], list[str]]:
    """Tokens whose claims may be needed for what is decided next, and those the account is to be asked about."""
    store, now, grace = desk.project.store, desk.project.clock(), desk.machine.limits().grace
    wants = {
        job.token: lifecycle.wants(job, store.pilots(job.token), store.unfinished(job.token)[1], now, grace)
        for job in jobs
    }
    return [token for token, (claims, _) in wants.items() if claims], [t for t, (_, asks) in wants.items() if asks]


class Pace:
    """How often one machine is asked by this process, by what was heard from it."""

    def __init__(self) -> None:
        self._asked = -math.inf
        self._looks = 0  # in a row that showed nothing new
        self._quiet = 0  # rounds in a row without news
        self._standing: object = None
        self._heard: dict[tuple[str, str], float] = {}

    def due(self, project: Project, name: str, now: float, limits: Limits | None) -> bool:
        """Whether the queue is to be asked now; if so, it is taken as asked."""
        store, jobs = project.store, project.store.jobs(project.id, machine=name, open_only=True)
        pilots = {(job.token, p.file): p for job in jobs for p in store.pilots(job.token) if not p.settled}
        standing = [(job.token, job.phase, job.looks > 0) for job in jobs], {k: p.looks > 0 for k, p in pilots.items()}
        if standing != self._standing:
            self._standing, self._looks = standing, 0
        self._heard = {key: self._heard.get(key, now) for key in pilots}
        talking = bool(pilots) and all(now - heard < SILENT for heard in self._heard.values())
        if limits is not None:
            pause = lifecycle.queue_pause(self._looks, limits.poll, here=limits.slots, talking=talking)
            if now - self._asked < pause:
                return False
        self._asked = now
        self._looks += 1
        return True

    def note(self, heard: Mapping[str, set[str]], now: float) -> None:
        """What a round heard."""
        self._quiet = 0 if heard else self._quiet + 1
        self._heard.update({(token, file): now for token, files in heard.items() for file in files})

    def wait(self, poll: float, *, here: bool) -> float:
        """Seconds until the next round, unless it rings before."""
        return lifecycle.poll_pause(self._quiet, poll, here=here)


class Driver:
    """Keeps a project's open jobs moving in this process, in one thread, until none is left."""

    def __init__(self, project: Project, decide: Decide = lifecycle.decide) -> None:
        self.project = project
        self._decide = decide
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._paces: dict[str, Pace] = {}
        self.fault: BaseException | None = None

    def start(self) -> None:
        """See that the thread runs; it ends by itself when nothing is open."""
        with self._changed:
            if self._thread is not None and self._thread.is_alive():
                return
            self._stop.clear()
            self.fault = None
            self._thread = threading.Thread(target=self._drive, name="farpoint-driver", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop driving here; the work goes on, and any other process may drive it."""
        self._stop.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=10)

    def wait(self, done: Callable[[], bool], timeout: float | None = None) -> bool:
        """Block until `done()`; it is looked at after every change. False after `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: done() or self._idle(), timeout) and done()

    def nudge(self) -> None:
        """Let everybody who waits look again, though nothing changed."""
        with self._changed:
            self._changed.notify_all()

    def _idle(self) -> bool:
        if self.fault is not None:
            raise self.fault
        return self._thread is None or not self._thread.is_alive()

    def _drive(self) -> None:
        try:
            while not self._stop.is_set():
                self.round()
                with self._changed:
                    if not self._open():
                        self._thread = None
                        return
                self._sleep()
        except BaseException as fault:  # noqa: BLE001 - shown to whoever waits, as it is
            self.fault = fault
        finally:
            self.project.store.release()
            with self._changed:
                self._changed.notify_all()

    def round(self) -> None:
        """One tick, then everybody who waits may look. A bell says that a journal grew; the queue is asked when due."""
        for name in sorted({job.machine for job in self._open()}):
            pace = self._paces.setdefault(name, Pace())
            due = pace.due(self.project, name, self.project.clock(), self._limits(name))
            pace.note(tick_machine(self.project, name, self._decide, ask=due), self.project.clock())
        with self._changed:
            self._changed.notify_all()

    def _open(self) -> list[JobRow]:
        return self.project.store.jobs(self.project.id, open_only=True)

    def _sleep(self) -> None:
        """Until a machine's bell rings or its poll is due; a paused machine is not asked."""
        names = sorted({job.machine for job in self._open()})
        awake = [name for name in names if self.project.store.paused(name) is None]
        if len(awake) == 1:
            self._wait_on(self.project.machine(awake[0]), self._paces.setdefault(awake[0], Pace()))
        else:
            self._stop.wait(1.0)

    def _limits(self, name: str) -> Limits | None:
        """None while the machine does not answer."""
        try:
            return None if self.project.store.paused(name) else self.project.machine(name).limits()
        except AWAY:
            return None

    def _wait_on(self, machine: Machine, pace: Pace) -> None:
        try:
            limits = machine.limits()
            machine.wait(pace.wait(limits.poll, here=limits.slots))
        except AWAY:
            self._stop.wait(1.0)


_drivers: weakref.WeakKeyDictionary[Project, Driver] = weakref.WeakKeyDictionary()
_guard = threading.Lock()


def driver(project: Project) -> Driver:
    """The driver of a project in this process; made, not started."""
    with _guard:
        if project not in _drivers:
            _drivers[project] = Driver(project)
        return _drivers[project]


def hand_over(project: Project) -> None:
    """One tick before returning, so that a process may end right after; then see that somebody here drives on."""
    tick(project)
    driver(project).start()


def catch_up(project: Project, scan: str) -> None:
    """Enter what scan.json accepted and the store never heard of: its process was killed in between."""
    document = project.folders.read_scan(scan)
    if document is None:
        return
    for token in accept.missing_jobs(project, scan):
        accept.restore(project, document, token)
