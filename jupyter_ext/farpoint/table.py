"""Rows of the store as a DataFrame: a row a point; parameters first, then recorded values, then ours (`run_…`).

Knows no project, no disk and no network: how a large value is read and where a point lies are functions given to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from farpoint.model import RunRow
from farpoint.runner import values

if TYPE_CHECKING:
    import pandas

# Types that JSON carries as themselves: nearly every value of a large scan, so they skip the decoder.
_NATIVE = (int, float, str, bool, type(None))

Loader = Callable[[RunRow, Mapping[str, Any]], Any]


@dataclass(frozen=True, slots=True, eq=False)
class Handle:
    """A recorded value that is too large for the table and lies in a file of its run. `size` in bytes.

    >>> Handle("density", {"$": "file", "type": "ndarray", "shape": [200, 300], "size": 480128}, lambda: 0)
    <density: ndarray 200×300, 480 kB; .load()>
    """

    name: str
    typed: Mapping[str, Any]
    read: Callable[[], Any] = field(repr=False)

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return int(self.typed.get("size") or 0)

    def load(self) -> Any:
        """The value itself; its file is fetched first when it is not here yet."""
        return self.read()

    @property
    def words(self) -> str:
        """Kind, shape and size in a few words."""
        shape = "×".join(str(length) for length in self.typed.get("shape") or ())
        kind = " ".join(part for part in (str(self.typed.get("type", "value")), shape) if part)
        return f"{kind}, {size_words(self.size)}"

    def __repr__(self) -> str:
        return f"<{self.name}: {self.words}; .load()>"


def size_words(size: float) -> str:
    """Bytes as people say them.

    >>> size_words(480128), size_words(900)
    ('480 kB', '900 B')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.0f} {unit}" if size >= 10 or unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def is_large(typed: Any) -> bool:
    """True for a recorded value that was put into a file of its own."""
    return type(typed) is dict and typed.get("$") == "file"


def is_mark(typed: Any) -> bool:
    """True for the record that says which columns a function returned; it is no value itself."""
    return type(typed) is dict and typed.get("$") == "returned"


def value(typed: Any) -> Any:
    """A typed value of a row as Python has it.

    >>> value(3), value([1, 2.5])
    (3, [1, 2.5])
    """
    return values.decode(typed) if type(typed) in (dict, list) else typed


def recorded(row: RunRow, load: Loader | None = None) -> dict[str, Any]:
    """What a run recorded, by name: values, the last of each series, a `Handle` for what is large."""
    found = {name: _one(row, name, typed, load) for name, typed in row.records.items() if not is_mark(typed)}
    for name, steps in row.series.items():
        if steps:
            found.setdefault(name, _one(row, name, steps[-1][1], load))
    return found


def _one(row: RunRow, name: str, typed: Any, load: Loader | None) -> Any:
    if type(typed) in _NATIVE:
        return typed
    if not is_large(typed):
        try:
            return value(typed)
        except (ValueError, ImportError):  # of a newer farpoint, or a library not here: told when it is asked for
            return Handle(name, typed, lambda: value(typed))

    def read() -> Any:
        if load is None:
            raise LookupError(f"the file of {name!r} of point {row.number} is not within reach of this table")
        return load(row, typed)

    return Handle(name, typed, read)


def error_line(row: RunRow) -> str:
    """The error of a run in one line, e.g. `ValueError: x is negative`; empty where there is none."""
    if not row.error:
        return ""
    kind, message = str(row.error.get("type") or ""), str(row.error.get("message") or "").strip()
    first = message.splitlines()[0] if message else ""
    return f"{kind}: {first}" if kind and first else kind or first


def names_of(rows: Iterable[RunRow]) -> list[str]:
    """Parameter names, in the order in which the rows first have them."""
    seen: dict[str, None] = {}
    for row in rows:
        seen.update(dict.fromkeys(row.parameters))
    return list(seen)


def column_name(name: str, taken: Iterable[str]) -> str:
    """The column of a recorded value: its own name, unless a parameter or one of ours has it.

    >>> column_name("x", ["x", "y"]), column_name("energy", ["x"]), column_name("run_state", [])
    ('x.recorded', 'energy', 'run_state.recorded')
    """
    return f"{name}.recorded" if name in taken or name.startswith("run_") else name


def frame(
    rows: Sequence[RunRow],
    *,
    names: Sequence[str] | None = None,
    load: Loader | None = None,
    folder: Callable[[RunRow], str | None] | None = None,
) -> pandas.DataFrame:
    """A row a point, indexed by point number. `load` reads a large value, `folder` says where a point lies here.

    >>> from farpoint.model import State
    >>> row = RunRow("r1", "p", "s", 7, {"x": 1.5}, 0, "k", 1, 1, State.COMPLETED, records={"energy": 3})
    >>> frame([row])[["x", "energy", "run_state"]].to_dict("index")
    {7: {'x': 1.5, 'energy': 3, 'run_state': 'COMPLETED'}}
    """
    import pandas

    index = pandas.Index([row.number for row in rows], name="point", dtype="int64")
    names = names_of(rows) if names is None else list(names)
    columns: dict[str, Any] = {}
    for name in names:
        columns[name] = column([value(row.parameters.get(name)) for row in rows], index)
    for name, found in _recorded_columns(rows, load).items():
        columns[column_name(name, names)] = column(found, index)
    columns.update(_run_columns(rows, index, folder))
    return pandas.DataFrame(columns, index=index)


def _recorded_columns(rows: Sequence[RunRow], load: Loader | None) -> dict[str, list[Any]]:
    """One list a recorded name, filled in place, so that 100,000 rows stay one pass."""
    columns: dict[str, list[Any]] = {}
    for position, row in enumerate(rows):
        if not row.records and not row.series:
            continue
        for name, found in recorded(row, load).items():
            if name not in columns:
                columns[name] = [None] * len(rows)
            columns[name][position] = found
    return columns


def column(found: list[Any], index: pandas.Index[Any]) -> pandas.Series[Any]:
    """A list as a column: numeric stays numeric (missing: NaN), truth values stay so, anything else is kept as is."""
    import numpy
    import pandas

    kinds = {type(each) for each in found}
    gaps = type(None) in kinds
    kinds.discard(type(None))
    if kinds and kinds <= {bool, numpy.bool_}:
        return pandas.Series(found, index=index, dtype="boolean" if gaps else "bool")
    numbers = (int, float, numpy.integer, numpy.floating)
    if bool not in kinds and all(issubclass(kind, numbers) for kind in kinds):
        return _numbers(found, index, gaps)
    return pandas.Series(found, index=index, dtype=object).infer_objects()


def _numbers(found: list[Any], index: pandas.Index[Any], gaps: bool) -> pandas.Series[Any]:
    import numpy
    import pandas

    try:
        whole = numpy.asarray(found, dtype="float64") if gaps else numpy.asarray(found)
    except OverflowError:
        whole = numpy.asarray(found, dtype=object)
    if not len(found):
        whole = whole.astype(object)
    return pandas.Series(whole, index=index)


def _run_columns(
    rows: Sequence[RunRow], index: pandas.Index[Any], folder: Callable[[RunRow], str | None] | None
) -> dict[str, Any]:
    import pandas

    def series(found: list[Any], dtype: str) -> pandas.Series[Any]:
        return pandas.Series(found, index=index, dtype=dtype)

    times = pandas.Series([row.started for row in rows], index=index, dtype="float64")
    return {
        "run_state": series([row.state.value for row in rows], "str"),
        "run_reason": series([row.reason for row in rows], "str"),
        "run_error": series([error_line(row) for row in rows], "str"),
        "run_exit_code": series([row.exit_code for row in rows], "Int64"),
        "run_seconds": series([row.seconds for row in rows], "float64"),
        "run_memory": series([row.memory for row in rows], "Int64"),
        "run_machine": series([row.machine for row in rows], "str"),
        "run_job_id": series([row.job_id or "" for row in rows], "str"),
        "run_folder": series([(folder(row) if folder else None) or "" for row in rows], "str"),
        "run_started": pandas.to_datetime(times, unit="s", utc=True),
        "run_version": series([row.version for row in rows], "int64"),
        "run_seed": column([row.seed for row in rows], index),
    }


def overview(rows: Sequence[RunRow], folder: Callable[[RunRow], str | None] | None = None) -> pandas.DataFrame:
    """Runs of several scans in one table, indexed by scan and point; parameters are one column of text.

    >>> from farpoint.model import State
    >>> overview([RunRow("r1", "p", "s", 7, {"x": 1}, 0, "k", 1, 1, State.NEW)])["run_parameters"].to_dict()
    {('s', 7): 'x=1'}
    """
    import pandas

    index = pandas.MultiIndex.from_arrays(
        [[row.scan for row in rows], [row.number for row in rows]], names=["scan", "point"]
    )
    texts = [", ".join(f"{name}={value(found)!r}" for name, found in row.parameters.items()) for row in rows]
    columns: dict[str, Any] = {
        "run_id": pandas.Series([row.run for row in rows], index=index, dtype="str"),
        "run_parameters": pandas.Series(texts, index=index, dtype="str"),
    }
    columns.update(_run_columns(rows, index, folder))
    return pandas.DataFrame(columns, index=index)
