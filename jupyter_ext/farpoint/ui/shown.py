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

from farpoint.api.markup import element
from farpoint.api.run import Run
from farpoint.api.scan import Scan
from farpoint.api.summary import span
from farpoint.model import RunRow, State
from farpoint.project import Project
from farpoint.verbs import fetch

ROOM = 8_000_000  # bytes of pictures of a page that stays in the notebook


class Teller:
    """Prints what a run prints, each piece once."""

    def __init__(self, project: Project, row: Callable[[], RunRow]) -> None:
        self._project = project
        self._row = row
        self._told = 0
        self._attempt = 0

    def tell(self) -> RunRow:
        """Print what is new; the row as it is."""
        row = self._row()
        if row.attempt != self._attempt:
            self._attempt, self._told = row.attempt, 0
        found = fetch.pieces(self._project, row)
        for name, text in found[self._told :]:
            print(text, end="", file=sys.stderr if name == "stderr" else sys.stdout, flush=True)
        self._told = len(found)
        return row


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


def outputs(run: Run) -> None:
    """Show figures, tables and the last expression of an executed cell. Streams were printed as they came."""
    path = run.folder / "output.ipynb"
    if path.is_file():
        for output in _outputs(path):
            _show(output)


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


def _show(output: dict[str, Any]) -> None:
    if output["output_type"] in ("display_data", "execute_result"):
        data = {kind: "".join(found) if isinstance(found, list) else found for kind, found in output["data"].items()}
        _publish(data, output.get("metadata") or {})


def _publish(data: dict[str, Any], metadata: dict[str, Any]) -> None:
    from IPython.display import publish_display_data

    publish: Any = publish_display_data  # it ships no types
    publish(data, metadata=metadata)


def whole(project: Project, row: RunRow, run: Run) -> None:
    """All a run has shown so far: text, then figures."""
    Teller(project, lambda: row).tell()
    if row.state.final:
        run.fetch()
        outputs(run)


def page(scan: Scan) -> None:
    """The scan's page inside the notebook: it stays when the kernel is gone, and loads nothing."""
    written = scan.page(ROOM)
    frame = element(
        "iframe", srcdoc=written, sandbox="allow-scripts", style="width:100%;height:720px;border:0", title=scan.name
    )
    _publish({"text/html": str(frame), "text/plain": repr(scan)}, {})
