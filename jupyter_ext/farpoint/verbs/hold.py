"""Keeping jobs that wait in a queue from starting, and letting them go again: the queue system's own hold.

Knows jobs and their machines; changes no state itself, as only a later look at the queue is believed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from farpoint.model import JobRow, Phase, RunRow
from farpoint.project import Project


@dataclass(frozen=True, slots=True)
class Asked:
    """How many jobs the queue system was asked about, and what is to be said of it."""

    jobs: int
    said: tuple[str, ...] = ()


def hold(project: Project, runs: Iterable[RunRow]) -> Asked:
    """Ask that the jobs of these runs do not start. Raises BadInput where a machine has no queue that can hold jobs."""
    return _ask(project, runs, "hold")


def release(project: Project, runs: Iterable[RunRow]) -> Asked:
    """Let the jobs of these runs start again when it is their turn. Raises as `hold` does."""
    return _ask(project, runs, "release")


def _ask(project: Project, runs: Iterable[RunRow], what: str) -> Asked:
    tokens = dict.fromkeys(run.token for run in runs if not run.state.final and run.token is not None)
    jobs = [job for job in map(project.store.job, tokens) if job is not None and job.phase is not Phase.ENDED]
    there = [job for job in jobs if job.phase is Phase.SUBMITTED and job.job_ids]
    said = [
        f"job {job.token} of {job.scan} is not in the queue of {job.machine} yet" for job in jobs if job not in there
    ]
    said += filter(None, (_one(project, job, what) for job in there))
    return Asked(len(there), tuple(said))


def _one(project: Project, job: JobRow, what: str) -> str:
    machine = project.machine(job.machine)
    order = machine.hold if what == "hold" else machine.release
    return order(job.token, job.job_ids)
