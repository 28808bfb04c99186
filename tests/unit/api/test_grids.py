import builtins
import math

import numpy
import pytest

from farpoint.api import grids
from farpoint.errors import BadInput
from farpoint.runner import values
from rows import failed, grid, row


def test_axes_become_dimensions() -> None:
    found = grids.to_xarray(grid(columns=3, lines=2), "tokamak")
    assert found["energy"].dims == ("x", "y")
    assert found["energy"].sel(x=0.5, y=2) == 2.5
    assert found.attrs == {"scan": "tokamak"}


def test_missing_points_are_nan_and_whole_numbers_stay_so_only_when_whole() -> None:
    rows = [row(n, parameters={"x": n % 2, "y": n // 2}, records={"n": n}) for n in range(4)]
    assert grids.to_xarray(rows, "t")["n"].dtype == "int64"
    holes = [*rows[:3], failed(3, parameters={"x": 1, "y": 1})]
    found = grids.to_xarray(holes, "t")["n"]
    assert math.isnan(found.sel(x=1, y=1))
    assert found.sel(x=0, y=1) == 2


def test_points_that_make_no_grid_lie_along_one_dimension() -> None:
    rows = [row(n, parameters={"a": n, "b": n * n, "c": 5}, records={"e": n * 1.0}) for n in range(9)]
    found = grids.to_xarray(rows, "t")
    assert found["e"].dims == ("point",)
    assert found["b"].dims == ("point",)
    assert found["c"].dims == ()
    assert found["b"].sel(point=3) == 9


def test_text_and_arrays() -> None:
    rows = [
        row(n, parameters={"x": n}, records={"s": f"s{n}", "profile": values.encode(numpy.arange(4) * n)})
        for n in range(3)
    ]
    found = grids.to_xarray(rows, "t")
    assert found["s"].values.tolist() == ["s0", "s1", "s2"]
    assert found["profile"].dims == ("x", "profile_0")
    assert found["profile"].sel(x=2).values.tolist() == [0, 2, 4, 6]


def test_arrays_of_different_shapes_stay_objects() -> None:
    rows = [row(n, parameters={"x": n}, records={"v": values.encode(numpy.arange(n + 1))}) for n in range(3)]
    assert grids.to_xarray(rows, "t")["v"].values[2].tolist() == [0, 1, 2]


def test_a_constant_parameter_is_kept() -> None:
    rows = [row(n, parameters={"x": n, "k": values.encode((1, 2))}, records={"e": n}) for n in range(3)]
    assert grids.to_xarray(rows, "t")["k"].item() == (1, 2)


def test_without_xarray_the_mend_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: object, **more: object) -> object:
        if name == "xarray":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(BadInput, match="pip install xarray"):
        grids.to_xarray(grid(), "t")
