"""Which project a call is about: one object for each project folder and state folder in this process.

Knows no scan and no run.
"""

from __future__ import annotations

import threading
from pathlib import Path

from farpoint.project import Project, find_root, state_folder

_open: dict[tuple[Path, Path], Project] = {}
_guard = threading.Lock()


def project_of(given: Project | str | Path | None, start: Path | None = None) -> Project:
    """The project given, or that of the folder given, or the one `start` (a notebook, the current folder) belongs to.

    The same object every time, because one driver and one connection a machine serve all its scans in this process.
    """
    if isinstance(given, Project):
        return given
    root = find_root(Path(given) if given is not None else start)
    with _guard:
        place = (root, state_folder())
        if place not in _open:
            _open[place] = Project(root)
        return _open[place]
