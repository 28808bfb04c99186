"""A cell sent away: hand it over or find it again, follow what it prints, and bring back what it assigned.

Knows a namespace as a dict, projects and runs; must not know IPython or how a cell's line is written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from farpoint.api.placing import Said, placing_cell
from farpoint.api.run import Run
from farpoint.api.scan import Scan
from farpoint.counted import Counted
from farpoint.errors import BadInput, InsideRun, RunFailed
from farpoint.model import RunRow, State
from farpoint.points import Points
from farpoint.project import Project
from farpoint.runner import carrying, inside, namespace
from farpoint.table import value
from farpoint.verbs import cell_task, plan, submit, watch

_ANEW = frozenset({State.FAILED, State.CANCELLED, State.LOST})


@dataclass(frozen=True, slots=True)
class Asked:
    """What the line above a cell says."""

    place: Said = field(default_factory=Said)
    files: Mapping[str, str] = field(default_factory=dict)
    save: tuple[str, ...] = ()
    returns: tuple[str, ...] = ()
    name: str | None = None
    rerun: bool = False
    points: Points | None = None
    counted: Counted = Counted()


@dataclass(frozen=True, slots=True)
class Sent:
    """A cell that is on its way. `attached` are its runs as they stood before, where there were any."""

    scan: str
    numbers: tuple[int, ...]
    attached: tuple[RunRow, ...]
    assigns: frozenset[str]
    messages: tuple[str, ...]


def send(project: Project, source: str, names: dict[str, Any], asked: Asked) -> Sent:
    """Hand a cell over, or attach to the run that the same cell with the same values has already.

    Raises BadTask and BadResources before anything is sent.
    """
    if inside.running():
        raise InsideRun("a cell cannot be sent away from inside a run.")
    place = placing_cell(project, asked.place, asked.name, names)
    given = asked.points.names if asked.points is not None else ()
    task = cell_task.prepare(
        project, source, names, files=asked.files, returns=asked.returns, given=given, name=asked.name,
        environment=place.environment, counted=asked.counted,
    )  # fmt: skip
    watch.catch_up(project, task.name)
    known = {row.number: row for row in project.store.runs(project.id, scan=task.name)}
    _refuse_busy(task, known.values())
    anew = asked.points is None and any(row.state in _ANEW for row in known.values())
    request = plan.Request(
        task=task, points=asked.points, name=task.name, machine=place.machine, resources=place.resources,
        files=asked.files, save=asked.save, environment=place.environment, rerun=asked.rerun or anew,
        points_per_job=place.points_per_job, said=place.said,
    )  # fmt: skip
    made = submit.submit(project, request)
    started = {run.number for run in made.start}
    attached = tuple(known[number] for number in made.numbers if number in known and number not in started)
    watch.hand_over(project)
    return Sent(task.name, made.numbers, attached, task.found.assigns, made.messages)


def _refuse_busy(task: cell_task.Cell, known: Iterable[RunRow]) -> None:
    """One name is one cell: while another cell of that name runs, this one needs a name of its own."""
    for row in known:
        parameters = {name: value(each) for name, each in row.parameters.items()}
        if not row.state.final and row.key != task.made.key(parameters):
            raise BadInput(
                f"{task.name!r} is {row.state} with other code or values. Cancel it (%remote cancel {task.name}), "
                "or give this cell another name with --as."
            )


@dataclass(frozen=True, slots=True)
class Brought:
    """What a cell left behind: names it assigned and deleted, and why some could not come."""

    assigned: tuple[str, ...]
    deleted: tuple[str, ...]
    refused: Mapping[str, str]


def bring(run: Run, project: Project, row: RunRow, names: dict[str, Any]) -> Brought:
    """Do to `names` what a finished cell did to its own: assign, change, delete. Its functions will live in it."""
    folder = run.fetch()
    told = _told(folder)
    if told is None:
        return Brought((), (), {})
    carrying.adopt(told, str(folder), names, _key(project, row))
    return Brought(tuple(told["values"]), tuple(told["deleted"]), told["refused"])


def fault(run: Run, project: Project, row: RunRow, names: dict[str, Any]) -> BaseException | None:
    """Why a cell failed: its own exception with the far traceback as its cause; None where it did not fail."""
    told = run.exception()
    left = _told(run.fetch()) if isinstance(told, RunFailed) else None
    if left is None or left.get("error") is None or row.state is not State.FAILED:
        return told
    try:
        own = carrying.read_pickle(str(run.folder / left["error"]["path"]), names, _key(project, row))
    except Exception:  # noqa: BLE001 - an exception class may do anything when it is made again
        return told
    if not isinstance(own, BaseException):
        return told
    own.__cause__ = told
    return own


def _told(folder: Path) -> dict[str, Any] | None:
    path = folder / namespace.NAMES
    return json.loads(path.read_bytes()) if path.is_file() else None


def _key(project: Project, row: RunRow) -> str:
    """What the run signs with: it went with the cell."""
    return str(_sent_with(project, row)["key"])


def _sent_with(project: Project, row: RunRow) -> dict[str, Any]:
    """What went with a cell besides its source."""
    job = json.loads(project.folders.read_job(row.scan, row.token or "").job)
    sent = json.loads(project.folders.blob(job["task"]["digest"]).read_bytes())
    return dict(sent["metadata"]["farpoint"])


def rows_of(project: Project, sent: Sent) -> list[RunRow]:
    """The runs of what was sent, as they stand now."""
    return project.store.runs(project.id, scan=sent.scan, numbers=sent.numbers)


def row_of(project: Project, sent: Sent) -> RunRow:
    """The run of a cell that was sent, as it stands now."""
    return rows_of(project, sent)[0]


def run_of(project: Project, sent: Sent) -> Run:
    """The Run of a cell that was sent."""
    return Run(project, row_of(project, sent))


def scan_of(project: Project, sent: Sent) -> Scan:
    """The Scan of a cell that was sent to many points: those that were asked for."""
    document = project.folders.read_scan(sent.scan) or {}
    by_number = {entry["number"]: entry for entry in document["points"]}
    return Scan.from_document(project, {**document, "points": [by_number[number] for number in sent.numbers]})


def found_again(project: Project, row: RunRow) -> Sent | None:
    """What was sent, from a run's row; None where it is a point of a scan."""
    if row.parameters:
        return None
    assigned = _sent_with(project, row)["assigns"]
    return Sent(row.scan, (row.number,), (row,), frozenset(assigned), ())
