"""What a finished run gives: its recorded values, or the exception that says why there are none.

Knows rows and point folders; waits for nothing.
"""

from __future__ import annotations

import builtins
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from farpoint.api.summary import caption, clean
from farpoint.errors import MachineError, NotFinished, RemoteError, RunCancelled, RunFailed, RunLost
from farpoint.model import RunRow, State
from farpoint.project import Project
from farpoint.runner import faults, pickles, returns, values
from farpoint.table import error_line, is_large, is_mark, recorded, value
from farpoint.verbs import fetch

# Raised out of a coroutine or generator these would mean something else.
_NEVER = (StopIteration, StopAsyncIteration)


def loaded(project: Project, row: RunRow) -> dict[str, Any]:
    """All values a run recorded, large ones read from their files (fetched first if they are not here)."""
    found = recorded(row, lambda one, typed: read_large(project, one, typed))
    return {name: each.load() if is_large(row.records.get(name)) else each for name, each in found.items()}


def read_large(project: Project, row: RunRow, typed: Mapping[str, Any]) -> Any:
    """The value in a file of a run. Raises NotFinished while the run goes on, MachineError where the file is gone."""
    folder = point_folder(project, row)
    if not (folder / str(typed["path"])).resolve().is_relative_to(folder.resolve()):
        raise MachineError(f"point {row.number} names {typed['path']!r}, which is outside its folder")
    if not (folder / str(typed["path"])).is_file():
        if row.state not in (State.COMPLETED, State.FAILED):
            raise NotFinished(f"{typed['path']} of point {row.number} comes when the run has ended; it is {row.state}")
        fetch.fetch(project, [row], everything=True)
    if not (folder / str(typed["path"])).is_file():
        raise MachineError(f"{typed['path']} of point {row.number} is neither in {folder} nor on {row.machine!r}")
    if str(typed["path"]).endswith(".pkl"):
        return _unpickled(project, row, folder / str(typed["path"]))
    return values.load_large(dict(typed), str(folder))


def returned(project: Project, row: RunRow) -> Any:
    """What the function of a finished run returned; the recorded values where the task was no function."""
    mark = row.records.get(returns.MARK)
    if mark is None or not is_mark(mark):
        return loaded(project, row)
    if "value" in mark:
        return read_large(project, row, mark["value"])
    if "columns" in mark:
        return {name: _value(project, row, column) for name, column in mark["columns"]}
    return None if mark["column"] is None else _value(project, row, mark["column"])


def _value(project: Project, row: RunRow, name: str) -> Any:
    typed = row.records[name]
    return read_large(project, row, typed) if is_large(typed) else value(typed)


def _unpickled(project: Project, row: RunRow, path: Path) -> Any:
    """What a run of ours pickled. MachineError where another wrote it, or another Python."""
    job = json.loads(project.folders.read_job(row.scan, row.token or "").job)
    try:
        return pickles.unpack(pickles.unseal(path.read_bytes(), job["results_key"]))
    except pickles.Foreign as fault:
        raise MachineError(f"{path.name} of point {row.number} of {row.scan} cannot be read: {fault}") from fault


def point_folder(project: Project, row: RunRow) -> Path:
    """Where the results of a point are, or will be once fetched."""
    return project.folders.point_folder(row.scan, row.number)


def exception_of(row: RunRow, project: Project | None = None) -> Exception | None:
    """Why a finished run has no result, None where it has one.

    What a function raised is that exception again, its cause the far traceback. Of a notebook, a built-in exception
    keeps its type as well: `except ValueError` finds it, and so does `except RunFailed`.
    """
    if row.state is State.COMPLETED:
        return None
    where = f"point {row.number} of {clean(row.scan)} ({caption(row.parameters)})"
    if row.state is State.CANCELLED:
        return RunCancelled(f"{where} was cancelled. Start it again with retry().")
    if row.state is State.LOST:
        why = clean(row.reason) or "without a trace"
        return RunLost(f"{where} is lost on {row.machine!r}: {why}. Start it again with retry().")
    told = clean(error_line(row)) or clean(row.reason) or "no reason given"
    trace = clean((row.error or {}).get("traceback") or "").strip()
    if project is not None and "pickled" in (row.error or {}):
        return _raised(project, row, f"{where} failed: {told}" + (f"\n\n{trace}" if trace else ""))
    kind = _kind(str((row.error or {}).get("type") or ""))
    return kind(f"{where} failed: {told}" + (f"\n\n{trace}" if trace else ""))


def _raised(project: Project, row: RunRow, text: str) -> Exception:
    """The function's own exception where this Python can make it again, RemoteError otherwise."""
    far = RemoteError(text)
    try:
        typed = {"path": str((row.error or {})["pickled"])}
        fault = faults.rebuilt(read_large(project, row, typed))
    except Exception:  # noqa: BLE001 - whatever reading it raises, its words are known
        return far
    if not isinstance(fault, Exception) or isinstance(fault, _NEVER):
        return far
    fault.__cause__ = far
    return fault


@cache
def _kind(name: str) -> type[RunFailed]:
    """RunFailed, as a built-in exception of that name too where there is one that takes a message."""
    known = getattr(builtins, name, None)
    if not (isinstance(known, type) and issubclass(known, Exception)) or issubclass(known, _NEVER):
        return RunFailed
    try:
        # KeyError, for one, would show its message as a literal.
        parts = {"__str__": lambda self: str(self.args[0]), "__module__": __name__}
        made = type("RunFailed", (RunFailed, known), parts)
        made("")
    except TypeError:
        return RunFailed
    return made
