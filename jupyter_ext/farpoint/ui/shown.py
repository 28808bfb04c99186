"""A far cell in the notebook that sent it: its text as it comes, its figures, and what is said about it.

Knows IPython's display and rows; hands nothing over and decides nothing.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from farpoint.api.run import Run
from farpoint.api.scan import Scan
from farpoint.api.summary import span
from farpoint.model import RunRow, State
from farpoint.project import Project
from farpoint.runner import figures
from farpoint.ui import waits
from farpoint.verbs import fetch

PATIENCE = 3.0  # seconds after which it is said why a cell has not begun


class Teller:
    """Shows what a run prints and displays, each piece once."""

    def __init__(self, project: Project, row: Callable[[], RunRow]) -> None:
        self._project = project
        self._row = row
        self._told = 0
        self._attempt = 0
        self._begun = ""
        self._waits = ""
        self.displays = Displays()

    def tell(self) -> RunRow:
        """Show what is new; the row as it is."""
        row = self._row()
        if row.attempt != self._attempt:
            self._attempt, self._told = row.attempt, 0
        self._tell_wait(row)
        found = fetch.pieces(self._project, row)
        for name, text in found[self._told :]:
            if name == figures.STREAM:
                self._show(text)
            else:
                print(text, end="", file=sys.stderr if name == "stderr" else sys.stdout, flush=True)
        self._told = len(found)
        return row

    def _tell_wait(self, row: RunRow) -> None:
        """Say why nothing happens yet, once where it lasts."""
        now = self._project.clock()
        if row.state not in (State.NEW, State.QUEUED):
            if self._waits and row.started:
                self._say(row, f"began after {span(row.started - (row.submitted or row.started))}")
            return
        if now - (row.submitted or now) < PATIENCE:
            return
        self._say(row, waits.words(self._project, row))

    def _say(self, row: RunRow, words: str) -> None:
        """The one line about waiting, kept up to date in its place."""
        if words != self._waits:
            data = {"text/plain": f"{row.run}: {words}"}
            _publish(data, {}, f"{row.run}-{row.attempt}-waits", update=bool(self._waits))
            self._waits = words

    def _show(self, text: str) -> None:
        """Lines of displays; one may come in several pieces, and pieces of a long one may be lost."""
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            with suppress(ValueError, KeyError):
                self.displays.live(json.loads(line))

    def rest(self, run: Run) -> None:
        """Show what an executed cell displayed and was not shown while it ran."""
        path = run.folder / "output.ipynb"
        for output in _outputs(path) if path.is_file() else ():
            self.displays.final(output)


class Displays:
    """What was displayed here so far, by its number there."""

    def __init__(self) -> None:
        self._numbers: set[int] = set()
        self._latest: dict[str, Any] = {}  # display id → its data

    def live(self, told: dict[str, Any]) -> None:
        """Display what a run told while it ran."""
        if told.get("clear"):
            _clear(wait=bool(told.get("wait")))
            return
        self._numbers |= {told["n"]} if "n" in told else set()
        name = told.get("id")
        update = bool(told.get("update")) and name in self._latest
        if name:
            self._latest[name] = told["data"]
        _publish(told["data"], told["metadata"], name, update=update)

    def final(self, output: dict[str, Any]) -> None:
        """Display an output of the executed notebook, unless it was; bring one up to date that changed since."""
        if output["output_type"] not in ("display_data", "execute_result"):
            return
        data = {mime: "".join(found) if isinstance(found, list) else found for mime, found in output["data"].items()}
        data.pop(figures.WIDGET, None)
        metadata = dict(output.get("metadata") or {})
        own = metadata.pop("farpoint", {})
        name = own.get("id")
        if own.get("n") not in self._numbers:
            _publish(data, metadata, name, update=False)
        elif name and self._latest.get(name) != data:
            _publish(data, metadata, name, update=True)


def announce(row: RunRow, now: float) -> None:
    """Say that this is not a new run, and how to have one."""
    where = f"on {row.machine}"
    if row.state is State.COMPLETED:
        took = f", {span(row.seconds)} {where}" if row.seconds else f", {where}"
        ended = when(row.ended or now, now)
        print(f"↻ result of {row.run}, {ended}{took} — code and inputs unchanged; --rerun repeats it")
    else:
        since = when(row.started or row.submitted or now, now)
        print(f"↻ {row.run} is {row.state} {where} since {since} — attached to it")


def when(moment: float, now: float) -> str:
    """A time of day as people say it.

    >>> when(86400.0 * 3, 86400.0 * 3 + 60).startswith("today ")
    True
    """
    then, today = (datetime.fromtimestamp(each).astimezone() for each in (moment, now))
    days = (today.date() - then.date()).days
    day = {0: "today", 1: "yesterday"}.get(days, then.strftime("%-d %B"))
    return f"{day} {then:%H:%M}"


def traceback(run: Run) -> list[str]:
    """The far traceback as the far kernel drew it; empty where there is none."""
    path = run.folder / "output.ipynb"
    errors = [output for output in _outputs(path) if output["output_type"] == "error"] if path.is_file() else []
    return list(errors[0]["traceback"]) if errors else []


def as_text(fault: BaseException, lines: list[str]) -> None:
    """Have IPython show an exception as these lines, and not as the frames it passed through here."""
    with suppress(AttributeError):  # a class that takes no further attributes
        fault._render_traceback_ = lambda: lines  # type: ignore[attr-defined]


def _outputs(path: Path) -> list[dict[str, Any]]:
    cells = json.loads(path.read_bytes())["cells"]
    return [output for cell in cells for output in cell.get("outputs", ())]


def _publish(data: dict[str, Any], metadata: dict[str, Any], name: str | None = None, *, update: bool = False) -> None:
    from IPython.display import publish_display_data

    publish: Any = publish_display_data  # it ships no types
    publish(data, metadata=metadata, transient={"display_id": name} if name else {}, update=update)


def _clear(*, wait: bool) -> None:
    from IPython.display import clear_output

    clear: Any = clear_output
    clear(wait=wait)


def whole(project: Project, row: RunRow, run: Run) -> None:
    """All a run has shown so far: text, then figures."""
    teller = Teller(project, lambda: row)
    teller.tell()
    if row.state.final:
        run.fetch()
        teller.rest(run)


def page(scan: Scan) -> None:
    """The scan's explorer inside the notebook: it stays when the kernel is gone, and loads nothing."""
    explorer = scan.explorer()
    _publish({"text/html": str(explorer.frame), "text/plain": repr(scan)}, {})
