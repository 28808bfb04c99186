"""How much room runs take, and giving it back: only what is fetched and verified, or asked for with force.

Never removes anything of a job that has not ended.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from farpoint.errors import BadInput, NotFound, nearest
from farpoint.model import JobRow, Phase, RunRow, State
from farpoint.project import Project


@dataclass(frozen=True, slots=True)
class Room:
    """What one job of a scan takes on its machine, in bytes, and why it may not be removed ('' if it may)."""

    scan: str
    token: str
    machine: str
    size: int
    kept: str


def usage(project: Project, scan: str | None = None) -> tuple[int, list[Room]]:
    """(bytes in this project's farpoint_runs, what every job takes on its machine)."""
    here = project.runs_folder if scan is None else project.folders.scan_folder(scan)
    rooms = []
    sizes: dict[str, dict[str, int]] = {}
    for job in project.store.jobs(project.id, scan=scan):
        if job.machine not in sizes:
            sizes[job.machine] = project.machine(job.machine).usage()
        size = sizes[job.machine].get(job.token, 0)
        if size:
            rooms.append(Room(job.scan, job.token, job.machine, size, _kept(project, job)))
    return _size(here), rooms


def _kept(project: Project, job: JobRow) -> str:
    if job.phase is not Phase.ENDED:
        return "not finished"
    waiting = [run for run in project.store.placed(job.token) if _unfetched(run, job)]
    return f"{len(waiting)} results not fetched" if waiting else ""


def _unfetched(run: RunRow, job: JobRow) -> bool:
    return run.token == job.token and run.state in (State.COMPLETED, State.FAILED) and not run.fetched


def clean(project: Project, rooms: Iterable[Room], *, force: bool = False) -> list[Room]:
    """Remove from the machines what is fetched (with `force` also what is not, but never what is unfinished)."""
    gone = []
    for room in rooms:
        if room.kept and (not force or room.kept == "not finished"):
            continue
        project.machine(room.machine).remove(room.token)
        gone.append(room)
    return gone


def remove(project: Project, scan: str, *, force: bool = False) -> None:
    """Delete a scan: its folder here, its jobs there, its rows. Refused while anything of it is unfinished."""
    if scan not in project.folders.scans():
        raise NotFound(f"there is no scan {scan!r}.{nearest(scan, project.folders.scans())}")
    _, rooms = usage(project, scan)
    if any(job.phase is not Phase.ENDED for job in project.store.jobs(project.id, scan=scan)):
        raise BadInput(f"scan {scan!r} is not finished. Cancel it first: farpoint cancel {scan}")
    kept = [room for room in rooms if room.kept]
    if kept and not force:
        raise BadInput(f"scan {scan!r} has {kept[0].kept}. Fetch them (farpoint fetch {scan}) or say --force.")
    clean(project, rooms, force=True)
    shutil.rmtree(project.folders.scan_folder(scan))
    with project.store.write() as writer:
        writer.forget_scan(project.id, scan)


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
