"""Rows as plain JSON, under the names that the table's columns have.

Knows rows; no pandas, so that looking at a scan is quick.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from farpoint.api import outcome, troubles
from farpoint.api.summary import counts
from farpoint.model import RunRow
from farpoint.runner import values
from farpoint.table import Handle, column_name, error_line, recorded, value
from farpoint.ui.target import Target

NUMBER = "point"  # as the table's index is called


def point(target: Target, row: RunRow) -> dict[str, Any]:
    """One point: its parameters, what it recorded, how its run stands. nan and missing values are null."""
    folder = str(outcome.point_folder(target.project, row)) if row.fetched else None
    own = {column_name(name, [*row.parameters, NUMBER]): each for name, each in recorded(row).items()}
    return {
        NUMBER: row.number,
        **{_key(name): plain(value(typed)) for name, typed in row.parameters.items()},
        **{name: plain(each) for name, each in own.items()},
        "run_id": row.run, "run_state": row.state.value, "run_reason": row.reason, "run_error": error_line(row),
        "run_exit_code": row.exit_code, "run_seconds": row.seconds, "run_memory": row.memory,
        "run_machine": row.machine, "run_job_id": row.job_id, "run_folder": folder, "run_started": when(row.started),
        "run_version": row.version, "run_seed": row.seed, "run_attempt": row.attempt, "run_progress": row.progress,
    }  # fmt: skip


def _key(name: str) -> str:
    """A parameter's key; one that is called as the number is must not hide it."""
    return f"{name}.parameter" if name == NUMBER else name


def scan(target: Target, rows: Sequence[RunRow], messages: Sequence[str] = ()) -> dict[str, Any]:
    """A scan, or a part of it, whole."""
    project = target.project
    known = project.store.scan(project.id, target.scan)
    return {
        "scan": target.scan,
        "task": known.task if known else None,
        "project": str(project.root),
        "folder": str(project.folders.scan_folder(target.scan)),
        "machine": known.machine if known else None,
        "created": when(known.created) if known else None,
        "counts": {state.value: count for state, count in counts(rows).items()},
        "messages": list(messages) or troubles.of_runs(project, rows),
        "points": [point(target, row) for row in rows],
    }


def run(target: Target, row: RunRow) -> dict[str, Any]:
    """One run, with its series, files, attempts and the far traceback."""
    found = row.series.items()
    return {
        "scan": row.scan,
        **point(target, row),
        "run_traceback": (row.error or {}).get("traceback"),
        "run_warning": row.warning,
        "messages": troubles.of_runs(target.project, [row]),
        "series": {name: [[plain(step), plain(value(each))] for step, each in steps] for name, steps in found},
        "files": [asdict(file) for file in row.files],
        "attempts": [_attempt(each) for each in target.project.store.attempts(row.run)],
    }


def _attempt(row: RunRow) -> dict[str, Any]:
    names = ("attempt", "reason", "seconds", "machine")
    return {"state": row.state.value, **{name: getattr(row, name) for name in names}}


def plain(found: Any) -> Any:
    """A value as JSON has it; a large one as where it lies."""
    if isinstance(found, Handle):
        return {name: each for name, each in found.typed.items() if name != "$"}
    if isinstance(found, float) and math.isnan(found):
        return None
    return values.plain(found)


def when(seconds: float | None) -> str | None:
    """Unix seconds as ISO 8601 in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def only(points: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[dict[str, Any]]:
    """Points with every column, so that each has the same ones in the same order."""
    return [{name: each.get(name) for name in names} for each in points]
