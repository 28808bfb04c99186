"""`farpoint ls`: a line a scan, or a line for each point in one state.

Takes one quick look at the machines first, unless --offline.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from farpoint.api import troubles
from farpoint.api.here import project_of
from farpoint.api.summary import COLOURS, caption, cause, clean, span
from farpoint.model import ScanRow, State
from farpoint.project import Project
from farpoint.ui import exits, options, records, say
from farpoint.ui import target as targets
from farpoint.ui.target import Target

Counts = dict[str, int]
BAD = (State.FAILED, State.LOST, State.CANCELLED)


@click.command()
@click.option(
    "--state",
    type=click.Choice([state.value for state in State], case_sensitive=False),
    metavar="STATE",
    help="List points instead: those that are NEW, QUEUED, RUNNING, COMPLETED, FAILED, CANCELLED or LOST.",
)
@options.offline
@options.project
@options.as_json
def ls(state: str | None, offline: bool, project: Path | None, as_json: bool) -> int:
    """List this project's scans, or its points in one state.

    \b
    Example:
      farpoint ls --state FAILED
    """
    found = project_of(project)
    said = targets.refresh(found, offline=offline)
    if state is not None:
        _list_points(found, State(state.upper()), as_json=as_json)
    else:
        _list_scans(found, as_json=as_json)
    stuck = troubles.lines(found) if targets.is_known(found) else []
    for line in dict.fromkeys([*said, *stuck]):
        say.note(line)
    return exits.PAUSED if said else exits.WELL


def _list_scans(project: Project, *, as_json: bool) -> None:
    scans = project.store.scans(project.id) if targets.is_known(project) else []
    counts = [_counts(project.store.states(project.id, scan.scan).values()) for scan in scans]
    if as_json:
        say.data([_record(project, scan, each) for scan, each in zip(scans, counts, strict=True)])
        return
    if not scans:
        say.note(f"no scans in {project.root} yet.{targets.elsewhere(project)}")
        say.next_steps(("farpoint run NOTEBOOK -p x=1,2,3", "makes one"))
        return
    headers = ["scan", "points", "state", "machine", "made", "task"]
    lines = [_line(project, scan, each) for scan, each in zip(scans, counts, strict=True)]
    say.out(say.columns(headers, lines, right=["points"]))


def _counts(states: Iterable[State]) -> Counts:
    """How many points are in each state, in telling order."""
    listed = list(states)
    return {state.value: listed.count(state) for state in COLOURS if state in listed}


def _line(project: Project, scan: ScanRow, counts: Counts) -> list[object]:
    words = " · ".join(f"{count:,} {state}" for state, count in counts.items())
    made = f"{span(project.clock() - scan.created)} ago"
    return [clean(scan.scan), sum(counts.values()), words, scan.machine, made, clean(scan.task)]


def _record(project: Project, scan: ScanRow, counts: Counts) -> dict[str, object]:
    return {
        "scan": scan.scan,
        "points": sum(counts.values()),
        "counts": counts,
        "machine": scan.machine,
        "created": records.when(scan.created),
        "task": scan.task,
        "folder": str(project.folders.scan_folder(scan.scan)),
        "messages": troubles.lines(project, scan.scan),
    }


def _list_points(project: Project, state: State, *, as_json: bool) -> None:
    rows = project.store.runs(project.id, states=[state]) if targets.is_known(project) else []
    if as_json:
        say.data([{"scan": row.scan, **records.point(Target(project, row.scan), row)} for row in rows])
        return
    if not rows:
        say.note(f"no point is {state}")
        return
    headers = ["run", "machine", "parameters"]
    lines = [[f"{clean(row.scan)}/{row.number}", row.machine, caption(row.parameters)] for row in rows]
    if state in BAD:
        headers.append("why")
        lines = [[*line, clean(cause(row))] for line, row in zip(lines, rows, strict=True)]
    say.out(say.columns(headers, lines))
