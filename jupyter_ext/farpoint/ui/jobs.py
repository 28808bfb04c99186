"""What `%remote ls` lists: every cell that was sent from this project, and how it stands.

Knows the store and one look at the machines; no shell.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from farpoint.api.markup import element
from farpoint.api.summary import clean, seconds_of, span
from farpoint.errors import FarpointError, NotFound, nearest
from farpoint.model import RunRow
from farpoint.project import Project
from farpoint.ui.shown import when
from farpoint.verbs import watch

SHOWN = 20


class Listing:
    """The newest cells first."""

    def __init__(self, found: list[tuple[RunRow, str]], now: float) -> None:
        self._lines = [_line(row, task, now) for row, task in found[:SHOWN]]
        self._left = len(found) - len(self._lines)

    def __len__(self) -> int:
        return len(self._lines) + self._left

    def __repr__(self) -> str:
        if not self._lines:
            return "no cell was sent from this project yet"
        wide = [max(len(line[at]) for line in self._lines) for at in range(len(self._lines[0]))]
        texts = ["  ".join(word.ljust(width) for word, width in zip(line, wide, strict=True)) for line in self._lines]
        return "\n".join([text.rstrip() for text in texts] + self._more())

    def _repr_html_(self) -> str:
        rows = [element("tr", [element("td", word) for word in line]) for line in self._lines]
        return str(element("div", element("table", rows), [element("div", word) for word in self._more()]))

    def _more(self) -> list[str]:
        return [f"… {self._left} more"] if self._left else []


def _line(row: RunRow, task: str, now: float) -> list[str]:
    took = seconds_of(row)
    moment = row.ended or row.started or row.submitted
    return [
        row.run, row.scan, f"{row.state}{f' ({clean(row.reason)})' if row.reason else ''}",
        when(moment, now) if moment else "", span(took) if took else "", row.machine, clean(task),
    ]  # fmt: skip


def rows(project: Project) -> list[tuple[RunRow, str]]:
    """Every run of a cell with its cell's first line, the newest first, after one look at the machines."""
    for name in project.folders.scans():
        watch.catch_up(project, name)
    with suppress(FarpointError):  # a machine that does not answer: what is known is shown
        watch.hand_over(project)
    tasks = {scan.scan: scan.task for scan in project.store.scans(project.id) if scan.kind == "cell"}
    found = [row for row in project.store.runs(project.id) if row.scan in tasks]
    found = [row for row in found if not row.parameters]
    return [(row, tasks[row.scan]) for row in sorted(found, key=lambda row: row.submitted or 0.0, reverse=True)]


def find(project: Project, named: str) -> RunRow:
    """The run of that id, or of the cell of that name. NotFound with the nearest."""
    known = [row for row, _ in rows(project)]
    for row in known:
        if named in (row.run, row.scan):
            return row
    words: list[Any] = [word for row in known for word in (row.run, row.scan)]
    raise NotFound(f"no cell's run is called {named!r}; %remote ls lists them.{nearest(named, words)}")
