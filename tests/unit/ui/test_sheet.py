from __future__ import annotations

from farpoint.model import RunRow, State
from farpoint.ui import sheet

CODES = {state: code for code, state in enumerate(State)}


def row(number: int, **given: object) -> RunRow:
    parameters, records = {"x": number, "y": "a"}, dict(given)
    return RunRow(f"r{number}", "p", "s", number, parameters, 0, "k", 1, 1, State.COMPLETED, records=records)


def test_slices_make_one_sheet_and_others_have_their_turn_between_them() -> None:
    rests: list[int] = []
    found = sheet.of_rows([[row(0, e=3)], [row(1, e=1), row(2)]], lambda: rests.append(1))
    assert [line["number"] for line in found.lines(found.found("e", "", down=False), CODES)] == [1, 0, 2]
    assert [axis.name for axis in found.axes] == ["x"]
    assert len(rests) > 3


def test_words_are_all_to_be_found_and_kept_up() -> None:
    found = sheet.of_rows([[row(0, kind="Ring"), row(1, kind="dot")]])
    assert found.found("", "ring COMPLETED", down=False) == [0]
    assert found.renew(row(1, kind="ring"))
    assert found.found("", "ring completed", down=False) == [0, 1]


def test_a_row_or_a_column_that_is_new_needs_a_new_sheet() -> None:
    found = sheet.of_rows([[row(0)]])
    assert not found.renew(row(1))
    assert not found.renew(row(0, new=1))
