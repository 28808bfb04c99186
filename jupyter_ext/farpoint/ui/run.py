"""`farpoint run`: a notebook at many points, watched to its end, or handed over.

Knows what is given and what is said; how points run is the scan's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from farpoint.api import show as looks
from farpoint.api import troubles
from farpoint.api.preview import Preview
from farpoint.api.scan import Scan
from farpoint.api.summary import plural
from farpoint.errors import FarpointError
from farpoint.model import RunRow, State
from farpoint.ui import exits, given, options, progress, records, say
from farpoint.ui.target import Target, paused


@click.command()
@click.argument("notebook", type=click.Path(path_type=Path))
@click.option(
    "-p", "parameters", multiple=True, metavar="NAME=VALUES", help="The values of a parameter, as said above."
)
@click.option("--zip", "coupled", is_flag=True, help="Put the values of all -p side by side, not in every combination.")
@click.option("--points", type=click.Path(path_type=Path), metavar="FILE", help="Points from a .csv or .json file.")
@click.option("--name", metavar="NAME", help="The scan's name. Without it: the notebook's.")
@click.option(
    "--file", "files", multiple=True, metavar="NAME=PATH", help="A file it reads: its name there, its path here."
)
@click.option("--save", multiple=True, metavar="PATTERN", help="Files to bring back, such as '*.h5'.")
@options.on
@options.resources()
@options.per_job
@click.option("--profile", metavar="NAME", help="A profile of farpoint.toml, for what is not said here.")
@click.option("--environment", metavar="PYTHON", help="The Python that runs the notebook there.")
@click.option(
    "--key", metavar="TEXT", help="A text that stands for the code: results are kept while it stays the same."
)
@click.option("--ignore", multiple=True, metavar="NAME", help="A parameter that makes no difference to the results.")
@click.option("--rerun", is_flag=True, help="Repeat points that have their results already.")
@click.option("--changed", type=click.Choice(["keep", "rerun"]), help="What becomes of results made by earlier code.")
@click.option("--nested", is_flag=True, help="Allow submitting from inside a run.")
@click.option("--preview", is_flag=True, help="Say what would run, where, and what would travel. Sends nothing.")
@click.option(
    "--prepare",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Write a folder that is submitted by hand, with the scheduler alone. Sends nothing.",
)
@options.detach
@options.project
@options.as_json
def run(
    notebook: Path, parameters: tuple[str, ...], coupled: bool, points: Path | None, name: str | None,
    files: tuple[str, ...], save: tuple[str, ...], on: str | None, environment: str | None, key: str | None,
    ignore: tuple[str, ...], rerun: bool, changed: str | None, nested: bool, preview: bool,
    points_per_job: str | None, profile: str | None, prepare: Path | None, detach: bool,
    project: Path | None, as_json: bool, **resources: Any,
) -> int:  # fmt: skip
    """Run a notebook at one point or at many.

    \b
    Example:
      farpoint run pulse.ipynb -p amplitude=0.5,1,2 -p width=0.1:0.3:5 --cpus 2

    Every combination of the values is a point (here 15). Points that have their results are found again, not
    repeated. Watches until all have ended and brings notebooks and small files here; Ctrl-C stops the watching, not
    the work.

    \b
    VALUES are
      1,2,3  a,b,c         a list; what is no number is text
      0:0.3:4              a range: from, to (included), how many
      log:1e-3:1:4         the same by magnitude
      true  false  null    as in JSON (or True, False, None)
      '[[1,2],[3]]'        values that are lists, as JSON or Python write them
      '"1","a,b"'          text that looks like numbers or has commas or colons: in
                           double quotes, and the whole in single ones for the shell

    A .csv file for --points has a line of names, then a line a point; its points are combined with those of -p.
    """
    made = given.points(parameters, coupled=coupled, file=points)
    with say.aside():
        scan = Scan(
            notebook, made, name=name, files=given.files(files, notebook), save=save, environment=environment,
            project=project, key=key, ignore=ignore,
        )  # fmt: skip
    if not len(scan):  # inside a run of this very notebook, as it has said
        return exits.WELL
    asked = {**options.given(**resources), "points_per_job": points_per_job, "profile": profile}
    if preview:
        found = scan.preview(on, rerun=rerun, changed=changed, **asked)
        return _preview(found, as_json=as_json)
    if prepare is not None:
        there = scan.prepare(prepare, on, rerun=rerun, changed=changed, **asked)
        say.data(there.as_json()) if as_json else say.out(repr(there))
        return exits.WELL
    with say.aside():
        scan.submit(on, rerun=rerun, changed=changed, nested=nested, **asked)
    target = Target(scan.project, scan.name)
    return watched(target, scan.numbers, detach=detach, as_json=as_json)


def watched(target: Target, numbers: tuple[int, ...], *, detach: bool, as_json: bool) -> int:
    """Watch points that were handed over to their end, then show them; at once with `detach`."""
    if not detach:
        try:
            progress.until_ended(target.project, target.scan, lambda: _rows(target, numbers))
            _bring(target, numbers)
        except KeyboardInterrupt:
            left = sum(1 for row in _rows(target, numbers) if not row.state.final)
            say.note(f"stopped watching; {plural(left, 'point')} of {target.scan} go on")
            say.next_steps(
                (f"farpoint watch {target.scan}", "watches again"), (f"farpoint cancel {target.scan}", "ends them")
            )
            return exits.CUT
    rows = _rows(target, numbers)
    messages = target.view().messages
    if as_json:
        say.data(records.scan(target, rows, messages))
    elif detach:
        _handed_over(target, rows)
    else:
        say.out(looks.text(looks.View(target.scan, rows, target.project.clock(), messages=messages)))
        hints(target, [row.number for row in rows if row.state in (State.FAILED, State.LOST)])
    return exits.of_states([row.state for row in rows], paused=bool(paused(target.project, rows)))


def _rows(target: Target, numbers: tuple[int, ...]) -> list[RunRow]:
    return target.project.store.runs(target.project.id, scan=target.scan, numbers=numbers)


def _handed_over(target: Target, rows: list[RunRow]) -> None:
    left = sum(1 for row in rows if not row.state.final)
    stuck = troubles.of_runs(target.project, rows, then=". They go out while a kernel, Lab or `farpoint watch` runs")
    if not left:
        say.out(f"{target.scan}: nothing is left to run")
        return
    say.out(f"{target.scan}: {plural(left, 'point')} {'accepted' if stuck else 'handed over'}")
    say.next_steps((f"farpoint watch {target.scan}", "watches"), (f"farpoint show {target.scan}", "shows them"))
    for line in stuck:
        say.note(line)


def _bring(target: Target, numbers: tuple[int, ...]) -> None:
    try:
        progress.bring(target.project, _rows(target, numbers), everything=False)
    except FarpointError as fault:
        say.note(f"not everything was fetched: {fault}. farpoint fetch {target.scan} tries again")


def hints(target: Target, bad: list[int]) -> None:
    """What to do about failed points, said where somebody looks."""
    if bad:
        say.next_steps(
            (f"farpoint logs {target.scan}/{bad[0]}", "what it printed"),
            (f"farpoint retry {target.scan} --failed", "tries again"),
        )


def _preview(found: Preview, *, as_json: bool) -> int:
    if as_json:
        say.data(found.as_json())
    else:
        say.out(repr(found))
    return exits.WELL
