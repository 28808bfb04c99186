"""Who may run a slice, and that one of many who try does."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path
from typing import Any

import pytest

from farpoint.runner.claims import Claims, may_claim, standing, superseded, waits_for

ME = {"job": "7", "member": 0, "start": 2}
EARLIER = {"job": "7", "member": 0, "start": 1, "t": 1.0}
REVOKED = {"revoked": True, "by": "o", "t": 1.0}

TOPS = {
    "an earlier start of mine": (EARLIER, True),
    "this very start": ({**EARLIER, "start": 2}, False),
    "a later start of mine": ({**EARLIER, "start": 3}, False),
    "another member": ({**EARLIER, "member": 1}, False),
    "another job": ({**EARLIER, "job": "8"}, False),
    "revoked": (REVOKED, False),
    "revoked, with my name on it": ({**EARLIER, "revoked": True}, False),
    "broken on the disk": ({}, False),
}


def test_a_free_slice_may_be_claimed_without_asking_anyone() -> None:
    assert may_claim([], ME, lambda holder: pytest.fail("nobody holds it")) == 0
    assert not waits_for([], ME)


@pytest.mark.parametrize("below", [[], [REVOKED], [EARLIER]])
@pytest.mark.parametrize("name", TOPS)
def test_only_a_silent_earlier_start_of_mine_gives_way(name: str, below: list[dict[str, Any]]) -> None:
    top, mine = TOPS[name]
    claims = [*below, top]
    assert waits_for(claims, ME) is mine
    assert may_claim(claims, ME, lambda holder: True) == (len(claims) if mine else None)
    assert may_claim(claims, ME, lambda holder: False) is None


def test_silence_is_asked_of_the_holder() -> None:
    asked = []
    may_claim([REVOKED, EARLIER], ME, lambda holder: bool(asked.append(holder)))
    assert asked == [EARLIER]


def test_superseded() -> None:
    assert not superseded([EARLIER], 0)
    assert superseded([EARLIER, REVOKED], 0)
    assert not superseded([EARLIER, REVOKED], 1)


def test_the_lowest_claim_stands_and_of_equals_the_first() -> None:
    first = {"c": 1, "state": "COMPLETED", "t": 5}
    assert standing([]) is None
    assert standing(iter([{"c": 2, "state": "FAILED"}, first, {"c": 1, "state": "FAILED", "t": 4}])) is first


def test_files(tmp_path: Path) -> None:
    claims = Claims(str(tmp_path))
    assert claims.all() == {}
    assert claims.of(3) == []
    assert claims.link(3, 0, EARLIER)
    assert not claims.link(3, 0, REVOKED)
    assert claims.link(3, 1, REVOKED)
    assert claims.link(10, 0, EARLIER)
    assert claims.all() == {3: [EARLIER, REVOKED], 10: [EARLIER]}
    assert Claims(str(tmp_path)).all() == claims.all()
    with pytest.raises(ValueError, match="claim 4 of slice 3 has no claim 3 before it"):
        claims.link(3, 4, EARLIER)
    assert sorted(os.listdir(tmp_path / "claims")) == ["10.0", "3.0", "3.1"]


def test_a_claim_linked_elsewhere_is_seen_at_the_next_look(tmp_path: Path) -> None:
    mine, other = Claims(str(tmp_path)), Claims(str(tmp_path))
    mine.link(0, 0, EARLIER)
    assert mine.of(0) == [EARLIER]
    other.link(0, 1, REVOKED)
    assert mine.of(0) == [EARLIER, REVOKED]
    other.link(1, 0, EARLIER)
    assert set(mine.all()) == {0, 1}


def test_what_is_returned_may_be_changed(tmp_path: Path) -> None:
    claims = Claims(str(tmp_path))
    claims.link(0, 0, EARLIER)
    claims.of(0).clear()
    claims.all()[0].clear()
    assert claims.of(0) == [EARLIER]


def test_strangers_in_the_folder_are_no_claims_and_a_broken_one_is(tmp_path: Path) -> None:
    folder = tmp_path / "claims"
    folder.mkdir()
    for name in (".0.0.17.ab.tmp", "00.0", "1.x", "notes", "2.1"):
        (folder / name).write_text("{}")
    (folder / "5.0").write_bytes(b"\x00\x00")
    claims = Claims(str(tmp_path))
    assert claims.all() == {5: [{}]}
    assert may_claim(claims.of(5), ME, lambda holder: True) is None
    assert claims.link(5, 1, REVOKED)


def _claim_everything(folder: str, me: int, gate: Any, answers: Any) -> None:
    claims, won = Claims(folder), []
    gate.wait()
    for s in range(25):
        for _ in range(3):
            n = len(claims.of(s))
            if claims.link(s, n, {"job": "j", "member": me, "start": 0, "t": 0.0}):
                won.append((s, n))
    answers.put((me, won))


def test_of_eight_processes_one_wins_each_number_and_there_are_no_gaps(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    gate, answers = context.Barrier(8), context.Queue()
    arguments = [(str(tmp_path), me, gate, answers) for me in range(8)]
    racers = [context.Process(target=_claim_everything, args=argument) for argument in arguments]
    for racer in racers:
        racer.start()
    won = dict(answers.get(timeout=60) for _ in racers)
    for racer in racers:
        racer.join(60)
    pairs = [pair for numbers in won.values() for pair in numbers]
    assert len(pairs) == len(set(pairs))
    found = Claims(str(tmp_path)).all()
    assert {(s, n) for s, bodies in found.items() for n in range(len(bodies))} == set(pairs)
    assert all((s, n) in won[body["member"]] for s, bodies in found.items() for n, body in enumerate(bodies))
    assert len(os.listdir(tmp_path / "claims")) == len(pairs)
