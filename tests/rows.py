"""Rows made by hand, as the store would give them."""

from __future__ import annotations

import base64
import io
from typing import Any

from farpoint.model import RunRow, State


def row(number: int = 0, state: str = "COMPLETED", parameters: dict[str, Any] | None = None, **changes: Any) -> RunRow:
    """One run; `records` and `parameters` are typed JSON."""
    known: dict[str, Any] = {
        "run": f"r{number:09d}",
        "project": "p",
        "scan": "tokamak",
        "seed": 1000 + number,
        "key": "k",
        "version": 1,
        "attempt": 1,
        "machine": "local" if state != "NEW" else "",
    }
    done = {"started": 100.0 + number, "ended": 110.0 + number, "seconds": 10.0} if State(state).final else {}
    if state == "RUNNING":
        done = {"started": 100.0 + number}
    return RunRow(number=number, state=State(state), parameters=parameters or {}, **{**known, **done, **changes})


def failed(number: int, message: str = "x is negative", **changes: Any) -> RunRow:
    """One run that raised ValueError."""
    trace = f"\x1b[31mTraceback\x1b[0m (most recent call last):\n  cell 3\nValueError: {message}"
    error = {"type": "ValueError", "message": message, "traceback": trace}
    return row(number, "FAILED", **{"reason": "exception", "error": error, **changes})


def grid(columns: int = 3, lines: int = 2, **changes: Any) -> list[RunRow]:
    """A scan of two axes, all completed, with one recorded number."""
    points = [(x * 0.5, y) for x in range(lines) for y in range(columns)]
    return [
        row(n, parameters={"x": x, "y": y}, records={"energy": x + y}, **changes) for n, (x, y) in enumerate(points)
    ]


def png(width: int = 40, height: int = 30) -> bytes:
    """A small picture with a white margin."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width / 10, height / 10), dpi=10)
    figure.add_axes((0.2, 0.2, 0.6, 0.6)).imshow([[0, 1], [1, 0]])
    target = io.BytesIO()
    figure.savefig(target, format="png")
    return target.getvalue()


def notebook(*outputs: dict[str, Any]) -> dict[str, Any]:
    """A notebook with one code cell and these outputs, each a mime bundle."""
    made = [{"output_type": "display_data", "data": data, "metadata": {}} for data in outputs]
    return {"cells": [{"cell_type": "code", "source": "", "outputs": made}, {"cell_type": "markdown", "source": ""}]}


def encoded(data: bytes) -> str:
    """Bytes as a notebook keeps them: base64 with line breaks."""
    return base64.encodebytes(data).decode()
