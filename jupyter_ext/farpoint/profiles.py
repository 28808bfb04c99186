"""Profiles: which machine and resources a task gets where the code does not say, chosen by its name or its call stack.

Pure: knows names, paths as text and frames; no file, no machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from farpoint.errors import BadInput, nearest

Frame = tuple[str, str]  # the path of a source file, the name of a function in it


@dataclass(frozen=True, slots=True)
class Profile:
    """`match` keys, any of which may fit, and a name to ask for it by; what it chooses; the file that says so."""

    match: tuple[str, ...] = ()
    name: str | None = None
    machine: str | None = None
    environment: str | None = None
    resources: Mapping[str, Any] = field(default_factory=dict)  # as written
    points_per_job: Any = None
    source: str = ""

    def told(self) -> str:
        """What it chooses, for people."""
        chosen = [f"on {self.machine}"] if self.machine else []
        chosen += [f"{word}={value}" for word, value in self.resources.items()]
        chosen += [f"environment={self.environment}"] if self.environment else []
        chosen += [f"points_per_job={self.points_per_job}"] if self.points_per_job is not None else []
        return f"profile {self.name or ', '.join(self.match)} ({self.source}): {', '.join(chosen) or 'nothing'}"


def choose(
    profiles: Iterable[Profile], stack: Sequence[Frame], label: str | None = None, path: str = ""
) -> Profile | None:
    """The first profile with a key that fits.

    `label` is the scan's name, `path` the notebook's, `stack` has the outermost frame first.
    """
    return next((each for each in profiles if any(fits(key, stack, label, path) for key in each.match)), None)


def named(profiles: Iterable[Profile], name: object) -> Profile:
    """The first profile of this name, whatever it matches. BadInput names those there are.

    >>> named([Profile(name="fast", machine="hpc")], "fast").machine
    'hpc'
    """
    known = {each.name: each for each in reversed(list(profiles)) if each.name is not None}
    if isinstance(name, str) and name in known:
        return known[name]
    if not known:
        raise BadInput(
            f"there is no profile {name!r}, and none has a name: give a [[profiles]] of farpoint.toml name = {name!r}."
        )
    hint = nearest(str(name), known)
    raise BadInput(f"there is no profile {name!r} (profiles with a name: {', '.join(reversed(known))}).{hint}")


def fits(key: str, stack: Sequence[Frame], label: str | None = None, path: str = "") -> bool:
    """Whether a key means this task.

    "relax" is a scan's name, whole and as it is; "tokamak.ipynb" or "studies/*.ipynb" a notebook; "minim.py::run" the
    innermost function, "fit.py::step, minim.py::run" it and one that called it. Paths may begin anywhere at a folder;
    * and ? stand for letters of one name.

    >>> stack = [("proj/fit.py", "step"), ("wfl/minim.py", "run")]
    >>> fits("fit.py::step, minim.py::run", stack), fits("fit.py::step", stack), fits("wfl/*.py::run", stack)
    (True, False, True)
    >>> fits("relax", [], "relax"), fits("rel*", [], "relax"), fits("*.ipynb", [], None, "studies/tokamak.ipynb")
    (True, False, True)
    """
    if "::" not in key:
        return key == label or (key.endswith(".ipynb") and bool(path) and _path_fits(key, path))
    wanted = [item.strip().partition("::") for item in key.split(",")]
    if not stack or not all(sign for _, sign, _ in wanted):
        return False
    return _frames_fit([(file, name) for file, _, name in wanted], stack)


def _frames_fit(wanted: Sequence[Frame], stack: Sequence[Frame]) -> bool:
    """The last one is the innermost frame; the others are among those around it, in that order."""
    if not _frame_fits(wanted[-1], stack[-1]):
        return False
    around = iter(stack[:-1])
    return all(any(_frame_fits(each, frame) for frame in around) for each in wanted[:-1])


def _frame_fits(wanted: Frame, frame: Frame) -> bool:
    return _path_fits(wanted[0], frame[0]) and fnmatchcase(frame[1], wanted[1])


def _path_fits(pattern: str, path: str) -> bool:
    """Whether the last parts of the path are those of the pattern."""
    wanted, parts = pattern.split("/"), path.replace("\\", "/").split("/")
    if not all(wanted) or len(wanted) > len(parts):
        return False
    return all(fnmatchcase(part, each) for part, each in zip(parts[-len(wanted) :], wanted, strict=True))
