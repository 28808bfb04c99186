"""Asking for the end of runs. CANCELLED is shown only once a fence, a pilot or the scheduler has answered.

Decides nothing: it writes the wish down, where a crash cannot lose it; the driver does the rest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from farpoint.model import RunRow
from farpoint.project import Project
from farpoint.verbs import accept


def cancel(project: Project, runs: Iterable[RunRow]) -> int:
    """Write down that these runs shall end; how many there were that had not ended already."""
    wanted = [run for run in runs if not run.state.final and run.token is not None and not run.cancel]
    by_job: dict[tuple[str, str], list[RunRow]] = defaultdict(list)
    for run in wanted:
        by_job[run.scan, run.token or ""].append(run)
    now = project.clock()
    for (scan, token), members in by_job.items():
        accept.tell(project, scan, token, [{"e": "cancel", "t": now, "i": run.index} for run in members])
    with project.store.write() as writer:
        for run in wanted:
            writer.update_attempt(run.run, run.attempt, {"cancel": 1})
    return len(wanted)
