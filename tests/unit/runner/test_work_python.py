"""What a function's run packs and tells: pickles with a header, signatures, exceptions, returned values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy
import pytest

from farpoint.runner import faults, journal, layout, pickles, returns, values, work_python

KEY = "ab" * 32


class Odd(Exception):
    def __init__(self, left: int, right: int) -> None:
        super().__init__(f"{left}{right}")
        self.left = left


def test_another_python_s_pickle_is_not_opened() -> None:
    header, _, body = pickles.pack(1, "argument").partition(b"\n")
    foreign = layout.dump({**json.loads(header), "python": "3.5"}) + b"\n" + b"not a pickle" + body
    with pytest.raises(pickles.Foreign, match=r"pickled by Python 3\.5"):
        pickles.unpack(foreign)
    with pytest.raises(pickles.Foreign, match="no pickle of this format"):
        pickles.unpack(b"garbage")


def test_what_another_signed_is_not_opened() -> None:
    sealed = pickles.seal(b"data", KEY)
    assert pickles.unseal(sealed, KEY) == b"data"
    for data, key in ((sealed, "cd" * 32), (sealed + b"x", KEY), (b"data", KEY), (sealed, "")):
        with pytest.raises(pickles.Foreign, match="not signed"):
            pickles.unseal(data, key)


def test_an_array_that_is_there_twice_is_one_again(tmp_path: Path) -> None:
    big, beside = numpy.arange(10_000), dict[str, bytes]()
    data = pickles.pack([big, {"again": big}, big.copy()], "argument", beside)
    assert len(beside) == 1
    assert len(data) < 1000
    for digest, blob in beside.items():
        (tmp_path / digest).write_bytes(blob)
    first, second, third = pickles.unpack(data, str(tmp_path))
    assert first is second["again"]
    assert first is not third
    assert (third == big).all()


@pytest.mark.parametrize(
    "fault", [ValueError("no"), Odd(1, 2), KeyError("k"), ExceptionGroup("g", [ValueError(1)]), OSError(2, "gone")]
)
def test_an_exception_comes_back(fault: Exception, tmp_path: Path) -> None:
    told = faults.result(fault, str(tmp_path), KEY)
    data = pickles.unseal((tmp_path / told["error"]["pickled"]).read_bytes(), KEY)
    back = faults.rebuilt(pickles.unpack(data))
    assert (type(back), str(back), vars(back)) == (type(fault), str(fault), vars(fault))


def test_an_exit_is_its_code(tmp_path: Path) -> None:
    assert [faults.result(SystemExit(code), str(tmp_path), KEY)["reason"] for code in (3, None, "no", 259)] == [
        "exit code 3", "exit code 0", "exit code 1", "exit code 3",
    ]  # fmt: skip


def test_endless_words_fit_a_line(tmp_path: Path) -> None:
    told = faults.result(ValueError("x\U0001f600" * 100_000), str(tmp_path), KEY)
    assert len(layout.dump(told)) < journal.LIMIT


def told(value: Any, folder: Path, **parameters: Any) -> dict[str, Any]:
    spec = {"results_key": KEY, "parameters": parameters}
    return {event["name"]: event["value"] for event in returns.records(value, spec, str(folder))}


def test_returned_values_are_columns(tmp_path: Path) -> None:
    assert told({"a": 1, "x": 2}, tmp_path, x=0) == {
        "a": 1, "x.recorded": 2, "run_result": {"$": "returned", "columns": [["a", "a"], ["x", "x.recorded"]]},
    }  # fmt: skip
    assert told((1, 2), tmp_path)["run_result"] == {"$": "returned", "column": "result"}
    assert told(None, tmp_path) == {"run_result": {"$": "returned", "column": None}}
    assert told({1: 2}, tmp_path)["result"] == values.encode({1: 2})
    assert told(print, tmp_path)["result"]["path"].endswith(".pkl")


def test_what_cannot_come_back_is_named(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="result was returned, and a generator cannot travel"):
        told((each for each in "ab"), tmp_path)


def test_an_async_function_is_run_to_its_end() -> None:
    async def five() -> int:
        return 5

    assert work_python.finished(five()) == 5
    assert work_python.finished(6) == 6


def test_arguments_find_their_places() -> None:
    call = {"positional": ["a", "b"], "star": None, "stars": "words", "named": ["c"]}
    given = {"a": 1, "c": 3, "words": {"d": 4}, "replicate": 2}
    assert work_python.arrange(given, call) == ([1], {"c": 3, "d": 4})
    assert work_python.arrange({"replicate": 2}, {**call, "named": ["replicate"]}) == ([], {"replicate": 2})
