"""Room on a machine that allows so many pilots at once: how much of it is taken, and which jobs may go there now.

Reads scripts and the store; hands nothing over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from farpoint.model import JobRow, Phase
from farpoint.project import Project
from farpoint.runner import layout
from farpoint.schedulers.base import pilots


def taken(project: Project, jobs: Iterable[JobRow]) -> int:
    """Pilots of these jobs that were handed over and have not ended."""
    return sum(_left(project, job) for job in jobs if job.phase in (Phase.INTENT, Phase.SUBMITTED))


def admitted(project: Project, jobs: Sequence[JobRow], together: int | None) -> set[str]:
    """Tokens of the jobs that may be handed over now, the oldest first; one alone may, however large it is."""
    used = taken(project, jobs) if together is not None else 0
    may: set[str] = set()
    for job in jobs:
        if job.phase is not Phase.ACCEPTED:
            continue
        wanted = _pilots(project, job) if together is not None else 0
        if together is None or not used or used + wanted <= together:
            may.add(job.token)
            used += wanted
    return may


def _left(project: Project, job: JobRow) -> int:
    ended = {pilot.member for pilot in project.store.pilots(job.token) if pilot.settled}
    return max(0, _pilots(project, job) - len(ended))


def _pilots(project: Project, job: JobRow) -> int:
    script = project.folders.job_folder(job.scan, job.token) / layout.SCRIPT
    return pilots(script.read_text(encoding="utf-8"))
