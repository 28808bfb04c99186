"""`farpoint logs` and `watch`: what comes while it comes.

Waits through the driver's changes; an interrupt ends the looking, never the work.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from farpoint.api import waiting
from farpoint.api.here import project_of
from farpoint.api.run import Run
from farpoint.api.summary import clean, headline, plural
from farpoint.model import RunRow
from farpoint.project import Project
from farpoint.ui import exits, options, progress, records, say
from farpoint.ui import target as targets
from farpoint.ui.target import Target


@click.command()
@options.target("RUN|SCAN/NUMBER")
@click.option("-f", "--follow", is_flag=True, help="Go on printing until the run has ended.")
@options.offline
@options.project
@options.as_json
def logs(target: str, follow: bool, offline: bool, project: Path | None, as_json: bool) -> int:
    """Print what a run printed.

    \b
    Example:
      farpoint logs -f pulse/7

    stdout and stderr as they came. With --json one object; with -f one a line, as text comes. Ctrl-C ends the
    following; the run goes on.
    """
    found = targets.find(target, project)
    run = found.run()
    said = targets.refresh(found.project, offline=offline)
    if not follow:
        text = run.stdout
        if as_json:
            say.data(_record(found, run, text))
        elif text:
            click.echo(clean(text), nl=not text.endswith("\n"))
        else:
            say.hint(f"{run.state}: it has printed nothing" + ("" if run.done() else " yet"))
        return exits.PAUSED if said and not run.done() else exits.WELL
    try:
        _follow(found.project, run, as_json=as_json)
    except KeyboardInterrupt:
        say.note(f"\nstopped following; the run goes on. farpoint logs -f {target} follows again")
        return exits.CUT
    if as_json:
        click.echo(json.dumps({"state": run.state, "reason": run.reason}))
    else:
        say.hint(f"{run.state}{f' ({clean(run.reason)})' if run.reason else ''}")
    return exits.of_states([run.state])


def _record(found: Target, run: Run, text: str) -> dict[str, Any]:
    return {"scan": found.scan, "point": run.number, "run_id": run.id, "run_state": run.state, "text": text}


def _follow(project: Project, run: Run, *, as_json: bool) -> None:
    """Print new text after every change until the run has ended."""
    printed = ""

    def look() -> bool:
        nonlocal printed
        done, text = run.done(), run.stdout
        if not text.startswith(printed):
            say.note("\n— a new attempt —")
            printed = ""
        new, printed = text[len(printed) :], text
        if new:
            click.echo(json.dumps({"text": new}, ensure_ascii=False) if as_json else clean(new), nl=as_json)
        return done

    waiting.wait_for(project, look)


@click.command()
@options.target("[SCAN]", required=False)
@click.option("--once", is_flag=True, help="Take one look, drive what is due, and return.")
@options.project
@options.as_json
def watch(target: str | None, once: bool, project: Path | None, as_json: bool) -> int:
    """Watch unfinished work until it has ended, and drive it on.

    \b
    Example:
      farpoint watch --once

    Without SCAN: everything in this project. Work that waits for room on a machine, or for a machine to answer, goes
    out while this runs. Ctrl-C ends the watching; the work goes on.
    """
    found = targets.find(target, project) if target else None
    where = found.project if found else project_of(project)
    said = targets.refresh(where)
    watched = [row.run for row in _rows(where, found) if not row.state.final]
    if once or not watched:
        return _standing(where, _rows(where, found, watched), said, as_json=as_json)
    scans = {row.scan for row in _rows(where, found, watched)}
    title = target or (scans.pop() if len(scans) == 1 else plural(len(scans), "scan"))
    try:
        progress.until_ended(where, title, lambda: _rows(where, found, watched))
    except KeyboardInterrupt:
        left = sum(1 for row in _rows(where, found, watched) if not row.state.final)
        say.note(f"stopped watching; {plural(left, 'run')} go on. farpoint watch watches again")
        return exits.CUT
    return _standing(where, _rows(where, found, watched), [], as_json=as_json)


def _rows(project: Project, found: Target | None, runs: list[str] | None = None) -> list[RunRow]:
    if not targets.is_known(project):
        return []
    rows = found.rows() if found else project.store.runs(project.id)
    if runs is None:
        return rows
    chosen = set(runs)
    return [row for row in rows if row.run in chosen]


def _standing(project: Project, rows: list[RunRow], said: list[str], *, as_json: bool) -> int:
    """How the watched runs stand: a line a scan."""
    by_scan: dict[str, list[RunRow]] = {}
    for row in rows:
        by_scan.setdefault(row.scan, []).append(row)
    if as_json:
        say.data([records.scan(Target(project, name), some) for name, some in by_scan.items()])
    for name, some in by_scan.items():
        if not as_json:
            say.out(headline(name, some, project.clock()))
    if not rows:
        say.note("nothing is unfinished")
    for message in said:
        say.note(message)
    return exits.of_states([row.state for row in rows], paused=bool(said))
