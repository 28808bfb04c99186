"""`farpoint fetch`, `cancel`, `retry`, `rm`: what changes runs and results.

Each looks first how things stand; what is destroyed is confirmed.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from farpoint.api import waiting
from farpoint.api.summary import plural
from farpoint.errors import BadInput, FarpointError
from farpoint.model import RunRow, State
from farpoint.ui import exits, options, progress, records, say
from farpoint.ui import target as targets
from farpoint.ui.run import watched
from farpoint.ui.target import Target
from farpoint.verbs import cancel as cancelling
from farpoint.verbs import clean as cleaning

CERTAIN = 10.0  # seconds to wait for the far side's answer to a cancel


@click.command()
@options.target("RUN|SCAN[/NUMBER]")
@click.option("--everything/--no-everything", default=True, show_default=True, help="Bring files above 100 MB too.")
@options.project
@options.as_json
def fetch(target: str, everything: bool, project: Path | None, as_json: bool) -> int:
    """Bring results here: notebooks, output, saved files.

    \b
    Example:
      farpoint fetch pulse --no-everything

    Prints the folders. What is here and right is not brought again; an earlier attempt is never overwritten.
    """
    found = targets.find(target, project)
    said = targets.refresh(found.project)
    rows = found.rows()
    folders = progress.bring(found.project, rows, everything=everything)
    if as_json:
        say.data({"scan": found.scan, "folders": folders})
    else:
        for folder in folders:
            say.out(folder)
    left = sum(1 for row in rows if not row.state.final)
    if left:
        say.note(f"{plural(left, 'point')} of {found} {'has' if left == 1 else 'have'} not ended yet")
    for message in said:
        say.note(message)
    return exits.PAUSED if said else exits.WELL


@click.command()
@options.target("RUN|SCAN[/NUMBER]")
@click.option("--detach", is_flag=True, help="Do not wait: return as soon as it was asked for.")
@options.project
@options.as_json
def cancel(target: str, detach: bool, project: Path | None, as_json: bool) -> int:
    """End runs that have not ended.

    \b
    Example:
      farpoint cancel pulse/3:7

    A run is CANCELLED once that is certain: this waits a few seconds for it. Points that have a result keep it.
    """
    found = targets.find(target, project)
    targets.refresh(found.project)
    wanted = [row for row in found.rows() if not row.state.final]
    cancelling.cancel(found.project, wanted)
    said = targets.refresh(found.project)  # carries the wish there
    if not detach:
        waiting.wait_for(found.project, lambda: all(row.state.final for row in _again(found, wanted)), CERTAIN)
    rows = _again(found, wanted)
    if as_json:
        say.data({"scan": found.scan, "asked": len(wanted), "points": [records.point(found, row) for row in rows]})
    else:
        _tell_cancelled(found, rows)
    for message in said:
        say.note(f"{message}; its runs end once it answers")
    return exits.PAUSED if said else exits.WELL


def _again(found: Target, rows: list[RunRow]) -> list[RunRow]:
    numbers = [row.number for row in rows]
    return found.project.store.runs(found.project.id, scan=found.scan, numbers=numbers)


def _tell_cancelled(found: Target, rows: list[RunRow]) -> None:
    done = sum(1 for row in rows if row.state is State.CANCELLED)
    left = sum(1 for row in rows if not row.state.final)
    if not rows:
        say.note(f"nothing of {found} is unfinished")
    if done:
        say.out(f"{plural(done, 'point')} of {found.scan} CANCELLED")
    if left:
        say.note(f"{plural(left, 'point')} asked to end; farpoint show {found} shows CANCELLED once it is certain")
    if len(rows) > done + left:
        say.note(f"{plural(len(rows) - done - left, 'point')} ended before that")


@click.command()
@options.target("RUN|SCAN[/NUMBER]")
@click.option("--failed", is_flag=True, help="Only points that FAILED or are LOST, not those that were cancelled.")
@options.on
@options.resources(times=True)
@options.detach
@options.project
@options.as_json
def retry(
    target: str, failed: bool, on: str | None, detach: bool, project: Path | None, as_json: bool, **resources: Any
) -> int:
    """Try points again that ended without a result.

    \b
    Example:
      farpoint retry pulse --failed --memory x2

    A retry is a new attempt with the code as it is now; the earlier attempt's files stay. A single run is repeated even
    if it has a result. Watches as `run` does.
    """
    found = targets.find(target, project)
    targets.refresh(found.project)
    rows = [row for row in found.rows() if _wanted(row, failed=failed, single=isinstance(found.part, int))]
    if not rows:
        say.note(f"nothing of {found} has {'failed' if failed else 'ended without a result'}")
        if as_json:
            say.data(records.scan(found, []))
        return exits.WELL
    asked = options.given(**resources)
    with say.aside():
        if isinstance(found.part, int):
            found.run().retry(on, **asked)
        else:
            chosen = found.view()
            (chosen.failed if failed else chosen).retry(on, **asked)
    return watched(Target(found.project, found.scan), tuple(row.number for row in rows), detach=detach, as_json=as_json)


def _wanted(row: RunRow, *, failed: bool, single: bool) -> bool:
    if failed:
        return row.state in (State.FAILED, State.LOST)
    return row.state.final and (single or row.state is not State.COMPLETED)


@click.command()
@options.target("SCAN")
@click.option("--force", is_flag=True, help="Also where results were never fetched.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@options.project
@options.as_json
def rm(target: str, force: bool, yes: bool, project: Path | None, as_json: bool) -> int:
    """Delete a scan, here and on its machines.

    \b
    Example:
      farpoint rm pulse --yes

    Its folder with all results, its jobs and its lines in the table go. Refused while anything of it is unfinished.
    """
    found = targets.find(target, project)
    if found.part is not None:
        raise BadInput(f"rm deletes whole scans, and {target!r} is a part of one. Say rm {found.scan}")
    targets.refresh(found.project)
    if not yes:
        _ask(f"Delete scan {found.scan!r}, all {plural(len(found.rows()), 'point')} and their results?")
    cleaning.remove(found.project, found.scan, force=force)
    say.data({"scan": found.scan, "removed": True}) if as_json else say.out(f"{found.scan} is gone")
    return exits.WELL


def _ask(question: str) -> None:
    """Go on only after a yes; where nobody can answer, --yes has to say it."""
    if not sys.stdin.isatty():
        raise BadInput("this deletes results, and nobody is here to be asked. Say --yes.")
    if not click.confirm(question, err=True):
        raise FarpointError("nothing was deleted")
