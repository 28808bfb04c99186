import pytest

from farpoint.api import summary
from farpoint.table import Handle
from rows import failed, grid, row


def test_headline_of_finished_work() -> None:
    rows = [*grid(), failed(6)]
    assert summary.headline("tokamak", rows, 1e6) == "tokamak: 7 points · 6 COMPLETED · 1 FAILED · took 16 s"


def test_headline_of_work_under_way() -> None:
    rows = [row(0), row(1), row(2, "RUNNING", progress=0.5), row(3, "QUEUED")]
    assert summary.headline("t", rows, 200.0) == "t: 4 points · 2 COMPLETED · 1 RUNNING · 1 QUEUED · 62 % · ~15 s left"


def test_all_failures_are_told_up_to_a_limit() -> None:
    rows = [failed(n, parameters={"x": n}) for n in range(7)] + [row(7, "LOST", reason="gone")]
    told = summary.failures(rows)
    assert told[0] == "point 0: ValueError: x is negative  (x=0)"
    assert told[-1] == "… and 3 more"
    assert len(told) == 6
    assert summary.failures(rows[-1:]) == ["point 7: gone  ()"]
    assert summary.failures(rows[:5], total=1234)[-1] == "… and 1,229 more"


@pytest.mark.parametrize(
    "text", ["\x1b[2J\x1b[31mred", "\x1b]0;title\x07red", "r\x00e\x9bd\r", "\u202ered", "red\ud800"[:3]]
)
def test_nothing_that_moves_a_terminal_is_printed(text: str) -> None:
    assert summary.clean(text) == "red"


def test_lone_surrogates_can_be_written() -> None:
    assert summary.clean("a\ud800").encode()


def test_short_values() -> None:
    import numpy

    assert summary.short(numpy.zeros((3, 4))) == "ndarray 3×4"
    assert summary.short(numpy.float32(0.1)) == "0.1"
    assert summary.short("a\nb\tc") == "a b c"
    assert summary.short([1, 2, 3]) == "[1, 2, 3]"
    assert summary.short(True) == "True"
    assert summary.short(Handle("v", {"type": "ndarray", "shape": [2, 3], "size": 48}, int)) == "ndarray 2×3, 48 B"
    assert len(summary.short("x" * 10**6, 20)) == 20


def test_captions_name_what_is_asked() -> None:
    assert summary.caption({"a": 1, "b": {"$": "tuple", "items": [1]}}) == "a=1  b=(1,)"
    assert summary.caption({"a": 1, "b": 2}, ["b", "c"]) == "b=2"


def test_what_waits_for_somebody_awake_is_told_apart_from_what_waits_in_the_queue() -> None:
    held = [row(n, "QUEUED", reason="JobHeldUser") for n in range(2)]
    left = [row(n, "QUEUED", reason="its pilots have ended") for n in range(2, 5)]
    new = [row(n, "NEW") for n in range(5, 8)]

    assert summary.waits([*held, *left, *new, row(9), row(10, "QUEUED")]) == [
        "6 points wait for room; they go out while a kernel, Lab or `farpoint watch` runs",
        "2 points QUEUED: JobHeldUser",
    ]
    assert summary.waits([row(0), row(1, "RUNNING")]) == []
