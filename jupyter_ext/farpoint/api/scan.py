"""Scan: a notebook at many points.

Making one checks everything that can be checked and writes nothing; `submit()` hands it over and returns at once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from farpoint.api.here import project_of
from farpoint.api.preview import Preview
from farpoint.api.summary import caption, plural
from farpoint.api.view import View
from farpoint.errors import BadPoints, BadTask, InsideRun, MachineError, Unreachable
from farpoint.model import RunRow, State
from farpoint.points import Points, as_points
from farpoint.project import Project
from farpoint.resources import resources as as_resources
from farpoint.runner import layout, values
from farpoint.table import value
from farpoint.verbs import plan, submit, watch


class Scan(View):
    """Run a notebook at many points, here or far away.

    `task` is the notebook's path, relative to the current folder; `points` come from `grid`, `zip`, `sample`, a
    DataFrame or any mappings (none: the notebook once, as it is). `files` are further files it reads (name there →
    path here, or a list of paths), `save` patterns of files to bring back, `environment` the Python that runs it. A
    name makes it one scan of its project, in which known points are found again. Raises BadTask and BadPoints.

    >>> Scan("missing.ipynb")
    Traceback (most recent call last):
    farpoint.errors.BadTask: there is no notebook 'missing.ipynb'. Check the path.
    """

    def __init__(
        self,
        task: str | Path,
        points: Any = None,
        *,
        name: str | None = None,
        files: Mapping[str, str | Path] | Iterable[str | Path] | None = None,
        save: str | Iterable[str] = (),
        environment: str | Path | None = None,
        project: Project | str | Path | None = None,
    ) -> None:
        self.task = Path(task).expanduser()
        super().__init__(lambda: project_of(project, self.task), name or self.task.stem, None)
        self._added: list[Scan] = []
        self._inside = _is_this_notebook(self.task)
        self._points: Points | None = None
        if self._inside:
            print(f"{self.task.name}: this is one of its own runs, so its Scan does nothing here")  # noqa: T201
            return
        self.task = self.task.absolute()
        self._points = as_points(points if points is not None else [{}])
        self.files = _files(files)
        self.save = (save,) if isinstance(save, str) else tuple(save)
        self.environment = None if environment is None else str(environment)
        self._said = tuple(plan.check_names(_read(task, self.task), _names(self._points), self.task.name))
        _refuse_twins(self._points)

    @classmethod
    def from_document(cls, project: Project, document: Mapping[str, Any]) -> Scan:
        """The scan that a scan.json tells of, whole."""
        scan = cls.__new__(cls)
        View.__init__(scan, lambda: project, document["scan"], [entry["number"] for entry in document["points"]])
        task = Path(document["task"])
        vars(scan).update(
            task=task if task.is_absolute() else project.root / task,
            files=dict(document["files"]),
            save=tuple(document["save"]),
            environment=document.get("environment"),
            _added=[],
            _inside=False,
            _points=None,
        )
        return scan

    # ------------------------------------------------------------------------------------------ rows
    def _wanted(self) -> tuple[int, ...] | None:
        added = [number for part in self._added for number in part._wanted() or ()]  # noqa: SLF001 - a Scan too
        if self._numbers is None and not added:
            return None
        return tuple(dict.fromkeys([*(self._numbers or ()), *added]))

    def _rows(self) -> list[RunRow]:
        if self._wanted() is not None or self._points is None:
            return super()._rows()
        return [_not_submitted(self.name, number, point) for number, point in enumerate(self._points)]

    def _part(self, numbers: Iterable[int]) -> Self:
        return self._with(_numbers=tuple(numbers), _added=[], _points=None)

    # ------------------------------------------------------------------------------------------ handing over
    def _request(self, on: str | None, resources: Mapping[str, Any], **choices: Any) -> plan.Request:
        points = self._points
        if points is None:  # a part of a scan, or one that was attached: the points it has
            points = as_points([{name: value(each) for name, each in row.parameters.items()} for row in self._rows()])
        return plan.Request(
            task=self.task, points=points, name=self.name, machine=on, resources=as_resources(**resources),
            files=self.files, save=self.save, environment=self.environment, **choices,
        )  # fmt: skip

    def preview(self, on: str | None = None, **resources: Any) -> Preview:
        """What `submit` with the same words would do: points, jobs, core-hours, files, the script. Sends nothing."""
        made = plan.plan(self.project, self._request(on, resources, confirm=False))
        try:
            lacking = self.project.machine(made.machine).missing([item.digest for item in made.files])
        except (Unreachable, MachineError):
            return Preview(made, None)
        return Preview(made, lacking)

    def submit(
        self,
        on: str | None = None,
        *,
        rerun: bool = False,
        changed: str | None = None,
        nested: bool = False,
        **resources: Any,
    ) -> Self:
        """Hand the points over and return at once; without `on`, to this computer or what farpoint.toml says.

        `resources` are for one run: `cpus=4, memory="8 GB", time="1h", gpus=1`. Points that have a result, or are on
        their way, are attached; `rerun=True` repeats them. `changed="rerun"` or `"keep"` says what becomes of results
        of earlier code. Raises BadResources, CodeChanged, and InsideRun within a run unless `nested=True`.
        """
        if self._inside:
            return self
        if "FARPOINT_RUN" in os.environ and not nested:
            raise InsideRun(f"{self.name} was submitted from inside a run. Say submit(nested=True) if that is meant.")
        if changed not in (None, "rerun", "keep"):
            raise BadPoints(f'changed={changed!r} is neither "rerun" nor "keep".')
        watch.catch_up(self.project, self.name)
        made = submit.submit(self.project, self._request(on, resources, rerun=rerun, changed=changed))
        self._numbers = made.numbers
        self._said = made.messages
        _announce(self.name, made)
        watch.hand_over(self.project)
        return self

    def add(self, points: Any) -> Scan:
        """The sub-scan of those points that the scan does not have yet; nothing runs until its `submit()`."""
        new = as_points(points)
        known = {_key(row.parameters) for row in self._rows()}
        if self._points is not None:
            known |= {_key(_typed(point)) for point in self._points}
        plan.check_names(_read(self.task, self.task), _names(new), self.task.name)
        fresh = as_points([point for point in new if _key(_typed(point)) not in known])
        _refuse_twins(fresh)
        part = self._with(_numbers=None, _added=[], _said=(), _points=fresh)
        self._added.append(part)
        return part


def _not_submitted(name: str, number: int, point: Mapping[str, Any]) -> RunRow:
    return RunRow("", "", name, number, _typed(point), 0, "", 0, 0, State.NEW)


def _typed(point: Mapping[str, Any]) -> dict[str, Any]:
    return {name: values.encode(each) for name, each in point.items()}


def _key(typed: Mapping[str, Any]) -> bytes:
    return layout.dump(dict(typed))


def _names(points: Points) -> tuple[str, ...]:
    return tuple(points.names)


def _files(files: Mapping[str, str | Path] | Iterable[str | Path] | None) -> dict[str, str]:
    if files is None:
        return {}
    if isinstance(files, Mapping):
        return {str(name): str(path) for name, path in files.items()}
    listed = [files] if isinstance(files, (str, Path)) else list(files)
    return {Path(path).name if Path(path).is_absolute() else str(path): str(path) for path in listed}


def _read(given: str | Path, path: Path) -> dict[str, Any]:
    """The notebook, or BadTask with what is wrong with it."""
    if not path.is_file():
        near = sorted(other.name for other in path.parent.glob("*.ipynb")) if path.parent.is_dir() else []
        hint = f" Notebooks there: {', '.join(near[:5])}." if near else " Check the path."
        raise BadTask(f"there is no notebook {str(given)!r}.{hint}")
    try:
        notebook = json.loads(path.read_bytes())
    except OSError as fault:
        raise BadTask(
            f"the notebook {str(given)!r} cannot be read: {fault.strerror}. Check its permissions."
        ) from fault
    except ValueError as fault:
        raise BadTask(f"{str(given)!r} is not a notebook: {fault}. Open it in Jupyter and save it again.") from fault
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise BadTask(f"{str(given)!r} is not a notebook of format 4: no list of cells. Save it again in Jupyter.")
    return notebook


def _refuse_twins(points: Points) -> None:
    """Equal points would be one run with one result, which is rarely what was meant."""
    seen: dict[bytes, int] = {}
    for number, point in enumerate(points):
        key = _key(_typed(point))
        if key in seen:
            raise BadPoints(
                f"points {seen[key]} and {number} are equal ({caption(_typed(point)) or 'no parameters'}): "
                "a point is run once. To run it several times, use repeat()."
            )
        seen[key] = number


def _is_this_notebook(task: Path) -> bool:
    """True inside a run of that very notebook."""
    spec = os.environ.get("FARPOINT_SPEC")
    if "FARPOINT_RUN" not in os.environ or not spec or not Path(spec).is_file():
        return False
    told = json.loads(Path(spec).read_bytes()).get("task")
    name = told.get("name") if isinstance(told, dict) else told
    return Path(str(name)).name == task.name


def _announce(name: str, made: plan.Plan) -> None:
    """Say what was found again, and what is worth knowing."""
    done = made.attached.get(State.COMPLETED, 0)
    if done:
        print(f"↻ {name}: {plural(done, 'point')} have their results already; rerun=True repeats them")  # noqa: T201
    failed = made.attached.get(State.FAILED, 0)
    if failed:
        print(f"↻ {name}: {plural(failed, 'point')} FAILED before and stay so; .failed.retry() tries again")  # noqa: T201
    for message in made.messages:
        print(f"  {message}")  # noqa: T201
