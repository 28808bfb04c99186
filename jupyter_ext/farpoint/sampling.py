"""Numbers spread over a unit cube, by Latin hypercube, Sobol or chance, and the ranges they are laid over.

Knows one parameter's range at a time and no point. The same seed always gives the same numbers.
"""

from __future__ import annotations

import inspect
import math
import operator
import warnings
from collections.abc import Sequence
from numbers import Real
from typing import Any

from farpoint.errors import BadPoints, nearest

METHODS = ("latin", "sobol", "random")


def unit(count: int, dimensions: int, method: str, seed: int) -> list[list[float]]:
    """`count` rows of `dimensions` floats, each at least 0 and below 1; BadPoints for an unknown method.

    >>> unit(2, 1, "latin", 0) == unit(2, 1, "latin", 0)
    True
    """
    if method == "latin":
        return _latin(count, dimensions, seed)
    if method == "sobol":
        return _sobol(count, dimensions, seed)
    if method == "random":
        rows: list[list[float]] = _stream(seed).random((count, dimensions)).tolist()
        return rows
    raise BadPoints(f"there is no method {method!r} (methods: {', '.join(METHODS)}).{nearest(method, METHODS)}")


def whole(name: str, given: Any, least: int) -> int:
    """A whole number of at least `least`, or BadPoints naming it.

    >>> whole("n", 3, 1)
    3
    """
    try:
        number = least - 1 if isinstance(given, bool) else operator.index(given)
    except TypeError:
        number = least - 1
    if number < least:
        raise BadPoints(f"{name}={given!r}: give a whole number of at least {least}.")
    return number


def _stream(seed: int) -> Any:
    import numpy as np

    return np.random.Generator(np.random.PCG64(seed))


def _latin(count: int, dimensions: int, seed: int) -> list[list[float]]:
    """One point in every `1/count`-th of each dimension. From uniform numbers alone, which numpy never changes."""
    stream = _stream(seed)
    order = stream.random((count, dimensions)).argsort(axis=0, kind="stable")
    rows: list[list[float]] = (
        ((order + stream.random((count, dimensions))) / max(count, 1)).clip(0, 1 - 2**-53).tolist()
    )
    return rows


def _sobol(count: int, dimensions: int, seed: int) -> list[list[float]]:
    try:
        from scipy.stats import qmc
    except ImportError as fault:
        raise BadPoints("method='sobol' needs scipy: pip install 'farpoint[scipy]', or say method='latin'.") from fault
    word = "rng" if "rng" in inspect.signature(qmc.Sobol).parameters else "seed"  # renamed in scipy 1.15
    engine = qmc.Sobol(dimensions, **{word: _stream(seed)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that 2^n points are balanced best; any number is asked for here
        rows: list[list[float]] = engine.random(count).tolist()
    return rows


class Scale:
    """Where a number from 0 to 1 falls between two ends, or in a list. `size` is how many values there are, if few."""

    def __init__(self, low: float, high: float, *, log: bool = False, choices: Sequence[Any] = ()) -> None:
        self._low, self._high, self._log, self._choices = low, high, log, choices
        self.size = len(choices) or None

    def at(self, u: float) -> Any:
        """The value at `u`, from 0 to 1."""
        if self._choices:
            return self._choices[min(int(u * len(self._choices)), len(self._choices) - 1)]
        if self._log:
            value = self._low * (self._high / self._low) ** u
        else:
            value = self._low + u * (self._high - self._low)
        return min(max(value, self._low), self._high)


def scale(name: str, given: Any) -> Scale:
    """The range that somebody gave for the parameter `name`, or BadPoints with the ways to write one.

    >>> scale("T", (300, 600)).at(0.5), scale("k", ["a", "b", "c"]).at(0.5)
    (450.0, 'b')
    """
    made = None
    if isinstance(given, tuple):
        made = _between(*given) if 2 <= len(given) <= 3 else None
    elif isinstance(given, list | range) and len(given) and not _may_be_ends(given):
        made = Scale(0.0, 1.0, choices=given)
    if made is None:
        raise BadPoints(
            f"{name}={given!r:.80} is not a range: write (low, high) with low < high, (low, high, 'log') above zero, "
            "or a range or a list of values to choose from (of numbers, not just two)."
        )
    return made


def _between(low: Any, high: Any, log: Any = None) -> Scale | None:
    try:
        low, high = float(low), float(high)
    except (TypeError, ValueError):
        return None
    good = -math.inf < low < high < math.inf and (log is None or (isinstance(log, str) and log == "log" and low > 0))
    return Scale(low, high, log=log is not None) if good else None


def _may_be_ends(given: Sequence[Any]) -> bool:
    """A list of two numbers may well be meant as the ends of a range."""
    return (
        isinstance(given, list)
        and len(given) == 2
        and all(isinstance(v, Real) and not isinstance(v, bool) for v in given)
    )
