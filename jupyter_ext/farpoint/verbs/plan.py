"""From what was asked to what will be sent: points, keys, jobs, scripts, files. Preview shows it, submit sends it.

Writes nothing and decides nothing about running work; reads the notebook, the scan so far and the machine's limits.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from farpoint import identity
from farpoint.counted import Counted
from farpoint.errors import BadPoints, BadTask, CodeChanged
from farpoint.machines.base import Machine
from farpoint.model import FINAL, InputFile, JobFiles, Limits, PlannedRun, Resources, RunRow, State
from farpoint.project import Project
from farpoint.runner import layout, values
from farpoint.runner.parcels import Parcel
from farpoint.verbs import jobs, needs, room
from farpoint.verbs.jobs import Arrangement
from farpoint.verbs.source import Source, Task
from farpoint.window import PerJob

ATTACH = frozenset({State.NEW, State.QUEUED, State.RUNNING, State.COMPLETED, State.FAILED})


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asked for. `files`: name in the run → path here; `numbers`: only these points (a retry)."""

    task: Task
    points: Sequence[Mapping[str, Any]] | None
    name: str | None = None
    machine: str | None = None
    resources: Resources = Resources()
    files: Mapping[str, str] = field(default_factory=dict)
    save: tuple[str, ...] = ()
    environment: str | None = None
    changed: str | None = None
    rerun: bool = False
    confirm: bool = True
    numbers: tuple[int, ...] | None = None
    again: bool = False  # points that failed start anew, as those that were cancelled do
    said: tuple[str, ...] = ()  # worth knowing of how this came to be asked
    points_per_job: PerJob = None  # points a pilot takes at a time; "auto": about ten minutes' worth


@dataclass(frozen=True, slots=True)
class Plan:
    """What submitting would do. `numbers` are the points asked for, in their order; `start` those that would run."""

    scan: str
    task: Task
    numbers: tuple[int, ...]
    start: tuple[PlannedRun, ...]
    attached: Mapping[str, int]
    machine: str
    arranged: Arrangement
    jobs: tuple[JobFiles, ...]
    document: Mapping[str, Any]
    files: tuple[InputFile, ...]
    core_hours: float | None
    messages: tuple[str, ...]

    @property
    def limits(self) -> Limits:
        """What the machine can give."""
        return self.arranged.limits

    @property
    def pilots(self) -> int:
        """Pilots of all jobs together."""
        return sum(self.arranged.window.pilots)

    @property
    def script(self) -> str:
        """The exact text of the first job, '' where nothing would be sent."""
        return self.jobs[0].script if self.jobs else ""

    def describe(self) -> str:
        """The plan in words, for people."""
        lines = [f"{self.scan}: {len(self.numbers)} points, {len(self.start)} to run on {self.machine}"]
        lines += [f"  {count} {state.lower()} already" for state, count in sorted(self.attached.items())]
        lines += [f"  {line}" for line in self.arranged.words()] if self.start else []
        if self.core_hours is not None:
            lines.append(f"  about {self.core_hours:.2g} core-hours, as earlier points took")
        elif self.most_core_hours is not None:
            lines.append(f"  at most {self.most_core_hours:.3g} core-hours, as time was declared")
        lines += [f"  file {item.path} ({item.size:,} bytes)" for item in self.files]
        lines += [f"  {message}" for message in self.messages]
        return "\n".join(lines)

    @property
    def most_core_hours(self) -> float | None:
        """What all points could use, by the time each may take; None where none was declared."""
        need = self.arranged.need
        if need.time is None or not self.start:
            return None
        return len(self.start) * need.time * need.cpus * need.tasks / 3600


def plan(project: Project, request: Request, machine: Machine | None = None) -> Plan:
    """Work out what `request` means now; for `machine` in place of the one it names.

    Raises BadInput before anything is sent, and CodeChanged where much would be repeated.
    """
    name = request.name or request.task.name
    project.folders.scan_folder(name)  # refuses a name that cannot be a folder
    document = project.folders.read_scan(name) or {}
    if document and document["kind"] != request.task.kind:
        raise BadTask(f"{name!r} is a scan of a {document['kind']} here. Say name=… to call this one otherwise.")
    asked, points = _points(request, document)
    names = tuple(points[0]) if points else ()
    source = request.task.read(project, names, request.files, request.environment)
    document = _fresh(document, project, name, request, points, source.counted)
    numbers = _number(document, project, points, asked, source.counted)
    version = _version(document, source.pieces)
    known = {row.number: row for row in project.store.runs(project.id, scan=name)}
    limit = project.config.confirm_above if request.confirm else math.inf
    chosen, messages = _choose(request, document, source, numbers, points, known, limit)
    machine = machine or project.machine(request.machine or project.config.default_machine)
    limits = machine.limits()
    need = needs.there(project.config, machine.name, request.resources)
    arranged = jobs.arrange(
        limits, need, max(1, len(chosen)), machine.name, per_job=request.points_per_job,
        usual=usual(known.values()), taken=_taken(project, machine.name) if limits.together is not None else 0,
    )  # fmt: skip
    runs = tuple(
        _planned(document, source, number, point, known.get(number), version, need, again=request.numbers is not None)
        for number, point in chosen
    )
    made = _jobs(project, request, document, source, machine, runs, arranged) if runs else ()
    document["jobs"] = [*document["jobs"], *(job.token for job in made)]
    document["machine"] = machine.name
    started = {run.number for run in runs}
    attached = Counter(known[n].state.value for n in numbers if n in known and n not in started)
    return Plan(
        scan=name, task=request.task, numbers=tuple(numbers), start=runs, attached=attached, machine=machine.name,
        arranged=arranged, jobs=made, document=document, files=source.files,
        core_hours=_core_hours(known.values(), len(runs), need.cpus * need.tasks),
        messages=(*source.warnings, *request.said, *messages, *(jobs.told(arranged) if runs else ())),
    )  # fmt: skip


def _taken(project: Project, machine: str) -> int:
    return room.taken(project, project.store.jobs(project.id, machine=machine, open_only=True))


def _points(request: Request, document: Mapping[str, Any]) -> tuple[Sequence[int] | None, list[Mapping[str, Any]]]:
    if request.numbers is None:
        return None, [dict(point) for point in (({},) if request.points is None else request.points)]
    by_number = {entry["number"]: entry for entry in document.get("points", ())}
    decoded: list[Mapping[str, Any]] = [values_of(by_number[number]["parameters"]) for number in request.numbers]
    return request.numbers, decoded


def values_of(typed: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as Python values, from their typed JSON."""
    return {name: values.decode(value) for name, value in typed.items()}


def _fresh(
    document: Mapping[str, Any], project: Project, name: str, request: Request, points: Sequence[Any],
    counted: Counted,
) -> dict[str, Any]:  # fmt: skip
    """A copy of the scan's document to work on; a new one where there was none."""
    asked: dict[str, Any] = {"files": dict(request.files), "save": list(request.save)}
    if request.numbers is not None:  # a retry brings the files of the last time
        asked = {}
    asked |= {"resources": asdict(request.resources), "environment": request.environment, **counted.told()}
    document = {name: each for name, each in document.items() if name not in ("key", "ignore")}
    names = list(dict.fromkeys(name for point in points for name in point))
    if document:
        asked["names"] = list(dict.fromkeys([*document["names"], *names]))
        return {**document, **asked, "points": list(document["points"]), "versions": list(document["versions"])}
    return {
        "format": layout.FORMAT, "scan": name, "kind": request.task.kind, "task": request.task.label(project),
        "created": project.clock(), "names": names, "points": [], "versions": [], "jobs": [], **asked,
    }  # fmt: skip


def _number(
    document: dict[str, Any], project: Project, points: Sequence[Mapping[str, Any]], asked: Sequence[int] | None,
    counted: Counted,
) -> list[int]:  # fmt: skip
    """The number of every point: the one it always had, or the next free one. Numbers never change hands."""
    if asked is not None:
        return list(asked)
    known: dict[str, int] = {}
    for entry in document["points"]:
        known.setdefault(values.canonical(counted.point(values_of(entry["parameters"]))), entry["number"])
    following = max((entry["number"] for entry in document["points"]), default=-1) + 1
    numbers: list[int] = []
    for point in points:
        typed = {name: values.encode(value) for name, value in point.items()}
        key = values.canonical(counted.point(point))
        if key not in known:
            known[key] = following
            entry = {"number": following, "run": project.new_run_id(), "parameters": typed}
            entry["seed"] = identity.seed(document["scan"], point)
            document["points"].append(entry)
            following += 1
        numbers.append(known[key])
    if counted.ignore and len(set(numbers)) < len(numbers):
        twice = next(number for number in numbers if numbers.count(number) > 1)
        places = [str(place) for place, number in enumerate(numbers) if number == twice]
        raise BadPoints(
            f"points {' and '.join(places[:2])} differ only in what ignore= leaves out "
            f"({', '.join(sorted(counted.ignore))}): to farpoint they are one. Ask for one of them."
        )
    return numbers


def _version(document: dict[str, Any], pieces: Mapping[str, str]) -> int:
    for entry in document["versions"]:
        if entry["pieces"] == pieces:
            return int(entry["version"])
    version = len(document["versions"]) + 1
    document["versions"].append({"version": version, "pieces": dict(pieces)})
    return version


def _choose(
    request: Request,
    document: Mapping[str, Any],
    source: Source,
    numbers: Sequence[int],
    points: Sequence[Mapping[str, Any]],
    known: Mapping[int, RunRow],
    limit: float,
) -> tuple[list[tuple[int, Mapping[str, Any]]], list[str]]:
    """Which points start, and what to say about the rest."""
    start: list[tuple[int, Mapping[str, Any]]] = []
    stale: list[tuple[int, Mapping[str, Any]]] = []
    attach = ATTACH - {State.FAILED} if request.again else ATTACH
    for number, point in zip(numbers, points, strict=True):
        row = known.get(number)
        if row is None or (row.state not in attach and request.numbers is None):
            start.append((number, point))
        elif request.numbers is not None or request.rerun:
            start += [(number, point)] if row.state in FINAL else []
        elif row.state is State.COMPLETED and row.key != source.key(point):
            stale.append((number, point))
        elif request.task.kind == "function" and row.state not in FINAL and request.changed is None:
            _refuse_older(document, source, row, point)
    if not stale or request.changed == "keep":
        return start, _kept(stale)
    message = _what_changed(document, source, [known[number] for number, _ in stale])
    cost = _core_hours([known[number] for number, _ in stale], len(stale)) or 0.0
    if request.changed is None and cost > limit:
        raise CodeChanged(
            f"{message}; repeating {len(stale)} completed points would take about {cost:.2g} core-hours. "
            'Say changed="rerun" to repeat them or changed="keep" to keep their results.'
        )
    return sorted(start + stale, key=lambda item: numbers.index(item[0])), [
        f"{message}: {len(stale)} completed points run again"
    ]


def _refuse_older(document: Mapping[str, Any], source: Source, row: RunRow, point: Mapping[str, Any]) -> None:
    """A call is not answered by a run of other code that is still on its way."""
    if row.key != source.key(point):
        raise CodeChanged(
            f"{_what_changed(document, source, [row])}, and point {row.number} of {document['scan']} is still "
            f"{row.state} with the earlier code. Wait for it, cancel it, or give this one another name."
        )


def _kept(stale: Sequence[Any]) -> list[str]:
    return [f"{len(stale)} completed points keep the results of earlier code"] if stale else []


def _what_changed(document: Mapping[str, Any], source: Source, rows: Iterable[RunRow]) -> str:
    by_version = {entry["version"]: entry["pieces"] for entry in document["versions"]}
    changed: dict[str, None] = {}
    for version in {row.version for row in rows}:
        changed.update(dict.fromkeys(identity.changed(by_version.get(version, {}), source.pieces)))
    return f"changed since: {', '.join(changed) or 'the code'}"


def _planned(
    document: Mapping[str, Any], source: Source, number: int, point: Mapping[str, Any], row: RunRow | None,
    version: int, need: Resources, *, again: bool,
) -> PlannedRun:  # fmt: skip
    entry = document["points"][number] if document["points"][number]["number"] == number else _entry(document, number)
    key = source.key(point, _answered(entry, source, point, again=again))
    attempt = row.attempt + 1 if row else 1
    return PlannedRun(entry["run"], number, attempt, key, point, entry["seed"], version, need)


def _answered(entry: dict[str, Any], source: Source, point: Mapping[str, Any], *, again: bool) -> str | None:
    """What the function of key= says of a point, kept with it: a retry need not have that function."""
    if again and source.counted.key is None:
        return entry.get("answer")
    answer = source.counted.answer(point)
    entry.pop("answer", None)
    if answer is not None:
        entry["answer"] = answer
    return answer


def _entry(document: Mapping[str, Any], number: int) -> dict[str, Any]:
    found: dict[str, Any] = next(entry for entry in document["points"] if entry["number"] == number)
    return found


def usual(rows: Iterable[RunRow]) -> float | None:
    """Seconds that points took so far, on average."""
    took = [row.seconds for row in rows if row.seconds]
    return sum(took) / len(took) if took else None


def _core_hours(rows: Iterable[RunRow], count: int, cores: int = 1) -> float | None:
    seconds = usual(rows)
    return seconds * count * cores / 3600 if seconds and count else None


def _jobs(
    project: Project, request: Request, document: Mapping[str, Any], source: Source, machine: Machine,
    runs: Sequence[PlannedRun], arranged: Arrangement,
) -> tuple[JobFiles, ...]:  # fmt: skip
    """The job folders that will carry these runs."""
    digest = layout.digest(source.data)
    task: dict[str, Any] = {"kind": request.task.kind, "name": source.file, "digest": digest, "path": source.file}
    task["names"] = list(document["names"])  # in the order given, which the runs' sorted JSON does not keep
    travels = [*source.files, *_arguments(project, source, runs)]
    blobs = {item.digest: source.blobs.get(item.digest, Path(item.source)) for item in travels}
    blobs[digest] = source.data
    body = {
        "scan": document["scan"], "task": task,
        "environment": {
            "python": request.environment or _environment(project, machine), "packages": list(source.packages)
        },
        "save": list(document["save"]),
        "files": [{"path": f.path, "digest": f.digest, "size": f.size, "kind": f.kind} for f in travels],
    }  # fmt: skip
    before, scan = len(document["jobs"]), str(document["scan"])
    return jobs.write_jobs(
        project, machine, body, runs, arranged, blobs, lambda job: project.drawn_token(scan, before + job)
    )


def _environment(project: Project, machine: Machine) -> str | None:
    """The Python that runs the user's code on a machine, as configured; None: the one that runs the pilot."""
    settings = project.config.machines.get(machine.name)
    return settings.environment if settings else None


def _arguments(project: Project, source: Source, runs: Sequence[PlannedRun]) -> list[InputFile]:
    """The arguments that travel as files, each once, however many runs have it."""
    parcels = [value for run in runs for value in run.parameters.values() if isinstance(value, Parcel)]
    found: dict[str, InputFile] = {}
    for digest in dict.fromkeys(each for parcel in parcels for each in (parcel.sha256, *parcel.beside)):
        kept = project.folders.blob(digest)
        size = len(source.blobs[digest]) if digest in source.blobs else kept.stat().st_size
        found[digest] = InputFile(digest, digest, size, str(kept), "argument")
    known = {item.digest for item in source.files if item.kind == "argument"}
    return [item for digest, item in found.items() if digest not in known]
