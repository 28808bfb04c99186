"""One column of a scan's table as the widget needs it: as numbers, in order, as text; kept up value by value.

Knows values only. What was worked out once is kept until a value of the column changes.
"""

from __future__ import annotations

import array
import math
from collections.abc import Sequence
from typing import Any

from farpoint.api import summary
from farpoint.api.axes import is_number, numbers_among

WIDTH = 60  # characters of a cell of the table
LABELS = 200  # different texts a column may have to be drawn as categories


class Column:
    """Values in the order of the points; None where a point has none."""

    def __init__(self, role: str, values: list[Any]) -> None:
        self.role = role
        self.values = values
        there = [each for each in values if each is not None]
        self._filled = len(there)
        self._numbers = numbers_among(there)
        self._first = repr(there[0]) if there else None
        # Once it varies it is taken to vary: a column does not come and go while values do.
        self._varies = any(repr(each) != self._first for each in there)
        self._orders: dict[bool, list[int]] = {}
        self._drawn: tuple[list[str], array.array[float]] | None = None

    def put(self, place: int, value: Any) -> bool:
        """Take in one value; whether it is another than before."""
        before = self.values[place]
        if before is value or (type(before) is type(value) and repr(before) == repr(value)):
            return False
        self.values[place] = value
        for each, by in ((before, -1), (value, 1)):
            if each is not None:
                self._filled += by
                self._numbers += by * is_number(each)
        if value is not None:
            self._first = self._first or repr(value)
            self._varies = self._varies or repr(value) != self._first
        self._orders = {}
        if self._drawn is not None and self.numeric and not self._drawn[0]:
            self._drawn[1][place] = math.nan if value is None else float(value)
        else:
            self._drawn = None
        return True

    @property
    def numeric(self) -> bool:
        """Whether all there is are numbers."""
        return 0 < self._filled == self._numbers

    @property
    def constant(self) -> bool:
        """Whether it never was seen to vary."""
        return not self._varies

    def order(self, *, down: bool) -> list[int]:
        """All places, numbers by size and anything else as text; what is missing comes last either way."""
        if down not in self._orders:
            there = [place for place, each in enumerate(self.values) if each is not None]
            key = float if self._numbers == self._filled else str
            keys = {place: key(self.values[place]) for place in there}
            there.sort(key=keys.__getitem__, reverse=down)
            self._orders[down] = there + [place for place, each in enumerate(self.values) if each is None]
        return self._orders[down]

    def drawn(self) -> tuple[list[str], bytes]:
        """(labels, 64-bit floats): numbers as they are, texts as places among the labels."""
        if self._drawn is None:
            self._drawn = ([], _floats(self.values)) if self.numeric else _labelled(self.values)
        labels, data = self._drawn
        return labels[:LABELS], data.tobytes()

    def text(self, place: int, width: int = WIDTH) -> str:
        """A value in a few characters; empty where there is none."""
        found = self.values[place]
        return "" if found is None else summary.short(found, width)

    def words(self) -> list[str]:
        """Every value as a filter finds it: in small letters."""
        return ["" if text is None else text.lower() for text in _texts(self.values)]


def _texts(values: Sequence[Any]) -> list[str | None]:
    """Each value in a few characters; the same value is spelled once."""
    known: dict[Any, str] = {}
    texts: list[str | None] = []
    for each in values:
        key = (type(each), each if isinstance(each, (str, int, float)) else id(each))
        if each is not None and key not in known:
            known[key] = summary.short(each, WIDTH)
        texts.append(known.get(key))
    return texts


def _floats(values: Sequence[Any]) -> array.array[float]:
    return array.array("d", [math.nan if each is None else float(each) for each in values])


def _labelled(values: Sequence[Any]) -> tuple[list[str], array.array[float]]:
    labels: dict[str, int] = {}
    places = [math.nan if text is None else labels.setdefault(text, len(labels)) for text in _texts(values)]
    return list(labels), array.array("d", places)
