"""Why a run has not begun, in a line: what is before it, and what it waits for.

Reads the store only; asks no machine and prints nothing.
"""

from __future__ import annotations

from farpoint.api import troubles
from farpoint.api.summary import plural
from farpoint.model import RunRow
from farpoint.project import Project


def words(project: Project, row: RunRow) -> str:
    """State, place and reason: `queued on local: 2 runs of yours before it, waiting for 1 free core`."""
    paused = project.store.paused(row.machine)
    if paused:
        return f"{row.machine} is paused: {paused[0]}"
    job = project.store.job(row.token) if row.token else None
    if job is not None and job.trouble:
        return troubles.of_jobs([job])[0]
    before, cores = project.store.queue(row)
    local = row.machine == "local"
    why = row.reason or f"waiting for {plural(cores, 'free core') if local else 'room'}"
    said = [f"{plural(before, 'run')} of yours before it"] if before else []
    return f"queued on {row.machine}: {', '.join([*said, why])}"
