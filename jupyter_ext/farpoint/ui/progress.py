"""Waiting with a bar: drive the work until runs have ended, and bring their results, while somebody may look.

Knows rows and the driver; an interrupt is the caller's, since only a command knows what to say of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from farpoint.api import troubles, waiting
from farpoint.api.summary import plural
from farpoint.model import RunRow, State
from farpoint.project import Project
from farpoint.ui import say
from farpoint.verbs import fetch

Rows = Callable[[], list[RunRow]]


def until_ended(project: Project, title: str, rows: Rows, timeout: float | None = None) -> bool:
    """Drive until all rows have ended; False after `timeout` seconds."""
    with waiting.bar(title) as shown:
        changes = troubles.Changes()

        def look() -> bool:
            now = rows()
            shown.show(now, project.clock())
            for line in changes.new(troubles.of_runs(project, now, then=troubles.PATIENT)):
                _beside(line)
            return all(row.state.final for row in now)

        return waiting.wait_for(project, look, timeout)


def _beside(message: str) -> None:
    """A line on stderr that leaves a bar whole."""
    from tqdm import tqdm

    with tqdm.external_write_mode():
        say.note(message)


def bring(project: Project, rows: Sequence[RunRow], *, everything: bool) -> list[str]:
    """Fetch the results of those that have some; their folders."""
    chosen = [row for row in rows if row.state in (State.COMPLETED, State.FAILED)]
    here = {row.number for row in chosen if _is_here(project, row, everything=everything)}
    folders = [project.folders.point_folder(row.scan, row.number) for row in chosen if row.number in here]
    chosen = [row for row in chosen if row.number not in here]
    if not chosen:
        return sorted(map(str, folders))
    with waiting.bar("fetching") as shown:
        done: list[RunRow] = []

        def told(row: RunRow) -> None:
            done.append(row)
            shown.say(f"{len(done)} of {plural(len(chosen), 'point')}", 100 * len(done) / len(chosen))

        folders += fetch.fetch(project, chosen, everything=everything, told=told)
    return sorted(map(str, folders))


def _is_here(project: Project, row: RunRow, *, everything: bool) -> bool:
    """Whether nothing is left to be brought: its machine need not be asked, and may have been cleaned."""
    point = project.folders.read_point(row.scan, row.number) if row.fetched else None
    return point is not None and point["attempt"] == row.attempt and not (everything and point["left"])
