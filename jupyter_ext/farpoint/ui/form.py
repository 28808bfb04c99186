"""The form of a scan: what parameters a task has, and the points that a filled-in form stands for.

Knows parameters and points; no widget, no machine and no store.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from farpoint import inputs, reading
from farpoint.errors import BadPoints
from farpoint.functions import calls
from farpoint.points import Points, grid, parse_axis, sample
from farpoint.points import zip as coupled

WAYS = ("fixed", "values", "range", "log", "sample")
TEXT = 200  # characters of a default that a form shows


def fields(task: Path | Callable[..., Any]) -> list[dict[str, Any]]:
    """The parameters of a notebook or the arguments of a function, in order: name, type, default as text.

    A default that is no plain number, text or truth value is shown and cannot be edited as one value.

    >>> def spring(k, damping: float = 0.1): ...
    >>> [(field["name"], field["type"], field["default"]) for field in fields(spring)]
    [('k', '', ''), ('damping', 'float', '0.1')]
    """
    if isinstance(task, Path):
        declared = inputs.parameters(reading.notebook(task))
        return [_field(name, each.annotation, each.default, needed=False) for name, each in declared.items()]
    signature = calls.shape_of(task).signature
    return [_argument(each) for each in signature.parameters.values() if _scannable(each)] if signature else []


def _scannable(given: inspect.Parameter) -> bool:
    return given.kind not in (given.VAR_POSITIONAL, given.VAR_KEYWORD)


def _argument(given: inspect.Parameter) -> dict[str, Any]:
    needed = given.default is given.empty
    said = given.annotation
    annotation = said if isinstance(said, str) else None if said is given.empty else inspect.formatannotation(said)
    return _field(given.name, annotation, None if needed else given.default, needed=needed)


def _field(name: str, annotation: str | None, default: Any, *, needed: bool) -> dict[str, Any]:
    plain = isinstance(default, (bool, int, float, str)) and not isinstance(default, inputs.Code)
    kind = annotation or (type(default).__name__ if plain else "")
    text = "" if needed else str(default) if isinstance(default, str) else repr(default)
    return {"name": name, "type": kind, "default": text[:TEXT], "needed": needed, "plain": plain}


def points(axes: Sequence[Mapping[str, Any]], samples: int = 0, seed: int = 0) -> Points:
    """The points of a filled-in form: one mapping for each axis, with `name`, `how` and what `how` needs.

    `how`: "values" or "fixed" read `text`; "range" and "log" read `low`, `high` and `count`; "sample" reads `low` and
    `high`, all sampled axes together `samples` times. Axes with one and the same word in `group` are coupled, all else
    is a product, the last axis fastest. BadPoints names the axis that cannot be read.

    >>> len(points([{"name": "x", "how": "range", "low": "0", "high": "1", "count": "5"},
    ...             {"name": "n", "how": "values", "text": "1, 2"}]))
    10
    """
    parts: list[Points] = []
    groups: dict[str, dict[str, list[Any]]] = {}
    drawn: dict[str, Any] = {}
    for axis in axes:
        name, group = str(axis["name"]), str(axis.get("group") or "")
        if axis.get("how") == "sample":
            drawn[name] = _ends(axis)
        elif group:
            if group not in groups:
                groups[group] = {}
                parts.append(Points((), ()))  # its place among the factors
            groups[group][name] = _values(axis)
        else:
            parts.append(grid(**{name: _values(axis)}))
    together = iter(groups.values())
    found = [part if part.names else coupled(**next(together)) for part in parts]
    if drawn:
        found.append(sample(samples, seed=seed, **drawn))
    product = grid()
    for part in found:
        product = product * part
    return product


def _values(axis: Mapping[str, Any]) -> list[Any]:
    name, how = str(axis["name"]), axis.get("how")
    if how not in WAYS:
        raise BadPoints(f"{name}: {how!r} is no way to give values (there are: {', '.join(WAYS)}).")
    if how in ("range", "log"):
        low, high = _ends(axis)
        count = _number(axis, "count")
        return _read(name, f"{'log:' * (how == 'log')}{low}:{high}:{count}")
    found = _read(name, str(axis.get("text", "")))
    if how == "fixed" and len(found) != 1:
        raise BadPoints(f"{name}: {axis.get('text')!r} gives {len(found)} values where one is meant. Make it an axis.")
    return found


def _ends(axis: Mapping[str, Any]) -> tuple[int | float, int | float]:
    return _number(axis, "low"), _number(axis, "high")


def _number(axis: Mapping[str, Any], key: str) -> int | float:
    name, text = str(axis["name"]), str(axis.get(key, "")).strip()
    found = _read(name, text) if text else []
    if len(found) != 1 or isinstance(found[0], bool) or not isinstance(found[0], int | float):
        raise BadPoints(f"{name}: {key} = {text!r} is not a number.")
    return found[0]


def _read(name: str, text: str) -> list[Any]:
    try:
        return parse_axis(text)
    except BadPoints as fault:
        raise BadPoints(f"{name}: {fault}") from fault
