"""How a set of runs stands, kept up run by run: counts, how far, how long still.

Knows how single runs stand and no store; the present time is given to it. What changed costs, not what is there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Self

from farpoint.model import RunRow, Standing, State

Run = RunRow | Standing


def part_done(run: Run, now: float, usual: float | None) -> float:
    """How much of one run is done, 0 to 1: what it says itself, else its age against a usual run's."""
    if run.state.final:
        return 1.0
    if run.state is not State.RUNNING:
        return 0.0
    if run.progress is not None:
        return min(max(run.progress, 0.0), 1.0)
    if usual and run.started is not None:
        return min(max(now - run.started, 0.0) / usual, 0.95)
    return 0.0


class Tally:
    """The sums over a set of runs."""

    def __init__(self, runs: Iterable[tuple[int, Run]] = ()) -> None:
        self.runs: dict[int, Run] = {}  # by the number each was given with
        self.running: dict[int, Run] = {}
        self.bad: set[int] = set()  # those that ended without a result
        self.reasons: Counter[str] = Counter()  # why those wait that wait
        self.warnings: dict[int, str] = {}
        self._counts: Counter[State] = Counter()
        self._seconds = 0.0
        self._timed = 0
        self.put(runs)

    def put(self, runs: Iterable[tuple[int, Run]]) -> Self:
        """Take in runs, each with its number, or how they stand by now."""
        for number, run in runs:
            before = self.runs.get(number)
            if before is not None:
                self._count(number, before, -1)
            self.runs[number] = run
            self._count(number, run, 1)
        return self

    def _count(self, number: int, run: Run, by: int) -> None:
        self._counts[run.state] += by
        if run.warning:
            self.warnings.pop(number, None) if by < 0 else self.warnings.update({number: run.warning})
        if run.state is State.COMPLETED and run.seconds is not None:
            self._seconds += by * run.seconds
            self._timed += by
        elif run.state in (State.NEW, State.QUEUED) and run.reason:
            self.reasons[run.reason] += by
        elif run.state is State.RUNNING:
            self.running.pop(number, None) if by < 0 else self.running.update({number: run})
        elif run.state in (State.FAILED, State.LOST):
            self.bad.discard(number) if by < 0 else self.bad.add(number)

    def count(self, state: State) -> int:
        """How many are in this state."""
        return self._counts[state]

    @property
    def ended(self) -> int:
        """How many will not change by themselves any more."""
        return sum(count for state, count in self._counts.items() if state.final)

    @property
    def over(self) -> bool:
        """Whether none is open."""
        return self.ended == len(self.runs)

    @property
    def usual(self) -> float | None:
        """Mean seconds of a completed run."""
        return self._seconds / self._timed if self._timed else None

    def fraction(self, now: float) -> float:
        """How much of all is done, 0 to 1."""
        usual = self.usual
        done = self.ended + sum(part_done(run, now, usual) for run in self.running.values())
        return done / len(self.runs) if self.runs else 1.0

    def seconds_left(self, now: float) -> float | None:
        """A guess at the seconds until all is done, from what finished and what runs; None while none can be made."""
        usual = self.usual
        if usual is None:
            starts = [(run.progress, run.started) for run in self.running.values() if run.progress]
            known = [(now - begun) / done for done, begun in starts if done and begun is not None]
            if not known:
                return None
            usual = sum(known) / len(known)
        part = sum(part_done(run, now, usual) for run in self.running.values())
        return usual * (len(self.runs) - self.ended - part) / max(len(self.running), 1)

    def took(self) -> float | None:
        """Seconds from the first start to the last end, where all is done."""
        starts = [run.started for run in self.runs.values() if run.started is not None]
        ends = [run.ended for run in self.runs.values() if run.ended is not None]
        return max(max(ends) - min(starts), 0.0) if starts and ends else None
