"""Where a task goes and what it gets: as the call says, else as the function says, else as a profile does.

Knows options, profiles and who is calling; sends nothing.
"""

from __future__ import annotations

import inspect
import os
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from farpoint.api.placed import Remote
from farpoint.model import Resources
from farpoint.profiles import Frame, Profile, choose, named
from farpoint.project import Project
from farpoint.resources import resources
from farpoint.verbs import source
from farpoint.verbs.function import Function
from farpoint.window import PerJob, read_per_job


@dataclass(frozen=True, slots=True)
class Said:
    """What a call, or the line above a cell, says of place and resources; `profile` is one's name."""

    machine: str | None = None
    resources: Mapping[str, Any] = field(default_factory=dict)  # as written
    points_per_job: Any = None
    environment: str | None = None
    profile: str | None = None


@dataclass(frozen=True, slots=True)
class Placing:
    """What was found, and what is to be said of it."""

    machine: str | None
    resources: Resources
    points_per_job: PerJob
    environment: str | None
    said: tuple[str, ...] = ()


def placing(project: Project, task: source.Task, given: Any, name: str, said: Said) -> Placing:
    """Complete what is said of a notebook or a function. `given` is what the Scan was made of."""
    if isinstance(given, Remote):
        options = given.options
        said = Said(
            machine=said.machine or given.machine,
            resources={**given.resources(), **said.resources},
            points_per_job=_first(said.points_per_job, options.get("points_per_job")),
            environment=said.environment,  # a Scan has taken the function's already
            profile=_first(said.profile, options.get("profile")),
        )
    return _completed(project, said, lambda: _stack(task), name, _path(task))


def placing_cell(project: Project, said: Said, name: str | None, names: Mapping[str, Any]) -> Placing:
    """Complete what is said of a cell: `name` is the one it was given, `names` are those of its notebook."""
    return _completed(project, said, list, name, _notebook(names))


def _completed(
    project: Project, said: Said, stack: Callable[[], Sequence[Frame]], label: str | None, path: str
) -> Placing:
    profiles = project.config.profiles
    profile = None
    if said.profile is not None:
        profile = named(profiles, said.profile)
    elif profiles:
        profile = choose(profiles, stack(), label, path)
    told = () if profile is None else (profile.told(),)
    profile = profile or Profile()
    return Placing(
        said.machine or profile.machine, resources(**{**profile.resources, **said.resources}),
        read_per_job(_first(said.points_per_job, profile.points_per_job)),
        said.environment or profile.environment, told,
    )  # fmt: skip


def _first(*given: Any) -> Any:
    return next((each for each in given if each is not None), None)


def _path(task: source.Task) -> str:
    """The notebook that is sent, or the one that a function is sent from."""
    if isinstance(task, source.Notebook):
        return str(task.path)
    function = inspect.unwrap(task.function) if isinstance(task, Function) else None
    return _notebook(getattr(function, "__globals__", {}))


def _notebook(names: Mapping[str, Any]) -> str:
    """The notebook at hand, as VS Code writes it among its names and Jupyter's server into the environment."""
    path = str(names.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME") or "")
    return path if path.endswith(".ipynb") else ""


def _stack(task: source.Task) -> list[Frame]:
    """Who is calling, outermost first, farpoint's own left out; a function that is sent is the innermost."""
    frames = [frame for frame, _ in traceback.walk_stack(None) if not _ours(frame.f_globals.get("__name__"))]
    stack = [(frame.f_code.co_filename, frame.f_code.co_name) for frame in reversed(frames)]
    if isinstance(task, Function):
        code = getattr(inspect.unwrap(task.function), "__code__", None)
        stack += [(code.co_filename, code.co_name)] if code is not None else []
    return stack


def _ours(module: object) -> bool:
    return isinstance(module, str) and module.partition(".")[0] == "farpoint"
