import json

from farpoint.api import walk
from rows import failed, grid, row


def test_a_grid_has_a_slider_an_axis_and_begins_in_its_middle() -> None:
    found = walk.of(grid(columns=3, lines=3))
    assert [axis["labels"] for axis in found["axes"]] == [["0", "0.5", "1"], ["0", "1", "2"]]
    assert found["walk"] == "grid"
    assert found["points"][5]["at"] == [1, 2]
    assert found["first"] == 4
    assert walk.of(grid(columns=3, lines=3), shown=[0, 8])["first"] in (0, 8)
    assert walk.said(found) == ""


def test_the_longer_axis_lies_across() -> None:
    wide, tall = walk.of(grid(columns=5, lines=2)), walk.of(grid(columns=2, lines=5))
    assert (wide["across"], wide["up"]) == (1, 0)
    assert (tall["across"], tall["up"]) == (0, 1)


def test_what_changes_together_has_one_slider() -> None:
    found = walk.of([row(n, parameters={"mesh": f"{'cab'[n]}.json", "scale": n * 1.5}) for n in range(3)])
    assert found["axes"][0]["name"] == "mesh · scale"
    assert found["axes"][0]["labels"] == ["c.json · 0", "a.json · 1.5", "b.json · 3"]
    assert walk.said(found) == "One slider moves mesh · scale: these parameters change together."


def test_points_that_make_no_grid_are_walked_in_order_and_by_each_parameter() -> None:
    places = [(0.3, 7.0), (0.1, 5.0), (0.2, 9.0)]
    found = walk.of([row(n + 3, parameters={"x": x, "y": y}) for n, (x, y) in enumerate(places)], shown=[4])
    assert found["walk"] == "order"
    assert [axis["name"] for axis in found["axes"]] == ["point", "x", "y"]
    assert [point["at"] for point in found["points"]] == [[0, 2, 1], [1, 0, 0], [2, 1, 2]]
    assert found["first"] == 4
    assert (found["across"], found["up"]) == (1, 2)
    assert "no grid" in walk.said(found)


def test_equal_points_have_one_slider() -> None:
    found = walk.of([row(n, parameters={"x": 1}) for n in range(6)])
    assert [axis["name"] for axis in found["axes"]] == ["point"]
    assert (found["across"], found["up"]) == (None, None)


def test_a_point_without_a_result_tells_why() -> None:
    rows = [failed(0, "x" * 900), row(1, "RUNNING", progress=0.4), row(2, "CANCELLED", reason="time limit"), row(3)]
    bad, running, cancelled, done = walk.of(rows, left=[3])["points"]
    assert bad["error"].startswith("ValueError: xxx")
    assert len(bad["error"]) == 500
    assert "cell 3" in bad["trace"]
    assert (running["word"], "error" in running) == ("RUNNING 40 %", False)
    assert cancelled["error"] == "time limit"
    assert done["left"] is True


def test_columns_are_numbers_then_words_then_ours() -> None:
    nan = {"$": "float", "value": "nan"}
    records = [{"s": "a", "e": 1, "v": [1, 2], "n": nan}, {"e": 2.5, "ok": True, "n": 3}]
    found = walk.columns([row(n, parameters={"x": n}, records=each) for n, each in enumerate(records)])
    assert [(column["name"], column["kind"], column["values"]) for column in found] == [
        ("e", "number", [1.0, 2.5]),
        ("n", "number", [None, 3.0]),
        ("s", "word", ["a", None]),
        ("ok", "word", [None, "True"]),
        ("run_seconds", "number", [10.0, 10.0]),
        ("run_state", "state", ["COMPLETED", "COMPLETED"]),
    ]
    json.dumps(found, allow_nan=False)


def test_a_page_has_so_many_columns() -> None:
    rows = [row(n, parameters={"x": n}, records={f"v{k}": n for k in range(100)}) for n in range(2)]
    assert len(walk.columns(rows)) == walk.COLUMNS
