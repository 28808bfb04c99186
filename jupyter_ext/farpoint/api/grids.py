"""A scan's values as an xarray Dataset: the scanned axes become its dimensions.

Knows rows only; no store and no disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from farpoint.api.axes import Axis, axes, fills
from farpoint.errors import BadInput
from farpoint.model import RunRow
from farpoint.table import Loader, column_name, names_of, recorded, value

if TYPE_CHECKING:
    import numpy
    import xarray


def to_xarray(rows: Sequence[RunRow], title: str, load: Loader | None = None) -> xarray.Dataset:
    """Recorded values over the scanned parameters. Points that are missing, or have no value yet, are NaN.

    Parameters that make a grid are dimensions; otherwise the only dimension is `point` and parameters lie along it.
    Arrays of one shape bring dimensions of their own. Raises BadInput where xarray is not installed.
    """
    try:
        import xarray
    except ImportError as fault:
        raise BadInput("to_xarray() needs xarray, which is not installed: pip install xarray") from fault
    scanned = _dimensions(rows)
    names = names_of(rows)
    found: dict[str, dict[int, Any]] = {}
    for row in rows:
        for name, each in recorded(row, load).items():
            found.setdefault(column_name(name, names), {})[row.number] = each
    data = {name: _variable(name, each, scanned) for name, each in found.items()}
    coordinates: dict[str, Any] = {axis.name: list(axis.values) for axis in scanned}
    known = set(coordinates)
    for name in names:
        if name not in known:
            coordinates[name] = _along(name, rows, scanned)
    return xarray.Dataset(data, coordinates, {"scan": title})


def _dimensions(rows: Sequence[RunRow]) -> list[Axis]:
    """The axes of a grid, single values included; else the points themselves."""
    scanned = axes(rows)
    if fills(scanned, rows):
        return scanned
    return [Axis("point", tuple(row.number for row in rows), {row.number: k for k, row in enumerate(rows)})]


def _along(name: str, rows: Sequence[RunRow], scanned: Sequence[Axis]) -> Any:
    """A parameter that is no dimension: one value where it never changes, else a value a point."""
    found = [value(row.parameters.get(name)) for row in rows]
    if scanned[0].name != "point" or all(each == found[0] for each in found[1:]):
        return ((), _array(found[:1], (1,))[0])
    return (("point",), _array(found, (len(found),)))


def _variable(name: str, found: Mapping[int, Any], scanned: Sequence[Axis]) -> tuple[tuple[str, ...], numpy.ndarray]:
    import numpy

    shape = tuple(len(axis.values) for axis in scanned)
    places = {number: tuple(axis.at[number] for axis in scanned) for number in found}
    shapes = {each.shape if isinstance(each, numpy.ndarray) else None for each in found.values()}
    alike = len(shapes) == 1 and _numeric(found.values())
    inner = shapes.pop() if alike else None
    kinds = numpy.result_type(*found.values()) if alike else numpy.dtype(object)
    whole = len(found) == len(scanned[0].at) == numpy.prod(shape)
    if kinds.kind in "iub" and not whole:
        kinds = numpy.dtype(float)  # room for NaN
    blank = None if kinds.kind == "O" else 0 if whole else float("nan")
    filled = numpy.full((*shape, *(inner or ())), blank, dtype=kinds)
    for number, each in found.items():
        filled[places[number]] = each
    extra = tuple(f"{name}_{k}" for k in range(len(inner or ())))
    return (*(axis.name for axis in scanned), *extra), filled


def _numeric(found: Iterable[Any]) -> bool:
    import numpy

    numbers = (bool, int, float, complex, numpy.number, numpy.bool_)
    return all(isinstance(each, numbers) or _is_numbers(each) for each in found)


def _is_numbers(each: Any) -> bool:
    import numpy

    return isinstance(each, numpy.ndarray) and each.dtype.kind in "biufc"


def _array(found: Sequence[Any], shape: tuple[int, ...]) -> numpy.ndarray:
    """Values as an array; what is no number or text stays an object."""
    import numpy

    if all(isinstance(each, (bool, int, float, str, numpy.generic)) for each in found):
        return numpy.asarray(found).reshape(shape)
    filled = numpy.empty(len(found), dtype=object)
    for position, each in enumerate(found):
        filled[position] = each
    return filled.reshape(shape)
