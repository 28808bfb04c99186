"""What is to be said of a set of runs: counts, how far, how long still, what failed, values made short.

Knows no HTML, no store and no clock: rows and the present time are given to it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from farpoint.api.tally import Tally
from farpoint.members import TIME_UP
from farpoint.model import LEFT, RunRow, State
from farpoint.table import Handle, error_line, value

# The order in which states are told, and one colour each that reads on white and on black.
COLOURS: dict[State, str] = {
    State.COMPLETED: "#2f9e62",
    State.RUNNING: "#3b82d6",
    State.QUEUED: "#c99a2e",
    State.NEW: "#8d96a3",
    State.FAILED: "#d9484f",
    State.CANCELLED: "#8c6bb1",
    State.LOST: "#b4562a",
}

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")


def clean(text: object) -> str:
    r"""Text that is safe to print: no terminal sequences, control characters or lone surrogates.

    >>> clean("\x1b[31mred\x1b[0m\x07 alert\r")
    'red alert'
    """
    bare = _CONTROLS.sub("", _ESCAPES.sub("", str(text)))
    return bare.encode("utf-8", "replace").decode("utf-8")


def short(found: object, width: int = 40) -> str:
    """A value in a few characters: for cells of a table and captions.

    >>> short(0.30000000000000004), short(7), short("a" * 50, 8), short({"x": 1})
    ('0.3', '7', 'aaaaaaa…', "{'x': 1}")
    """
    kind = type(found).__name__
    if isinstance(found, float) or kind in ("float32", "float16"):
        text = f"{found:.6g}"
    elif kind == "ndarray" or kind in ("DataFrame", "Series"):
        text = f"{kind} " + "×".join(str(length) for length in getattr(found, "shape", ()))
    elif isinstance(found, Handle):
        text = clean(found.words)
    else:
        # A long text is cut before it is cleaned: a cell never needs more of it.
        text = " ".join(clean(str(found)[: 4 * width]).split())
    return text if len(text) <= width else text[: width - 1] + "…"


def caption(parameters: Mapping[str, Any], names: Iterable[str] | None = None) -> str:
    """The parameters of a point in one line.

    >>> caption({"feed": 0.02, "kill": 0.05})
    'feed=0.02  kill=0.05'
    """
    chosen = parameters if names is None else [name for name in names if name in parameters]
    return "  ".join(f"{name}={short(value(parameters[name]), 24)}" for name in chosen)


def counts(rows: Iterable[RunRow]) -> dict[State, int]:
    """How many runs are in each state, in telling order; states without a run are left out."""
    found: dict[State, int] = {}
    for row in rows:
        found[row.state] = found.get(row.state, 0) + 1
    return {state: found[state] for state in COLOURS if state in found}


def span(seconds: float) -> str:
    """A duration in one rounded word.

    >>> span(0.4), span(42), span(61), span(7300), span(260000)
    ('1 s', '42 s', '1 min', '2 h', '3 d')
    """
    for unit, length, limit in (("s", 1, 60), ("min", 60, 60), ("h", 3600, 48)):
        count = max(round(seconds / length), 1)
        if count < limit:
            return f"{count} {unit}"
    return f"{max(round(seconds / 86400), 1)} d"


def seconds_of(row: RunRow) -> float | None:
    """How long a run took, to the hundredth."""
    return None if row.seconds is None else round(row.seconds, 2)


def plural(count: int, word: str) -> str:
    """A number and its noun.

    >>> plural(1, "point"), plural(24, "point")
    ('1 point', '24 points')
    """
    return f"{count:,} {word}" + ("" if count == 1 else "s")


def headline(title: str, rows: Iterable[RunRow], now: float) -> str:
    """The one line that tells how a scan stands: `tokamak: 24 points · 20 COMPLETED · 4 RUNNING · ~1 min left`."""
    return headline_of(title, Tally(enumerate(rows)), now)


def headline_of(title: str, tally: Tally, now: float) -> str:
    """The same from sums: of 100,000 points too it costs nothing."""
    parts = [plural(len(tally.runs), "point")]
    parts += [f"{tally.count(state):,} {state}" for state in COLOURS if tally.count(state)]
    if tally.over:
        seconds = tally.took()
        parts += [f"took {span(seconds)}"] if seconds is not None else []
    else:
        parts.append(f"{int(100 * tally.fraction(now))} %")
        left = tally.seconds_left(now)
        parts += [f"~{span(left)} left"] if left is not None else []
    return f"{clean(title)}: " + " · ".join(parts)


def waits(rows: Iterable[RunRow], limit: int = 3) -> list[str]:
    """What waits for somebody awake, and why the rest waits, in the scheduler's words: the commonest reasons."""
    open_rows = [row for row in rows if row.state in (State.NEW, State.QUEUED)]
    asleep = [row for row in open_rows if _sleeps(row)]
    lines = []
    if asleep:
        goes = "it goes" if len(asleep) == 1 else "they go"
        word = "waits" if len(asleep) == 1 else "wait"
        lines.append(
            f"{plural(len(asleep), 'point')} {word} for room; {goes} out while a kernel, Lab or `farpoint watch` runs"
        )
    others = Counter(row.reason for row in open_rows if row.reason and not _sleeps(row))
    lines += [f"{plural(count, 'point')} QUEUED: {clean(why)}" for why, count in others.most_common(limit)]
    return lines


def _sleeps(row: RunRow) -> bool:
    """Whether nothing more becomes of it until somebody hands it over."""
    return row.state is State.NEW or row.reason in (LEFT, TIME_UP)


def failures(rows: Iterable[RunRow], limit: int = 5, total: int | None = None) -> list[str]:
    """One line for each run that ended badly, and one that counts those left out, of `total` if it is given."""
    bad = [row for row in rows if row.state in (State.FAILED, State.LOST)]
    lines = [f"point {row.number}: {clean(cause(row))}  ({caption(row.parameters)})" for row in bad[:limit]]
    more = (len(bad) if total is None else total) - len(lines)
    return lines + ([f"… and {more:,} more"] if more > 0 else [])


def cause(row: RunRow) -> str:
    """Why a run ended badly, in one line: its error, else the reason, else the state."""
    return error_line(row) or row.reason or str(row.state)
