"""Where a task goes and what it gets: as the call says, else as the function says, else as a profile does.

Knows options, profiles and who is calling; sends nothing.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from farpoint.api.placed import Remote
from farpoint.model import Resources
from farpoint.profiles import Frame, Profile, choose
from farpoint.project import Project
from farpoint.resources import resources
from farpoint.verbs import source
from farpoint.verbs.function import Function
from farpoint.window import PerJob, read_per_job


@dataclass(frozen=True, slots=True)
class Placing:
    """What was found, and what is to be said of it."""

    machine: str | None
    resources: Resources
    points_per_job: PerJob
    said: tuple[str, ...] = ()


def placing(
    project: Project, task: source.Task, given: Any, name: str, on: str | None, asked: Mapping[str, Any], per_job: Any
) -> Placing:
    """Complete what a call says of machine, resources and points a job. `given` is what the Scan was made of."""
    if isinstance(given, Remote):
        on, asked = on or given.machine, {**given.resources(), **asked}
        per_job = given.options.get("points_per_job") if per_job is None else per_job
    profile = _profile(project, task, name)
    if profile is None:
        return Placing(on, resources(**asked), read_per_job(per_job))
    per_job = profile.points_per_job if per_job is None else per_job
    need = resources(**{**profile.resources, **asked})
    return Placing(on or profile.machine, need, read_per_job(per_job), (profile.told(),))


def _profile(project: Project, task: source.Task, name: str) -> Profile | None:
    profiles = project.config.profiles
    if not profiles:
        return None
    path = str(task.path) if isinstance(task, source.Notebook) else ""
    return choose(profiles, _stack(task), name, path)


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
