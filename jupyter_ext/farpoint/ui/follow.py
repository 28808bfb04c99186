"""`farpoint logs` and `watch`: what comes while it comes.

Waits through the driver's changes; an interrupt ends the looking, never the work.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import click

from farpoint.api import troubles, waiting
from farpoint.api.here import project_of
from farpoint.api.run import Run
from farpoint.api.summary import clean, counts, headline, plural, waits
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

    Without SCAN: everything in this project, and what is added meanwhile. Work that waits for room on a machine, or
    for a machine to answer, goes out while this runs. In a terminal a bar shows how far it is; elsewhere (cron, a log)
    each change is a line, with --json an object a line. Several watchers do no harm. Ctrl-C ends the watching; the work
    goes on.
    """
    found = targets.find(target, project) if target else None
    where = found.project if found else project_of(project)
    said = targets.refresh(where)
    watched = {row.run for row in _rows(where, found) if not row.state.final}
    if once or not watched:
        return _standing(where, _rows(where, found, watched), said, as_json=as_json)
    scans = {row.scan for row in _rows(where, found, watched)}
    title = target or (scans.pop() if len(scans) == 1 else plural(len(scans), "scan"))
    try:
        if waiting.someone_watches() and not as_json:
            progress.until_ended(where, title, lambda: _with_new(where, found, watched))
        else:
            _tell_changes(where, lambda: _with_new(where, found, watched), as_json=as_json)
    except KeyboardInterrupt:
        left = sum(1 for row in _rows(where, found, watched) if not row.state.final)
        say.note(f"stopped watching; {plural(left, 'run')} go on. farpoint watch watches again")
        return exits.CUT
    if as_json:
        return exits.of_states([row.state for row in _rows(where, found, watched)])
    return _standing(where, _rows(where, found, watched), [], as_json=as_json)


def _with_new(project: Project, found: Target | None, watched: set[str]) -> list[RunRow]:
    """The rows that are watched, with those that somebody added since."""
    rows = _rows(project, found)
    watched.update(row.run for row in rows if not row.state.final)
    return [row for row in rows if row.run in watched]


def _tell_changes(project: Project, rows: Callable[[], list[RunRow]], *, as_json: bool) -> None:
    """A line for each scan whenever its counts change, until all have ended."""
    told: dict[str, dict[str, int]] = {}
    changes = troubles.Changes()

    def look() -> bool:
        now = rows()
        for name in dict.fromkeys(row.scan for row in now):
            mine = [row for row in now if row.scan == name]
            counted = {state.value: count for state, count in counts(mine).items()}
            if counted != told.get(name):
                told[name] = counted
                _say_counts(name, counted, waits(mine), as_json=as_json)
        for line in changes.new(troubles.of_runs(project, now, then=troubles.PATIENT)):
            say.note(line)
        return all(row.state.final for row in now)

    waiting.wait_for(project, look)


def _say_counts(name: str, counted: dict[str, int], why: list[str], *, as_json: bool) -> None:
    if as_json:
        line = json.dumps({"scan": name, "counts": counted, "waits": why}, ensure_ascii=False)
    else:
        line = " · ".join([f"{clean(name)}: " + " · ".join(f"{n:,} {state}" for state, n in counted.items()), *why])
    click.echo(line)
    sys.stdout.flush()  # into a file or a pipe, where it is looked for now


def _rows(project: Project, found: Target | None, runs: Collection[str] | None = None) -> list[RunRow]:
    if not targets.is_known(project):
        return []
    rows = found.rows() if found else project.store.runs(project.id)
    if runs is None:
        return rows
    return [row for row in rows if row.run in runs]


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
    for line in dict.fromkeys([*said, *troubles.of_runs(project, rows)]):
        say.note(line)
    return exits.of_states([row.state for row in rows], paused=bool(said))
