"""Finding scans and runs again: by folder, name or id, in any process.

Knows what a project has; nothing about how it runs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from farpoint.api import frames, outcome
from farpoint.api.explore import Explorer
from farpoint.api.here import project_of
from farpoint.api.run import Run
from farpoint.api.scan import Scan
from farpoint.api.view import View
from farpoint.errors import BadInput, NotFound, nearest
from farpoint.model import RunRow, State
from farpoint.project import Project
from farpoint.verbs import prepare, watch

if TYPE_CHECKING:
    import pandas


def attach(what: str | Path, *, project: Project | str | Path | None = None) -> Scan | Run:
    """A scan by its folder or name, or a run by its id or point folder; unfinished work is driven on.

    A folder that `prepare` made is taken into this project. Works in a fresh process, and after the index was deleted.
    Raises NotFound with what there is.

    >>> attach("farpoint_runs/nowhere")
    Traceback (most recent call last):
    farpoint.errors.NotFound: there is no scan or run 'farpoint_runs/nowhere' ...
    """
    folder = Path(what).expanduser()
    if (folder / prepare.PREPARED).is_file():
        into = project_of(project)
        name = prepare.adopt(into, folder)
        watch.hand_over(into)
        return _scan(into, name)
    if folder.is_dir():
        return _by_folder(folder.resolve(), project)
    found = project_of(project)
    text = str(what)
    if text in found.folders.scans():
        return _scan(found, text)
    rows = found.store.runs(found.id, run=text) or _after_catching_up(found, text)
    if rows:
        watch.driver(found).start()
        return Run(found, rows[0])
    known = found.folders.scans()
    there = f"scans: {', '.join(known[:20])}" if known else "no scans yet"
    hint = nearest(folder.name, known)
    raise NotFound(f"there is no scan or run {text!r} in {found.runs_folder} ({there}).{hint}")


def _after_catching_up(project: Project, run: str) -> list[RunRow]:
    for name in project.folders.scans():
        watch.catch_up(project, name)
    return project.store.runs(project.id, run=run)


def _by_folder(folder: Path, project: Project | str | Path | None) -> Scan | Run:
    """What the folder of a scan, or of a point, or anything within them stands for."""
    for place in (folder, *folder.parents):
        if (place / "scan.json").is_file():
            found = project_of(project if project is not None else place.parent.parent)
            scan = _scan(found, place.name)
            return _point(scan, folder) if folder != place else scan
    raise NotFound(f"{str(folder)!r} is not the folder of a scan: it has no scan.json. Look in farpoint_runs.")


def _point(scan: Scan, folder: Path) -> Run:
    path = folder / "point.json"
    if not path.is_file():
        raise NotFound(f"{str(folder)!r} is not the folder of a point: it has no point.json")
    return scan[int(json.loads(path.read_bytes())["number"])]


def _scan(project: Project, name: str) -> Scan:
    watch.catch_up(project, name)
    document = project.folders.read_scan(name)
    if document is None:
        raise NotFound(f"scan {name!r} has no scan.json in {project.runs_folder}")
    if project.store.jobs(project.id, scan=name, open_only=True):
        watch.driver(project).start()
    return Scan.from_document(project, document)


def explore(
    scan: View | str | Path, *, max_size: int | str = frames.CELL, project: Project | str | Path | None = None
) -> Explorer:
    """A scan to look through: a slider an axis with that point's figure and values, a map, a contact sheet, the table.

    `scan` is a Scan, a part of one (`scan[3:7]`, `scan.failed`), or what `attach` takes: a name or a folder. A notebook
    shows what is returned, `save(FILE)` writes it; elsewhere it prints as a line. The figures take at most `max_size`
    (bytes, or `"25 MB"`): beyond that they are made coarser, smaller, or fewer, and the page says so.
    Raises NotFound, and BadInput for a single run.

    >>> explore("farpoint_runs/nowhere")
    Traceback (most recent call last):
    farpoint.errors.NotFound: there is no scan or run 'farpoint_runs/nowhere' ...
    """
    found: Any = attach(scan, project=project) if isinstance(scan, (str, Path)) else scan
    if isinstance(found, Run):
        raise BadInput(f"{found.id} is one run: say its scan, or scan[{found.number}:{found.number + 1}].")
    if not hasattr(found, "explorer"):
        raise BadInput(f"{found!r} is no scan: say a Scan, its name or its folder.")
    return found.explorer(max_size)  # type: ignore[no-any-return]  # within a run a scan is a stand-in that does nothing


def runs(state: str | None = None, *, project: Project | str | Path | None = None) -> pandas.DataFrame:
    """Every run of this project, indexed by scan and point; `state="FAILED"` narrows it.

    >>> runs("BROKEN")
    Traceback (most recent call last):
    farpoint.errors.BadInput: 'BROKEN' is not a state (NEW, QUEUED, RUNNING, COMPLETED, FAILED, CANCELLED, LOST).
    """
    from farpoint.table import overview

    words = [each.value for each in State]
    if state is not None and state.upper() not in words:
        raise BadInput(f"{state!r} is not a state ({', '.join(words)}).{nearest(state.upper(), words)}")
    found = project_of(project)
    chosen = None if state is None else [State(state.upper())]
    rows = found.store.runs(found.id, states=chosen)
    return overview(rows, lambda row: str(outcome.point_folder(found, row)) if row.fetched else None)
