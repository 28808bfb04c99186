"""`farpoint du`, `clean`, `recover`, `machines`: keeping house.

Nothing of a run that has not ended, or was not fetched, is ever removed from here without being told to.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from farpoint.api.here import project_of
from farpoint.api.summary import clean as printable
from farpoint.api.summary import plural
from farpoint.errors import FarpointError
from farpoint.model import Limits
from farpoint.project import Project
from farpoint.resources import show_memory, show_time
from farpoint.table import size_words
from farpoint.ui import exits, options, say
from farpoint.ui import target as targets
from farpoint.verbs import clean as cleaning
from farpoint.verbs import recover as recovering

TIMES = ("time", "poll", "grace", "beat", "keep_login", "purge")
LIMITS = ("max_jobs", "max_array", "max_running", "host", "launcher", "purge")  # without them there is none
UNCOUNTED = 1 << 20  # cores or GPUs: no machine has so many, so it is no limit


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


@click.command()
@click.option("--explain", metavar="NAME", help="Every setting of one machine, and where it was set.")
@options.offline
@options.project
@options.as_json
def machines(explain: str | None, offline: bool, project: Path | None, as_json: bool) -> int:
    """List the machines that work can be sent to.

    \b
    Example:
      farpoint machines --explain local

    `local` is this computer and needs no settings; others are in farpoint.toml. The default is marked with *.
    """
    where = project_of(project)
    if explain is not None:
        return _explain(where, explain, as_json=as_json)
    asked = {name: _ask(where, name, offline=offline) for name in where.config.machines}
    found = [_machine(where, name, limits, trouble) for name, (limits, trouble) in asked.items()]
    if as_json:
        say.data(found)
    else:
        say.out(_list(found))
    return exits.PAUSED if any(each["trouble"] for each in found) else exits.WELL


def _ask(project: Project, name: str, *, offline: bool) -> tuple[Limits | None, str]:
    """What a machine can give one run, and why not."""
    paused = project.store.paused(name)
    if offline or paused:
        return None, paused[0] if paused else ""
    try:
        return project.machine(name).limits(), ""
    except FarpointError as fault:
        return None, printable(fault)


def _machine(project: Project, name: str, limits: Limits | None, trouble: str) -> dict[str, Any]:
    settings = project.config.machines[name]
    return {
        "machine": name, "default": name == project.config.default_machine, "type": settings.type,
        "scheduler": settings.scheduler, "transport": settings.transport,
        "cpus": _most(limits.cpus) if limits else settings.cpus,
        "memory": limits.memory if limits else settings.memory,
        "gpus": _most(limits.gpus) if limits else settings.gpus,
        "queues": [queue.name for queue in limits.queues] if limits else list(settings.queues),
        "why": limits.why if limits else "", "trouble": trouble,
    }  # fmt: skip


def _list(found: list[dict[str, Any]]) -> str:
    lines = [
        [each["machine"] + " *" * each["default"], each["scheduler"], each["transport"], _or_dash(each["cpus"]),
         show_memory(each["memory"]) if each["memory"] else "-", _or_dash(each["gpus"]),
         each["trouble"] or each["why"] or _queues(each["queues"])]
        for each in found
    ]  # fmt: skip
    right = ["cpus", "memory", "gpus"]
    return say.columns(["machine", "scheduler", "transport", *right, ""], lines, right=right)


def _most(count: int) -> int | None:
    """None where only the queues' own limits count."""
    return count if count < UNCOUNTED else None


def _queues(names: list[str], most: int = 6) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"queues {', '.join(names[:most])}{more}" if names else ""


def _or_dash(number: int | None) -> str:
    return "-" if number is None else str(number)


def _setting(key: str, value: Any) -> str:
    """A value in the form in which it can be written."""
    if isinstance(value, tuple):
        return "; ".join(map(str, value)) or "none"
    name = key.rpartition(".")[2]
    if value is None:
        return "not known" if key.startswith("queues.") else "none" if name in LIMITS else "the machine decides"
    if name == "memory" and not key.startswith("env."):
        return show_memory(value)
    return show_time(int(value)) if name in TIMES and not key.startswith("env.") else str(value)


def _explain(project: Project, name: str, *, as_json: bool) -> int:
    rows = project.config.explain(name)
    if as_json:
        say.data({key: {"value": value, "set_by": source} for key, value, source in rows})
        return exits.WELL
    lines = [[key, _setting(key, value), source] for key, value, source in rows]
    say.out(say.columns(["setting", "value", "set by"], lines))
    return exits.WELL
