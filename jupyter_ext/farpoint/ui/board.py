"""A scan as the widget asks for it: states as bytes, columns as numbers, pages of the table, one point whole.

Reads the store through a view and keeps what it read until something changes; knows no browser.
"""

from __future__ import annotations

import array
import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from farpoint.api import axes as scanning
from farpoint.api import outcome, summary
from farpoint.api.pictures import Picture
from farpoint.api.show import state_words, traceback_of
from farpoint.api.view import View
from farpoint.errors import FarpointError
from farpoint.model import RunRow, State
from farpoint.table import column_name, names_of, recorded, value
from farpoint.verbs import hurry

CODES: Mapping[State, int] = {state: code for code, state in enumerate(State)}
OURS = ("run_state", "run_reason", "run_seconds", "run_machine")
WIDTH = 60  # characters of a cell of the table
LABELS = 200  # different texts a column may have to be drawn as categories


@dataclass(slots=True)
class _Read:
    """What was read at one time: rows in their order, columns by name, and the words each row can be found by."""

    seq: int = -1
    rows: list[RunRow] = field(default_factory=list)
    columns: dict[str, list[Any]] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    axes: list[scanning.Axis] = field(default_factory=list)
    told: list[dict[str, Any]] | None = None  # what is said of the columns, once somebody asked


class Board:
    """What is known of a view's points. Methods may be called by any thread."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._read = _Read()
        self._guard = threading.Lock()
        self._hurried: set[int] = set()  # points somebody looked at before they ran: they are taken before others

    def numbers(self) -> bytes:
        """Point numbers in order, as 32-bit integers."""
        return array.array("i", self._view.standing()).tobytes()

    def states(self) -> bytes:
        """One byte a point, in the order of `numbers`: the place of its state in `model.State`."""
        return bytes(CODES[state] for state in self._view.standing().values())

    def columns(self) -> list[dict[str, Any]]:
        """Every column: name, role (parameter, value, ours), whether it can be drawn, whether it never changes."""
        read = self._fresh()
        if read.told is None:
            read.told = [
                {"name": name, "role": read.roles[name], "numeric": _numeric(values), "constant": _constant(values)}
                for name, values in read.columns.items()
            ]
        return read.told

    def column(self, name: str) -> tuple[list[str], bytes]:
        """(labels, 64-bit floats in the order of `numbers`): numbers as they are, texts as places among the labels."""
        values = self._fresh().columns.get(name, [])
        if _numeric(values):
            floats = (float(each) if scanning.is_number(each) else math.nan for each in values)
            return [], array.array("d", floats).tobytes()
        labels: dict[str, int] = {}
        places = [math.nan if each is None else labels.setdefault(_short(each), len(labels)) for each in values]
        return list(labels)[:LABELS], array.array("d", places).tobytes()

    def axes(self) -> tuple[list[dict[str, Any]], bytes]:
        """The scanned parameters with their values as texts, and each point's place on them, 32-bit, point by point."""
        read = self._fresh()
        told = [{"name": axis.name, "labels": [_short(each) for each in axis.values]} for axis in read.axes]
        places = (axis.at[row.number] for row in read.rows for axis in read.axes)
        return told, array.array("i", places).tobytes()

    def page(
        self, *, sort: str = "", down: bool = False, words: str = "", states: Sequence[int] = (), offset: int = 0,
        limit: int = 50,
    ) -> dict[str, Any]:  # fmt: skip
        """Some lines of the table, sorted and filtered; `total` is how many there are in all."""
        read = self._fresh()
        wanted, kept = words.lower().split(), {int(code) for code in states}
        places = (
            list(range(len(read.rows)))
            if not wanted and not kept
            else [
                place
                for place, row in enumerate(read.rows)
                if (not kept or CODES[row.state] in kept) and all(word in read.words[place] for word in wanted)
            ]
        )
        if sort in read.columns:
            places = _sorted(places, read.columns[sort], down=down)
        chosen = places[offset : offset + limit]
        lines = [
            {
                "number": read.rows[place].number,
                "state": CODES[read.rows[place].state],
                "cells": ["" if each[place] is None else _short(each[place]) for each in read.columns.values()],
            }
            for place in chosen
        ]
        numbers = [read.rows[place].number for place in places] if wanted or kept else None
        return {"total": len(places), "offset": offset, "lines": lines, "numbers": numbers}

    def point(self, number: int) -> tuple[dict[str, Any], Picture | None]:
        """All of one point, and its picture: fetched first where it is not here and its machine answers."""
        row = next((each for each in self._fresh().rows if each.number == number), None)
        if row is None:
            return {"number": number, "missing": True, "values": []}, None
        if number not in self._hurried and not row.state.final:
            self._hurried.add(number)
            hurry.hurry(self._view.project, [row])
        if row.state.final and not row.fetched:
            try:
                self._view[number].fetch()
            except FarpointError as fault:
                return self._told(row, str(fault)), None
        return self._told(row, ""), self._view.picture(number)

    def _told(self, row: RunRow, trouble: str) -> dict[str, Any]:
        read = self._fresh()
        place = next(place for place, each in enumerate(read.rows) if each.number == row.number)
        told = [
            {"name": name, "text": _short(values[place], 400), "role": read.roles[name]}
            for name, values in read.columns.items()
            if values[place] not in (None, "")
        ]
        return {
            "number": row.number, "state": CODES[row.state], "words": state_words(row), "values": told,
            "error": summary.cause(row) if row.state in (State.FAILED, State.LOST) else "",
            "traceback": traceback_of(row) if row.error else "", "trouble": trouble, "notebook": self._notebook(row),
        }  # fmt: skip

    def _notebook(self, row: RunRow) -> dict[str, str] | None:
        """Where the executed notebook lies, and the home folder, which a front end may write as `~`."""
        path = outcome.point_folder(self._view.project, row) / "output.ipynb"
        return {"path": str(path), "home": str(Path.home())} if path.is_file() else None

    def _fresh(self) -> _Read:
        with self._guard:
            seq = self._view.project.store.seq()
            if seq != self._read.seq:
                self._read = _read(self._view, seq)
            return self._read


def _read(view: View, seq: int) -> _Read:
    rows = sorted(view.rows(), key=lambda row: row.number)
    names = names_of(rows)
    columns: dict[str, list[Any]] = {name: [value(row.parameters.get(name)) for row in rows] for name in names}
    roles = dict.fromkeys(names, "parameter")
    for place, row in enumerate(rows):
        for name, each in recorded(row).items():
            own = column_name(name, names)
            if own not in columns:
                columns[own], roles[own] = [None] * len(rows), "value"
            columns[own][place] = each
    columns |= {
        "run_state": [str(row.state) for row in rows],
        "run_reason": [row.reason or None for row in rows],
        "run_seconds": [summary.seconds_of(row) for row in rows],
        "run_machine": [row.machine or None for row in rows],
    }
    roles |= dict.fromkeys(OURS, "ours")
    texts = list(columns.values())
    words = [
        " ".join([str(row.number), *(_short(each[place]) for each in texts if each[place] is not None)]).lower()
        for place, row in enumerate(rows)
    ]
    return _Read(seq, rows, columns, roles, words, scanning.axes(rows))


def _constant(values: Sequence[Any]) -> bool:
    there = (repr(each) for each in values if each is not None)
    first = next(there, None)
    return all(each == first for each in there)


def _numeric(values: Sequence[Any]) -> bool:
    found = [each for each in values if each is not None]
    return bool(found) and all(scanning.is_number(each) for each in found)


def _sorted(places: Sequence[int], values: Sequence[Any], *, down: bool) -> list[int]:
    """Numbers by size, anything else as text; what is missing comes last either way."""
    there = [place for place in places if values[place] is not None]
    numeric = all(scanning.is_number(values[place]) for place in there)
    there.sort(key=lambda place: float(values[place]) if numeric else str(values[place]), reverse=down)
    return there + [place for place in places if values[place] is None]


def _short(found: object, width: int = WIDTH) -> str:
    return summary.short(found, width)
