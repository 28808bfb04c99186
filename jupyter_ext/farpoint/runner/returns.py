"""What a function returned, as records: columns of a mapping or a dataclass, anything else as `result`.

Written as data where that gives the same value back, as a signed pickle otherwise. Must not know who reads it.
"""

import os
from typing import Any, Dict, Iterator, Optional

from . import kinds, large, pickles, values

MARK = "run_result"  # the record that says which columns make up the result; no column itself
COLUMNS = 200  # a mapping with more entries is one value


def records(value: Any, spec: Dict[str, Any], folder: str) -> Iterator[Dict[str, Any]]:
    """The record events of a returned value, the mark last."""
    key = spec["results_key"]
    columns = as_columns(value)
    mark: Dict[str, Any] = {"$": "returned"}
    if columns is None:
        mark["column"] = None if value is None else column(spec, "result")
        columns = {} if value is None else {"result": value}
    elif type(value) is dict:
        mark["columns"] = [[name, column(spec, name)] for name in columns]
    else:
        mark["value"] = pickled(value, folder, "run_result", key)
    for name, each in columns.items():
        yield _record(column(spec, name), encode(each, folder, name, key))
    yield _record(MARK, mark)


def _record(name: str, typed: Any) -> Dict[str, Any]:
    return {"e": "record", "name": name, "value": typed, "step": None}


def column(spec: Dict[str, Any], name: str) -> str:
    """The column of a returned value, as `record` names it."""
    return name + ".recorded" if name in spec["parameters"] or name.startswith("run_") else name


def as_columns(value: Any) -> Optional[Dict[str, Any]]:
    """The named values of a mapping or a dataclass, None for anything else.

    >>> as_columns({"energy": 2.5}), as_columns({1: 2}), as_columns([3])
    ({'energy': 2.5}, None, None)
    """
    from collections.abc import Mapping

    if isinstance(value, Mapping):
        found = dict(value.items())
    elif hasattr(type(value), "__dataclass_fields__"):
        found = {name: getattr(value, name) for name in type(value).__dataclass_fields__ if hasattr(value, name)}
    else:
        return None
    good = all(type(name) is str and 0 < len(name) <= 200 for name in found)
    return found if good and len(found) <= COLUMNS else None


def encode(value: Any, folder: str, name: str, key: str) -> Any:
    """Typed JSON of a value, in a file of its own where it is large, pickled where data would not give it back."""
    try:
        typed = values.encode_large(value, folder, name)
    except kinds.Refused:
        return pickled(value, folder, name, key)
    if any(kinds.is_exactly(value, "pandas", kind) for kind in large.TABLES) and not _came_back(typed, folder, value):
        return pickled(value, folder, name, key)
    return typed


def _came_back(typed: Dict[str, Any], folder: str, value: Any) -> bool:
    """Whether the file of a table gives the same table: parquet has no name for every index, dtype and object."""
    import pandas

    check = getattr(pandas.testing, "assert_frame_equal" if hasattr(value, "columns") else "assert_series_equal")
    try:
        check(values.load_large(typed, folder), value, check_exact=True, check_index_type="exact", check_freq=False)
    except Exception:
        os.unlink(os.path.join(folder, typed["path"]))
        return False
    return True


def pickled(value: Any, folder: str, name: str, key: str) -> Dict[str, Any]:
    """Describe the value and put its signed pickle into `folder`/values."""
    try:
        data = pickles.seal(pickles.pack(value, "result"), key)
    except Exception as fault:
        what = "%s was returned, and a %s cannot travel (%s)" % (name, type(value).__name__, fault)
        raise TypeError(what + "; return what it is made of, or list(…) of it") from fault
    return large.store(value, ".pkl", data, folder, name)
