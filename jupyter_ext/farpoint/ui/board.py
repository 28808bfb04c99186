"""A scan as the widget asks for it: states as bytes, columns as numbers, pages of the table, one point whole.

Reads the store through a view and keeps what it read until something changes; knows no browser.
"""

from __future__ import annotations

import array
import heapq
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from farpoint.api import axes as scanning
from farpoint.api import outcome, summary, troubles
from farpoint.api.pictures import Picture
from farpoint.api.show import state_words, traceback_of
from farpoint.api.tally import Tally
from farpoint.api.view import View
from farpoint.errors import FarpointError
from farpoint.model import RunRow, State
from farpoint.table import column_name, names_of, recorded, value
from farpoint.ui.columns import WIDTH, Column
from farpoint.verbs import hurry

CODES: Mapping[State, int] = {state: code for code, state in enumerate(State)}
OURS = ("run_state", "run_reason", "run_seconds", "run_machine")
FAILURES = 5  # points whose errors are told, and reasons of waiting
MESSAGES, TROUBLES = 8, 3
MANY = 4  # where more than one in so many rows changed, all are read anew


@dataclass(slots=True)
class _Read:
    """What was read at one time: rows in their order, columns by name, and the words each row can be found by."""

    seq: int = -1
    asked: int = 0  # points that were asked for then
    rows: list[RunRow] = field(default_factory=list)
    places: dict[int, int] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    columns: dict[str, Column] = field(default_factory=dict)
    axes: list[scanning.Axis] = field(default_factory=list)
    words: list[str] | None = None  # once somebody filtered


@dataclass(slots=True)
class _Kept:
    """How the points stood at one time."""

    seq: int = -1
    asked: int = 0
    tally: Tally = field(default_factory=Tally)
    places: dict[int, int] = field(default_factory=dict)
    states: bytearray = field(default_factory=bytearray)


class Board:
    """What is known of a view's points. Methods may be called by any thread."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._read = _Read()
        self._kept = _Kept()
        self._guard = threading.RLock()  # of what was read
        self._watch = threading.Lock()  # of how the points stand: it is told while a large scan is being read
        self._hurried: set[int] = set()  # points somebody looked at before they ran: they are taken before others

    def stands(self) -> tuple[bytes, bytes]:
        """(point numbers in order as 32-bit integers, one byte a point: the place of its state in `model.State`)."""
        with self._watch:
            kept = self._standing()
            return array.array("i", kept.places).tobytes(), bytes(kept.states)

    def told(self) -> dict[str, Any]:
        """Counts by state, headline, failures, reasons, troubles, messages: from sums kept up by what changes."""
        with self._watch:
            tally = self._standing().tally
            first = heapq.nsmallest(FAILURES, tally.bad)
            project = self._view.project
            rows = project.store.runs(project.id, self._view.name, first) if first else []
            return {
                "counts": {state.value: tally.count(state) for state in State if tally.count(state)},
                "headline": summary.headline_of(self._view.name, tally, project.clock()),
                "failures": summary.failures(rows, FAILURES, len(tally.bad)),
                "waits": sorted(reason for reason, count in tally.reasons.items() if count)[:FAILURES],
                "troubles": troubles.lines(project, self._view.name)[:TROUBLES],
                "messages": self._view.notes(tally.warnings)[:MESSAGES],
            }

    def _standing(self) -> _Kept:
        """Brought up to date by what changed since it was last looked at."""
        seq = self._view.project.store.seq()
        if seq == self._kept.seq:
            return self._kept
        asked = self._view.asked
        kept = self._kept if asked == self._kept.asked else _Kept()
        changed = self._view.standings(kept.seq)
        kept.tally.put((each.number, each) for each in changed)
        if len(kept.tally.runs) != len(kept.places):
            kept.places = {number: place for place, number in enumerate(sorted(kept.tally.runs))}
            kept.states = bytearray(CODES[kept.tally.runs[number].state] for number in kept.places)
        for each in changed:
            kept.states[kept.places[each.number]] = CODES[each.state]
        kept.seq, kept.asked, self._kept = seq, asked, kept
        return kept

    def prepare(self) -> None:
        """Read what may be asked for, so that the first to look at 100,000 rows need not wait for it."""
        with self._guard:
            read = self._fresh()
            read.words = read.words or _words(read)

    def columns(self) -> list[dict[str, Any]]:
        """Every column: name, role (parameter, value, ours), whether it can be drawn, whether it never changes."""
        with self._guard:
            return [
                {"name": name, "role": column.role, "numeric": column.numeric, "constant": column.constant}
                for name, column in self._fresh().columns.items()
            ]

    def column(self, name: str) -> tuple[list[str], bytes]:
        """(labels, 64-bit floats in the order of `numbers`): numbers as they are, texts as places among the labels."""
        with self._guard:
            found = self._fresh().columns.get(name)
            return found.drawn() if found is not None else ([], b"")

    def axes(self) -> tuple[list[dict[str, Any]], bytes]:
        """The scanned parameters with their values as texts, and each point's place on them, 32-bit, point by point."""
        with self._guard:
            read = self._fresh()
            told = [
                {"name": axis.name, "labels": [summary.short(each, WIDTH) for each in axis.values]}
                for axis in read.axes
            ]
            places = [axis.at[row.number] for row in read.rows for axis in read.axes]
            return told, array.array("i", places).tobytes()

    def page(
        self, *, sort: str = "", down: bool = False, words: str = "", states: Sequence[int] = (), offset: int = 0,
        limit: int = 50, whole: bool = False,
    ) -> dict[str, Any]:  # fmt: skip
        """Some lines of the table, sorted and filtered; `total` counts them all, and `whole` asks for their numbers."""
        with self._guard:
            read = self._fresh()
            wanted, kept = words.lower().split(), {int(code) for code in states}
            places = read.columns[sort].order(down=down) if sort in read.columns else range(len(read.rows))
            if wanted:
                found = read.words = read.words or _words(read)
                for word in wanted:
                    places = [place for place in places if word in found[place]]
            if kept:
                named = {state for state, code in CODES.items() if code in kept}
                places = [place for place in places if read.rows[place].state in named]
            lines = [
                {
                    "number": read.rows[place].number,
                    "state": CODES[read.rows[place].state],
                    "cells": [column.text(place) for column in read.columns.values()],
                }
                for place in places[offset : offset + limit]
            ]
            numbers = [read.rows[place].number for place in places] if whole else []
            return {"total": len(places), "offset": offset, "lines": lines, "numbers": numbers}

    def point(self, number: int) -> tuple[dict[str, Any], Picture | None]:
        """All of one point, and its picture: fetched first where it is not here and its machine answers."""
        with self._guard:
            read = self._fresh()
            row = read.rows[read.places[number]] if number in read.places else None
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
        with self._guard:
            read = self._fresh()
            place = read.places[row.number]
            told = [
                {"name": name, "text": column.text(place, 400), "role": column.role}
                for name, column in read.columns.items()
                if column.values[place] not in (None, "")
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
        """Brought up to date by what changed; read anew where there are other points, or new columns."""
        seq = self._view.project.store.seq()
        if seq == self._read.seq:
            return self._read
        asked = self._view.asked
        changed = self._view.changed(self._read.seq) if self._read.seq >= 0 else []
        few = asked == self._read.asked and len(changed) * MANY <= len(self._read.rows)
        if not (few and all(_renew(self._read, row) for row in changed)):
            self._read = _read(self._view)
        self._read.seq, self._read.asked = seq, asked
        return self._read


def _read(view: View) -> _Read:
    rows = sorted(view.rows(), key=lambda row: row.number)
    names = names_of(rows)
    columns: dict[str, list[Any]] = {}
    for place, row in enumerate(rows):
        for name, each in _values(row, names).items():
            if name not in columns:
                columns[name] = [None] * len(rows)
            columns[name][place] = each
    ordered = [*names, *(name for name in columns if name not in names and name not in OURS), *OURS]
    made = {name: Column(_role(name, names), columns.get(name) or [None] * len(rows)) for name in ordered}
    places = {row.number: place for place, row in enumerate(rows)}
    return _Read(rows=rows, places=places, names=list(names), columns=made, axes=scanning.axes(rows))


def _renew(read: _Read, row: RunRow) -> bool:
    """Take in one row; False where that cannot be done in place."""
    place = read.places.get(row.number)
    if place is None:
        return False
    found = _values(row, read.names)
    if not found.keys() <= read.columns.keys():
        return False
    read.rows[place] = row
    changes = [column.put(place, found.get(name)) for name, column in read.columns.items()]
    if read.words is not None and any(changes):
        read.words[place] = " ".join([str(row.number), *(each.text(place) for each in read.columns.values())]).lower()
    return True


def _values(row: RunRow, names: Sequence[str]) -> dict[str, Any]:
    """What the table says of one row, by column."""
    found = {name: value(row.parameters.get(name)) for name in names}
    found |= {column_name(name, names): each for name, each in recorded(row).items()}
    return found | {
        "run_state": str(row.state),
        "run_reason": row.reason or None,
        "run_seconds": summary.seconds_of(row),
        "run_machine": row.machine or None,
    }


def _role(name: str, names: Sequence[str]) -> str:
    return "parameter" if name in names else "ours" if name in OURS else "value"


def _words(read: _Read) -> list[str]:
    numbers = [str(row.number) for row in read.rows]
    return [" ".join(each) for each in zip(numbers, *(column.words() for column in read.columns.values()), strict=True)]
