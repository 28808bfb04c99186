"""`farpoint show`, `table`, `html`: how a scan or a run stands.

Each takes one quick look at the machines first, unless --offline; nothing here changes anything.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import click

from farpoint.api import show as looks
from farpoint.api import troubles
from farpoint.api.summary import clean
from farpoint.errors import BadInput
from farpoint.model import RunRow, State
from farpoint.ui import exits, options, records, say
from farpoint.ui import target as targets
from farpoint.ui.run import hints
from farpoint.ui.target import Target


@click.command()
@options.target("RUN|SCAN[/NUMBER]")
@options.offline
@options.project
@options.as_json
def show(target: str, offline: bool, project: Path | None, as_json: bool) -> int:
    """Show how a scan, some of its points, or a run stands.

    \b
    Example:
      farpoint show pulse/7

    A scan is one line of progress, its table, and what failed; a run is its values, files and traceback. RUN is
    SCAN/NUMBER or a run's id, SCAN/3:7 are the points 3 to 6; a folder below farpoint_runs will do as well.
    """
    found = targets.find(target, project)
    said = targets.refresh(found.project, offline=offline)
    rows = found.rows()
    if isinstance(found.part, int):
        say.data(records.run(found, rows[0])) if as_json else say.out(_run_text(found, rows[0]))
    else:
        _show_scan(found, rows, said, as_json=as_json)
    here = targets.paused(found.project, rows)
    return exits.of_states([row.state for row in rows], paused=bool(here))


def _show_scan(found: Target, rows: list[RunRow], said: list[str], *, as_json: bool) -> None:
    view = found.view()
    if as_json:
        say.data(records.scan(found, rows, view.messages))
        return
    say.out(repr(view))
    for message in said:
        if message not in view.messages:
            say.note(message)
    hints(found, [row.number for row in rows if row.state in (State.FAILED, State.LOST)])


def _run_text(found: Target, row: RunRow) -> str:
    """A run: its line and values, then where it is, its files, earlier attempts and the far traceback."""
    lines = [looks.run_text(row), "", f"  id        {row.run}"]
    if row.fetched:
        lines.append(f"  folder    {found.project.folders.point_folder(row.scan, row.number)}")
    if row.host or row.job_id:
        lines.append(f"  ran on    {clean(row.host)} (job {clean(row.job_id or 'none')})")
    if row.files:
        names = [
            "output.ipynb" if each.role == "notebook" else each.path.removeprefix(".farpoint/") for each in row.files
        ]
        lines.append(f"  files     {clean(', '.join(names))}")
    attempts = found.project.store.attempts(row.run)
    if len(attempts) > 1:
        told = [f"{each.attempt}: {each.state}{f' ({clean(each.reason)})' if each.reason else ''}" for each in attempts]
        lines.append(f"  attempts  {', '.join(told)}")
    lines += [f"  ! {line}" for line in troubles.of_runs(found.project, [row])]
    lines += [f"  ! {clean(row.warning)}"] if row.warning else []
    trace = looks.traceback_of(row).strip()
    return "\n".join([*lines, *(["", trace] if trace else [])])


@click.command()
@options.target("SCAN[/FROM:TO]")
@click.option(
    "--csv", "csv_file", is_flag=False, flag_value="-", metavar="[FILE]", help="As CSV into FILE, or on stdout."
)
@click.option(
    "--parquet", "parquet_file", metavar="FILE", type=click.Path(path_type=Path), help="As Parquet into FILE."
)
@options.as_json
@options.offline
@options.project
def table(
    target: str, csv_file: str | None, parquet_file: Path | None, as_json: bool, offline: bool, project: Path | None
) -> int:
    """Print a scan's table: parameters, recorded values, states.

    \b
    Example:
      farpoint table pulse --csv pulse.csv

    A line a point. --json prints a list of objects; these, CSV and Parquet have every column, and what a terminal has
    no room for.
    """
    if bool(csv_file) + bool(parquet_file) + as_json > 1:
        raise BadInput("--csv, --parquet and --json are three ways to write one table. Choose one.")
    found = targets.find(target, project)
    said = targets.refresh(found.project, offline=offline)
    rows = found.rows()
    if as_json:
        every = [records.point(found, row) for row in rows]
        names = list(dict.fromkeys(name for each in every for name in each))
        say.data(records.only(every, sorted(names, key=lambda name: name.startswith("run_"))))
    elif csv_file or parquet_file:
        _write(found, csv_file, parquet_file)
    elif rows:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
        say.out("\n".join(looks.text_table(looks.sheet(rows, limit=len(rows)), width)))
    for message in said:
        say.note(message)
    return exits.PAUSED if said else exits.WELL


def _write(found: Target, csv_file: str | None, parquet_file: Path | None) -> None:
    frame = found.view().table
    if csv_file == "-":
        click.echo(frame.to_csv(), nl=False)
        return
    if csv_file:
        frame.to_csv(csv_file)
    elif parquet_file:
        _parquet(frame, parquet_file)
    say.hint(f"{len(frame)} points in {csv_file or parquet_file}")


def _parquet(frame: Any, file: Path) -> None:
    try:
        import pyarrow
    except ImportError as fault:
        raise BadInput("--parquet needs pyarrow, which is not installed: pip install pyarrow") from fault
    try:
        frame.to_parquet(file)
    except (pyarrow.ArrowException, TypeError):  # values that have no type of their own there become text
        mixed = [name for name in frame.columns if frame[name].dtype == object]
        frame.assign(**{name: frame[name].map(str, na_action="ignore") for name in mixed}).to_parquet(file)
        say.note(f"written as text, having no type of their own in Parquet: {', '.join(map(str, mixed))}")


@click.command()
@options.target("SCAN[/FROM:TO]")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option("--max-size", metavar="SIZE", default="25MB", show_default=True, help="Room for figures, such as 100MB.")
@options.project
@options.as_json
def html(target: str, file: Path | None, max_size: str, project: Path | None, as_json: bool) -> int:
    """Write a scan's explorer: one file with sliders, figures, a map and the table.

    \b
    Example:
      farpoint html pulse pulse.html

    The file needs no kernel, no server and no network. Without FILE it is named as the scan. Its figures take at most
    25 MB, or --max-size; beyond that they are made coarser, smaller, or fewer, and the page says so.
    """
    found = targets.find(target, project)
    said = targets.refresh(found.project)
    view = found.view()
    made = view.explorer(max_size)
    written = made.save(file or Path(f"{found.scan}.html"))
    for message in view.messages:
        say.note(message)
    say.note(made.facts)
    told = {"scan": found.scan, "file": str(written.absolute()), "size": made.size}
    say.data(told) if as_json else say.out(str(written))
    return exits.PAUSED if said else exits.WELL
