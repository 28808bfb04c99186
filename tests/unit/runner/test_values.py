"""A value arrives equal and of the same type, or it is refused with its place and the mend."""

# ruff: noqa: DTZ001, DTZ901 - moments without a zone are values too

from __future__ import annotations

import collections
import datetime as dt
import decimal
import enum
import fractions
import json
import os
import pathlib
import pickle
import subprocess
import sys
import uuid
import zoneinfo
from typing import Any

import numpy as np
import pandas as pd
import pytest

from farpoint.runner import layout, values
from farpoint.runner.values import Refused, decode, encode, literal
from sameness import same

ZURICH = zoneinfo.ZoneInfo("Europe/Zurich")


def travelled(value: Any) -> Any:
    return decode(json.loads(layout.dump(encode(value))))


SHARED = [1]
EXAMPLES = [
    [SHARED, (SHARED, SHARED)], ((), ()),
    None, True, False, 0, -1, 2**63, -(10**500), 1 << 5000, -(1 << 5000), 0.0, -0.0, 0.1, 1e308, 5e-324,
    float("nan"), float("inf"), float("-inf"),
    "", "a", "é😀", "quote\" and ' and \\ and \n\r\t\0", "\u2028\x85", "\ud800", "\ud800\udc00", '\\"',
    [], [[]], [1, [2.5, ["x", None]]], {}, {"a": 1, "b": 2}, {"b": 1, "a": 2}, {"a": {"$": 1}}, {"$": "tuple",
    "items": []},
    {"\ud800": 1}, {1: "a"}, {None: 1, True: 2}, {(1, "a"): [1]}, {float("inf"): 1},
    (), (1,), (1, (2,)), set(), {1, 2.5, "a"}, {(1,), (2,)}, frozenset(), frozenset({frozenset({1})}), [(1, {2: {3}})],
    b"", b"\x00\xff'\"", 1 + 2j, complex(-0.0, float("nan")), complex("inf"),
    decimal.Decimal("1.50"), decimal.Decimal("-0E+3"), decimal.Decimal("NaN"), decimal.Decimal("sNaN12"),
    decimal.Decimal("-Infinity"),
    decimal.Decimal("1e999999"), decimal.Decimal("1." + "3" * 50),
    fractions.Fraction(1, 3), fractions.Fraction(-(1 << 3000), 7),
    uuid.UUID(int=5), range(3), range(10, -5, -3), slice(None), slice(1, 2.5, "x"), slice((1,), None, [2]),
    pathlib.Path("a/b c"), pathlib.Path("/x\udcff"), pathlib.PurePosixPath("."), pathlib.PureWindowsPath(r"C:\a"),
    dt.date.min, dt.date.max, dt.datetime.min, dt.datetime.max, dt.datetime(2024, 10, 27, 2, 30, tzinfo=ZURICH, fold=1),
    dt.datetime(2024, 1, 2, 3, 4, 5, 6, dt.UTC), dt.datetime(2024, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=-3,
    seconds=1), "x'y")),
    dt.time(1, 2, 3, 4), dt.time(1, fold=1, tzinfo=ZURICH), dt.timedelta.min, dt.timedelta.max,
    dt.timedelta(microseconds=-1),
]  # fmt: skip

NUMPY = [
    np.bool_(True), np.int8(-128), np.uint64(2**64 - 1), np.float16(1 / 3), np.float32(0.1), np.float64(0.1),
    np.float64("nan"),
    np.float32("-inf"), np.float64(-0.0), np.complex64(1 + 2j), np.complex128(complex("nan")), np.str_("é'\""),
    np.str_("a\0"),
    np.str_("\ud800"), np.bytes_(b"a\0b\0"), np.datetime64("2024-01-02"), np.datetime64("2024-01-02T03:04:05.678",
    "ms"),
    np.datetime64("NaT", "D"), np.datetime64("NaT", "ns"), np.datetime64("2020-01-01T00", "25s"),
    np.timedelta64(5, "h"), np.timedelta64(-7, "W"), np.timedelta64("NaT", "us"),
    np.array(3), np.array(2.5, "f4"), np.zeros((0, 3)), np.zeros((2, 0), "i2"), np.arange(6, dtype=">i4").reshape(2,
    3), np.array([1.5, -0.0, np.nan, np.inf]),
    np.array([1.5, 2], ">f8"), np.array([True, False]), np.array([1 + 2j], ">c8"), np.array(["a", "bé", ""]),
    np.array(["x"], ">U3"),
    np.array([b"a", b"bc"]), np.array([""]), np.array(["2024-01-01", "NaT"], "M8[D]"), np.array([1, 2], ">m8[25s]"),
    np.arange(12).reshape(3, 4)[::2, ::-1], np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.broadcast_to(np.float32(1), (5,)),
    np.arange(4000), np.random.default_rng(1).random(300), np.array([0.1, 0.2], "f2"), [np.int64(3),
    {"a": np.array([1])}], {np.int64(3)},
]  # fmt: skip

PANDAS = [
    pd.Timestamp("2024-01-02 03:04:05.123456789"), pd.Timestamp("2024-10-27 02:30", tz=dt.UTC).tz_convert(ZURICH),
    pd.Timestamp("2024-10-27 00:30", tz=dt.UTC).tz_convert(ZURICH), pd.Timestamp("2024-01-01",
    tz=dt.timezone(dt.timedelta(hours=2))),
    *(pd.Timestamp("2024-01-02 03:04:05").as_unit(unit) for unit in ("s", "ms", "us", "ns")),
    pd.Timestamp(dt.datetime(9999, 1, 1)).as_unit("s"), pd.NaT, pd.Timedelta("1s").as_unit("ms"), pd.Timedelta(-1,
    "ns"),
]  # fmt: skip


EVERYTHING = [*EXAMPLES, *NUMPY, *PANDAS]


@pytest.mark.parametrize(
    "value", [pytest.param(value, id=f"{number}-{type(value).__name__}") for number, value in enumerate(EVERYTHING)]
)
def test_there_and_back_and_as_an_expression(value: Any) -> None:
    assert same(travelled(value), value)
    assert same(eval(literal(value), {}), value)
    json.dumps(values.plain(value), allow_nan=False).encode()
    assert values.canonical(value) == values.canonical(travelled(value))


def test_the_same_check_sees_a_difference() -> None:
    for one, two in [(0.0, -0.0), (1, True), (1, 1.0), ({"a": 1, "b": 2}, {"b": 2, "a": 1}), (np.zeros(1),
    -np.zeros(1)),
                     (np.arange(2, dtype=">i4"), np.arange(2, dtype="<i4")), (np.float64(1), 1.0), (pd.NaT,
                     None)]:  # fmt: skip
        assert not same(one, two)


def test_expressions_need_no_farpoint() -> None:
    program = (
        "import sys, pickle; sys.modules['farpoint'] = None\n"
        "given = pickle.load(sys.stdin.buffer)\n"
        "sys.stdout.buffer.write(pickle.dumps([eval(text, {}) for text in given]))"
    )
    given = pickle.dumps([literal(value) for value in EVERYTHING])
    answer = subprocess.run([sys.executable, "-I", "-c", program], input=given, capture_output=True, timeout=120)
    assert not answer.returncode, answer.stderr.decode()
    for value, made in zip(EVERYTHING, pickle.loads(answer.stdout), strict=True):
        assert same(made, pickle.loads(pickle.dumps(value)))  # numpy pickles no trailing nulls


def test_arrays_arrive_writable_and_their_own() -> None:
    made = travelled(np.arange(3))
    made[0] = 7
    assert made.flags.owndata


# --------------------------------------------------------------------------------------------- refusals


class Colour(enum.IntEnum):
    RED = 1


class Size(enum.Enum):
    BIG = "big"


Pair = collections.namedtuple("Pair", "a b")  # noqa: PYI024 - what users have
OWN = {
    base.__name__: type("My", (base,), {})
    for base in (int, float, str, list, tuple, dict, set, frozenset, bytes, complex, dt.date, dt.datetime)
}
CYCLE: list[Any] = [1]
CYCLE.append({"a": (CYCLE,)})


class Zone(dt.tzinfo):
    def utcoffset(self, when: dt.datetime | None) -> dt.timedelta:
        return dt.timedelta(0)


REFUSED = [
    (Colour.RED, "is the enum Colour; give its .value"),
    (Size.BIG, "is the enum Size; give its .value"),
    (OWN["int"](3), "is a My, a kind of int; give int(value)"),
    (OWN["str"]("x"), "is a My, a kind of str; give str(value)"),
    *((OWN[name](), f"a kind of {name}") for name in ("float", "list", "tuple", "dict", "set", "frozenset", "bytes",
    "complex")),
    (OWN["date"](2024, 1, 1), "My"),
    (OWN["datetime"](2024, 1, 1), "My"),
    (Pair(1, 2), "is the named tuple Pair; give tuple(value)"),
    (collections.OrderedDict(a=1), "is a OrderedDict, a kind of dict; give dict(value)"),
    (CYCLE, "value[1]['a'][0] contains itself; give data without a cycle"),
    (np.longdouble(1), "differs between machines; give float64"),
    (np.array([1], np.clongdouble), "differs between machines"),
    (np.longlong(1), "is a numpy.longlong; give numpy.int64(value)"),
    (np.array([None, 1]), "is an array of Python objects; give .tolist()"),
    (np.zeros(2, "i4,f8"), "structured dtype"),
    (np.zeros(2, "i4,f8")[0], "structured dtype"),
    (np.array(["a"], np.dtypes.StringDType()), "StringDType"),
    (np.ma.array([1]), "numpy.ma.MaskedArray"),
    (np.zeros(4097), "is an array of 32776 bytes, more than the 32768 that travel as a value; save it in a file"),
    (pd.DataFrame({"a": [1]}), "is a pandas.DataFrame; give value.to_dict('list')"),
    (pd.NA, "NAType; give None"),
    (pd.Timestamp("2024-01-01", tz=Zone()), "time zone"),
    (dt.datetime(2024, 1, 1, tzinfo=Zone()), "use zoneinfo.ZoneInfo(name)"),
    (bytearray(b"x"), "is a bytearray; give bytes(value)"),
    (object(), "is a object; give numbers"),
    (len, "builtin_function_or_method"),
    ({"mesh": [1, {"k": {2: object()}}]}, "value['mesh'][1]['k'][2] is a object"),
    ({Colour.RED: 1}, "value key <Colour.RED: 1> is the enum Colour"),
    ({OWN["str"]("x")}, "value{'x'} is a My"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param(value, message, id=f"{number}-{type(value).__name__}")
        for number, (value, message) in enumerate(REFUSED)
    ],
)
def test_refused(value: Any, message: str) -> None:
    for verb in (encode, literal, values.canonical, values.plain):
        with pytest.raises(Refused) as refusal:
            verb(value)
        assert message in str(refusal.value)


def test_depth_has_a_limit_and_a_message() -> None:
    fine: Any = 1
    for _ in range(values.DEPTH):
        fine = [fine]
    assert same(eval(literal(fine)), fine)
    deep = fine
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(Refused, match=f"lies more than {values.DEPTH} containers deep; flatten it"):
        encode(deep)
    while deep:  # taken apart by hand: comparing or printing it would go too deep
        deep = deep[0] if isinstance(deep, list) else None


def test_a_small_value_of_endlessly_many_parts_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(values, "PARTS", 1000)
        many: Any = [1]
        for _ in range(40):
            many = [many, many]
        with pytest.raises(Refused, match="more than 1000 parts"):
            encode(many)


BROKEN = [
    {"$": "from the future"}, {"$": ["x"]}, {"$": "tuple"}, {"$": "set", "items": [[1]]}, {"$": "np", "dtype": "O",
    "value": 1},
    {"$": "nd", "dtype": "<f8", "shape": [2], "base64": "AAAA"}, {"$": "nd", "dtype": "O", "shape": [0], "base64": ""},
    {"$": "nd", "dtype": "<i2", "shape": [1], "base64": "AAAAAA=="}, {"$": "path", "type": "Popen", "value": "x"},
    {"$": "datetime", "value": "2024-13-01T00:00:00.000000"}, {"$": "datetime", "value": "2024-01-01T00:00:00",
    "tz": {"zone": "No/Where"}},
    {"$": "timestamp", "value": 1, "unit": "fortnight"}, {"$": "bytes", "base64": "?"}, {"$": "decimal", "value": "x"},
    {"$": "file", "path": "values/x.npy"},
]  # fmt: skip


@pytest.mark.parametrize("typed", BROKEN, ids=str)
def test_what_is_no_typed_value_is_a_value_error(typed: Any) -> None:
    with pytest.raises(ValueError):
        decode(typed)


def test_typed_json_nested_too_deep_is_a_value_error() -> None:
    typed: Any = 1
    for _ in range(10_000):
        typed = {"$": "tuple", "items": [typed]}
    with pytest.raises(ValueError, match="deeper than any value"):
        decode(typed)


def test_a_missing_numpy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = encode(np.float32(1))
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "numpy", None)
        with pytest.raises(ImportError, match=r"float32.* needs what .* does not have"):
            decode(typed)


# ------------------------------------------------------------------------------------- identity, people


def test_canonical_knows_types_and_ignores_the_order_of_a_dict() -> None:
    assert values.canonical({"b": [1], "a": {2: 3, 1: 4}}) == values.canonical({"a": {1: 4, 2: 3}, "b": [1]})
    different = [1, 1.0, True, "1", np.int64(1), np.int32(1), (1,), [1], {1}, frozenset({1}), {"1": 1}, {1: 1},
    np.array(1), np.array([1]),
                 decimal.Decimal(1), decimal.Decimal("1.0"), fractions.Fraction(1), 0.0, -0.0, None, b"1",
                 pathlib.Path("1"),
                 dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 1, tzinfo=dt.UTC), dt.date(2024, 1, 1),
                 pd.Timestamp(2024, 1, 1)]  # fmt: skip
    assert len({values.canonical(value) for value in different}) == len(different)


def test_canonical_is_the_same_in_every_process() -> None:
    mixed = "[{'a', 'b', 1, (2,)}, frozenset('xyz'), {'k': {'q'}}]"
    program = f"from farpoint.runner.values import canonical; print(canonical({mixed}))"
    told = {
        subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in "123"
    }
    assert len(told) == 1


def test_plain() -> None:
    assert values.plain({"b": (1, {2}), "a": [float("nan"), float("-inf")]}) == {"b": [1, [2]], "a": ["nan", "-inf"]}
    assert values.plain({1: b"x", (2,): "\ud800"}) == {"1": "b'x'", "[2]": "\\ud800"}
    assert values.plain([np.float32(0.5), np.bool_(True), np.array([[1, 2]]), np.array(3.0), np.str_("x"),
    np.array([np.nan])]) == [
        0.5, True, [[1, 2]], 3.0, "x", ["nan"]]  # fmt: skip
    assert values.plain([np.zeros((40, 50)), np.datetime64("2024-01-02"), np.array([1 + 2j])]) == [
        "array of 40×50, float64", "2024-01-02", ["(1+2j)"]]  # fmt: skip
    assert values.plain([dt.date(2024, 1, 2), pathlib.Path("a"), pd.Timedelta("1s"), range(3)]) == [
        "2024-01-02", "a", "0 days 00:00:01", "range(0, 3)"]  # fmt: skip
