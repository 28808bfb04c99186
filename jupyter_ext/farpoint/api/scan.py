"""Scan: a notebook or a function at many points.

Making one checks everything that can be checked and writes nothing; `submit()` hands it over and returns at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from farpoint import reading
from farpoint.api.here import project_of
from farpoint.api.placed import Remote
from farpoint.api.placing import Said, placing
from farpoint.api.prepared import Prepared
from farpoint.api.preview import Preview
from farpoint.api.summary import plural
from farpoint.api.view import View
from farpoint.counted import Counted, counted, from_document
from farpoint.errors import BadInput, BadTask, InsideRun, MachineError, Unreachable
from farpoint.functions import calls
from farpoint.model import RunRow, State
from farpoint.points import Points, as_points, grid
from farpoint.project import Project
from farpoint.runner import inside, layout, values
from farpoint.runner.in_place import Nothing
from farpoint.table import value
from farpoint.verbs import plan, prepare, source, submit, watch
from farpoint.verbs.function import Function, scan_name
from farpoint.verbs.stored import Stored


class Scan(View):
    """Run a notebook or a function at many points, here or far away.

    `task` is the notebook's path, relative to the current folder, or a function, whose arguments are the points' names;
    `points` come from `grid`, `zip`, `sample`, a DataFrame or any mappings (none: once, as it is). `constants` are
    arguments of a function that all points share. `files` are further files it reads (name there → path here, or a
    list of paths), `save` patterns of files to bring back, `environment` the Python that runs it. A name makes it one
    scan of its project, in which known points are found again. `key` is a text that stands for the code ("v3"), or a
    function called here whose answer is added to a point's key; `ignore` names parameters and globals that make no
    difference. Raises BadTask and BadPoints.

    >>> Scan("missing.ipynb")
    Traceback (most recent call last):
    farpoint.errors.BadTask: there is no notebook 'missing.ipynb'. Check the path.
    """

    def __new__(cls, task: Any = None, *_: Any, **__: Any) -> Any:
        return Nothing() if inside.own_task(task) else super().__new__(cls)

    def __init__(
        self,
        task: str | Path | Callable[..., Any],
        points: Any = None,
        *,
        name: str | None = None,
        files: Mapping[str, str | Path] | Iterable[str | Path] | None = None,
        save: str | Iterable[str] = (),
        environment: str | Path | None = None,
        project: Project | str | Path | None = None,
        key: str | Callable[..., Any] | None = None,
        ignore: str | Iterable[str] | None = None,
        **constants: Any,
    ) -> None:
        task = task if callable(task) else Path(task).expanduser()
        asked = task.options if isinstance(task, Remote) else {}
        files, save = asked.get("files") if files is None else files, save or asked.get("save", ())
        environment, project = environment or asked.get("environment"), project or asked.get("project")
        rule = counted(asked.get("key") if key is None else key, asked.get("ignore") if ignore is None else ignore)
        made = _task_of(task, rule)
        self._task: source.Task = made
        start = made.path if isinstance(made, source.Notebook) else Path.cwd()
        super().__init__(lambda: project_of(project, start), name or made.name, None)
        self.task = made.path.absolute() if isinstance(made, source.Notebook) else task
        self._task = source.Notebook(self.task, rule) if isinstance(self.task, Path) else made
        self._added: list[Scan] = []
        self._constants = _constants(made, constants)
        self._points: Sequence[Mapping[str, Any]] | None = self._complete(points)
        self.files = _files(files)
        self.save = (save,) if isinstance(save, str) else tuple(save)
        self.environment = None if environment is None else str(environment)
        self._ordered = False
        self._said = tuple(self._check(tuple(self._points[0]) if self._points else (), task))

    @classmethod
    def from_document(cls, project: Project, document: Mapping[str, Any]) -> Scan:
        """The scan that a scan.json tells of, whole."""
        notebook = document["kind"] == source.Notebook.kind
        path = Path(document["task"])
        task = path if path.is_absolute() else project.root / path
        scan: Scan = object.__new__(cls)
        View.__init__(scan, lambda: project, document["scan"], [entry["number"] for entry in document["points"]])
        vars(scan).update(
            task=task if notebook else document["task"],
            files=dict(document["files"]),
            save=tuple(document["save"]),
            environment=document.get("environment"),
            _task=source.Notebook(task, from_document(document)) if notebook else Stored(document),
            _added=[],
            _constants={},
            _ordered=False,
            _points=None,
        )
        return scan

    @classmethod
    def of_calls(
        cls, task: Function, calls: Sequence[Mapping[str, Any]], project: Project, name: str, **options: Any
    ) -> Scan:
        """A scan of calls that were bound already; its points stay in the order of the calls."""
        for names in dict.fromkeys(tuple(call) for call in calls):
            as_points([next(call for call in calls if tuple(call) == names)])  # refuses names that cannot be columns
        scan: Scan = object.__new__(cls)
        View.__init__(scan, lambda: project, name, None)
        save = options.get("save", ())
        vars(scan).update(
            task=task.function,
            files=_files(options.get("files")),
            save=(save,) if isinstance(save, str) else tuple(save),
            environment=None if options.get("environment") is None else str(options["environment"]),
            _task=task,
            _added=[],
            _constants={},
            _ordered=True,
            _points=list(calls),
        )
        return scan

    def _complete(self, points: Any) -> Points:
        """The points as they are sent: what is no plain data of a function's goes along as a file."""
        pack = self._task.parcels.pack if isinstance(self._task, Function) else None
        if pack is not None and isinstance(points, list | tuple):  # large arrays need not be spelled out first
            points = [{name: pack(each, name) for name, each in point.items()} for point in points]
        found = grid() if points is None else as_points(points)
        found = found.plain() if pack is None else found.packed(pack)
        return found * grid(**{name: [each] for name, each in self._constants.items()}) if self._constants else found

    def _check(self, names: Sequence[str], given: object = None) -> list[str]:
        """Refuse names the task does not have; what is worth saying."""
        if isinstance(self._task, Function):
            calls.check_names(calls.shape_of(self._task.function), tuple(names), self._task.name)
        elif isinstance(self._task, source.Notebook):
            path = self._task.path
            return source.check_names(_read(path if given is None else str(given), path), names, path.name)
        return []

    # ------------------------------------------------------------------------------------------ rows
    def _wanted(self) -> tuple[int, ...] | None:
        added = [number for part in self._added for number in part._wanted() or ()]  # noqa: SLF001 - a Scan too
        if not added:
            return self._numbers
        return tuple(dict.fromkeys([*(self._numbers or ()), *added]))

    def _rows(self) -> list[RunRow]:
        if self._wanted() is not None or self._points is None:
            rows = super()._rows()
            if not self._ordered:
                return rows
            place = {number: place for place, number in enumerate(self._wanted() or ())}
            return sorted(rows, key=lambda row: place[row.number])
        return [_not_submitted(self.name, number, point) for number, point in enumerate(self._points)]

    def _at(self, number: int) -> list[RunRow]:
        if self._wanted() is not None or self._points is None:
            return super()._at(number)
        return [row for row in self._rows() if row.number == number]

    def _part(self, numbers: Iterable[int]) -> Self:
        return self._with(_numbers=tuple(numbers), _added=[], _points=None)

    # ------------------------------------------------------------------------------------------ handing over
    def _request(
        self, on: str | None, resources: Mapping[str, Any], *, points_per_job: object = None,
        profile: str | None = None, **choices: Any,
    ) -> plan.Request:  # fmt: skip
        points = self._points
        if points is None:  # a part of a scan, or one that was attached: the points it has
            points = as_points([{name: value(each) for name, each in row.parameters.items()} for row in self._rows()])
        said = Said(on, resources, points_per_job, self.environment, profile)
        place = placing(self.project, self._task, self.task, self.name, said)
        return plan.Request(
            task=self._task, points=points, name=self.name, machine=place.machine, resources=place.resources,
            files=self.files, save=self.save, environment=place.environment, points_per_job=place.points_per_job,
            said=place.said, **choices,
        )  # fmt: skip

    def preview(
        self, on: str | None = None, *, points_per_job: int | str | None = None, rerun: bool = False,
        changed: str | None = None, profile: str | None = None, **resources: Any,
    ) -> Preview:  # fmt: skip
        """What `submit` with the same words would do: points, jobs, queue, core-hours, files, the script.

        Sends nothing. As long as nothing changes, `submit` then submits this very script.
        """
        request = self._request(
            on, resources, confirm=False, points_per_job=points_per_job, profile=profile, rerun=rerun, changed=changed
        )
        made = plan.plan(self.project, request)
        try:
            lacking = self.project.machine(made.machine).missing([item.digest for item in made.files])
        except (Unreachable, MachineError):
            return Preview(made, None)
        return Preview(made, lacking)

    def prepare(
        self, folder: str | Path, on: str | None = None, *, points_per_job: int | str | None = None,
        rerun: bool = False, changed: str | None = None, profile: str | None = None, **resources: Any,
    ) -> Prepared:  # fmt: skip
        """Write what `submit` with the same words would send into a folder, to be submitted by hand.

        With the scheduler alone, also on a computer without farpoint: its README.md says how. `attach(folder)` finds
        the results later. Raises BadInput where the folder is not empty or nothing is left to run.
        """
        request = self._request(
            on, resources, confirm=False, points_per_job=points_per_job, profile=profile, rerun=rerun, changed=changed
        )
        return Prepared(prepare.prepare(self.project, request, Path(folder)))

    def submit(
        self,
        on: str | None = None,
        *,
        rerun: bool = False,
        changed: str | None = None,
        nested: bool = False,
        points_per_job: int | str | None = None,
        profile: str | None = None,
        **resources: Any,
    ) -> Self:
        """Hand the points over and return at once; without `on`, to this computer or what farpoint.toml says.

        `resources` are for one run: `cpus=4, memory="8 GB", time="1h", gpus=1`; `retries=2` tries a point that failed
        again where it ran, up to twice. Points that have a result, or are on their way, are attached; `rerun=True`
        repeats them. `changed="rerun"` or `"keep"` says what becomes of results of earlier code. `points_per_job` short
        points are taken by a pilot at a time; "auto": about ten minutes' worth. `profile` names one of
        farpoint.toml, for what is not said here. Raises BadResources, CodeChanged, and InsideRun within a run unless
        `nested=True`.
        """
        if not nested:
            refuse_inside(self.name)
        if changed not in (None, "rerun", "keep"):
            raise BadInput(f'changed={changed!r} is neither "rerun" nor "keep".')
        return self.hand_over(
            on, resources, rerun=rerun, changed=changed, points_per_job=points_per_job, profile=profile
        )

    def hand_over(self, on: str | None, resources: Mapping[str, Any], *, quiet: bool = False, **choices: Any) -> Self:
        """Submit, all choices made; `quiet` says nothing of what was found again."""
        watch.catch_up(self.project, self.name)
        made = submit.submit(self.project, self._request(on, resources, **choices))
        self._numbers = made.numbers
        self._said = made.messages
        if not quiet:
            _announce(self.name, made)
        watch.hand_over(self.project)
        return self

    def _retried(self) -> source.Task | None:
        """The function at hand, as it is now."""
        return self._task if isinstance(self._task, Function) else None

    def add(self, points: Any) -> Scan:
        """The sub-scan of those points that the scan does not have yet; nothing runs until its `submit()`."""
        new = self._complete(points)
        known = {_key(row.parameters) for row in self._rows()}
        if self._points is not None:
            known |= {_key(_typed(point)) for point in self._points}
        self._check(new.names)
        fresh = as_points([point for point in new if _key(_typed(point)) not in known])
        part = self._with(_numbers=None, _added=[], _said=(), _points=fresh)
        self._added.append(part)
        return part


def refuse_inside(name: str) -> None:
    """InsideRun where this is inside a run."""
    if inside.running():
        raise InsideRun(f"{name} was submitted from inside a run. Say submit(nested=True) if that is meant.")


def _task_of(task: Path | Callable[..., Any], rule: Counted) -> source.Notebook | Function:
    if isinstance(task, Path):
        return source.Notebook(task, rule)
    function: Callable[..., Any] = task.__wrapped__ if isinstance(task, Remote) else task
    return Function(function, task.name if isinstance(task, Remote) else scan_name(function), counted=rule)


def _constants(task: source.Notebook | Function, given: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(task, Function):
        return {name: task.parcels.pack(each, name) for name, each in given.items()}
    if given:
        odd = next(iter(given))
        raise BadInput(f"{odd!r} is no option of a notebook's scan. Points have its parameters: grid({odd}=[…]).")
    return {}


def _not_submitted(name: str, number: int, point: Mapping[str, Any]) -> RunRow:
    return RunRow("", "", name, number, _typed(point), 0, "", 0, 0, State.NEW)


def _typed(point: Mapping[str, Any]) -> dict[str, Any]:
    return {name: values.encode(each) for name, each in point.items()}


def _key(typed: Mapping[str, Any]) -> bytes:
    return layout.dump(dict(typed))


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
    return reading.notebook(path)


def _announce(name: str, made: plan.Plan) -> None:
    """Say what was found again, and what is worth knowing."""
    done = made.attached.get(State.COMPLETED, 0)
    if done:
        print(f"↻ {name}: {plural(done, 'result')} found again; rerun=True repeats them")  # noqa: T201
    failed = made.attached.get(State.FAILED, 0)
    if failed:
        print(f"↻ {name}: {plural(failed, 'point')} FAILED before; .failed.retry() starts them anew")  # noqa: T201
    for message in made.messages:
        print(f"  {message}")  # noqa: T201
