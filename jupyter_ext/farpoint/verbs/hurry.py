"""Asking that points which somebody looks at are taken before others. A wish, not a promise: it changes no state.

Knows jobs and their machines; what runs already, or has ended, is left alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress

from farpoint.errors import MachineError, Unreachable
from farpoint.model import Phase, RunRow, State
from farpoint.project import Project

WAITING = (State.NEW, State.QUEUED)


def hurry(project: Project, runs: Iterable[RunRow]) -> int:
    """Tell the pilots of these runs' jobs to take them next; how many were told. None where the machine is away."""
    by_job: dict[str, list[int]] = defaultdict(list)
    for run in runs:
        if run.state in WAITING and run.token is not None and run.slice is not None:
            by_job[run.token].append(run.slice)
    told = 0
    for token, slices in by_job.items():
        job = project.store.job(token)
        if job is None or job.phase is not Phase.SUBMITTED or project.store.paused(job.machine) is not None:
            continue
        with suppress(MachineError, Unreachable):
            project.machine(job.machine).control(token, {"first": slices})
            told += len(slices)
    return told
