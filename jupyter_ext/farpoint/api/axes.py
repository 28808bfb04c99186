"""What was scanned, as axes: parameters that differ, those that go together, and whether the points fill a grid.

Knows rows only; how axes are shown or stored is not its business.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from farpoint.model import RunRow
from farpoint.table import names_of, value


@dataclass(frozen=True, slots=True)
class Axis:
    """A scanned parameter: its distinct values in order, and where each point lies on it."""

    name: str
    values: tuple[object, ...]
    at: Mapping[int, int]  # point number → position in `values`

    @property
    def numeric(self) -> bool:
        """True where the values are numbers, so that distances mean something."""
        return all(is_number(each) for each in self.values)


def is_number(found: object) -> bool:
    """True for a finite real number that is not a truth value."""
    if isinstance(found, bool) or not hasattr(found, "__float__") or isinstance(found, (str, bytes)):
        return False
    try:
        return math.isfinite(float(found))
    except (TypeError, ValueError, OverflowError):
        return False


def axes(rows: Sequence[RunRow]) -> list[Axis]:
    """The parameters that differ between the points. Numbers are put in order, anything else stays as it came."""
    return [found for name in names_of(rows) if (found := axis(rows, name)) is not None]


def axis(rows: Sequence[RunRow], name: str) -> Axis | None:
    """One parameter as an axis; None where it does not differ."""
    known: dict[str, object] = {}
    keys = {row.number: repr(row.parameters.get(name)) for row in rows}
    for row in rows:
        key = keys[row.number]
        if key not in known:
            known[key] = value(row.parameters.get(name))
    if len(known) < 2:
        return None
    order = list(known)
    if all(is_number(each) for each in known.values()):
        order.sort(key=lambda key: float(known[key]))  # type: ignore[arg-type]  # is_number said so
    place = {key: position for position, key in enumerate(order)}
    return Axis(name, tuple(known[key] for key in order), {number: place[key] for number, key in keys.items()})


def numbers_among(found: Sequence[object]) -> int:
    """How many of these are numbers as `is_number` has it; plain ones, by far the most, are looked at all at once."""
    if set(map(type, found)) <= {int, float}:
        try:
            return sum(map(math.isfinite, found))  # type: ignore[arg-type]  # they are numbers
        except OverflowError:  # an integer that is too large to be a float
            pass
    return sum(map(is_number, found))


def is_grid(scanned: Sequence[Axis], points: int) -> bool:
    """True where the axes' product is not much larger than the number of points: most of it was scanned."""
    return math.prod(len(axis.values) for axis in scanned) <= 2 * points


def fills(scanned: Sequence[Axis], rows: Sequence[RunRow]) -> bool:
    """True where the points lie on a grid of these axes, no two of them in one place."""
    places = {tuple(axis.at[row.number] for axis in scanned) for row in rows}
    return bool(scanned) and len(places) == len(rows) and is_grid(scanned, len(rows))


def coupled(scanned: Sequence[Axis]) -> list[list[Axis]]:
    """Axes that always change together, put together, as `zip` makes them; every other axis by itself.

    Numbers go together only where one rises, or falls, with the other: those of a random sample do not.
    """
    groups: list[list[Axis]] = []
    for axis in scanned:
        near = next((group for group in groups if _together(group[0], axis)), None)
        if near is None:
            groups.append([axis])
        else:
            near.append(axis)
    return groups


def _together(one: Axis, other: Axis) -> bool:
    pairs = {(one.at[number], other.at[number]) for number in one.at}
    if not len(pairs) == len(one.values) == len(other.values):
        return False
    if not (one.numeric and other.numeric):
        return True
    follows = [place for _, place in sorted(pairs)]
    return follows in (sorted(follows), sorted(follows, reverse=True))
