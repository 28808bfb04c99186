"""The nouns of a decision about one job: what one look knows of it, and what can be done about it.

Decides nothing: that is `lifecycle` and `members`; carries out nothing: that is `verbs.act`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from farpoint.model import JobRow, PilotRow, QueueEntry, Receipt, RunRow, State

Claims = Mapping[int, Sequence[Mapping[str, Any]]]  # slice → bodies in order

LOOKS = 2  # well-formed looks without a live job or member before absence is believed
RESTARTS = 3  # times a system fault may restart a run before it stays LOST


@dataclass(frozen=True, slots=True)
class Submit:
    """Ask the scheduler, as the serial-th submit under this token."""

    serial: int


@dataclass(frozen=True, slots=True)
class Fence:
    """Link the next claim of these slices as ours; `unclaimed` only those nobody took yet.

    With `member` they are what members that are gone had in hand, and the job goes on. Once a fence of neither kind is
    confirmed, the job's row is stored with `fenced`, not before.
    """

    slices: tuple[int, ...]
    unclaimed: bool = False
    member: bool = False

    @property
    def whole(self) -> bool:
        """Whether it is of everything the job has left."""
        return not (self.unclaimed or self.member)


@dataclass(frozen=True, slots=True)
class Control:
    """Tell the pilots to end these runs."""

    cancel: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """This side's word on a run that will get no outcome."""

    index: int
    state: State
    reason: str


@dataclass(frozen=True, slots=True)
class Again:
    """Place these runs in a new job: never started (same attempt) or interrupted by a system fault (a new attempt)."""

    index: int
    new_attempt: bool


@dataclass(frozen=True, slots=True)
class Remove:
    """End what the scheduler may still hold of the job: it will never run."""


Action = Submit | Fence | Control | Verdict | Again | Remove


@dataclass(frozen=True, slots=True)
class Facts:
    """What one tick knows of one job.

    `runs` by index and `claims` are None where they were not read: most rounds need neither. `queue` is None if it was
    not (well) answered. `heard` are the journals that grew since the last tick: a queue may be late, a pilot that
    writes is alive. `unfinished`: not all runs have ended. `trouble`: what the queue said in place of an answer.
    """

    job: JobRow
    runs: Sequence[RunRow] | None
    claims: Claims | None
    queue: Sequence[QueueEntry] | None
    receipt: Receipt | None
    now: float
    grace: float
    pilots: Sequence[PilotRow] = ()
    heard: Collection[str] = ()
    unfinished: bool = True
    trouble: str = ""

    @property
    def known(self) -> bool:
        """Whether runs and claims were read, so that something can be concluded."""
        return self.runs is not None and self.claims is not None

    @property
    def open(self) -> list[RunRow]:
        """The runs that are this job's to finish."""
        return [run for run in self.runs or () if not run.state.final and run.token == self.job.token]


@dataclass(frozen=True, slots=True)
class Decision:
    """The job's row as it stands now, what is to be done, and the pilots' rows as they stand once it is done."""

    job: JobRow
    actions: tuple[Action, ...] = ()
    pilots: tuple[PilotRow, ...] = ()
