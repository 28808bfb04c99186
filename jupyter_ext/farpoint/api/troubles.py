"""What keeps work from going on, a line each with what can be done: machines that are paused, jobs not handed over.

Reads the store only; asks no machine and prints nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from farpoint.api.summary import clean, plural
from farpoint.model import JobRow, Phase, RunRow
from farpoint.project import Project

PATIENT = "; it is asked again by itself"  # behind a pause, where somebody drives


def lines(project: Project, scan: str | None = None, *, then: str = "") -> list[str]:
    """What is in the way of a scan, or of everything in the project, that has not ended; `then` goes behind a pause."""
    jobs = project.store.jobs(project.id, scan=scan, open_only=True)
    return [*(f"{line}{then}" for line in pauses(project, {job.machine for job in jobs})), *of_jobs(jobs)]


def of_runs(project: Project, rows: Iterable[RunRow], *, then: str = "") -> list[str]:
    """What is in the way of those of these runs that have not ended."""
    waiting = [row for row in rows if not row.state.final and row.token]
    paused = pauses(project, {row.machine for row in waiting if row.machine})
    tokens = {row.token for row in waiting}
    jobs = project.store.jobs(project.id, open_only=True) if tokens else []
    return [*(f"{line}{then}" for line in paused), *of_jobs(job for job in jobs if job.token in tokens)]


def pauses(project: Project, machines: Iterable[str]) -> list[str]:
    """Those of the machines that are paused, and why."""
    known = {name: project.store.paused(name) for name in sorted(machines)}
    return [f"machine {name} is paused: {clean(pause.why)}" for name, pause in known.items() if pause]


def of_jobs(jobs: Iterable[JobRow]) -> list[str]:
    """Jobs that do not get on, those alike together."""
    alike = Counter((job.scan, job.machine, job.phase is Phase.SUBMITTED, job.trouble) for job in jobs if job.trouble)
    return [
        f"{plural(count, 'job')} of {clean(scan)} {'on' if there else 'cannot be handed over to'} {machine}: "
        f"{clean(' '.join(trouble.split()))}"
        for (scan, machine, there, trouble), count in alike.items()
    ]


class Changes:
    """Lines that are told once, and again only after they were gone."""

    def __init__(self) -> None:
        self._now: frozenset[str] = frozenset()

    def new(self, now: Iterable[str]) -> list[str]:
        """Those that were not there at the last look.

        >>> changes = Changes()
        >>> [changes.new(now) for now in (["away"], ["away", "full"], ["full"], ["away"])]
        [['away'], ['full'], [], ['away']]
        """
        found = list(dict.fromkeys(now))
        fresh = [line for line in found if line not in self._now]
        self._now = frozenset(found)
        return fresh
