"""docs/run-folder.md is enough to read a run folder: a reader made from its tables does, and needs every row."""

# ruff: noqa: DTZ001 - moments without a zone are values too

from __future__ import annotations

import datetime as dt
import decimal
import fractions
import pathlib
import re
import uuid
import zoneinfo
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from farpoint.runner import arrays, journal, layout, literals, values
from page_reader import NotOnThePage, Reader, as_regex

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "run-folder.md").read_text(encoding="utf-8")
GOLDEN = ROOT / "tests" / "golden"
LIMITS = {
    "format": layout.FORMAT,
    "line": journal.LIMIT,
    "recorded": values.LINE,
    "array": arrays.INLINE,
    "depth": values.DEPTH,
}
EVERY_KIND = [
    (1,), {1}, frozenset({1}), {1: 2}, "\ud800", 1 << 5000, float("inf"), 1j, b"x", decimal.Decimal(1),
    fractions.Fraction(1),
    dt.date(2024, 1, 2), dt.datetime(2024, 1, 2, fold=1), dt.datetime(2024, 1, 2, tzinfo=zoneinfo.ZoneInfo("UTC")),
    dt.time(1, tzinfo=dt.timezone(dt.timedelta(hours=1), "x")), dt.timedelta(1), pathlib.Path("x"), uuid.UUID(int=1),
    range(3),
    slice(3), np.float32(1), np.complex64(1), np.zeros((2, 2)), pd.Timestamp(2024, 1, 2), pd.NaT, pd.Timedelta("1s"),
]  # fmt: skip


def read_everything(page: str) -> None:
    """All that was kept, by a reader made from this page; whatever it meets that no row speaks of is an error."""
    reader = Reader(page)
    assert reader.limits == LIMITS
    assert "outcome" in str(reader.folder(GOLDEN / "journal-v1"))
    assert "time is up" in str(reader.folder(GOLDEN / "journal-v1-limited"))
    assert "no licence is free" in str(reader.folder(GOLDEN / "journal-v1-retried"))
    assert "scan.json" in reader.folder(GOLDEN / "scan-v1")
    assert "answer" in str(reader.folder(GOLDEN / "scan-v1-answered"))


def test_the_page_is_enough_to_read_what_was_kept() -> None:
    read_everything(PAGE)


def test_the_reader_made_from_the_page_and_ours_read_the_same() -> None:
    reader = Reader(PAGE)
    for path in (GOLDEN / "journal-v1").rglob("*.jsonl"):
        data = path.read_bytes()
        assert reader.journal(data, path.stem) == journal.parse(data)[0]


def test_no_row_of_the_page_can_be_missed() -> None:
    lines = PAGE.splitlines(keepends=True)
    table_rows = [
        number
        for number, line in enumerate(lines)
        if line.startswith("| ") and lines[number - 1].startswith("|") and not set(line.strip()) <= set("|- ")
    ]
    assert len(table_rows) > 150
    not_missed = []
    for number in table_rows:
        try:
            read_everything("".join(lines[:number] + lines[number + 1 :]))
        except (NotOnThePage, AssertionError, KeyError):
            continue
        not_missed.append(lines[number])
    assert not not_missed


def sample(kind: str) -> Any:
    """Some value of a type of the page."""
    kind = kind.split(" or ", maxsplit=1)[0]
    plain = {"int": 1, "number": 0.5, "text": "x", "object": {}, "null": None, "typed": {"$": "tuple", "items": []}}
    if kind in plain:
        return plain[kind]
    if kind.startswith("list of "):
        return [sample(kind[len("list of ") :])]
    return (
        kind.strip('"')
        if kind.startswith('"')
        else {name.rstrip("?"): sample(of) for name, of in OBJECTS[kind].items()}
    )


OBJECTS = Reader(PAGE).objects


def test_a_fresh_journal_of_every_event(tmp_path: Path) -> None:
    reader = Reader(PAGE)
    folder = tmp_path / layout.pilot_name(3, 12)
    layout.make_private(str(folder))
    places = {"journal": folder / layout.JOURNAL, "stream": folder / layout.STREAM, "client": tmp_path / layout.CLIENT}
    written: dict[str, list[dict[str, Any]]] = {name: [] for name in places}
    for kind, (files, known) in reader.events.items():
        full = {name.rstrip("?"): sample(of) for name, of in known.items()}
        bare = {name: sample(of) for name, of in known.items() if not name.endswith("?")}
        for file in files:
            written[file] += [{"e": kind, "t": 1.5, **full}, {"e": kind, "t": 2.0, **bare}]
    for value in EVERY_KIND:
        record = {"e": "record", "t": 3.0, "i": 0, "c": 0, "name": "x", "value": values.encode(value)}
        written["journal"].append(record)
    for name, path in places.items():
        opened = journal.Journal(str(path))
        for event in written[name]:
            opened.write(event)
        opened.close()
    found = reader.folder(tmp_path)
    assert {name: found[str(path.relative_to(tmp_path))] for name, path in places.items()} == written


def test_values_in_files_are_as_the_page_says(tmp_path: Path) -> None:
    for value in (np.zeros(9000), "x" * 60_000, pd.DataFrame({"a": [1]})):
        Reader(PAGE).check("typed", values.encode_large(value, str(tmp_path)), "value")


def test_the_page_and_the_code_know_the_same_kinds() -> None:
    known = set(values._DECODERS) - {"parcel"}  # of functions alone, which the page tells in prose
    assert set(Reader(PAGE).kinds) == known == {*literals._KINDS, "file"}
    assert {values.encode(value)["$"] for value in EVERY_KIND} == known - {"file"}


@pytest.mark.parametrize(
    "name",
    [
        layout.JOB,
        layout.SCRIPT,
        layout.CLIENT,
        layout.slice_name(12),
        layout.claim_name(3, 10),
        layout.submit_name(2),
        layout.control_name(7),
        f"{layout.pilot_name(1, 2)}/{layout.JOURNAL}",
        f"{layout.pilot_name(1, 2)}/{layout.STREAM}",
    ],
)
def test_names_in_the_code_are_on_the_page(name: str) -> None:
    assert len([pattern for pattern in Reader(PAGE).files if re.fullmatch(as_regex(pattern), name)]) == 1


STRANGE = [
    ("pilots/0.0/journal.jsonl", {"e": "dance", "t": 1.0}),
    ("pilots/0.0/journal.jsonl", {"e": "stream", "t": 1.0, "i": 0, "c": 0, "name": "stdout", "text": ""}),
    ("pilots/0.0/journal.jsonl", {"e": "beat", "t": "noon"}),
    ("pilots/0.0/journal.jsonl", {"e": "beat"}),
    ("pilots/0.0/journal.jsonl", {"e": "claimed", "t": 1.0, "s": 1.0, "c": 0}),
    ("pilots/0.0/journal.jsonl", {"e": "progress", "t": 1.0, "i": 0, "c": 0, "done": "half", "text": ""}),
    ("pilots/0.0/journal.jsonl", {"e": "record", "t": 1.0, "i": 0, "c": 0, "name": "x", "value": [{"$": "new"}]}),
    ("pilots/0.0/journal.jsonl", {"e": "record", "t": 1.0, "i": 0, "c": 0, "name": "x", "value": {"$": "tuple"}}),
    ("client.jsonl", {"e": "verdict", "t": 1.0, "i": 0, "state": "COMPLETED", "reason": ""}),
    ("notes.jsonl", {"e": "beat", "t": 1.0}),
]


@pytest.mark.parametrize(("name", "event"), STRANGE, ids=map(str, range(len(STRANGE))))
def test_the_reader_sees_what_is_not_as_the_page_says(tmp_path: Path, name: str, event: dict[str, Any]) -> None:
    layout.make_private(str((tmp_path / name).parent))
    opened = journal.Journal(str(tmp_path / name))
    opened.write(event)
    opened.close()
    with pytest.raises(NotOnThePage):
        Reader(PAGE).folder(tmp_path)
