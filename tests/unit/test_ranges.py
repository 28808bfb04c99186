"""Axes written as text: exact counts, clean numbers, ints that stay ints."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farpoint.errors import BadPoints
from farpoint.ranges import parse_axis


@pytest.mark.parametrize(
    "text, values",
    [
        ("0:0.3:4", [0.0, 0.1, 0.2, 0.3]),
        ("0.02:0.06:21", [round(0.02 + 0.002 * i, 3) for i in range(21)]),
        ("0:10:11", list(range(11))),
        ("10:0:3", [10, 5, 0]),
        ("0:1:3", [0.0, 0.5, 1.0]),
        ("0:2.0:3", [0.0, 1.0, 2.0]),
        ("-1 : 1 : 3", [-1, 0, 1]),
        (".5:1.:2", [0.5, 1.0]),
        ("7:7:1", [7]),
        ("log:1e-3:1:4", [0.001, 0.01, 0.1, 1.0]),
        ("log:1:1000:4", [1, 10, 100, 1000]),
        ("log:1000:1:4", [1000, 100, 10, 1]),
        ("log:4:9:3", [4, 6, 9]),
        ("log:1:2:3", [1.0, 2**0.5, 2.0]),
        ("log:5:5:1", [5.0]),
        ("1,2,3", [1, 2, 3]),
        ("1, 2.0 ,1e3", [1, 2.0, 1000.0]),
        ("5", [5]),
        ("a.json, b.json", ["a.json", "b.json"]),
        ("'a,b',c", ["a,b", "c"]),
        ("True,None,'1'", [True, None, "1"]),
        ("[1,2],[3,4]", [[1, 2], [3, 4]]),
        ("[1,2,3]", [1, 2, 3]),
        ("[[1,2]]", [[1, 2]]),
        ("(1,2)", [(1, 2)]),
        ("{'a': 1}", [{"a": 1}]),
        ("'12:30','14:00'", ["12:30", "14:00"]),
        ("2024-01-01", ["2024-01-01"]),
        ("http://x/y", ["http://x/y"]),
        ("1,", [1]),
        ("a,", ["a"]),
        ("007", ["007"]),
        ("inf,-inf,1", [math.inf, -math.inf, 1]),
        ("1is", ["1is"]),
        (r"\d", [r"\d"]),
    ],
)
def test_values(text, values):
    found = parse_axis(text)
    assert found == values
    assert [type(value) for value in found] == [type(value) for value in values]


def test_nan():
    assert math.isnan(parse_axis("nan")[0])


@pytest.mark.parametrize(
    "text",
    ["", " ", ",", "1,,2", "0:1", "12:30", "0:1:2:3", "0:1:x", "0:1:2.5", "0:1:0", "0:1:-1", "0:1:1", "1:1:2",
     "0:1:2000000", "log:0:1:3", "log:-1:1:3", "log:1:2", "log:a:b:3", "1e999:1:2", "0:1e-999999999:2", "0:1:3,5",
     "(1,2),abc", "'a", "0:x:3", "12:30,14:00", "1" * 61 + ":1:2", "[]", "(" * 500],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(text):
    with pytest.raises(BadPoints):
        parse_axis(text)


numbers = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**6), max_value=10**6, places=4).map(str)


@given(numbers, numbers, st.integers(2, 200))
def test_a_range_has_exactly_its_count_and_ends(start, stop, count):
    if Fraction(start) == Fraction(stop):
        return
    found = parse_axis(f"{start}:{stop}:{count}")
    assert len(found) == count
    assert (found[0], found[-1]) == (float(start), float(stop))
    step = (Fraction(stop) - Fraction(start)) / (count - 1)
    assert all(value == float(Fraction(start) + step * i) for i, value in enumerate(found))


@given(st.integers(-1000, 1000), st.integers(1, 50), st.integers(2, 50))
def test_whole_steps_stay_whole(start, step, count):
    found = parse_axis(f"{start}:{start + step * (count - 1)}:{count}")
    assert found == list(range(start, start + step * count, step))
    assert {type(value) for value in found} == {int}


@given(st.integers(-8, 8), st.integers(1, 12))
def test_decades_print_clean(low, decades):
    found = parse_axis(f"log:1e{low}:1e{low + decades}:{decades + 1}")
    assert [repr(value) for value in found] == [repr(float(f"1e{low + i}")) for i in range(decades + 1)]


@given(st.lists(st.one_of(st.integers(), st.floats(allow_nan=False), st.text("abcxyz_", min_size=1)), min_size=1))
def test_lists_come_back(values):
    words = {"True", "False", "None", "nan", "inf", "infinity"}
    if any(isinstance(value, str) and value.lower() in words for value in values):
        return
    assert parse_axis(",".join(value if isinstance(value, str) else repr(value) for value in values)) == values
