"""Points: named parameter values and how they are put together — grid, zip, sample, repeat, tables, * and +.

Pure: knows no notebook and no run. A product is not spelled out, so a grid of a million points costs its axes.
"""

from __future__ import annotations

import builtins
import itertools
import keyword
import math
import operator
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, overload

from farpoint.errors import BadPoints
from farpoint.ranges import LIMIT, parse_axis
from farpoint.runner import values
from farpoint.sampling import Scale, scale, unit, whole

__all__ = ["Points", "as_points", "grid", "parse_axis", "repeat", "sample", "zip"]

Row = tuple[Any, ...]
_NUMPY = frozenset(
    {"bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64"}
)


class Held:
    """A value that is no plain data: an argument of a function may be one, a notebook's parameter may not."""

    __slots__ = ("value", "why")

    def __init__(self, value: Any, why: BadPoints) -> None:
        self.value = value
        self.why = why


class Points(Sequence[dict[str, Any]]):
    """Points in their order, each a dict name → value; immutable, and no two of them equal.

    `*` pairs every point of one with every point of the other (the last varies fastest), `+` puts one after the other,
    a slice is Points again. Made by `grid`, `zip`, `sample`, `repeat` and `as_points`; BadPoints where that fails.

    >>> points = grid(x=[1, 2]) * zip(a=[10, 20], b=["p", "q"])
    >>> len(points), points[-1], points.names
    (4, {'x': 2, 'a': 20, 'b': 'q'}, ('x', 'a', 'b'))
    """

    def __init__(self, names: tuple[str, ...], rows: Sequence[Row], factors: tuple[Points, ...] = ()) -> None:
        self._names = names
        self._rows = rows
        self._factors = factors

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters, in order."""
        return self._names

    @property
    def axes(self) -> dict[str, list[Any]]:
        """The different values of every parameter, in the order in which they first come."""
        if self._factors:
            return {name: found for factor in self._factors for name, found in factor.axes.items()}
        columns: list[dict[object, Any]] = [{} for _ in self._names]
        for row in self._rows:
            for column, value in builtins.zip(columns, row, strict=True):
                column.setdefault(_mark(value), _bare(value))
        return {name: list(column.values()) for name, column in builtins.zip(self._names, columns, strict=True)}

    def packed(self, pack: Callable[[Any, str], Any]) -> Points:
        """The same points, `pack(value, name)` in place of each value. BadPoints where two are the same then."""
        if self._factors:
            return _product([factor.packed(pack) for factor in self._factors])
        named = [builtins.zip(row, self._names, strict=True) for row in self._rows]
        return _table(self._names, [tuple(pack(_bare(value), name) for value, name in row) for row in named])

    def plain(self) -> Points:
        """These points, if all their values are plain data that a notebook can be given. BadPoints names one else."""
        for factor in self._factors:
            factor.plain()
        held = (value for row in self._rows for value in row if type(value) is Held)
        first = None if self._factors else next(held, None)
        if first is not None:
            raise first.why
        return self

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for row in self._rows:
            yield dict(builtins.zip(self._names, map(_bare, row), strict=True))

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> Points: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | Points:
        if isinstance(index, slice):
            return Points(self._names, [self._rows[i] for i in range(*index.indices(len(self)))])
        at = range(len(self))[operator.index(index)]  # raises IndexError, and counts negative ones from the end
        return dict(builtins.zip(self._names, map(_bare, self._rows[at]), strict=True))

    def __mul__(self, other: object) -> Points:
        right = as_points(other)
        both = [name for name in right.names if name in self._names]
        if both:
            raise BadPoints(
                f"both sides of * have {both[0]!r}: a point has each parameter once. Use zip to couple them."
            )
        return _product((self, right))

    def __add__(self, other: object) -> Points:
        right = as_points(other)
        if not len(self) or not len(right):
            return self if len(self) else right
        if set(right.names) != set(self._names):
            odd = sorted(set(right.names) ^ set(self._names))
            raise BadPoints(f"both sides of + need the same parameters, and only one has {', '.join(map(repr, odd))}.")
        order = [right.names.index(name) for name in self._names]
        return _table(self._names, [*self._rows, *(tuple(row[i] for i in order) for row in right._rows)])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Points):
            return NotImplemented
        if self._names != other._names or len(self) != len(other):
            return False
        return all(_marks(a) == _marks(b) for a, b in builtins.zip(self._rows, other._rows, strict=True))

    __hash__ = None  # type: ignore[assignment] # values need not be hashable

    def __repr__(self) -> str:
        return f"<{len(self)} point{'s' * (len(self) != 1)} of {', '.join(self._names) or 'no parameters'}>"


class _Product(Sequence[Row]):
    """Every row of each part with every row of the others; the last part varies fastest."""

    def __init__(self, parts: Sequence[Sequence[Row]]) -> None:
        self._parts = parts

    def __len__(self) -> int:
        return math.prod(len(part) for part in self._parts)

    def __iter__(self) -> Iterator[Row]:
        for rows in itertools.product(*self._parts):
            yield tuple(itertools.chain.from_iterable(rows))

    def __getitem__(self, index: Any) -> Any:
        row: Row = ()
        for part in reversed(self._parts):
            index, at = divmod(index, len(part))
            row = (*part[at], *row)
        return row


def grid(**axes: Iterable[Any]) -> Points:
    """Every combination of the axes' values, in the order given, the last axis fastest. BadPoints names what is wrong.

    For a function's scan the values may be any objects that can be pickled.

    >>> list(grid(x=[1, 2], y=range(2)))
    [{'x': 1, 'y': 0}, {'x': 1, 'y': 1}, {'x': 2, 'y': 0}, {'x': 2, 'y': 1}]
    """
    return _product([_table((name,), [(value,) for value in _axis(name, axis)]) for name, axis in axes.items()])


def zip(**axes: Iterable[Any]) -> Points:
    """The axes side by side: first values together, then second ones. They must be equally long.

    >>> list(zip(mesh=["a", "b"], scale=[1.0, 2.5]))
    [{'mesh': 'a', 'scale': 1.0}, {'mesh': 'b', 'scale': 2.5}]
    """
    columns = {name: _axis(name, axis) for name, axis in axes.items()}
    if len({len(column) for column in columns.values()}) > 1:
        lengths = ", ".join(f"{name}: {len(column)}" for name, column in columns.items())
        raise BadPoints(f"zip puts equally long axes side by side ({lengths}). Use grid for every combination.")
    return _table(tuple(columns), list(builtins.zip(*columns.values(), strict=True)))


def sample(n: int, /, *, method: str = "latin", seed: int = 0, **ranges: Any) -> Points:
    """`n` points spread over ranges; the same seed gives the same points. BadPoints names what is wrong.

    A tuple (low, high) gives floats between the two, (low, high, "log") spreads them by magnitude; a `range` or a list
    gives one of its values. `method` is "latin" (Latin hypercube), "sobol" (needs scipy) or "random".

    >>> points = sample(8, T=(300, 600), k=["a", "b"], p=(1e-3, 1, "log"))
    >>> len(points), all(300 <= point["T"] < 600 for point in points)
    (8, True)
    """
    count, seed = whole("n", n, 1), whole("seed", seed, 0)
    _limit(count)
    scales = {name: scale(name, given) for name, given in ranges.items()}
    found: dict[object, Row] = {}
    for again in range(1000):  # where values are picked from lists, points can coincide: more are drawn
        units = unit(count, len(scales), method if again == 0 else "random", seed + again)
        rows = [tuple(s.at(u) for s, u in builtins.zip(scales.values(), row, strict=True)) for row in units]
        for row in _checked(tuple(scales), rows):
            found.setdefault(_marks(row), row)
        if len(found) >= count:
            return _table(tuple(scales), list(found.values())[:count])
        if again == 0 and _fewer(count, scales.values()):
            break
    raise BadPoints(f"there are no {count} different points of {', '.join(scales) or 'no parameters'}. Ask for fewer.")


def _fewer(count: int, scales: Iterable[Scale]) -> bool:
    sizes = [each.size for each in scales]
    return None not in sizes and math.prod(size or 1 for size in sizes) < count


def repeat(points: Any, n: int | None = None, *, name: str = "replicate") -> Points:
    """Every point `n` times, told apart by a whole-number parameter, so each has a row, a folder and a seed of its own.

    `repeat(20)` is one point twenty times. The notebook has to have the parameter, `replicate` unless `name` says.

    >>> list(repeat(grid(x=[7]), 2))
    [{'x': 7, 'replicate': 0}, {'x': 7, 'replicate': 1}]
    """
    if n is None:
        points, n = grid(), points
    return as_points(points) * grid(**{name: range(whole("n", n, 1))})


def as_points(given: Any) -> Points:
    """Points from Points, a DataFrame (a row a point), one mapping, or several. BadPoints says what cannot be read.

    >>> as_points([{"x": 1, "y": 2}, {"y": 3, "x": 4}])[1]
    {'x': 4, 'y': 3}
    """
    if isinstance(given, Points):
        return given
    if hasattr(given, "columns") and hasattr(given, "iloc"):
        return _from_frame(given)
    if isinstance(given, Mapping):
        listed = [
            name for name, value in given.items() if isinstance(value, list | tuple | range | set) or _is_array(value)
        ]
        if listed:
            raise BadPoints(
                f"{listed[0]!r} has several values: write grid(**points) for every combination, zip(**points) for "
                "side by side, or [points] for one point whose value is the whole list."
            )
        return _from_mappings([given])
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise BadPoints(f"{given!r:.80} gives no points: give grid(…), zip(…), a DataFrame or a list of mappings.")
    return _from_mappings(itertools.islice(given, LIMIT + 1))


def _from_mappings(given: Iterable[Any]) -> Points:
    rows: list[Row] = []
    names: tuple[str, ...] = ()
    for number, point in enumerate(given):
        if not isinstance(point, Mapping):
            raise BadPoints(
                f"point {number} is {point!r:.80}, not a mapping of names to values: grid(x=[…]) makes those."
            )
        names = names if rows else tuple(point)
        if len(point) != len(names) or any(name not in point for name in names):
            odd = ", ".join(sorted(repr(name) for name in set(names) ^ set(point)))
            raise BadPoints(f"point {number} does not have the parameters of point 0 (different: {odd}).")
        rows.append(tuple(point[name] for name in names))
    _limit(len(rows))
    return _table(names, _checked(names, rows))


def _from_frame(frame: Any) -> Points:
    _limit(len(frame))
    names = tuple(frame.columns)
    rows = list(builtins.zip(*(_cells(frame.iloc[:, i]) for i in range(len(names))), strict=True))
    return _table(names, _checked(names, rows))


def _cells(column: Any) -> list[Any]:
    """The values of a pandas column. Iterating over it would make Python numbers of numpy's."""
    return [column.array[i] for i in range(len(column))]


def _checked(names: Sequence[str], rows: list[Row]) -> list[Row]:
    return [
        tuple(_travels(name, number, value) for name, value in builtins.zip(names, row, strict=True))
        for number, row in enumerate(rows)
    ]


def _axis(name: str, given: Any) -> list[Any]:
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable) or not getattr(given, "shape", (1,)):
        raise BadPoints(f"{name}={given!r:.80} is one value, and an axis is several: write {name}=[{given!r:.80}].")
    if isinstance(given, set | frozenset):
        raise BadPoints(f"{name} is a set, which has no order: write {name}=sorted(…).")
    if type(given).__module__.partition(".")[0] == "pandas":
        given = _cells(given)
    found = list(itertools.islice(given, LIMIT + 1))
    _limit(len(found), f" in {name!r}")
    if not found:
        raise BadPoints(f"{name!r} has no values: an axis needs at least one.")
    return [_travels(name, number, value) for number, value in enumerate(found)]


def _travels(name: str, number: int, value: Any) -> Any:
    """The value, held where it is no plain data."""
    if type(value) in (int, str, float, bool, Held) or _is_plain_numpy(value):
        return value
    if type(value).__name__ in ("NAType", "NaTType"):
        raise BadPoints(
            f"{name!r} is missing in point {number} ({value}): leave such points out (dropna) or fill them."
        )
    try:
        values.encode(value)
    except values.Refused as refused:
        return Held(value, BadPoints(f"{name!r} cannot be sent for point {number}: {refused}."))
    return value


def _bare(value: Any) -> Any:
    return value.value if type(value) is Held else value


def _is_plain_numpy(value: Any) -> bool:
    return type(value).__module__ == "numpy" and type(value).__name__ in _NUMPY


def _is_array(value: Any) -> bool:
    return len(getattr(value, "shape", ())) > 0


def _mark(value: Any) -> object:
    """Equal for values that are equal and of the same type, as the key of a run has it."""
    kind = type(value)
    if kind is Held:
        return kind, id(value.value)  # what equals what is known once it is packed
    if kind in (int, str, bool):
        return kind, value
    if kind is float:
        return kind, repr(value)
    return (kind, repr(value.item())) if _is_plain_numpy(value) else values.canonical(value)


def _marks(row: Row) -> tuple[object, ...]:
    return tuple(map(_mark, row))


def _table(names: tuple[str, ...], rows: list[Row]) -> Points:
    _check_names(names)
    _limit(len(rows))
    seen: dict[object, int] = {}
    for number, row in enumerate(rows):
        first = seen.setdefault(_marks(row), number)
        if first != number:
            said = ", ".join(f"{name}={value!r:.40}" for name, value in builtins.zip(names, row, strict=True))
            raise BadPoints(
                f"points {first} and {number} are the same ({said or 'no parameters'}): a point runs once. Leave one "
                "out, or use repeat to run it several times."
            )
    return Points(names, rows)


def _product(parts: Sequence[Points]) -> Points:
    names = tuple(name for part in parts for name in part.names)
    _limit(math.prod(len(part) for part in parts))
    return Points(names, _Product([part._rows for part in parts]), tuple(parts))  # noqa: SLF001 - of our own class


def _check_names(names: tuple[Any, ...]) -> None:
    for name in names:
        if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
            raise BadPoints(f"{name!r} cannot name a parameter: a notebook could not assign to it. Rename it.")
        if name.startswith("run_"):
            raise BadPoints(f"{name!r} begins with run_, as farpoint's own columns do. Rename it.")
        if unicodedata.normalize("NFKC", name) != name:
            raise BadPoints(f"{name!r} is spelled {unicodedata.normalize('NFKC', name)!r} by Python. Rename it so.")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise BadPoints(f"there are two columns {twice!r}: a point has each parameter once.")


def _limit(count: int, where: str = "") -> None:
    if count > LIMIT:
        told = "more than a million" if count == LIMIT + 1 else f"{count:,}"
        raise BadPoints(f"{told} points{where} are too many ({LIMIT:,} at most): submit them in several scans.")
