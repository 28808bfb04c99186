"""What a command is about: a scan, some of its points or a run, found by name, folder or id; and how fresh it is.

Knows the project and what is kept here; starts nothing and prints nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from farpoint.api import troubles
from farpoint.api.here import project_of
from farpoint.api.run import Run
from farpoint.api.scan import Scan
from farpoint.errors import BadInput, NotFound, nearest
from farpoint.model import RunRow
from farpoint.project import Project
from farpoint.verbs import watch

_PART = re.compile(r"\d+|-?\d*:-?\d*")


@dataclass(frozen=True, slots=True)
class Target:
    """A scan of a project; `part` narrows it: one point's number, or a slice of numbers."""

    project: Project
    scan: str
    part: int | slice | None = None

    def view(self) -> Scan:
        """The scan, or the part of it, as Python users hold it."""
        document = self.project.folders.read_scan(self.scan)
        if document is None:
            raise NotFound(f"scan {self.scan!r} has no scan.json in {self.project.runs_folder}")
        scan = Scan.from_document(self.project, document)
        if self.part is None:
            return scan
        part = self.part if isinstance(self.part, slice) else slice(self.run().number, self.part + 1)
        chosen: Scan = scan[part]
        return chosen

    def rows(self) -> list[RunRow]:
        """How its points stand now, by number."""
        if isinstance(self.part, int):
            return [self._row(self.part)]
        rows = self.project.store.runs(self.project.id, scan=self.scan)
        if self.part is None:
            return rows
        chosen = set(range(*self.part.indices(max((row.number for row in rows), default=-1) + 1)))
        return [row for row in rows if row.number in chosen]

    def _row(self, number: int) -> RunRow:
        rows = self.project.store.runs(self.project.id, scan=self.scan)
        for row in rows:
            if row.number == number:
                return row
        known = f"{rows[0].number} to {rows[-1].number}" if rows else "none yet"
        raise NotFound(f"scan {self.scan!r} has no point {number} (points: {known}).")

    def run(self) -> Run:
        """The one run meant; BadInput where there are several to choose from."""
        rows = self.rows()
        if len(rows) == 1:
            return Run(self.project, rows[0])
        if not rows:
            raise NotFound(f"there is no point in {self}.")
        raise BadInput(f"{self} has {len(rows)} points. Say which: {self.scan}/{rows[0].number}")

    def __str__(self) -> str:
        """As it is written on the command line."""
        if isinstance(self.part, slice):
            start, stop = ("" if end is None else end for end in (self.part.start, self.part.stop))
            return f"{self.scan}/{start}:{stop}"
        return self.scan if self.part is None else f"{self.scan}/{self.part}"


def find(text: str, folder: Path | None = None) -> Target:
    """What SCAN, SCAN/NUMBER, SCAN/FROM:TO, a folder of results or a run's id means; NotFound says what there is."""
    name, slash, part = text.rpartition("/")
    name, wanted = (name, _number(part)) if slash and _PART.fullmatch(part) else (text.rstrip("/") or text, None)
    known = _of_folder(Path(name).expanduser(), folder)
    if known is None:
        known = _of_name(name, project_of(folder), run=wanted is None)
    watch.catch_up(known.project, known.scan)
    found = known if wanted is None else Target(known.project, known.scan, wanted)
    if isinstance(found.part, int):
        found.rows()  # refuses a number that is not there, before anything is asked or done
    return found


def _number(part: str) -> int | slice:
    if ":" not in part:
        return int(part)
    start, _, stop = part.partition(":")
    return slice(int(start) if start else None, int(stop) if stop else None)


def _of_folder(path: Path, folder: Path | None) -> Target | None:
    """The scan or point in whose folder `path` lies."""
    if not path.is_dir():
        return None
    path = path.resolve()
    for place in (path, *path.parents):
        if (place / "scan.json").is_file():
            point = path / "point.json"
            number = int(json.loads(point.read_bytes())["number"]) if point.is_file() else None
            return Target(project_of(folder if folder is not None else place.parent.parent), place.name, number)
    return None


def _of_name(name: str, project: Project, *, run: bool) -> Target:
    scans = project.folders.scans() if is_known(project) else []
    for each in (name, name.removesuffix(".ipynb")):
        if each in scans:
            return Target(project, each)
    if run and re.fullmatch(r"r[a-z2-7]{9}", name):
        for scan in scans:
            watch.catch_up(project, scan)
        rows = project.store.runs(project.id, run=name) if scans else []
        if rows:
            return Target(project, rows[0].scan, rows[0].number)
    there = f"scans: {', '.join(scans[:20])}" if scans else "no scans yet"
    hint = nearest(name, scans) or elsewhere(project)
    raise NotFound(f"there is no scan or run {name!r} in {project.runs_folder} ({there}).{hint}")


def is_known(project: Project) -> bool:
    """Whether anything was ever kept in the project. Looking at it must not make its folder."""
    return (project.runs_folder / "project.json").exists()


def elsewhere(project: Project) -> str:
    """Where there are scans, if none are here: a notebook's own folder, perhaps."""
    if is_known(project) and project.folders.scans():
        return ""
    found = sorted(path.parent.parent.name for path in project.root.glob("*/farpoint_runs/project.json"))
    return f" There are some in {found[0]}: say --project {found[0]}" if found else ""


def refresh(project: Project, *, offline: bool = False) -> list[str]:
    """One quick look at the machines that have unfinished work; what is to be said of those that do not answer."""
    if not is_known(project):
        return []
    for name in project.folders.scans():
        watch.catch_up(project, name)
    if not offline:
        watch.tick(project)
    return paused(project)


def paused(project: Project, rows: Iterable[RunRow] | None = None) -> list[str]:
    """Machines that hold unfinished work (of `rows`, if given) and do not answer, and why."""
    if rows is None:
        names = {job.machine for job in project.store.jobs(project.id, open_only=True)}
    else:
        names = {row.machine for row in rows if row.machine and not row.state.final}
    return troubles.pauses(project, names)
