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

from farpoint.api import outcome, summary, troubles
from farpoint.api.pictures import Picture
from farpoint.api.show import state_words, traceback_of
from farpoint.api.tally import Tally
from farpoint.api.view import View
from farpoint.errors import FarpointError
from farpoint.model import RunRow, State
from farpoint.table import names_of
from farpoint.ui import sheet
from farpoint.ui.columns import WIDTH
from farpoint.ui.sheet import Sheet
from farpoint.ui.turns import Turns
from farpoint.verbs import hurry

CODES: Mapping[State, int] = {state: code for code, state in enumerate(State)}
FAILURES = 5  # points whose errors are told, and reasons of waiting
MESSAGES, TROUBLES = 8, 3
MANY = 4  # where more than one in so many rows changed, all are read anew
AT_ONCE = 2000  # points that are read while somebody waits
SAMPLE = 50  # points, from all over the scan, by which columns are known before all were read


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
        self._sheet = Sheet()
        self._kept = _Kept()
        self._turns = Turns()
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
        """Read what may be asked for, so that nobody who looks at 100,000 rows has to wait for it; one thread may."""
        if not self._kept_up():
            seq, asked = self._view.project.store.seq(), self._view.asked
            read = sheet.of_rows(self._view.slices(sheet.SLICE), self._turns.rest)
            read.seq, read.asked = seq, asked
            read.draw(self._turns.rest)
            read.spell(self._turns.rest)
            with self._guard:
                self._sheet = read
        with self._guard:
            self._sheet.spell()

    def ready(self) -> bool:
        """Whether all can be told at once: what is little is read for that."""
        if self._kept_up():
            return True
        if self._view.asked <= AT_ONCE:
            self._fresh()
            return True
        return False

    def columns(self) -> list[dict[str, Any]]:
        """Every column: name, role (parameter, value, ours), whether it can be drawn, whether it never changes."""
        with self._guard:
            return self._fresh().told()

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
        with self._turns.first(), self._guard:
            read = self._fresh()
            places, kept = read.found(sort, words, down=down), {int(code) for code in states}
            if kept:
                named = {state for state, code in CODES.items() if code in kept}
                places = [place for place in places if read.rows[place].state in named]
            numbers = [read.rows[place].number for place in places] if whole else []
            lines = read.lines(places[offset : offset + limit], CODES)
            return {
                "total": len(places), "offset": offset, "lines": lines, "numbers": numbers, "columns": read.told()
            }  # fmt: skip

    def glance(self, *, states: Sequence[int] = (), offset: int = 0, limit: int = 50) -> dict[str, Any]:
        """Some lines in the order of the points, of which only these are read: what there is to see at once.

        Columns are those of these lines and of a sample; whether one never changes is known of them alone.
        """
        with self._turns.first():
            with self._watch:
                kept, codes = self._standing(), {int(code) for code in states}
                every = numbers = list(kept.places)
                if codes:
                    numbers = [number for number, code in zip(every, kept.states, strict=True) if code in codes]
            shown = numbers[offset : offset + limit]
            project = self._view.project
            rows = project.store.runs(project.id, self._view.name, {*shown, *every[:: len(every) // SAMPLE + 1]})
            read = sheet.of_rows([rows])
            lines = read.lines([read.places[number] for number in shown if number in read.places], CODES)
            return {"total": len(numbers), "offset": offset, "lines": lines, "numbers": [], "columns": read.told()}

    def point(self, number: int) -> tuple[dict[str, Any], Picture | None]:
        """All of one point, and its picture: fetched first where it is not here and its machine answers."""
        row = self._row(number)
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

    def _row(self, number: int) -> RunRow | None:
        """One of its points, of 100,000 read alone."""
        with self._turns.first():
            with self._watch:
                known = number in self._standing().places
            project = self._view.project
            rows = project.store.runs(project.id, self._view.name, [number]) if known else []
            return rows[0] if rows else None

    def _told(self, row: RunRow, trouble: str) -> dict[str, Any]:
        names = self._sheet.names or names_of([row])
        told = [
            {"name": name, "text": summary.short(each, 400), "role": sheet.role(name, names)}
            for name, each in sheet.cells(row, names).items()
            if each is not None and not (isinstance(each, str) and not each)
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

    def _kept_up(self) -> bool:
        """Whether what was read tells all there is, once few changes were taken in."""
        with self._guard:
            read, seq = self._sheet, self._view.project.store.seq()
            if seq == read.seq:
                return True
            if read.seq < 0 or self._view.asked != read.asked:
                return False
            changed = self._view.changed(read.seq)
            if len(changed) * MANY > len(read.rows) or not all(read.renew(row) for row in changed):
                return False
            read.seq = seq
            return True

    def _fresh(self) -> Sheet:
        """Brought up to date by what changed; read anew where there are other points, or new columns."""
        with self._guard:
            if not self._kept_up():
                seq, asked = self._view.project.store.seq(), self._view.asked
                self._sheet = sheet.of_rows(self._view.slices(sheet.SLICE))
                self._sheet.seq, self._sheet.asked = seq, asked
            return self._sheet
