"""A job folder of format 1, kept as it was written: every later farpoint reads it, with these facts."""

from __future__ import annotations

import datetime as dt
import decimal
import fractions
import pathlib
import uuid
import zoneinfo
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from farpoint.runner import claims, journal, layout, values
from sameness import same

GOLDEN = Path(__file__).parents[1] / "golden" / "journal-v1"
RETRIED = GOLDEN.with_name("journal-v1-retried")
FIRST = "pilots/0.0/journal.jsonl"
SECOND = "pilots/0.1/journal.jsonl"
START = 1700000002.0

PARAMETERS = {
    "a_tuple": (1, ("x", None)),
    "a_set": {1, 2},
    "a_frozenset": frozenset({"x"}),
    "a_dict": {2: "two", (1,): [1.5]},
    "b_order": {"b": 1, "a": 2},
    "c_text": 'café ☃ "quoted"\n',
    "c_surrogate": "\ud800x",
    "long": 1 << 2100,
    "nan": float("nan"),
    "z": complex(1.5, float("-inf")),
    "raw": b"\x00\xff",
    "price": decimal.Decimal("1.50"),
    "third": fractions.Fraction(1, 3),
    "day": dt.date(2024, 2, 29),
    "moment": dt.datetime(2024, 10, 27, 2, 30, 0, 5, tzinfo=zoneinfo.ZoneInfo("Europe/Zurich"), fold=1),
    "clock": dt.time(6, 30, tzinfo=dt.timezone(dt.timedelta(hours=5, minutes=45), "Kathmandu")),
    "span": dt.timedelta(-1, 2, 3),
    "where": pathlib.PurePosixPath("a/b"),
    "who": uuid.UUID(int=7),
    "some": range(0, 10, 3),
    "cut": slice(None, 5, None),
    "f32": np.float32(0.1),
    "when": np.datetime64("2024-02-29T12:00", "s"),
    "grid": np.array([[1, 2], [3, -4]], dtype=">i4"),
    "stamp": pd.Timestamp("2024-02-29 12:00:00.123456789", tz="UTC").tz_convert(zoneinfo.ZoneInfo("UTC")),
    "took": pd.Timedelta(1500, "ms").as_unit("ms"),
    "plain": [1, 2.0, -0.0, True, None, {"k": []}],
}


def events(name: str) -> list[dict[str, Any]]:
    return journal.parse((GOLDEN / name).read_bytes())[0]


def of_kind(name: str, kind: str) -> list[dict[str, Any]]:
    return [event for event in events(name) if event["e"] == kind]


def test_it_is_the_folder_that_was_kept() -> None:
    files = sorted(path for path in GOLDEN.rglob("*") if path.is_file())
    listing = "".join(f"{path.relative_to(GOLDEN)} {layout.digest_file(str(path))}\n" for path in files)
    assert layout.digest(listing.encode()) == "1a93aa0636d4db1c9bde424ac8898605c3ed371aad69686449ce602e70feaa22"


def test_the_job() -> None:
    job = layout.read_json(str(GOLDEN / layout.JOB))
    assert (job["format"], job["token"], job["scan"]) == (layout.FORMAT, "fpgolden2345abc", "tokamak")
    assert [run["number"] for run in job["runs"]] == [3, 4, 5, 6]
    assert [layout.read_json(str(GOLDEN / layout.slice_name(s)))["runs"] for s in range(3)] == [[0, 1], [2], [3]]
    assert layout.read_json(str(GOLDEN / layout.submit_name(1)))["stdout"] == "dnode1-0123abcd\n"
    assert layout.read_json(str(GOLDEN / layout.control_name(0))) == {"cancel": [1]}
    assert (GOLDEN / layout.SCRIPT).read_text().startswith("#!/bin/sh\n# farpoint fpgolden2345abc\n")


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_are_still_the_same_values(name: str) -> None:
    typed = layout.read_json(str(GOLDEN / layout.JOB))["runs"][0]["parameters"]
    assert set(typed) == set(PARAMETERS)
    assert same(values.decode(typed[name]), PARAMETERS[name])
    assert values.encode(PARAMETERS[name]) == typed[name]


def test_claims() -> None:
    found = claims.Claims(str(GOLDEN)).all()
    assert {s: len(bodies) for s, bodies in found.items()} == {0: 1, 1: 2, 2: 1}
    assert [body["start"] for body in found[1]] == [0, 1]
    assert found[2][0] == {"revoked": True, "by": "owner1", "t": 1700000050.0}
    again = {"job": "dnode1-0123abcd", "member": 0, "start": 2}
    silent = [s for s, bodies in found.items() if claims.may_claim(bodies, again, lambda holder: True) is not None]
    assert silent == [0, 1]


def test_the_first_start_was_torn_twice_and_everything_whole_is_read() -> None:
    data = (GOLDEN / FIRST).read_bytes()
    found, consumed = journal.parse(data)
    assert consumed == len(data) - 4
    assert Counter(event["e"] for event in found) == {
        "pilot": 1, "claimed": 2, "started": 3, "record": 5, "progress": 2, "beat": 1, "artifact": 3, "outcome": 2,
        "interrupted": 1, "ended": 1,
    }  # fmt: skip
    assert found == sorted(found, key=lambda event: event["t"])
    assert found[0]["host"] == {
        "name": "node1", "id": "c0ffee", "boot": "b007", "ns": "pid:[4026531836]", "pid": 4001, "began": "12345",
    }  # fmt: skip
    assert found[-2:] == [
        {"e": "interrupted", "t": START + 20, "i": 2, "s": 1, "c": 0, "reason": "preempted"},
        {"e": "ended", "t": START + 21, "reason": "signal 15"},
    ]


def test_outcomes() -> None:
    outcomes = of_kind(FIRST, "outcome") + of_kind(SECOND, "outcome")
    assert [(e["i"], e["c"], e["state"], e["reason"]) for e in outcomes] == [
        (0, 0, "COMPLETED", ""), (1, 0, "FAILED", "exception"), (2, 1, "CANCELLED", "cancelled"),
    ]  # fmt: skip
    failed = of_kind(FIRST, "outcome")[1]
    assert failed["error"]["message"] == "x is ≥ 1"
    assert (failed["exit"], failed["seconds"], failed["memory"]) == (1, 0.8, None)


def test_records_and_files() -> None:
    records = of_kind(FIRST, "record")
    assert [(e["name"], e.get("step")) for e in records] == [
        ("energy", None), ("residual", 1), ("residual", 2), ("x", None), ("density", None),
    ]  # fmt: skip
    assert same([values.decode(e["value"]) for e in records[:4]], [-3.25, 0.5, 0.25, float("nan")])
    assert records[4]["value"]["shape"] == [200, 300]
    assert [(e["role"], e["size"]) for e in of_kind(FIRST, "artifact")] == [
        ("notebook", 1234),
        ("saved", 99),
        ("value", 480128),
    ]


def test_output_and_this_sides_verdicts() -> None:
    stream = events("pilots/0.0/" + layout.STREAM)
    assert [(e["e"], e.get("text") or e["bytes"]) for e in stream] == [
        ("stream", "step 1\n"), ("lost", 4096), ("stream", "warning: é\n"),
    ]  # fmt: skip
    assert [e["e"] for e in events(layout.CLIENT)] == ["cancel", "fenced", "verdict", "fetched", "ended"]
    verdict = of_kind(layout.CLIENT, "verdict")[0]
    assert verdict == {"e": "verdict", "t": START + 49, "i": 3, "state": "LOST", "reason": "gone"}


def test_a_run_that_its_pilot_tried_again() -> None:
    files = sorted(path for path in RETRIED.rglob("*") if path.is_file())
    listing = "".join(f"{path.relative_to(RETRIED)} {layout.digest_file(str(path))}\n" for path in files)
    assert layout.digest(listing.encode()) == "531f945b7710041d46e8684f4fda7bd77fe96dc2c73a989cb1ab6be15b346d29"
    job = layout.read_json(str(RETRIED / layout.JOB))
    assert [(run["attempt"], run["retries"]) for run in job["runs"]] == [(2, 1)]
    assert [body["start"] for body in claims.Claims(str(RETRIED)).of(0)] == [0, 0]
    told = journal.parse((RETRIED / FIRST).read_bytes())[0]
    assert [(e["e"], e["c"], e.get("attempt"), e.get("reason")) for e in told if "i" in e] == [
        ("started", 0, None, None), ("retried", 0, 2, "exception"), ("started", 1, 3, None), ("outcome", 1, None, ""),
    ]  # fmt: skip
