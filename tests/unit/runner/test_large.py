"""Recorded values that are too large for a line lie in files other programs read."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from farpoint.runner import layout, values
from farpoint.runner.values import Refused, encode
from sameness import same

# --------------------------------------------------------------------------------------------- large values


def test_small_values_stay_in_the_line(tmp_path: Path) -> None:
    for value in ([1, (2, "x")], np.zeros(4096), "a" * 40_000):
        assert values.encode_large(value, str(tmp_path)) == encode(value)
    assert not list(tmp_path.iterdir())


FRAME = pd.DataFrame(
    {"a": [1, 2], "b": ["x", None], "t": pd.to_datetime(["2024-01-01", None])}, index=pd.Index([3, 5], name="n")
)
LARGE = [
    (np.arange(9000, dtype=">i4").reshape(90, 100), ".npy", [90, 100]),
    (np.array(["x" * 9000, "y"]), ".npy", [2]),
    ({"a": (np.zeros(9000), float("nan"))}, ".json", [1]),
    ("a" * 50_000, ".json", [50_000]),
    ([math.pi] * 9000, ".json", [9000]),
    (1 << (1 << 19), ".json", None),
    (FRAME, ".parquet", [2, 3]),
    (pd.Series([1.5, 2.5], name="energy"), ".parquet", [2]),
]


@pytest.mark.parametrize(("value", "ending", "shape"), LARGE, ids=map(str, range(len(LARGE))))
def test_large_values_lie_in_a_file(tmp_path: Path, value: Any, ending: str, shape: list[int] | None) -> None:
    typed = values.encode_large(value, str(tmp_path), name="a/../b c")
    path = tmp_path / typed["path"]
    assert typed["path"] == f"values/a____b_c-{typed['sha256'][:12]}{ending}"
    assert typed == {"$": "file", "path": typed["path"], "sha256": layout.digest(path.read_bytes()),
                     "size": path.stat().st_size, "type": type(value).__name__, "shape": shape}  # fmt: skip
    assert [str(found.relative_to(tmp_path)) for found in tmp_path.rglob("*.*")] == [typed["path"]]
    loaded = values.load_large(typed, str(tmp_path))
    if isinstance(value, pd.DataFrame):
        pd.testing.assert_frame_equal(loaded, value)
    elif isinstance(value, pd.Series):
        pd.testing.assert_series_equal(loaded, value)
    else:
        assert same(loaded, value)
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(ValueError, match="not the file that was recorded"):
        values.load_large(typed, str(tmp_path))


def test_large_values_are_refused_like_small_ones(tmp_path: Path) -> None:
    for value in (
        np.full(5000, None),
        object(),
        np.ma.zeros(9000),
        pd.DataFrame({"a": [1j, "x"]}),
        [np.zeros(2, "i4,i4")],
    ):
        with pytest.raises(Refused):
            values.encode_large(value, str(tmp_path))
    assert not list(tmp_path.iterdir())


def test_a_table_where_nothing_writes_parquet_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(self: pd.DataFrame, path: object) -> None:
        raise ImportError("Unable to find a usable engine")

    monkeypatch.setattr(pd.DataFrame, "to_parquet", missing)
    with pytest.raises(Refused, match="install pyarrow there"):
        values.encode_large(FRAME, str(tmp_path))
