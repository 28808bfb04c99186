import math
import time

import pandas
import pytest

from farpoint import table
from farpoint.runner import values
from rows import failed, grid, row


def test_columns_come_in_order() -> None:
    frame = table.frame([row(7, parameters={"x": 1, "a": "b"}, records={"energy": 3.0, "abc": 1})])
    assert frame.index.tolist() == [7]
    assert frame.index.name == "point"
    assert list(frame.columns) == [
        *("x", "a", "energy", "abc"),
        *("run_state", "run_reason", "run_error", "run_exit_code", "run_seconds", "run_memory", "run_machine"),
        *("run_job_id", "run_folder", "run_started", "run_version", "run_seed"),
    ]


def test_numbers_stay_numbers_with_points_missing() -> None:
    rows = [row(0, records={"n": 3, "ok": True, "name": "a"}), row(1, "RUNNING")]
    frame = table.frame(rows)
    assert frame["n"].dtype == "float64"
    assert frame["n"].tolist()[0] == 3
    assert math.isnan(frame["n"][1])
    assert frame["ok"].dtype == "boolean"
    assert frame["name"].isna().tolist() == [False, True]
    assert frame.query("n > 2").index.tolist() == [0]


@pytest.mark.parametrize(
    ("found", "dtype"),
    [([1, 2], "int64"), ([1, 2.5], "float64"), ([True, False], "bool"), ([1, "a"], "object"), ([2**70, 1], "object")],
)
def test_whole_columns_have_the_narrowest_type(found: list[object], dtype: str) -> None:
    frame = table.frame([row(n, records={"v": values.encode(each)}) for n, each in enumerate(found)])
    assert frame["v"].dtype == dtype
    assert frame["v"].tolist() == found


def test_values_are_decoded() -> None:
    import numpy

    typed = {"t": values.encode((1, 2)), "a": values.encode(numpy.arange(3)), "f": values.encode(numpy.float64(2.5))}
    frame = table.frame([row(0, parameters={"p": values.encode((3, "x"))}, records=typed)])
    assert frame["p"][0] == (3, "x")
    assert frame["t"][0] == (1, 2)
    assert frame["a"][0].tolist() == [0, 1, 2]
    assert frame["f"].dtype == "float64"


def test_a_recorded_name_never_hides_another() -> None:
    frame = table.frame([row(0, parameters={"x": 1}, records={"x": 2, "run_state": "mine"})])
    assert frame["x"][0] == 1
    assert frame["x.recorded"][0] == 2
    assert frame["run_state.recorded"][0] == "mine"
    assert frame["run_state"][0] == "COMPLETED"


def test_a_series_shows_its_last_value() -> None:
    frame = table.frame([row(0, series={"loss": [[0, 0.5], [1, 0.25]]}), row(1, series={"loss": []})])
    assert frame["loss"][0] == 0.25


def test_large_values_are_handles() -> None:
    typed = {
        "$": "file",
        "path": "values/v.npy",
        "sha256": "0",
        "size": 480_000,
        "type": "ndarray",
        "shape": [200, 300],
    }
    asked = []
    frame = table.frame([row(4, records={"v": typed})], load=lambda one, what: asked.append((one.number, what)) or 42)
    assert repr(frame["v"][4]) == "<v: ndarray 200×300, 480 kB; .load()>"
    assert not asked
    assert frame["v"][4].load() == 42
    assert asked == [(4, typed)]


def test_a_value_that_cannot_be_read_here_is_told_when_asked_for() -> None:
    handle = table.frame([row(0, records={"v": {"$": "from the future"}})])["v"][0]
    with pytest.raises(ValueError, match="newer farpoint"):
        handle.load()


def test_our_columns() -> None:
    frame = table.frame([failed(0, exit_code=1, memory=5_000), row(1, "NEW")], folder=lambda one: f"f{one.number}")
    first = frame.loc[0]
    assert first["run_error"] == "ValueError: x is negative"
    assert (first["run_exit_code"], first["run_memory"], first["run_seconds"]) == (1, 5000, 10.0)
    assert first["run_started"] == pandas.Timestamp(100, unit="s", tz="UTC")
    assert frame["run_started"].isna().tolist() == [False, True]
    assert frame["run_folder"].tolist() == ["f0", "f1"]
    assert frame["run_exit_code"].dtype == "Int64"
    assert frame["run_seed"].tolist() == [1000, 1001]


def test_no_rows_make_an_empty_table() -> None:
    frame = table.frame([], names=["x"])
    assert len(frame) == 0
    assert list(frame.columns)[:2] == ["x", "run_state"]


def test_runs_of_several_scans_stand_together() -> None:
    frame = table.overview([row(1, parameters={"x": 1, "name": "a"}), row(1, scan="other")])
    assert frame.loc[("tokamak", 1), "run_parameters"] == "x=1, name='a'"
    assert frame.loc["other", "run_id"].tolist() == ["r000000001"]


def test_a_hundred_thousand_rows_take_seconds_at_most() -> None:
    rows = [row(n, parameters={"x": n * 0.5, "y": n}, records={"e": n * 2.0, "s": "t"}) for n in range(100_000)]
    begun = time.perf_counter()
    frame = table.frame(rows)
    assert len(frame) == 100_000
    assert time.perf_counter() - begun < 10


def test_rows_keep_their_order() -> None:
    assert table.frame(grid())["energy"].tolist() == [0.0, 1.0, 2.0, 0.5, 1.5, 2.5]
