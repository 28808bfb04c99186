"""Retrying: a new attempt of chosen points with the notebook as it is now, perhaps with other resources.

Writes nothing itself; the request goes the way every request goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from farpoint.counted import from_document
from farpoint.errors import BadInput, NotFound
from farpoint.model import Resources, RunRow
from farpoint.project import Project
from farpoint.resources import merge
from farpoint.verbs.plan import Request
from farpoint.verbs.source import Notebook, Task
from farpoint.verbs.stored import Stored


def request(
    project: Project,
    runs: Iterable[RunRow],
    *,
    machine: str | None = None,
    changes: Mapping[str, Any] | None = None,
    task: Task | None = None,
) -> Request:
    """The request that starts a new attempt of each finished run given. `changes` as in resources ("x2" multiplies).

    Without `task`, a notebook is read again and anything else is as it was sent last.
    """
    chosen = [run for run in runs if run.state.final]
    if not chosen:
        raise BadInput("there is nothing to retry: none of these runs has ended")
    scan = chosen[0].scan
    document = project.folders.read_scan(scan)
    if document is None:
        raise NotFound(f"scan {scan!r} has no scan.json in {project.runs_folder}")
    return Request(
        task=task or _task(project, document),
        points=None,
        name=scan,
        machine=machine or chosen[0].machine,
        resources=merge(_resources(document), **(changes or {})),
        files=document["files"],
        save=tuple(document["save"]),
        environment=document.get("environment"),
        numbers=tuple(run.number for run in chosen),
        confirm=False,
    )


def _task(project: Project, document: Mapping[str, Any]) -> Task:
    """The notebook as its file is now; what has no file, as it was handed over."""
    if document["kind"] != "notebook":
        return Stored(document)
    task = Path(document["task"])
    return Notebook(task if task.is_absolute() else project.root / task, from_document(document))


def _resources(document: Mapping[str, Any]) -> Resources:
    asked = dict(document.get("resources") or {})
    lists = {word: tuple(asked.get(word, ())) for word in ("extra", "requires")}
    return Resources(**{**asked, **lists})
