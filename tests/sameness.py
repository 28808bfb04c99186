"""Whether two values are the same: stricter than ==, and nan is itself."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd


def same(one: Any, two: Any) -> bool:
    """Equal and of the same type all the way down; nan is itself, -0.0 is not 0.0, dicts keep their order."""
    if one is two:
        return True
    if type(one) is not type(two):
        return False
    if isinstance(one, (list, tuple)):
        return len(one) == len(two) and all(map(same, one, two))
    if isinstance(one, (set, frozenset)):
        key = lambda item: (type(item).__name__, repr(item))
        return same(sorted(one, key=key), sorted(two, key=key))
    if isinstance(one, dict):
        return same(list(one.items()), list(two.items()))
    if isinstance(one, np.ndarray):
        return one.dtype.str == two.dtype.str and one.shape == two.shape and same_items(one, two)
    if isinstance(one, np.generic):
        return one.dtype == two.dtype and same_items(np.array(one), np.array(two))
    if isinstance(one, (pd.Timestamp, pd.Timedelta)):
        return one.unit == two.unit and one == two and same_zone(one, two)
    if isinstance(one, (dt.datetime, dt.time)):
        return one.replace(tzinfo=None) == two.replace(tzinfo=None) and one.fold == two.fold and same_zone(one, two)
    return one == two if type(one) is int else repr(one) == repr(two)  # very long ones cannot be printed


def same_items(one: Any, two: Any) -> bool:
    pairs = zip(one.ravel().tolist(), two.ravel().tolist(), strict=True)
    signs = one.dtype.kind != "f" or np.array_equal(np.signbit(one[one == 0]), np.signbit(two[two == 0]))
    return signs and all(x == y or (is_nan(x) and is_nan(y)) for x, y in pairs)


def is_nan(x: Any) -> bool:
    return bool(x != x)  # noqa: PLR0124 - nan alone, of any type


def same_zone(one: Any, two: Any) -> bool:
    zone, other = getattr(one, "tzinfo", None), getattr(two, "tzinfo", None)
    return type(zone) is type(other) and repr(zone) == repr(other)
