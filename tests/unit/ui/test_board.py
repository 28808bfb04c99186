from __future__ import annotations

import array
import threading

import pytest

from farpoint.api.scan import Scan
from farpoint.model import State
from farpoint.points import grid
from farpoint.project import Project
from farpoint.ui.board import CODES, Board
from still import finish


@pytest.fixture
def scan(project: Project) -> Scan:
    made = Scan("toy.ipynb", grid(x=[1, 2, 3], y=["a", "b"]), project=project).submit()
    for number in (0, 2, 4):
        finish(made.project, made.name, number, energy=number / 2, shape="ring" if number else "dot")
    finish(project, "toy", 5, "FAILED")
    return made


@pytest.fixture
def board(scan: Scan) -> Board:
    return Board(scan)


def test_states_are_bytes_in_the_order_of_the_numbers(board: Board) -> None:
    numbers, states = board.stands()
    assert list(array.array("i", numbers)) == [0, 1, 2, 3, 4, 5]
    done, queued, failed = CODES[State.COMPLETED], CODES[State.QUEUED], CODES[State.FAILED]
    assert list(states) == [done, queued, done, queued, done, failed]


def test_columns_say_what_they_are(board: Board) -> None:
    found = {column["name"]: column for column in board.columns()}
    assert [found[name]["role"] for name in ("x", "energy", "run_state")] == ["parameter", "value", "ours"]
    assert (found["x"]["numeric"], found["y"]["numeric"], found["energy"]["constant"]) == (True, False, False)


def test_a_column_is_numbers_or_places_among_labels(board: Board) -> None:
    labels, data = board.column("energy")
    numbers = array.array("d", data)
    assert (labels, numbers[0], numbers[2]) == ([], 0.0, 1.0)
    assert numbers[1] != numbers[1]  # not a number: the point has no value
    labels, data = board.column("shape")
    assert labels == ["dot", "ring"]
    assert list(array.array("d", data))[::2] == [0.0, 1.0, 1.0]
    assert board.column("nothing") == ([], b"")


def test_axes_and_places(board: Board) -> None:
    axes, places = board.axes()
    assert [(axis["name"], axis["labels"]) for axis in axes] == [("x", ["1", "2", "3"]), ("y", ["a", "b"])]
    assert list(array.array("i", places)) == [0, 0, 0, 1, 1, 0, 1, 1, 2, 0, 2, 1]


def test_a_page_is_sorted_and_what_is_missing_comes_last(board: Board) -> None:
    def order(**asked: object) -> list[int]:
        return [line["number"] for line in board.page(**asked)["lines"]]  # type: ignore[arg-type]

    assert order() == [0, 1, 2, 3, 4, 5]
    assert order(sort="energy", down=True)[:3] == [4, 2, 0]
    assert order(sort="energy")[:3] == [0, 2, 4]
    assert order(offset=2, limit=2) == [2, 3]
    assert order(sort="no such column") == order()


def test_a_page_is_filtered_by_words_and_states(board: Board) -> None:
    found = board.page(words="RING b")
    assert (found["total"], found["numbers"]) == (0, [])
    found = board.page(words="ring", states=[CODES[State.COMPLETED]], whole=True)
    assert (found["total"], found["numbers"]) == (2, [2, 4])
    assert board.page(limit=0, whole=True)["numbers"] == [0, 1, 2, 3, 4, 5]
    assert board.page()["numbers"] == []


def test_a_point_that_failed_tells_its_error(board: Board) -> None:
    told, picture = board.point(5)
    assert picture is None
    assert told["error"] == "ValueError: no luck"
    assert told["traceback"].startswith("Traceback")
    assert board.point(77)[0]["missing"]


def test_it_reads_again_when_something_changed(board: Board, scan: Scan) -> None:
    before = board.page(words="ring")["total"]
    finish(scan.project, scan.name, 1, energy=9.0, shape="ring")
    assert board.page(words="ring")["total"] == before + 1


def whole(board: Board) -> object:
    """All it can say, but for what is only ever added to."""
    board.page(words="completed")  # so that the words for filtering are there, and have to be kept up
    pages = [board.page(sort=name, down=down) for name in ("energy", "run_state", "x") for down in (True, False)]
    found = [board.page(words=words) for words in ("completed", "ring", "b queued", "failed")]
    constant = {"constant"}
    columns = [{key: column[key] for key in column.keys() - constant} for column in board.columns()]
    drawn = [board.column(column["name"]) for column in columns]
    return board.stands(), board.told(), pages, found, columns, drawn, board.axes(), board.point(3)[0]


def test_what_is_kept_up_by_changes_is_what_is_read_anew(scan: Scan, board: Board) -> None:
    whole(board)
    for number, state in ((1, "COMPLETED"), (3, "FAILED"), (0, "FAILED"), (5, "COMPLETED"), (3, "COMPLETED")):
        finish(scan.project, scan.name, number, state, energy=number / 4, shape="dot")
        read = board._sheet
        kept = whole(board)
        assert board._sheet is read
        assert kept == whole(Board(scan))


def test_a_new_column_and_new_points_are_noticed(scan: Scan, board: Board) -> None:
    whole(board)
    finish(scan.project, scan.name, 1, mass=2.5)
    assert "mass" in [column["name"] for column in board.columns()]
    scan.add(grid(x=[9], y=["a"])).submit()
    assert whole(board) == whole(Board(scan))
    assert len(board.stands()[1]) == 7


def test_a_glance_shows_what_a_page_does_and_reads_no_more_than_that(scan: Scan) -> None:
    for states in ([], [CODES[State.COMPLETED]]):
        board = Board(scan)
        seen = board.glance(states=states, offset=1, limit=2)
        assert board._sheet.rows == []
        page = board.page(states=states, offset=1, limit=2)
        assert seen == page
        assert len(seen["lines"]) == 2
    assert [line["number"] for line in seen["lines"]] == [2, 4]


def test_a_glance_knows_columns_and_what_varies_from_points_all_over_the_scan(project: Project) -> None:
    scan = Scan("toy.ipynb", grid(x=[1, 2], y=range(70)), project=project).submit()
    finish(project, "toy", 138, energy=2.0)
    found = {column["name"]: column["constant"] for column in Board(scan).glance(limit=5)["columns"]}
    assert found["x"] is False
    assert "energy" in found


def test_a_point_is_told_without_reading_the_others(scan: Scan) -> None:
    board = Board(scan)
    told, _ = board.point(2)
    assert board._sheet.rows == []
    assert [(each["name"], each["text"], each["role"]) for each in told["values"]][:4] == [
        ("x", "2", "parameter"),
        ("y", "a", "parameter"),
        ("energy", "1", "value"),
        ("shape", "ring", "value"),
    ]


def test_a_reader_lets_a_question_go_first(scan: Scan) -> None:
    board = Board(scan)
    reader = threading.Thread(target=board.prepare)
    with board._turns.first():
        reader.start()
        reader.join(0.3)
        assert reader.is_alive()
        assert board.point(2)[0]["number"] == 2
        assert board._sheet.rows == []
    reader.join()
    assert len(board._sheet.rows) == 6
