"""The rows of a scan as columns that can be sorted, filtered and drawn: read in slices, then kept up row by row.

Knows rows and columns; not who asks for them, and no store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from farpoint.api import axes as scanning
from farpoint.api import summary
from farpoint.model import RunRow, State
from farpoint.table import column_name, names_of, recorded, value
from farpoint.ui.columns import Column

OURS = ("run_state", "run_reason", "run_seconds", "run_machine")
SLICE = 100  # rows after which others get their turn

Rest = Callable[[], object]  # called between two pieces of work, none of which takes long


@dataclass(slots=True)
class Sheet:
    """Rows in their order, columns by name, and the words each row can be found by."""

    seq: int = -1  # the store's change up to which it tells
    asked: int = 0  # points that were asked for then
    rows: list[RunRow] = field(default_factory=list)
    places: dict[int, int] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    columns: dict[str, Column] = field(default_factory=dict)
    axes: list[scanning.Axis] = field(default_factory=list)
    words: list[str] | None = None  # once somebody filtered

    def told(self) -> list[dict[str, Any]]:
        """Every column: name, role (parameter, value, ours), whether it can be drawn, whether it never changes."""
        return [
            {"name": name, "role": column.role, "numeric": column.numeric, "constant": column.constant}
            for name, column in self.columns.items()
        ]

    def lines(self, places: Iterable[int], codes: Mapping[State, int]) -> list[dict[str, Any]]:
        """Rows as a table shows them: number, state's code, a text for each column."""
        return [
            {
                "number": self.rows[place].number,
                "state": codes[self.rows[place].state],
                "cells": [column.text(place) for column in self.columns.values()],
            }
            for place in places
        ]

    def found(self, sort: str, words: str, *, down: bool) -> Sequence[int]:
        """The places of the rows that have all these words, in the order of a column, else in their own."""
        places: Sequence[int] = range(len(self.rows))
        if sort in self.columns:
            places = self.columns[sort].order(down=down)
        for word in words.lower().split():
            self.spell()
            assert self.words is not None
            places = [place for place in places if word in self.words[place]]
        return places

    def spell(self, rest: Rest = lambda: None) -> None:
        """Have the words at hand."""
        if self.words is None:
            spelled = [[str(row.number) for row in self.rows]]
            for column in self.columns.values():
                spelled.append(column.words())
                rest()
            self.words = [" ".join(each) for each in zip(*spelled, strict=True)]

    def draw(self, rest: Rest) -> None:
        """Have the numbers at hand that plots are made of."""
        for column in self.columns.values():
            if column.numeric:
                column.drawn()
                rest()

    def renew(self, row: RunRow) -> bool:
        """Take in one row; False where that cannot be done in place."""
        place = self.places.get(row.number)
        if place is None:
            return False
        found = cells(row, self.names)
        if not found.keys() <= self.columns.keys():
            return False
        self.rows[place] = row
        changes = [column.put(place, found.get(name)) for name, column in self.columns.items()]
        if self.words is not None and any(changes):
            texts = [str(row.number), *(each.text(place) for each in self.columns.values())]
            self.words[place] = " ".join(texts).lower()
        return True


def of_rows(slices: Iterable[Sequence[RunRow]], rest: Rest = lambda: None) -> Sheet:
    """The sheet of rows that come in slices, in order."""
    rows: list[RunRow] = []
    for part in slices:
        rows += part
        rest()
    names = names_of(rows)
    filled: dict[str, list[Any]] = {}
    for first in range(0, len(rows), SLICE):
        for place, row in enumerate(rows[first : first + SLICE], first):
            for name, each in cells(row, names).items():
                if name not in filled:
                    filled[name] = [None] * len(rows)
                filled[name][place] = each
        rest()
    ordered = [*names, *(name for name in filled if name not in names and name not in OURS), *OURS]
    columns = dict(_columns(ordered, names, filled, len(rows), rest))
    places = {row.number: place for place, row in enumerate(rows)}
    return Sheet(rows=rows, places=places, names=names, columns=columns, axes=list(_axes(rows, names, rest)))


def _columns(
    ordered: Sequence[str], names: Sequence[str], filled: Mapping[str, list[Any]], count: int, rest: Rest
) -> Iterator[tuple[str, Column]]:
    for name in ordered:
        yield name, Column(role(name, names), filled.get(name) or [None] * count)
        rest()


def _axes(rows: Sequence[RunRow], names: Sequence[str], rest: Rest) -> Iterator[scanning.Axis]:
    for name in names:
        axis = scanning.axis(rows, name)
        if axis is not None:
            yield axis
        rest()


def cells(row: RunRow, names: Sequence[str]) -> dict[str, Any]:
    """What the table says of one row, by column; `names` are the parameters'."""
    found = {name: value(row.parameters.get(name)) for name in names}
    found |= {column_name(name, names): each for name, each in recorded(row).items()}
    return found | {
        "run_state": str(row.state),
        "run_reason": row.reason or None,
        "run_seconds": summary.seconds_of(row),
        "run_machine": row.machine or None,
    }


def role(name: str, names: Sequence[str]) -> str:
    """Whose a column is: a parameter, a value that was recorded, or ours."""
    return "parameter" if name in names else "ours" if name in OURS else "value"
