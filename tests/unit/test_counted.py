"""key= and ignore=: what stands for the code, what is added, what is left out, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from farpoint import identity
from farpoint.counted import Counted, counted, from_document
from farpoint.errors import BadInput
from farpoint.functions.calls import Parcels

PIECES = {"function f": "a", "value LIMIT": "b", "module own: g": "c", "file mesh.json": "d", "environment": "e"}


def test_nothing_said_changes_no_key() -> None:
    rule = counted()
    assert rule.pieces(PIECES) == PIECES
    assert rule.of(PIECES, {"x": 1}) == identity.key(PIECES, {"x": 1})
    assert rule.told() == {}


def test_a_text_stands_for_the_code_and_for_nothing_else() -> None:
    kept = counted("v1").pieces(PIECES)
    assert set(kept) == {"key", "file mesh.json", "environment"}
    assert kept == counted("v1").pieces({**PIECES, "function f": "other"}) != counted("v2").pieces(PIECES)
    assert kept != counted("v1").pieces({**PIECES, "file mesh.json": "other"})
    assert counted("v1").pieces(kept) == kept
    assert "value LIMIT" in counted("v1").pieces(PIECES, ["value LIMIT"])


def test_an_answer_is_added_for_each_point() -> None:
    rule = counted(lambda x: x % 2)
    assert rule.pieces(PIECES) == PIECES
    keys = [rule.of(PIECES, {"x": x, "y": 1}) for x in (1, 1, 2)]
    assert keys[0] == keys[1] != keys[2]
    assert keys[0] != counted(lambda x: 5).of(PIECES, {"x": 1, "y": 1})
    assert counted(lambda **all_: sorted(all_)).of({}, {"a": 1}) == counted(lambda: ["a"]).of({}, {"a": 1})
    assert counted(lambda z=3: z).of({}, {"a": 1}) == counted(lambda: 3).of({}, {"a": 1})


def test_ignored_names_make_no_difference() -> None:
    rule = counted(ignore="verbose")
    assert rule.of({}, {"x": 1, "verbose": True}) == rule.of({}, {"x": 1}) != rule.of({}, {"x": 2})
    assert counted(lambda verbose: verbose, "verbose").of({}, {"verbose": 1}) != counted(lambda: 2).of({}, {})


@pytest.mark.parametrize(
    ("key", "ignore", "told"),
    [
        ("", None, "neither a text nor a function"),
        (7, None, 'Say key="7"'),
        (None, ["a-b"], "is not a name"),
        (None, [3], "is not a name"),
    ],
)
def test_what_makes_no_sense_is_refused(key: object, ignore: object, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        counted(key, ignore)  # type: ignore[arg-type]


def test_a_slip_in_a_name_is_told() -> None:
    with pytest.raises(BadInput, match=r"ignore='verbos': fit has no parameter .* Did you mean 'verbose'"):
        counted(ignore="verbos").check(["x", "verbose"], "fit")
    counted(ignore="verbose").check(["x", "verbose"], "fit")


def test_what_the_function_of_a_key_may_do() -> None:
    with pytest.raises(BadInput, match="takes 'path', which the point does not have"):
        counted(lambda path: 1).of({}, {"x": 1})
    with pytest.raises(BadInput, match="failed with ZeroDivisionError"):
        counted(lambda x: 1 / x).of({}, {"x": 0})
    with pytest.raises(BadInput, match="returned a object"):
        counted(object).of({}, {})
    large = Parcels().pack(print, "x")
    with pytest.raises(BadInput, match="asks for 'x', which is large"):
        counted(lambda x: 1).of({}, {"x": large})


def test_what_was_said_is_kept_as_far_as_it_can_be() -> None:
    rule = counted("v1", ["b", "a"])
    assert rule.told() == {"key": "v1", "ignore": ["a", "b"]}
    assert from_document(rule.told()) == rule
    assert from_document(counted(Path.cwd, ["a"]).told()) == Counted(None, frozenset("a"))
