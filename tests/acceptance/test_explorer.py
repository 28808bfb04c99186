"""A scan over 231 points of a reaction from a real kernel, looked through in a real browser once the kernel is gone."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas
import pytest

import browser
from browser import Tab
from explorer_page import Explorer, drag
from farpoint.api.pictures import Picture, figure_of
from kernels import kernel

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# A point costs about a second of a processor, nearly all of it for its kernel: two minutes on two that have nothing
# else to do. So the reaction is small, and Pillow draws it, which is there in a tenth of the time of pyplot.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800), pytest.mark.xdist_group("explorer")]

FEEDS, KILLS = 21, 11
SETUP = """%load_ext farpoint
import numpy as np
size, steps = 48, 400
def neighbours(a):
    return np.roll(a, 1, 0) + np.roll(a, -1, 0) + np.roll(a, 1, 1) + np.roll(a, -1, 1) - 4 * a
"""
CELL = f"""%%scan feed=0.018:0.058:{FEEDS} kill=0.051:0.065:{KILLS} --as spots
from PIL import Image
u, v = np.ones((size, size)), np.zeros((size, size))
u[20:28, 20:28], v[20:28, 20:28] = 0.5, 0.25
for _ in range(steps):
    eaten = u * v * v
    u += 0.16 * neighbours(u) - eaten + feed * (1 - u)
    v += 0.08 * neighbours(v) + eaten - (feed + kill) * v
covered = float((v > 0.1).mean())
kind = "dead" if covered == 0 else "alive"
heat = np.clip(v / 0.4, 0, 1)
colours = np.stack([heat, heat**2, 0.3 * (1 - heat) + 0.2 * heat], axis=2)
Image.fromarray((255 * colours).astype(np.uint8)).resize((240, 240))"""


@dataclass
class Scanned:
    """What is left when the kernel is gone: the page, the cell's output, the table, and each point's own figure."""

    page: Path
    output: Path
    table: pandas.DataFrame
    figures: dict[int, Picture]

    def point(self, feed: int, kill: int) -> int:
        """The number of the point at these places of the sliders."""
        line = sorted(self.table["feed"].unique())[feed], sorted(self.table["kill"].unique())[kill]
        found = self.table.index[(self.table["feed"] == line[0]) & (self.table["kill"] == line[1])]
        assert len(found) == 1
        return int(found[0])

    def is_shown(self, page: Explorer, number: int) -> None:
        """AssertionError unless frame and values are this point's."""
        page.shows(number, self.figures[number])
        row, seen = self.table.loc[number], page.values
        for name in ("feed", "kill", "covered", "run_seconds"):
            assert float(seen[name]) == pytest.approx(
                row[name], rel=1e-5, abs=0.006 if name == "run_seconds" else 1e-12
            )
        assert (seen["kind"], seen["run_state"]) == (row["kind"], row["run_state"])


@pytest.fixture(scope="module")
def scanned(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Scanned:
    folder = tmp_path_factory.mktemp("reaction")
    project = folder / "project"
    with kernel(project, folder / "state") as here:
        assert here.run(SETUP).error is None
        said = here.heard(here.send(CELL), timeout=1700)
        assert said.error is None, said.error
        html = [each["text/html"] for each in said.data if "<iframe" in each.get("text/html", "")]
        (folder / "output.html").write_text(f"<!DOCTYPE html><title>notebook</title><body>{html[-1]}", encoding="utf-8")
        told = here.run("file = _scan.to_html('spots.html'); _scan.table.to_pickle('table.pickle')")
        assert told.error is None, told.error
        assert "231 points, 231 frames (" in told.text
    table = pickle.loads((project / "table.pickle").read_bytes())
    figures = {number: figure_of(Path(line) / "output.ipynb") for number, line in table["run_folder"].items()}
    return Scanned(project / "spots.html", folder / "output.html", table, {n: f for n, f in figures.items() if f})


@pytest.fixture
def page(tab: Tab, scanned: Scanned) -> Explorer:
    return Explorer(tab.open(scanned.page).locator("html"))


def test_every_point_has_a_figure_of_its_own(scanned: Scanned) -> None:
    assert len(scanned.table) == FEEDS * KILLS
    assert set(scanned.table["run_state"]) == {"COMPLETED"}
    assert len(scanned.figures) == FEEDS * KILLS
    assert len({figure.data for figure in scanned.figures.values()}) > 100  # where all is dead, all look alike


def test_dragging_each_slider_shows_each_frame_and_its_values(page: Explorer, scanned: Scanned) -> None:
    feed, kill = page.slider("feed"), page.slider("kill")
    drag(kill, 3)
    for place in (0, *range(FEEDS), 4):
        drag(feed, place)
        scanned.is_shown(page, scanned.point(place, 3))
    for place in range(KILLS):
        drag(kill, place)
        scanned.is_shown(page, scanned.point(4, place))


def test_the_keyboard_leads_to_every_frame(page: Explorer, scanned: Scanned) -> None:
    keyboard = page.root.page.keyboard
    page.slider("feed").focus()
    keyboard.press("Home")
    keyboard.press("Tab")
    keyboard.press("Home")
    for kill in range(KILLS):
        scanned.is_shown(page, scanned.point(0, kill))
        keyboard.press("ArrowRight")
    keyboard.press("Shift+Tab")
    for feed in range(1, FEEDS):
        keyboard.press("ArrowUp")
        scanned.is_shown(page, scanned.point(feed, KILLS - 1))
    page.mark(page.number).focus()
    for key, feed, kill in (("ArrowLeft", 19, 10), ("ArrowDown", 19, 9), ("ArrowLeft", 18, 9), ("ArrowUp", 18, 10)):
        keyboard.press(key)
        scanned.is_shown(page, scanned.point(feed, kill))
    page.tile(page.number).focus()
    keyboard.press("ArrowDown")
    scanned.is_shown(page, scanned.point(18, 9))


def test_the_map_shows_the_table(page: Explorer, scanned: Scanned) -> None:
    page.root.get_by_role("button", name="as a table").first.click()
    cells = page.root.locator(".map .twin td").all_inner_texts()
    lines = scanned.table.pivot_table(index="kill", columns="feed", values="covered").iloc[::-1]
    assert [float(cell) for cell in cells] == pytest.approx(lines.to_numpy().ravel().tolist(), rel=1e-5)
    number = scanned.point(7, 2)
    page.mark(number).click()
    scanned.is_shown(page, number)
    page.tile(scanned.point(2, 8)).click()
    scanned.is_shown(page, scanned.point(2, 8))


def test_the_output_of_the_cell_works_without_its_kernel(tab: Tab, scanned: Scanned) -> None:
    page = Explorer(tab.open(scanned.output).frame_locator("iframe").locator("html"))
    page.slider("feed").press("Home")
    page.slider("kill").press("End")
    scanned.is_shown(page, scanned.point(0, KILLS - 1))


@pytest.fixture(params=["light", "dark", "narrow"])
def photographed(request: pytest.FixtureRequest, chromium: Browser, scanned: Scanned) -> Iterator[tuple[Tab, Path]]:
    width = 480 if request.param == "narrow" else 1280
    with browser.tab(chromium, dark=request.param == "dark", width=width) as made:
        yield made, scanned.page.with_name(f"explorer-{request.param}.png")


def test_it_is_photographed_to_be_looked_at(photographed: tuple[Tab, Path], scanned: Scanned) -> None:
    made, target = photographed
    page = made.open(scanned.page)
    scanned.is_shown(Explorer(page.locator("html")), scanned.point(10, 5))
    page.screenshot(path=target, full_page=True)
    wide = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide == 0  # nothing sticks out at the side
