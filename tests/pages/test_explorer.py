"""The explorer in a real browser: every way to a point leads to its frame and its values, by mouse and by keyboard."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from browser import Tab
from explorer_page import Explorer, drag, picture_of
from farpoint.api import frames, report
from farpoint.api.explore import Explorer as Made
from farpoint.model import RunRow
from rows import failed, grid, row

Open = Callable[..., Explorer]


@pytest.fixture
def look(tab: Tab, tmp_path: Path) -> Open:
    """look(rows, left out: numbers without a frame) → the page of these rows, opened from disk."""

    def opened(rows: list[RunRow], without: set[int] | None = None, **more: object) -> Explorer:
        bad = {each.number for each in rows if each.state != "COMPLETED"} | (without or set())
        shown = {each.number: picture_of(each.number) for each in rows if each.number not in bad}
        path = tmp_path / "page.html"
        path.write_text(report.page("toy", rows, 1.79e9, frames=frames.fit(shown), **more).text, encoding="utf-8")
        return Explorer(tab.open(path).locator("html"))

    return opened


def samples() -> list[RunRow]:
    dice = random.Random(1)
    points = [{"a": dice.random(), "b": dice.random() * 10} for _ in range(20)]
    return [row(n, parameters=point, records={"e": point["a"] * point["b"]}) for n, point in enumerate(points)]


def cube() -> list[RunRow]:
    points = [{"a": a, "b": b, "c": c} for a in (1, 2, 3) for b in (0.1, 0.2, 0.3, 0.4) for c in ("x", "y")]
    return [row(n, parameters=p, records={"e": p["a"] * p["b"], "kind": p["c"] + "!"}) for n, p in enumerate(points)]


# ---------------------------------------------------------------------------------------------- sliders
def test_it_begins_in_the_middle_and_sliders_lead_to_every_point(look: Open) -> None:
    page = look(grid(columns=5, lines=3))
    page.shows(7)
    for number in (0, 14, 8, 3):
        drag(page.slider("x"), number // 5)
        drag(page.slider("y"), number % 5)
        page.shows(number)
        assert page.values["energy"] == f"{number // 5 * 0.5 + number % 5:g}"
        assert page.outputs == [f"{number // 5 * 0.5:g}", str(number % 5)]


def test_arrow_keys_move_a_slider_and_its_value_is_spoken(look: Open) -> None:
    page = look(grid(columns=5, lines=3))
    page.slider("y").focus()
    keyboard = page.root.page.keyboard
    keyboard.press("ArrowRight")
    page.shows(8)
    keyboard.press("Home")
    page.shows(5)
    keyboard.press("End")
    page.shows(9)
    keyboard.press("Shift+Tab")
    keyboard.press("ArrowUp")
    page.shows(14)
    assert page.slider("x").get_attribute("aria-valuetext") == "1"
    assert page.focused()["seen"]


def test_points_without_a_grid_are_walked_in_order_and_to_the_nearest(look: Open) -> None:
    rows = samples()
    page = look(rows)
    assert "These points make no grid" in page.root.locator("#explore .note").inner_text()
    page.shows(0)
    page.slider("point").focus()
    page.root.page.keyboard.press("ArrowRight")
    page.shows(1)
    in_order = sorted(range(20), key=lambda n: rows[n].parameters["a"])
    drag(page.slider("a"), 4)
    page.shows(in_order[4])
    assert page.outputs[0] == str(in_order[4])
    assert page.values["b"] == f"{rows[in_order[4]].parameters['b']:.6g}"


def test_what_changes_together_has_one_slider(look: Open) -> None:
    page = look([row(n, parameters={"mesh": f"m{n}.json", "scale": n * 1.5}) for n in range(4)])
    drag(page.slider("mesh · scale"), 3)
    page.shows(3)
    assert page.outputs == ["m3.json · 4.5"]


# ---------------------------------------------------------------------------------------------- what is missing
def test_a_point_without_a_result_shows_its_state_and_its_error(look: Open) -> None:
    rows = grid(columns=3, lines=2)
    rows[1] = failed(1, parameters=rows[1].parameters)
    rows[2] = row(2, "RUNNING", parameters=rows[2].parameters, progress=0.4)
    page = look(rows, {4})
    page.tile(1).click()
    for words in ("FAILED", "ValueError: x is negative", "Traceback (most recent call last)"):
        assert words in page.stage.inner_text()
    assert page.stage.locator("img").count() == 0
    page.tile(2).click()
    assert page.stage.inner_text() == "RUNNING 40 %"
    page.tile(4).click()
    assert "It drew no figure." in page.stage.inner_text()
    assert page.tile(1).inner_text() == "FAILED"
    assert page.mark(1).locator(".sign").text_content() == "×"


def test_a_place_that_was_not_scanned_says_so_and_leads_on(look: Open) -> None:
    rows = grid(columns=5, lines=3)
    del rows[8]
    page = look(rows)
    page.slider("y").focus()
    page.root.page.keyboard.press("ArrowRight")
    assert page.where == "No point was scanned here."
    assert page.values == {}
    page.stage.get_by_role("button", name="go to the nearest point").click()
    page.shows(page.number)
    assert page.number in (3, 7, 9, 13)


def test_frames_that_were_left_out_are_told(tab: Tab, tmp_path: Path) -> None:
    rows = grid(columns=3, lines=2)
    fitted = frames.Frames({0: picture_of(0)}, frozenset({1, 2, 3, 4, 5}), "Frames are shown of every 6th point.")
    (tmp_path / "page.html").write_text(report.page("toy", rows, 1.79e9, frames=fitted).text, encoding="utf-8")
    page = Explorer(tab.open(tmp_path / "page.html").locator("html"))
    page.shows(0)
    assert page.root.get_by_text("Frames are shown of every 6th point.").is_visible()
    page.tile(4).click()
    assert "Its frame was left out of this page" in page.stage.inner_text()


# ---------------------------------------------------------------------------------------------- map
def test_a_click_on_the_map_goes_there_and_arrow_keys_go_on(look: Open) -> None:
    page = look(grid(columns=5, lines=3))
    page.mark(13).click()
    page.shows(13)
    keyboard = page.root.page.keyboard
    for key, number in (("ArrowRight", 14), ("ArrowRight", 14), ("ArrowDown", 9), ("ArrowLeft", 8), ("ArrowUp", 13)):
        keyboard.press(key)
        page.shows(number)
        assert page.focused() == {"point": str(number), "name": "g", "seen": True}


def test_the_map_takes_one_tab_stop(look: Open) -> None:
    page = look(grid(columns=5, lines=3))
    page.root.get_by_role("button", name="as a table").first.focus()
    keyboard = page.root.page.keyboard
    keyboard.press("Tab")
    assert page.focused() == {"point": "7", "name": "g", "seen": True}
    keyboard.press("Tab")
    assert page.focused()["name"] != "g"


def test_any_column_can_be_mapped_and_colours_follow_its_values(look: Open) -> None:
    page = look(cube())
    choice = page.root.locator("select.column")
    assert choice.locator("option").all_inner_texts() == ["e", "kind", "run_seconds", "run_state"]

    def colours() -> set[str]:
        cells = page.root.locator(".mark .cell")
        return set(cells.evaluate_all("all => all.map((cell) => getComputedStyle(cell).fill)"))

    assert len(colours()) == len({round(a * b / 10, 6) for a in (1, 2, 3) for b in (1, 2, 3, 4)})
    choice.select_option("kind")
    assert len(colours()) == 1
    assert page.root.locator(".map .legend li").all_inner_texts() in (["x!", "y!"], ["y!", "x!"])
    assert "kind = " in (page.mark(page.number).locator("title").text_content() or "")


def test_a_map_of_three_axes_is_the_slice_where_the_third_slider_stands(look: Open) -> None:
    rows = cube()
    page = look(rows)
    assert page.root.locator(".mark").count() == 12
    page.slider("c").focus()
    page.root.page.keyboard.press("End")
    numbers = page.root.locator(".mark").evaluate_all("all => all.map((mark) => Number(mark.dataset.point))")
    assert set(numbers) == {each.number for each in rows if each.parameters["c"] == "y"}
    page.root.locator("select.up").select_option("c")
    assert page.root.locator(".mark").count() == 8
    page.root.locator("select.across").select_option("c")
    assert page.root.locator("select.up").input_value() == "1"
    page.shows(page.number)


def test_one_axis_makes_a_line_and_points_without_a_grid_make_dots(look: Open) -> None:
    page = look([row(n, parameters={"x": n / 10}, records={"e": n**2}) for n in range(11)])
    assert page.root.locator(".curve").count() == 1
    page.mark(9).click()
    page.root.page.keyboard.press("ArrowRight")
    page.shows(10)
    page.root.locator("select.column").select_option("run_state")
    assert page.root.locator(".mark .cell").count() == 11
    page = look(samples())
    assert page.root.locator(".curve").count() == 0
    page.mark(5).click()
    page.shows(5)
    page.root.page.keyboard.press("ArrowUp")
    assert float(page.values["b"]) > float(f"{samples()[5].parameters['b']:.6g}")


# ---------------------------------------------------------------------------------------------- contact sheet
def test_a_tile_leads_to_its_point_and_arrow_keys_go_on(look: Open) -> None:
    page = look(grid(columns=5, lines=3))
    page.tile(0).click()
    page.shows(0)
    keyboard = page.root.page.keyboard
    for key, number in (("ArrowUp", 5), ("ArrowRight", 6), ("End", 14), ("Home", 0)):
        keyboard.press(key)
        page.shows(number)
        assert page.focused() == {"point": str(number), "name": "BUTTON", "seen": True}
    assert page.root.locator(".tile[tabindex='0']").count() == 1


def test_a_frame_opens_large_and_the_next_follows(look: Open) -> None:
    page = look(grid(columns=5, lines=3))
    page.stage.get_by_role("button").click()
    box = page.root.get_by_role("dialog")
    keyboard = page.root.page.keyboard
    keyboard.press("ArrowRight")
    assert box.inner_text().startswith("point 8")
    page.shows(8)
    keyboard.press("Escape")
    assert not box.is_visible()


# ---------------------------------------------------------------------------------------------- tables
def test_every_graphic_has_a_table_behind_a_button(look: Open) -> None:
    rows = grid(columns=3, lines=2)
    page = look(rows)
    buttons = page.root.get_by_role("button", name="as a table")
    assert buttons.count() == page.root.locator("svg, .sheet").count() == 2
    for button in buttons.all():
        assert button.is_visible()
        button.click()
        assert button.get_attribute("aria-expanded") == "true"
    first, second = page.root.locator(".twin table").all()
    lines = [line.locator("th, td").all_inner_texts() for line in first.locator("tr").all()]
    assert lines == [["energy: x ↓ y →", "0", "1", "2"], ["0.5", "0.5", "1.5", "2.5"], ["0", "0", "1", "2"]]
    assert second.locator("tbody tr").count() == 6
    page.root.locator("select.column").select_option("run_seconds")
    assert first.locator("td").first.inner_text() == "10"


def test_the_table_sorts_filters_and_leads_to_points(look: Open) -> None:
    page = look(grid(columns=5, lines=3))
    table = page.root.locator(".table")
    table.get_by_role("button", name="energy").click()
    table.get_by_role("button", name="energy").click()
    assert table.locator("tbody tr").first.get_attribute("data-point") == "14"
    table.get_by_role("searchbox").fill("completed 2.5")
    table.get_by_role("button", name="go to point 7").click()
    page.shows(7)
    table.get_by_role("searchbox").fill("")
    page.root.page.keyboard.press("Tab")
    table.get_by_role("button", name="go to point 7").focus()
    page.root.page.keyboard.press("ArrowDown")
    page.shows(page.number)
    assert page.focused()["point"] is None
    assert page.number != 7


# ---------------------------------------------------------------------------------------------- the page
@pytest.mark.parametrize(
    "rows", [[], [row(0, parameters={"x": 1})], [row(n) for n in range(3)]], ids=["none", "one", "same"]
)
def test_pages_of_hardly_anything(look: Open, rows: list[RunRow]) -> None:
    page = look(rows)
    assert page.root.get_by_role("heading", name="toy").is_visible()
    if rows:
        page.shows(0)


def test_a_page_without_figures_has_no_empty_frame(look: Open) -> None:
    rows = [*grid(columns=3, lines=2)[:5], failed(5, parameters={"x": 0.5, "y": 2})]
    page = look(rows, set(range(6)))
    assert not page.stage.is_visible()
    page.mark(5).click()
    assert "ValueError: x is negative" in page.stage.inner_text()


def test_the_theme_can_be_changed(look: Open) -> None:
    page = look(grid())
    colour = "() => getComputedStyle(document.body).backgroundColor"
    light = page.root.page.evaluate(colour)
    page.root.get_by_role("button", name="light / dark").click()
    assert page.root.page.evaluate(colour) != light


def test_in_a_notebook_it_works_in_a_frame_of_its_own(tab: Tab, tmp_path: Path) -> None:
    rows = grid(columns=5, lines=3)
    shown = frames.fit({each.number: picture_of(each.number) for each in rows})
    made = Made("toy", lambda: report.page("toy", rows, 1.79e9, frames=shown))
    (tmp_path / "notebook.html").write_text(f"<!DOCTYPE html><body>{made._repr_html_()}", encoding="utf-8")
    page = Explorer(tab.open(tmp_path / "notebook.html").frame_locator("iframe").locator("html"))
    page.slider("y").focus()
    page.slider("y").press("ArrowRight")
    page.shows(8)


def test_opened_where_nobody_sees_it_the_ring_is_around_the_point_all_the_same(tab: Tab, tmp_path: Path) -> None:
    inner = Made("toy", lambda: report.page("toy", grid(columns=5, lines=3), 1.79e9))
    path = tmp_path / "outer.html"
    path.write_text(f'<!doctype html><div id="fold" style="display:none">{inner.frame}</div>', encoding="utf-8")
    page = tab.open(path)
    frame = page.frame_locator("iframe")
    frame.locator(".ring").last.wait_for(state="attached")
    page.evaluate("document.querySelector('#fold').style.display = ''")
    box = frame.locator(".ring").last.bounding_box()
    cell = frame.locator('.mark[aria-current="true"] .cell').bounding_box()
    assert box is not None
    assert cell is not None
    middle = [each["x"] + each["width"] / 2 for each in (box, cell)]
    assert middle[0] == pytest.approx(middle[1], abs=1)
    assert box["width"] > cell["width"] > 0
