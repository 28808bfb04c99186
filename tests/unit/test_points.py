"""Points: their order, their types, what is refused, and that a large grid stays small."""

import json
import math
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from farpoint import points as fp
from farpoint.errors import BadPoints
from farpoint.points import Points, as_points, grid, repeat, sample

VECTORS = json.loads((Path(__file__).parents[1] / "golden" / "vectors" / "scans.json").read_text())


def rows(points: Points) -> list[list]:
    return [list(point.values()) for point in points]


@pytest.mark.parametrize(
    "case", VECTORS["scans"], ids=lambda case: "×".join([*case.get("scans", ()), *case.get("coupled", ({},))[0]])
)
def test_order_of_the_vectors(case):
    points = grid(**case.get("scans", {}))
    for coupled in case.get("coupled", ()):
        points = points * fp.zip(**coupled)
    found = rows(points)
    if "points" in case:
        assert found == case["points"]
    else:
        assert len(points) == case["n_points"]
        assert (found[0], found[-1]) == (case["first"], case["last"])


@pytest.mark.parametrize("case", VECTORS["ranges"], ids=repr)
def test_ranges_of_the_vectors(case):
    count = (case["end"] - case["start"]) // case["step"] + 1
    assert fp.parse_axis(f"{case['start']}:{case['end']}:{count}") == case["values"]


def test_a_product_of_coupled_groups():
    groups = fp.zip(a=[0.0, 1.1, 2.2], b=[0.7, 0.75, 0.8]) * fp.zip(c=[2.8, 3.1], d=[[2.6, 3.1], [2.7, 3.2]])
    points = grid(i=range(3)) * groups
    assert len(points) == 18
    assert rows(points)[1] == [0, 0.0, 0.7, 3.1, [2.7, 3.2]]
    assert points.names == ("i", "a", "b", "c", "d")
    assert points.axes["d"] == [[2.6, 3.1], [2.7, 3.2]]


def test_points_are_a_sequence():
    points = grid(x=[1, 2, 3], y=["a", "b"])
    assert points[0] == {"x": 1, "y": "a"}
    assert points[-1] == {"x": 3, "y": "b"}
    assert points[np.int64(2)] == {"x": 2, "y": "a"}
    assert list(points) == [points[i] for i in range(6)]
    assert {"x": 2, "y": "b"} in points
    assert rows(points[1:5:2]) == [[1, "b"], [2, "b"]]
    assert points[1:5].axes == {"x": [1, 2, 3], "y": ["b", "a"]}
    assert repr(points) == "<6 points of x, y>"
    assert repr(grid()) == "<1 point of no parameters>"
    assert list(grid()) == [{}]
    with pytest.raises(IndexError):
        points[6]
    with pytest.raises(TypeError):
        points["x"]
    points[0]["x"] = 99
    assert points[0]["x"] == 1, "a point given out is a copy"


def test_equality_is_of_values_and_types():
    assert grid(x=[1, 2]) == as_points([{"x": 1}, {"x": 2}])
    assert grid(x=[1, 2]) != grid(x=[1.0, 2.0])
    assert grid(x=[1, 2]) != grid(x=[2, 1])
    assert grid(x=[np.zeros(2)]) == grid(x=[np.zeros(2)])
    assert grid(x=[1]) != [{"x": 1}]


def test_plus():
    both = grid(x=[1, 2], y=[0]) + as_points([{"y": 5, "x": 3}])
    assert rows(both) == [[1, 0], [2, 0], [3, 5]]
    assert rows(both * grid(z=[7])) == [[1, 0, 7], [2, 0, 7], [3, 5, 7]]
    assert grid(x=[1]) + as_points([]) == grid(x=[1]) == as_points([]) + grid(x=[1])
    assert (grid(x=[1]) + {"x": 2})[1] == {"x": 2}
    assert len(as_points([])) == 0
    with pytest.raises(BadPoints, match=r"points 1 and 2 are the same \(x=2\): .* use repeat"):
        grid(x=[1, 2]) + grid(x=[2, 3])
    with pytest.raises(BadPoints, match="only one has 'y', 'z'"):
        grid(x=[1], y=[1]) + grid(x=[1], z=[1])
    with pytest.raises(BadPoints, match="both sides of \\* have 'x'"):
        grid(x=[1]) * fp.zip(x=[1])


TYPED = [
    1,
    True,
    1.0,
    "1",
    None,
    (1,),
    [1],
    {"a": 1},
    b"1",
    1j,
    np.int64(1),
    np.float32(1),
    np.bool_(True),
    np.str_("1"),
    math.inf,
]


def test_values_keep_their_types():
    points = grid(x=TYPED)
    assert [type(point["x"]) for point in points] == [type(value) for value in TYPED]
    assert points.axes["x"] == TYPED
    assert [type(v) for v in grid(x=np.arange(2)).axes["x"]] == [np.int64] * 2
    assert [type(v) for v in grid(x=np.linspace(0, 1, 3)).axes["x"]] == [np.float64] * 3
    assert [v.tolist() for v in grid(x=np.eye(2)).axes["x"]] == [[1, 0], [0, 1]], "rows of a matrix are vectors"
    assert [type(v) for v in grid(x=pd.Series([1, 2])).axes["x"]] == [np.int64] * 2
    assert [type(v) for v in grid(x=pd.Index(["a"])).axes["x"]] == [str]
    assert grid(x=(i for i in range(3))).axes == {"x": [0, 1, 2]}
    assert math.isnan(grid(x=[math.nan, 0.0, -0.0])[0]["x"])


def test_tables():
    frame = pd.DataFrame(
        {"i": [1, 2], "f": [0.5, 1.5], "s": ["a", "b"], "t": pd.to_datetime(["2024-01-01", "2024-01-02"])}
    )
    points = as_points(frame)
    assert [type(value) for value in points[0].values()] == [np.int64, np.float64, str, pd.Timestamp]
    assert points.names == ("i", "f", "s", "t")
    assert as_points(frame.iloc[::-1])[0]["s"] == "b", "rows in order, whatever the index says"
    assert type(as_points(frame.astype({"i": "Int64"}))[0]["i"]) is np.int64
    assert len(as_points(frame.iloc[:0])) == 0
    with pytest.raises(BadPoints, match=r"'i' is missing in point 1 \(<NA>\)"):
        as_points(pd.DataFrame({"i": pd.array([1, None], dtype="Int64")}))
    with pytest.raises(BadPoints, match=r"'t' is missing in point 0 \(NaT\)"):
        as_points(pd.DataFrame({"t": [pd.NaT, pd.Timestamp("2024")]}))
    with pytest.raises(BadPoints, match=r"points 0 and 2 are the same \(x=.*1"):
        as_points(pd.DataFrame({"x": [1, 2, 1]}))
    with pytest.raises(BadPoints, match="two columns 'x'"):
        as_points(pd.DataFrame([[1, 2]], columns=["x", "x"]))
    with pytest.raises(BadPoints, match="0 cannot name a parameter"):
        as_points(pd.DataFrame([[1, 2]]))


def test_mappings():
    assert rows(as_points({"x": 1, "y": "a"})) == [[1, "a"]]
    assert rows(as_points({"x": k} for k in range(3))) == [[0], [1], [2]]
    assert list(as_points([{}])) == [{}]
    assert as_points(grid(x=[1])) == grid(x=[1])
    for listed in ([1, 2], (1, 2), range(2), np.arange(2), {1}):
        with pytest.raises(BadPoints, match=r"'x' has several values: write grid\(\*\*points\)"):
            as_points({"x": listed})
    assert as_points([{"x": [1, 2]}])[0] == {"x": [1, 2]}
    with pytest.raises(BadPoints, match="point 1 does not have the parameters of point 0 \\(different: 'y', 'z'\\)"):
        as_points([{"x": 1, "y": 2}, {"x": 1, "z": 2}])
    with pytest.raises(BadPoints, match="different: 'y'"):
        as_points([{"x": 1}, {"x": 1, "y": 2}])
    with pytest.raises(BadPoints, match="point 0 is 1, not a mapping"):
        as_points([1, 2])
    for wrong in ("x", 3, None, b"x"):
        with pytest.raises(BadPoints, match="gives no points"):
            as_points(wrong)


@pytest.mark.parametrize(
    "name, said",
    [("1x", "cannot name"), ("a b", "cannot name"), ("lambda", "cannot name"), ("", "cannot name"),
     ("run_x", "begins with run_"), ("ﬁ", "is spelled 'fi' by Python"), ("x;y", "cannot name")],
)  # fmt: skip
def test_names_that_no_notebook_can_assign_to(name, said):
    for make in (lambda: grid(**{name: [1]}), lambda: as_points([{name: 1}]), lambda: fp.zip(**{name: [1]})):
        with pytest.raises(BadPoints, match=said):
            make()


def test_axes_that_are_none():
    with pytest.raises(BadPoints, match=r"x=5 is one value, .* write x=\[5\]"):
        grid(x=5)
    with pytest.raises(BadPoints, match=r"write x=\['abc'\]"):
        grid(x="abc")
    with pytest.raises(BadPoints, match="is one value"):
        grid(x=np.array(3))
    with pytest.raises(BadPoints, match="is one value"):
        grid(x={"a": 1})
    with pytest.raises(BadPoints, match=r"write x=sorted\(…\)"):
        grid(x={1, 2})
    with pytest.raises(BadPoints, match="'x' has no values"):
        grid(x=[])
    with pytest.raises(BadPoints, match=r"zip puts .* \(x: 1, y: 2\)"):
        fp.zip(x=[1], y=[1, 2])
    with pytest.raises(BadPoints, match="points 0 and 2 are the same \\(x=1\\)"):
        grid(x=[1, 2, 1])
    with pytest.raises(BadPoints, match="'x' cannot be sent for point 1: value is a object; give"):
        grid(y=[1], x=[1, object()]).plain()
    assert len(grid(x=[1, 1.0, True])) == 3


class Thing:
    """No plain data."""


def test_objects_are_points_of_a_function():
    one, two = Thing(), Thing()
    points = grid(x=[one, two], y=[1, 2]) + as_points([{"x": one, "y": 3}])
    assert [point["x"] for point in points] == [one, one, two, two, one]
    assert points[2:3][0] == {"x": two, "y": 1}
    assert list(grid(x=[one, two]).axes["x"]) == [one, two]
    named = points.packed(lambda value, name: f"{name} {points.axes[name].index(value)}")
    assert [point["x"] for point in named] == ["x 0", "x 0", "x 1", "x 1", "x 0"]
    assert grid(x=[1, 2]).plain() == grid(x=[1, 2])
    with pytest.raises(BadPoints, match="points 0 and 1 are the same"):
        grid(x=[one, two]).packed(lambda value, name: 0)


def test_a_million_is_the_end():
    assert len(grid(a=range(1000), b=range(1000))) == 1_000_000
    with pytest.raises(BadPoints, match="1,001,000 points are too many"):
        grid(a=range(1000), b=range(1001))
    with pytest.raises(BadPoints, match="1,000,000,000,000"):
        grid(a=range(1000), b=range(1000)) * grid(c=range(1000), d=range(1000))
    with pytest.raises(BadPoints, match="more than a million points in 'a'"):
        grid(a=iter(int, 1))
    with pytest.raises(BadPoints, match="more than a million"):
        as_points({"x": k} for k in iter(int, 1))
    with pytest.raises(BadPoints, match="2,000,000 points"):
        sample(2_000_000, x=(0, 1))


def test_a_large_grid_is_made_at_once_and_is_small():
    tracemalloc.start()
    began = time.perf_counter()
    points = grid(a=range(100), b=np.linspace(0, 1, 100), c=["x", "y", "z", "u", "v", "w", "r", "s", "t", "q"])
    made = time.perf_counter() - began
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(points) == 100_000
    assert made < 0.5
    assert peak < 1_000_000
    began = time.perf_counter()
    assert sum(1 for _ in points) == 100_000
    assert points.axes["a"] == list(range(100))
    assert time.perf_counter() - began < 5


def test_repeat():
    assert rows(repeat(3)) == [[0], [1], [2]]
    assert repeat(3).names == ("replicate",)
    assert rows(repeat(grid(x=[1, 2]), 2)) == [[1, 0], [1, 1], [2, 0], [2, 1]]
    assert repeat({"x": 1}, 2, name="again").names == ("x", "again")
    with pytest.raises(BadPoints, match="have 'replicate'"):
        repeat(repeat(2), 2)
    for wrong in (0, -1, 1.5, True, "3"):
        with pytest.raises(BadPoints, match="whole number of at least 1"):
            repeat(grid(x=[1]), wrong)


@pytest.mark.parametrize("method", ["latin", "sobol", "random"])
def test_samples(method):
    points = sample(20, method=method, seed=3, T=(300, 600), p=(1e-3, 1.0, "log"), k=range(5), s=["a", "b"])
    assert points == sample(20, method=method, seed=3, T=(300, 600), p=(1e-3, 1.0, "log"), k=range(5), s=["a", "b"])
    assert points != sample(20, method=method, seed=4, T=(300, 600), p=(1e-3, 1.0, "log"), k=range(5), s=["a", "b"])
    assert len(points) == 20
    for point in points:
        assert type(point["T"]) is float
        assert 300 <= point["T"] <= 600
        assert 1e-3 <= point["p"] <= 1
        assert point["k"] in range(5)
        assert point["s"] in "ab"
    assert 1 < sum(point["p"] < 0.03 for point in points) < 19, "spread by magnitude"


@given(st.integers(1, 50), st.integers(0, 10**6), st.integers(1, 4))
def test_a_latin_hypercube_has_one_point_in_every_stripe(n, seed, dimensions):
    points = sample(n, seed=seed, **{f"x{i}": (0, 1) for i in range(dimensions)})
    for name in points.names:
        assert sorted(int(point[name] * n) for point in points) == list(range(n))


def test_samples_of_lists_are_different_points():
    assert sorted(point["k"] for point in sample(10, k=range(10), method="random")) == list(range(10))
    with pytest.raises(BadPoints, match="no 11 different points of k"):
        sample(11, k=range(10))
    with pytest.raises(BadPoints, match="no 2 different points of k"):
        sample(2, k=[1, 1, 1])
    with pytest.raises(BadPoints, match="no 2 different points of no parameters"):
        sample(2)
    assert sample(2, k=[True, False]).names == ("k",)


@pytest.mark.parametrize(
    "wrong",
    [
        (1, 0),
        (0, 0),
        (0,),
        (0, 1, "lin"),
        (0, 1, "log"),
        ("a", "b"),
        (0, math.inf),
        [0, 1],
        [],
        range(0),
        3,
        "0:1",
        None,
    ],
)
def test_ranges_that_are_none(wrong):
    with pytest.raises(BadPoints, match=r"x=.* is not a range: write \(low, high\)"):
        sample(3, x=wrong)


def test_what_else_a_sample_refuses(monkeypatch):
    with pytest.raises(BadPoints, match=r"no method 'lattin' .* Did you mean 'latin'"):
        sample(3, method="lattin", x=(0, 1))
    with pytest.raises(BadPoints, match="seed=-1"):
        sample(3, seed=-1, x=(0, 1))
    with pytest.raises(BadPoints, match="seed='a'"):
        sample(3, seed="a", x=(0, 1))
    with pytest.raises(BadPoints, match="cannot be sent"):
        sample(3, x=[object(), object(), object()]).plain()
    monkeypatch.setitem(__import__("sys").modules, "scipy.stats", None)
    with pytest.raises(BadPoints, match=r"needs scipy: pip install 'farpoint\[scipy\]'"):
        sample(3, method="sobol", x=(0, 1))


LATIN = [0.6721758785095098, 0.6044234130667575, 0.3042518590925739]
CHANCE = [0.6369616873214543, 0.2697867137638703, 0.04097352393619469]


def test_the_same_seed_gives_the_same_numbers_for_good():
    """A scan submitted again next year has to find its points: these numbers must never change."""
    assert [point["x"] for point in sample(3, x=(0, 1))] == LATIN
    assert [point["x"] for point in sample(3, x=(0, 1), method="random")] == CHANCE


@given(st.lists(st.lists(st.integers(), min_size=1, max_size=4, unique=True), min_size=1, max_size=4))
def test_products_count_and_index_as_they_iterate(axes):
    named = {f"x{i}": axis for i, axis in enumerate(axes)}
    points = grid(**named)
    assert len(points) == math.prod(map(len, axes))
    assert [points[i] for i in range(len(points))] == list(points)
    assert points.axes == named
    split = grid(**dict(list(named.items())[:1])) * grid(**dict(list(named.items())[1:]))
    assert list(split) == list(points)
