"""A far side in memory: a clock that is told the time, and a machine whose scheduler, nodes and replies can fail.

Its pilots decide by the same `runner.claims` functions as the real pilot and write the same journal lines.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from farpoint.errors import BadInput, Unreachable
from farpoint.machines.base import Wanted
from farpoint.model import Chunk, JobFiles, JobShape, Limits, Observation, QueueEntry, Receipt
from farpoint.runner import claims, journal, layout

Body = dict[str, Any]


class FakeClock:
    """A clock that stands still until it is told to go on.

    >>> clock = FakeClock()
    >>> clock.now += 5
    >>> clock()
    5.0
    """

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return float(self.now)


@dataclass
class Faults:
    """How often things go wrong, as probabilities per occasion. All zero: a perfect world."""

    reply_lost: float = 0.0  # the job exists, the answer does not reach us
    delivered_late: float = 0.0  # no answer, and the job appears much later
    truly_lost: float = 0.0  # no answer, no job
    queue_down: float = 0.0  # the queue cannot be asked
    unreachable: float = 0.0  # the machine does not answer at all
    node_death: float = 0.0  # per pilot and step
    frozen: float = 0.4  # of deaths: only cut off, and wakes later
    requeue: float = 0.6  # of deaths: the scheduler starts the member again under the same id
    requeue_late: float = 0.5  # of requeues: long after
    failure: float = 0.0  # of executions, where the pilot may make another


@dataclass(frozen=True)
class Defences:
    """The pilot's and the far side's defences; a mutant switches one off to prove that the tests see it."""

    claim: bool = True
    look: bool = True
    abort: bool = True
    fence_marks_started: bool = True
    own_journal: bool = True


@dataclass
class Far:
    """One token's folder on the fake machine."""

    files: JobFiles
    claims: dict[int, list[Body]] = field(default_factory=dict)
    journals: dict[str, bytearray] = field(default_factory=dict)
    submits: dict[int, Receipt] = field(default_factory=dict)
    client: list[Mapping[str, Any]] = field(default_factory=list)
    cancelled: set[int] = field(default_factory=set)

    def link(self, number: int, place: int, body: Body) -> bool:
        """link(2): only the next free number can be taken."""
        taken = self.claims.setdefault(number, [])
        if len(taken) != place:
            return False
        taken.append(body)
        return True

    def runs_of(self, number: int) -> list[int]:
        """Indices of the runs of one slice."""
        found: list[int] = _json(self.files.slices[number])["runs"]
        return found


@dataclass
class FakeJob:
    """A job in the fake scheduler's queue."""

    job_id: str
    far: Far
    token: str
    pilots: list[FakePilot] = field(default_factory=list)
    lag: int = 0


_ENDED = {
    "reason": "", "exit": 0, "error": None, "started": 0.0, "ended": 1.0, "seconds": 1.0, "memory": None, "host": "node"
}  # fmt: skip


class FakePilot:
    """One array member's start: takes slices, runs their runs for a few steps each, writes its journal."""

    def __init__(self, machine: FakeMachine, job: FakeJob, member: int, start: int) -> None:
        self.machine, self.job, self.member, self.start = machine, job, member, start
        self.alive, self.frozen, self.beat = True, 0, machine.clock()
        self.slice: int | None = None
        self.claim = 0
        self.todo: list[int] = []
        self.left = 0
        far = job.far
        shown = start if machine.defences.own_journal else 0
        self.file = f"{layout.pilot_name(member, shown)}/{layout.JOURNAL}"
        self.journal = far.journals.setdefault(self.file, bytearray())
        self.at = len(self.journal) if machine.defences.own_journal else 0
        self.write({"e": "pilot", "job": job.job_id, "member": member, "start": start, "host": {"name": "node"}})

    @property
    def me(self) -> Body:
        """Who this start is, as its claims say."""
        return {"job": self.job.job_id, "member": self.member, "start": self.start}

    def write(self, event: Body) -> None:
        """Append a line at this writer's own idea of the end (with one journal a start, that is the end)."""
        line: bytes = journal.line({**event, "t": self.machine.clock()})
        self.journal[self.at : self.at + len(line)] = line
        self.at += len(line)

    def step(self) -> None:
        """One step of its life."""
        if not self.alive:
            return
        if self.frozen:
            self.frozen -= 1
            return
        self.beat = self.machine.clock()
        if self.slice is None:
            self._take()
        elif self.left > 0:
            self._go_on()
        elif self.todo:
            self._begin()
        else:
            self.slice = None

    def _claims(self, number: int) -> list[Body]:
        return self.job.far.claims.get(number, [])

    def _take(self) -> None:
        numbers = list(self.job.far.files.slices)
        self.machine.random.shuffle(numbers)
        for number in numbers:
            place = self._may_take(number)
            if place is None or (self.machine.defences.claim and not self._link(number, place)):
                continue
            self.slice, self.claim = number, place
            done = self.machine.outcomes(self.job.far)
            self.todo = [i for i in self.job.far.runs_of(number) if i not in done]
            self.write({"e": "claimed", "s": number, "c": place})
            return
        if not any(claims.waits_for(self._claims(number), self.me) for number in numbers if self._open(number)):
            self.alive = False
            self.write({"e": "ended", "reason": ""})

    def _open(self, number: int) -> bool:
        done = self.machine.outcomes(self.job.far)
        return any(i not in done for i in self.job.far.runs_of(number))

    def _may_take(self, number: int) -> int | None:
        if not self._open(number):
            return None
        if not self.machine.defences.claim:
            return len(self._claims(number))
        place: int | None = claims.may_claim(self._claims(number), self.me, self._silent)
        return place

    def _silent(self, holder: Mapping[str, Any]) -> bool:
        beats = [p.beat for p in self.job.pilots if p.member == holder["member"] and p.start == holder["start"]]
        return self.machine.clock() - max(beats, default=-99.0) >= self.machine.silence

    def _link(self, number: int, place: int) -> bool:
        return self.job.far.link(number, place, {**self.me, "t": self.machine.clock()})

    def _superseded(self) -> bool:
        defences = self.machine.defences
        known = self._claims(self.slice or 0)
        return defences.claim and bool(claims.superseded(known, self.claim))

    def _begin(self) -> None:
        if self.machine.defences.look and self._superseded():
            self.slice = None
            return
        index = self.todo[0]
        if index in self.job.far.cancelled:
            self.todo.pop(0)
            self._outcome(index, "CANCELLED")
            return
        self.left = self.machine.random.randint(1, self.machine.longest)
        body = {"e": "started", "i": index, "s": self.slice, "c": self.claim}
        tries = self.machine.tries(self.job.far, index)
        attempt = {"attempt": self._run(index)["attempt"] + tries} if tries else {}
        self.write({**body, "folder": layout.run_name(index, self.claim), **attempt})
        self.machine.begins(self, index)

    def _go_on(self) -> None:
        index = self.todo[0]
        cancelled = index in self.job.far.cancelled
        if (self.machine.defences.look and self.machine.defences.abort and self._superseded()) or cancelled:
            self.machine.ends(self, index)
            self.left = 0
            if cancelled:
                self.todo.pop(0)
                self._outcome(index, "CANCELLED")
            else:
                self.write({"e": "interrupted", "i": index, "s": self.slice, "c": self.claim, "reason": "superseded"})
                self.slice = None
            return
        self.machine.goes_on(self, index)
        self.left -= 1
        if self.left == 0:
            self.machine.ends(self, index)
            if self._fails(index) and self._retry(index):
                return
            self.todo.pop(0)
            if not (self.machine.defences.look and self._superseded()):
                self.write({"e": "record", "i": index, "c": self.claim, "name": "value", "value": index})
                self._outcome(index, "COMPLETED")

    def _run(self, index: int) -> Body:
        found: Body = _json(self.job.far.files.job)["runs"][index]
        return found

    def _fails(self, index: int) -> bool:
        left = (self._run(index).get("retries") or 0) - self.machine.tries(self.job.far, index)
        return left > 0 and self.machine.fails(self, index)

    def _retry(self, index: int) -> bool:
        """Take the next claim and begin anew, as a pilot does; where it is taken, this execution counts nothing."""
        number, before = self.slice or 0, self.claim
        if self.machine.defences.claim and not self._link(number, before + 1):
            return False
        self.claim = before + 1 if self.machine.defences.claim else before
        attempt = self._run(index)["attempt"] + self.machine.tries(self.job.far, index)
        body = {"e": "retried", "i": index, "s": number, "c": before, "attempt": attempt, **_ENDED, "reason": "exit 3"}
        self.write(body)
        self._begin()
        return True

    def _outcome(self, index: int, state: str) -> None:
        self.write({"e": "outcome", "i": index, "s": self.slice, "c": self.claim, "state": state, **_ENDED})


class FakeMachine:
    """A machine in memory. `step()` lets its world go on; `faults` and `defences` say how bad it is.

    `executions` counts how often each run really began, `interruptions` how often a node fault hit it, `overlaps` lists
    runs that were executed twice at the same time.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        randomness: random.Random,
        *,
        name: str = "fake",
        pilots: int = 3,
        faults: Faults | None = None,
        defences: Defences | None = None,
        grace: float = 40.0,
        silence: float = 6.0,
        longest: int = 4,
        arrays: bool = False,
    ) -> None:
        self.name, self.clock, self.random = name, clock, randomness
        self.faults, self.defences = faults or Faults(), defences or Defences()
        self.grace, self.silence, self.members, self.longest = grace, silence, pilots, longest
        self.arrays = arrays  # the queue lists each member, and keeps an account of those that died
        self.fars: dict[str, Far] = {}
        self.jobs: dict[str, FakeJob] = {}
        self.blobs: set[str] = set()
        self.later: list[tuple[float, Callable[[], Any]]] = []
        self.executions: dict[str, int] = {}
        self.live: dict[str, list[FakePilot]] = {}
        self.overlaps: list[str] = []
        self.deaths = 0
        self.interruptions: dict[str, int] = {}
        self.printed: dict[str, bytes] = {}

    # --- the Machine protocol

    def limits(self) -> Limits:
        """What one run can have here."""
        return Limits(cpus=self.members, memory=None, gpus=0, grace=self.grace, poll=1.0, pilots=self.members)

    def script(self, shape: JobShape) -> str:
        """A script nobody reads."""
        return f"#!/bin/sh\n# {shape.token}\n"

    def missing(self, digests: Iterable[str]) -> set[str]:
        """Blobs not yet there."""
        self._reach()
        return set(digests) - self.blobs

    def place(self, files: JobFiles) -> None:
        """Put the job folder there."""
        self._reach()
        self.blobs |= set(files.blobs)
        self.fars.setdefault(files.token, Far(files))

    def submit(self, token: str, serial: int) -> Receipt:
        """Ask the scheduler once per serial; replies may be lost."""
        self._reach()
        far = self.fars[token]
        if serial in far.submits:
            return far.submits[serial]
        far.submits[serial] = Receipt("unknown")
        return self._deliver(far, token, serial)

    def look_up(self, token: str) -> tuple[QueueEntry, ...] | None:
        """Jobs under this token."""
        queue = self._queue()
        return None if queue is None else tuple(entry for entry in queue if entry.token == token)

    def observe(
        self,
        cursors: Mapping[str, Mapping[str, int]],
        queue: bool = True,
        jobs: Mapping[str, Sequence[str]] | None = None,
        claims: Collection[str] | None = None,
        account: Collection[str] = (),
    ) -> Observation:
        """New bytes, claims, and one look at the queue."""
        del jobs
        self._reach()
        chunks = [
            Chunk(token, file, known.get(file, 0), bytes(data[known.get(file, 0) :]))
            for token, known in cursors.items()
            for file, data in self.fars[token].journals.items()
            if len(data) > known.get(file, 0)
        ]
        wanted = cursors if claims is None else claims
        taken = {token: {s: tuple(c) for s, c in self.fars[token].claims.items()} for token in wanted}
        entries = self._queue() if queue else None
        if entries is not None and account:
            entries += self._past(account)
        return Observation(tuple(chunks), taken, entries)

    def fence(self, token: str, slices: Sequence[int], only_unclaimed: bool = False) -> dict[int, int | None]:
        """Link our mark as the next claim."""
        self._reach()
        far, marks = self.fars[token], dict[int, int | None]()
        for number in slices:
            taken = far.claims.get(number, [])
            if taken and (only_unclaimed or not self.defences.fence_marks_started):
                marks[number] = None
                continue
            far.link(number, len(taken), {"revoked": True, "by": "us", "t": self.clock()})
            marks[number] = len(far.claims[number]) - 1
        return marks

    def control(self, token: str, order: Mapping[str, Any]) -> None:
        """Leave an order for the pilots."""
        self._reach()
        self.fars[token].cancelled |= set(order.get("cancel", ()))

    def cancel(self, token: str, job_ids: Sequence[str]) -> None:
        """End jobs as a whole."""
        self._reach()
        del token
        for job_id in job_ids:
            for pilot in self.jobs[job_id].pilots:
                self._kill(pilot)

    def hold(self, token: str, job_ids: Sequence[str]) -> str:
        """Refused: nothing waits in this queue."""
        raise BadInput(f"machine {self.name!r} has no queue that could hold jobs {', '.join(job_ids)} of {token}.")

    def release(self, token: str, job_ids: Sequence[str]) -> str:
        """Refused, as nothing can be held."""
        raise BadInput(f"machine {self.name!r} has no queue that could release jobs {', '.join(job_ids)} of {token}.")

    def note(self, token: str, events: Sequence[Mapping[str, Any]]) -> None:
        """Append verdicts."""
        self._reach()
        self.fars[token].client.extend(events)

    def read(self, token: str, path: str, offset: int = 0, limit: int = 1 << 20) -> bytes:
        """job.json, or nothing."""
        data = self.fars[token].files.job if path == layout.JOB and token in self.fars else b""
        return data[offset : offset + limit]

    def fetch(self, token: str, path: str, target: Path, size: int, digest: str) -> None:
        """There are no files here."""
        raise NotImplementedError

    def fetch_many(self, token: str, wanted: Sequence[Wanted]) -> None:
        """There are no files here."""
        raise NotImplementedError

    def output(self, token: str, job_ids: Sequence[str], pilots: int) -> bytes:
        """What pilots printed, as a test put it into `printed`."""
        return self.printed.get(token, b"")

    def tokens(self) -> list[str]:
        """Every job folder there."""
        return list(self.fars)

    def usage(self) -> dict[str, int]:
        """Nothing takes room in memory."""
        return dict.fromkeys(self.fars, 0)

    def remove(self, token: str) -> None:
        """Forget a job folder."""
        self.fars.pop(token, None)

    def wait(self, seconds: float) -> None:
        """Time is told, not waited for."""

    def close(self) -> None:
        """Nothing to let go of."""

    # --- the world behind it

    def step(self) -> None:
        """One step of the world: late deliveries arrive, pilots move, nodes die."""
        due = [item for item in self.later if item[0] <= self.clock()]
        for item in due:
            self.later.remove(item)
            item[1]()
        for job in list(self.jobs.values()):
            for pilot in list(job.pilots):
                if pilot.alive and not pilot.frozen and self._chance(self.faults.node_death):
                    self._node_fault(job, pilot)
                else:
                    pilot.step()

    def quiet(self) -> bool:
        """Nothing will happen any more by itself."""
        return not self.later and not any(p.alive for job in self.jobs.values() for p in job.pilots)

    def begins(self, pilot: FakePilot, index: int) -> None:
        """A run really starts: its effect happens."""
        key = self._effect(pilot, index)
        self.executions[key] = self.executions.get(key, 0) + 1
        self.live.setdefault(key, []).append(pilot)
        self.goes_on(pilot, index)

    def goes_on(self, pilot: FakePilot, index: int) -> None:
        """A run's process does something; another one doing it at the same time is an overlap.

        A pilot that has just woken has not had its look yet, so only those seen a moment ago count as awake.
        """
        key = self._effect(pilot, index)
        others = [p for p in self.live.get(key, []) if p is not pilot and p.alive and not p.frozen]
        if any(self.clock() - p.beat <= 1 for p in others):
            self.overlaps.append(key)

    def ends(self, pilot: FakePilot, index: int) -> None:
        """A run's process is gone."""
        here = self.live.get(self._effect(pilot, index), [])
        if pilot in here:
            here.remove(pilot)

    def outcomes(self, far: Far, state: str | None = None) -> set[int]:
        """Indices with an outcome in any journal of this folder; `state` narrows to one kind."""
        return {
            int(event["i"])
            for data in far.journals.values()
            for event in journal.parse(bytes(data))[0]
            if event["e"] == "outcome" and state in (None, event["state"])
        }

    def tries(self, far: Far, index: int) -> int:
        """How often a run of this folder failed and was to be executed again."""
        lines = [event for data in far.journals.values() for event in journal.parse(bytes(data))[0]]
        return sum(1 for event in lines if event["e"] == "retried" and event["i"] == index)

    def fails(self, pilot: FakePilot, index: int) -> bool:
        """Whether an execution fails now, which explains another."""
        key, failed = self._effect(pilot, index), self._chance(self.faults.failure)
        self.interruptions[key] = self.interruptions.get(key, 0) + failed
        return failed

    def _effect(self, pilot: FakePilot, index: int) -> str:
        return str(_json(pilot.job.far.files.job)["runs"][index]["run"])

    def _chance(self, probability: float) -> bool:
        return probability > 0 and self.random.random() < probability

    def _reach(self) -> None:
        if self._chance(self.faults.unreachable):
            raise Unreachable(f"machine {self.name!r} does not answer")

    def _deliver(self, far: Far, token: str, serial: int) -> Receipt:
        chance, faults = self.random.random(), self.faults
        if chance < faults.delivered_late:
            self.later.append((self.clock() + self.random.randint(3, 90), lambda: self._start(far, token)))
        elif chance < faults.delivered_late + faults.reply_lost:
            self._start(far, token)
        elif chance >= faults.delivered_late + faults.reply_lost + faults.truly_lost:
            far.submits[serial] = Receipt("accepted", self._start(far, token).job_id)
        return far.submits[serial]

    def _start(self, far: Far, token: str) -> FakeJob:
        job = FakeJob(str(len(self.jobs) + 1), far, token, lag=self.random.choice([0, 0, 3]) if self._faulty() else 0)
        self.jobs[job.job_id] = job
        job.pilots = [FakePilot(self, job, member, self._next_start(far, member)) for member in range(self.members)]
        return job

    def _faulty(self) -> bool:
        return self.faults != Faults()

    def _next_start(self, far: Far, member: int) -> int:
        """mkdir is exclusive: the n-th start of a member gets the n-th folder."""
        return sum(1 for job in self.jobs.values() if job.far is far for p in job.pilots if p.member == member)

    def _queue(self) -> tuple[QueueEntry, ...] | None:
        if self._chance(self.faults.queue_down):
            return None
        shown = []
        for job in self.jobs.values():
            if job.lag > 0:
                job.lag -= 1
                continue
            living = sorted({p.member for p in job.pilots if p.alive and not p.frozen})
            if self.arrays:
                shown += [QueueEntry(job.job_id, job.token, live=True, raw="RUNNING", member=k) for k in living]
            elif living:
                shown.append(QueueEntry(job.job_id, job.token, live=True, raw="RUNNING"))
        return tuple(shown)

    def _past(self, tokens: Collection[str]) -> tuple[QueueEntry, ...]:
        """What the account says of members that died: now and then, nothing."""
        if not self.arrays or self._chance(self.faults.queue_down):
            return ()
        return tuple(
            QueueEntry(job.job_id, job.token, live=False, raw="NODE_FAIL", cause="node failed", member=member)
            for job in self.jobs.values()
            if job.token in tokens
            for member in sorted({p.member for p in job.pilots} - {p.member for p in job.pilots if p.alive})
        )

    def _kill(self, pilot: FakePilot) -> None:
        pilot.alive = False
        for here in self.live.values():
            if pilot in here:
                here.remove(pilot)

    def _node_fault(self, job: FakeJob, pilot: FakePilot) -> None:
        self.deaths += 1
        for key, here in self.live.items():
            if pilot in here:
                self.interruptions[key] = self.interruptions.get(key, 0) + 1
        if self._chance(self.faults.frozen):
            pilot.frozen = self.random.randint(5, 30)
        else:
            self._kill(pilot)
        if self._chance(self.faults.requeue):
            again = partial(self._requeue, job, pilot.member)
            if self._chance(self.faults.requeue_late):
                self.later.append((self.clock() + self.random.randint(5, 150), again))
            else:
                again()

    def _requeue(self, job: FakeJob, member: int) -> None:
        job.pilots.append(FakePilot(self, job, member, self._next_start(job.far, member)))


def _json(data: bytes) -> Any:
    return json.loads(data)
