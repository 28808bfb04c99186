"""Values nobody thought of: plain JSON beside papermill, everything there and back."""

# ruff: noqa: DTZ001 - moments without a zone are values too

from __future__ import annotations

import datetime as dt
import enum
import json
import zoneinfo
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from budget import budget
from farpoint.runner import layout, values
from farpoint.runner.values import Refused, decode, encode, literal
from sameness import same

ZURICH = zoneinfo.ZoneInfo("Europe/Zurich")
# ---------------------------------------------------------------------------------------------- papermill

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats()
    | st.text(st.characters() | st.characters(categories=["Cs"]))
    | st.sampled_from(['"', "\\", "\n", "'", "{x}", "\\n", "\N{SNOWMAN}", "a\"b'c\\\"", "%s"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(deadline=None)
@given(JSON)
def test_plain_json_reads_exactly_as_papermill_writes_it(value: Any) -> None:
    from papermill.translators import PythonTranslator

    assert literal(value) == PythonTranslator.translate(value)


@pytest.mark.parametrize(
    "value", [10**599, -(10**700), 10**4299, {"b": {"$": [-0.0]}, "a": [1e22, 1e-7]}], ids=range(4)
)
def test_papermill_agrees_on_long_numbers_and_odd_keys(value: Any) -> None:
    from papermill.translators import PythonTranslator

    assert literal(value) == PythonTranslator.translate(value)


# --------------------------------------------------------------------------------------- generated values

zones = st.sampled_from(
    [None, dt.UTC, ZURICH, zoneinfo.ZoneInfo("Asia/Kathmandu"), dt.timezone(dt.timedelta(hours=-5, minutes=30), "odd")]
)
zones |= st.timedeltas(dt.timedelta(hours=-23), dt.timedelta(hours=23)).map(dt.timezone)
moments = st.dates() | st.datetimes(timezones=zones) | st.times(timezones=zones) | st.timedeltas()
dtypes = st.one_of(
    hnp.boolean_dtypes(), hnp.integer_dtypes(endianness="?"), hnp.unsigned_integer_dtypes(endianness="?"),
    hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64)), hnp.complex_number_dtypes(endianness="?", sizes=(64, 128)),
    hnp.datetime64_dtypes(endianness="?"), hnp.timedelta64_dtypes(endianness="?"),
    hnp.unicode_string_dtypes(endianness="?", max_len=4),
    hnp.byte_string_dtypes(max_len=4),
)  # fmt: skip
arrays = dtypes.flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
)
scalars = dtypes.filter(lambda dtype: dtype.isnative).flatmap(hnp.from_dtype)
stamps = st.builds(
    lambda stamp, unit: stamp.as_unit(unit),
    st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2250, 1, 1)).map(pd.Timestamp) | st.datetimes(
        dt.datetime(1900, 1, 1), dt.datetime(2250, 1, 1), timezones=st.sampled_from([dt.UTC,
        ZURICH])).map(pd.Timestamp),
    st.sampled_from(["s", "ms", "us", "ns"]),
)  # fmt: skip
leaves = JSON | scalars | arrays | moments | stamps
keys = (
    st.text(max_size=3)
    | st.integers()
    | st.floats()
    | st.booleans()
    | st.none()
    | st.tuples(st.text(max_size=2), st.integers())
)
nested = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple) | st.dictionaries(keys, inner,
    max_size=3)
    | st.sets(keys, max_size=4) | st.frozensets(keys, max_size=4),
    max_leaves=6,
)  # fmt: skip
odd = st.one_of(
    st.decimals(), st.fractions(), st.uuids(), st.binary(), st.complex_numbers(),
    st.builds(slice, st.none() | st.integers(), st.integers()), st.builds(range, st.integers(-9, 9), st.integers(-9,
    9), st.integers(1, 3)),
    st.sampled_from([enum.Enum("Size", "BIG").BIG, object(), np.array([None]), np.zeros(2, "i4,i4"), np.longdouble(1),
    pd.NA]),
)  # fmt: skip


@pytest.mark.slow
def test_generated_values_arrive_the_same_or_are_refused() -> None:
    count = {"usual": 0, "usual refused": 0}

    def check(value: Any, usual: bool) -> None:
        count["usual"] += usual
        try:
            typed = encode(value)
        except Refused:
            count["usual refused"] += usual
            return
        assert same(decode(json.loads(layout.dump(typed))), value)
        assert same(eval(literal(value), {}), value)
        json.dumps(values.plain(value), allow_nan=False)

    relaxed = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))
    settings(relaxed, max_examples=budget("examples.values"))(given(nested)(lambda value: check(value, True)))()
    settings(relaxed, max_examples=budget("examples.values") // 10)(
        given(st.lists(odd | nested))(lambda value: check(value, False))
    )()
    assert count["usual"] >= budget("examples.values")
    assert not count["usual refused"]
