"""`farpoint du`, `clean`, `recover`: keeping house.

Nothing of a run that has not ended, or was not fetched, is ever removed from here without being told to.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from farpoint.api.here import project_of
from farpoint.api.summary import clean as printable
from farpoint.api.summary import plural
from farpoint.project import Project
from farpoint.table import size_words
from farpoint.ui import exits, options, say
from farpoint.ui import target as targets
from farpoint.verbs import clean as cleaning
from farpoint.verbs import recover as recovering


@click.command()
@options.target("[SCAN]", required=False)
@options.project
@options.as_json
def du(target: str | None, project: Path | None, as_json: bool) -> int:
    """Show how much room scans take, here and on machines.

    \b
    Example:
      farpoint du pulse
    """
    where, scan = _where(target, project)
    here, rooms = cleaning.usage(where, scan) if targets.is_known(where) else (0, [])
    if as_json:
        say.data({"here": here, "there": [_room(room) for room in rooms]})
        return exits.WELL
    folder = where.folders.scan_folder(scan) if scan else where.runs_folder
    say.out(f"{size_words(here)} here, in {folder}")
    if rooms:
        lines = [[room.scan, room.machine, room.token, size_words(room.size), room.kept or "fetched"] for room in rooms]
        say.out(say.columns(["scan", "machine", "job", "size", ""], lines, right=["size"]))
    return exits.WELL


def _where(target: str | None, folder: Path | None) -> tuple[Project, str | None]:
    """The project, looked at afresh, and the scan meant, if one is."""
    found = targets.find(target, folder) if target else None
    where = found.project if found else project_of(folder)
    targets.refresh(where)
    return where, found.scan if found else None


def _room(room: cleaning.Room) -> dict[str, Any]:
    return {
        "scan": room.scan, "machine": room.machine, "job": room.token, "size": room.size, "kept": room.kept or None
    }  # fmt: skip


@click.command()
@options.target("[SCAN]", required=False)
@click.option("--yes", is_flag=True, help="Do it. Without: only say what would be removed.")
@click.option("--force", is_flag=True, help="Also what was never fetched.")
@options.project
@options.as_json
def clean(target: str | None, yes: bool, force: bool, project: Path | None, as_json: bool) -> int:
    """Remove from machines what was fetched; says first what it would do.

    \b
    Example:
      farpoint clean pulse --yes

    Results here stay, and so does everything on machines that has not ended or was not fetched.
    """
    where, scan = _where(target, project)
    rooms = cleaning.usage(where, scan)[1] if targets.is_known(where) else []
    chosen = [room for room in rooms if not room.kept or (force and room.kept != "not finished")]
    gone = cleaning.clean(where, chosen, force=force) if yes else []
    if as_json:
        say.data({"dry_run": not yes, "removed" if yes else "would_remove": [_room(room) for room in gone or chosen]})
        return exits.WELL
    for room in rooms:
        verb = "kept" if room not in chosen else "removed" if yes else "would remove"
        why = f"  ({room.kept})" if room.kept else ""
        say.out(f"{verb}  {room.scan}  {room.token} on {room.machine}  {size_words(room.size)}{why}")
    total = size_words(sum(room.size for room in chosen))
    say.note(f"{total} freed" if yes else f"{total} would be freed; --yes does it" if chosen else "nothing to remove")
    return exits.WELL


@click.command()
@options.target("[SCAN]", required=False)
@options.project
@options.as_json
def recover(target: str | None, project: Path | None, as_json: bool) -> int:
    """Find everything again after the index or this computer was lost.

    \b
    Example:
      farpoint recover

    Rebuilds the index from the scans' folders, asks each machine once, and says what could not be reached. Harmless
    at any time.
    """
    where = project_of(project)
    said = [printable(line) for line in recovering.recover(where, target)]
    scans = where.store.scans(where.id)
    if as_json:
        say.data({"scans": [scan.scan for scan in scans], "said": said})
    else:
        for line in said:
            say.out(line)
        say.out(f"{plural(len(scans), 'scan')} known in {where.runs_folder}")
    unreached = any("could not be asked" in line for line in said) or targets.paused(where)
    return exits.PAUSED if unreached else exits.WELL
