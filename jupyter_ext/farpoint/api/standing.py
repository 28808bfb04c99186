"""Runs as the store has them now, their parameters in the order in which they were given.

Knows the store only; asks no machine.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from farpoint.model import RunRow
from farpoint.project import Project


def rows(project: Project, scan: str, *, numbers: Iterable[int] | None = None, run: str | None = None) -> list[RunRow]:
    """Runs of one scan, by number. Job folders keep parameters by name; people gave them in an order that matters."""
    found = project.store.runs(project.id, scan=scan, numbers=numbers, run=run)
    known = project.store.scan(project.id, scan)
    names = known.columns if known is not None else ()
    if not found or list(found[0].parameters) == list(names):
        return found
    return [replace(row, parameters=_in_order(row, names)) for row in found]


def _in_order(row: RunRow, names: Iterable[str]) -> dict[str, object]:
    given = row.parameters
    return {**{name: given[name] for name in names if name in given}, **given}
