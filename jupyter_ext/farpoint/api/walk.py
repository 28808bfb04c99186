"""What a page's sliders move through: axes, columns and points of a scan as plain data.

Knows rows and axes; no markup and no pictures beyond which points have one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from farpoint.api.axes import Axis, axes, coupled, fills, is_number
from farpoint.api.show import state_words, traceback_of
from farpoint.api.summary import caption, cause, clean, seconds_of, short
from farpoint.model import RunRow, State
from farpoint.table import column_name, names_of, recorded

COLUMNS = 60  # quantities that can be chosen for the map
TRACES = 200  # points whose traceback is on the page
_TRACE = 4_000  # characters of a traceback, its end
SLIDERS = 8  # parameters with a slider where the points make no grid


def of(rows: Sequence[RunRow], shown: Collection[int] = (), left: Collection[int] = ()) -> dict[str, Any]:
    """Sliders, columns and points, ready for JSON; `shown` are points with a frame, `left` those whose is not here.

    `walk` is "grid" where every place of the sliders is a point or a hole, and "order" where the points make no grid:
    there the first slider walks through them in order, and each other one goes to the nearest point.
    """
    scanned = axes(rows)
    told = _together(scanned)
    walk = "grid" if fills(told, rows) else "order"
    if walk == "order":
        told = [_order(rows), *scanned[:SLIDERS]]
    names = [axis.name for axis in scanned] or names_of(rows)
    bad = [row.number for row in rows if row.state in (State.FAILED, State.LOST)][:TRACES]
    points = [_point(row, told, names, row.number in bad, row.number in left) for row in rows]
    across, up = _sides(told if walk == "grid" else told[1:], 0 if walk == "grid" else 1)
    return {
        "walk": walk,
        "axes": [_axis(axis) for axis in told],
        "columns": columns(rows),
        "points": points,
        "first": _middle(rows, told, shown) if walk == "grid" else _first(rows, shown),
        "across": across,
        "up": up,
    }


def said(found: dict[str, Any]) -> str:
    """What must be known of the sliders to use them; empty where each is a parameter of a grid."""
    names = [axis["name"] for axis in found["axes"]]
    if found["walk"] == "order" and len(names) > 1:
        return (
            "These points make no grid. The first slider walks through them in order; each of the others goes to the "
            "point that has its value and is nearest in the rest, and all sliders follow."
        )
    joined = [name for name in names if " · " in name]
    return f"One slider moves {' and '.join(joined)}: these parameters change together." if joined else ""


def _together(scanned: Sequence[Axis]) -> list[Axis]:
    """Axes as the sliders have them: what always changes together is one."""
    found = []
    for group in coupled(scanned):
        first = group[0]
        if len(group) == 1:
            found.append(first)
            continue
        by_place = {first.at[number]: number for number in first.at}
        values = [
            " · ".join(short(axis.values[axis.at[by_place[place]]], 12) for axis in group)
            for place in range(len(first.values))
        ]
        found.append(Axis(" · ".join(axis.name for axis in group), tuple(values), first.at))
    return found


def _order(rows: Sequence[RunRow]) -> Axis:
    return Axis("point", tuple(row.number for row in rows), {row.number: place for place, row in enumerate(rows)})


def _axis(axis: Axis) -> dict[str, Any]:
    numbers = [float(each) for each in axis.values] if axis.numeric else None  # type: ignore[arg-type]
    return {"name": clean(axis.name), "labels": [short(each) for each in axis.values], "numbers": numbers}


def _sides(told: Sequence[Axis], offset: int) -> tuple[int | None, int | None]:
    """Which axes the map has across and up: the two longest, the longer one across."""
    order = sorted(range(len(told)), key=lambda place: -len(told[place].values))[:2]
    chosen = [place + offset for place in order]
    return (chosen[0] if chosen else None), (chosen[1] if len(chosen) > 1 else None)


def _point(row: RunRow, told: Sequence[Axis], names: Sequence[str], traced: bool, left: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "number": row.number,
        "at": [axis.at[row.number] for axis in told],
        "name": caption(row.parameters, names),
        "state": str(row.state),
        "word": state_words(row),
    }
    if row.state in (State.FAILED, State.LOST):
        found["error"] = clean(cause(row))[:500]
        found["trace"] = traceback_of(row)[-_TRACE:] if traced else ""
    elif row.reason:
        found["error"] = clean(row.reason)[:500]
    if left:
        found["left"] = True
    return found


def _first(rows: Sequence[RunRow], shown: Collection[int]) -> int | None:
    return next((row.number for row in rows if row.number in shown), rows[0].number if rows else None)


def _middle(rows: Sequence[RunRow], told: Sequence[Axis], shown: Collection[int]) -> int:
    """The point nearest to the middle of the grid, among those with a frame where there are any."""
    chosen = [row.number for row in rows if row.number in shown] or [row.number for row in rows]

    def off(number: int) -> float:
        return sum(abs(axis.at[number] / (len(axis.values) - 1) - 0.5) for axis in told)

    return min(chosen, key=off)


# ---------------------------------------------------------------------------------------------- columns
def columns(rows: Sequence[RunRow]) -> list[dict[str, Any]]:
    """Every quantity a map can be coloured by: recorded numbers and words, then how long runs took and how they stand.

    A column's `values` are those of the rows, in their order; what is missing or not finite is None.
    """
    names = names_of(rows)
    found: dict[str, list[Any]] = {}
    for place, row in enumerate(rows):
        for name, each in recorded(row).items():
            found.setdefault(column_name(name, names), [None] * len(rows))[place] = each
    made = [column for name, each in found.items() if (column := _column(name, each)) is not None]
    numbers = [column for column in made if column["kind"] == "number"]
    words = [column for column in made if column["kind"] == "word"]
    own = [_column("run_seconds", [seconds_of(row) for row in rows]), _states(rows)]
    return [*numbers, *words][: COLUMNS - len(own)] + [column for column in own if column is not None]


def _column(name: str, found: Sequence[Any]) -> dict[str, Any] | None:
    """A column of numbers, or of short words; None for what is neither, such as arrays."""
    here = [each for each in found if each is not None]
    if not here or not all(isinstance(each, (str, bool)) or _is_real(each) for each in here):
        return None
    if all(_is_real(each) for each in here):
        values = [float(each) if is_number(each) else None for each in found]
        return {"name": clean(name), "kind": "number", "values": values} if any(map(is_number, values)) else None
    return {"name": clean(name), "kind": "word", "values": [None if each is None else short(each) for each in found]}


def _is_real(found: object) -> bool:
    """True for any real number, also those that are not finite."""
    return is_number(found) or (isinstance(found, float) and not is_number(found))


def _states(rows: Sequence[RunRow]) -> dict[str, Any]:
    return {"name": "run_state", "kind": "state", "values": [str(row.state) for row in rows]}
