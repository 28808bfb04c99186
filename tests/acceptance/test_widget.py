"""The scan widget as people use it: a real JupyterLab, a real Chromium, real runs on this computer."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import lab
from clusters.daemons import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Locator, Page

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("lab"), pytest.mark.timeout(600)]

PATIENCE = 240_000  # milliseconds for 231 processes on a small, busy computer
SPRING = """
import farpoint as fp
import math, pathlib

MENDED = pathlib.Path("mended").absolute()

def spring(k, damping: float = 0.1, label: str = "<b onmouseover=alert(1)>"):
    if k == 20 and damping > 0.45 and not MENDED.exists():
        raise ValueError(f"<img src=x onerror=alert(2)> too stiff: {k}")
    return {"x": math.sin(k) * damping, "energy": k**2 * damping}

widget = fp.ScanWidget(spring)
widget
"""
PICTURES = """
import farpoint as fp
scan = fp.Scan("wave.ipynb", fp.grid(n=[1, 2, 3]))
scan.submit()
scan
"""
FORM = "fp.ScanWidget(lambda k: k, name='form')"
GONE = "The kernel of this widget is gone."
STILL = "The kernel is gone: this picture stands still. Reload the page for the page that needs no kernel."
DEAD = "Error displaying widget: model not found"  # Lab's own words
WAVE = ("n = 1", "import matplotlib.pyplot as plt\nplt.plot([0, n, 0])\nplt.title(f'n = {n}');")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[lab.Server]:
    folder = tmp_path_factory.mktemp("lab")
    lab.write_cells(folder / "spring.ipynb", SPRING, "print(sorted(widget.scan.selection.table['k'].unique()))")
    lab.write_cells(folder / "pictures.ipynb", PICTURES, FORM)
    lab.write_cells(folder / "killed.ipynb", PICTURES, "import os; print(os.getpid())")
    made = lab.write_cells(folder / "wave.ipynb", *WAVE)
    made.write_text(made.read_text().replace('"metadata": {}', '"metadata": {"tags": ["parameters"]}', 1))
    with lab.jupyter(folder) as found:
        yield found


@pytest.fixture(scope="module")
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 1100})
    made = context.new_page()
    faults: list[str] = []
    made.on("pageerror", lambda fault: faults.append(str(fault)))
    made.on("dialog", lambda box: _answer(box, faults))
    yield made
    context.close()
    assert not [fault for fault in faults if fault != "Failed to fetch"]  # Lab's own, when its kernels are taken away


def _answer(box: Dialog, faults: list[str]) -> None:
    """A notebook that was not saved may ask; nothing else may."""
    if box.type == "beforeunload":
        box.accept()
    else:
        faults.append(f"dialog: {box.message}")
        box.dismiss()


def run_cell(page: Page, number: int) -> None:
    page.locator(".jp-Notebook .jp-Cell").nth(number).locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")


def open_notebook(page: Page, server: lab.Server, name: str) -> None:
    workspace = name.removesuffix(".ipynb")  # of its own: else Lab would open what was open before, out of sight
    page.goto(f"{server.url}/lab/workspaces/{workspace}/tree/{name}")
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)


def ended(page: Page) -> None:
    page.locator('.fpw-bar[aria-valuenow="100"]').wait_for(timeout=PATIENCE)


def view(page: Page, name: str) -> None:
    page.locator(".fpw-tabs").get_by_role("tab", name=name).click()


def value_of(page: Page, name: str) -> str:
    return (
        page.locator(".fpw-values tr", has=page.get_by_role("rowheader", name=name, exact=True))
        .locator("td")
        .inner_text()
    )


def drag(page: Page, slider: Locator, part: float) -> None:
    box = slider.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 8, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 8 + (box["width"] - 16) * part, middle, steps=4)
    page.mouse.up()


def test_a_scan_is_defined_launched_watched_explored_and_mended(page: Page, server: lab.Server, tmp_path: Path) -> None:
    open_notebook(page, server, "spring.ipynb")
    run_cell(page, 0)
    page.locator(".fpw").wait_for(timeout=60_000)
    # define
    page.get_by_label("k: how it varies").select_option("range")
    for words, text in (("from", "0"), ("to", "20"), ("number of values", "21")):
        page.get_by_label(f"k: {words}", exact=True).fill(text)
    page.get_by_label("damping: how it varies").select_option("range")
    for words, text in (("from", "0"), ("to", "0.5"), ("number of values", "11")):
        page.get_by_label(f"damping: {words}", exact=True).fill(text)
    page.get_by_role("button", name="Submit 231 points").wait_for(timeout=30_000)
    page.screenshot(path=tmp_path / "define.png")
    assert "#!/bin/sh" in page.locator(".fpw-preview pre").text_content()
    # submit and watch
    page.get_by_role("button", name="Submit 231 points").click()
    page.locator(".fpw-map").wait_for(timeout=30_000)
    ended(page)
    page.screenshot(path=tmp_path / "progress.png")
    assert page.locator(".fpw-legend").inner_text().split("\n") == ["✓230 COMPLETED", "✗1 FAILED"]
    assert "<img src=x onerror=alert(2)> too stiff: 20" in page.locator(".fpw-failures").inner_text()
    # drag the sliders
    view(page, "Explore")
    for part, k in ((0.0, 0), (0.5, 10), (1.0, 20)):
        drag(page, page.get_by_role("slider", name="k"), part)
        page.wait_for_function(f"document.querySelector('.fpw-values')?.innerText.match(/^k\\s+{k}$/m)")
        assert page.get_by_role("slider", name="k").get_attribute("aria-valuetext") == str(k)
    page.get_by_role("slider", name="damping").press("End")
    page.locator(".fpw-point", has_text="point 230 — FAILED").wait_for()
    page.screenshot(path=tmp_path / "explore.png")
    page.get_by_role("slider", name="k").press("ArrowLeft")
    page.locator(".fpw-point", has_text="point 219 — COMPLETED").wait_for()
    assert float(value_of(page, "energy")) == pytest.approx(19**2 * 0.5)
    # select in a plot, read it in the next cell
    view(page, "Plot")
    canvas = page.locator("canvas.fpw-plot")
    page.wait_for_function("document.querySelector('canvas.fpw-plot')?.getAttribute('aria-label')?.includes('against')")
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 66, box["y"] + 26)
    page.mouse.down()
    page.mouse.move(box["x"] + 66 + (640 - 88) * 0.24, box["y"] + 318, steps=5)
    page.mouse.up()
    page.screenshot(path=tmp_path / "plot.png")
    run_cell(page, 1)
    page.wait_for_function(
        "document.querySelectorAll('.jp-Cell')[1].innerText.includes('[np.')||document.querySelectorAll('.jp-Cell')[1].querySelector('.jp-OutputArea-output')"
    )
    said = page.locator(".jp-Cell").nth(1).locator(".jp-OutputArea-output").inner_text()
    assert [int(each) for each in re.findall(r"\d+(?=\)|,|\])", re.sub(r"int64", "", said))] == [0, 1, 2, 3, 4]
    # retry what failed, once its cause is gone
    (server.folder / "mended").write_text("")
    view(page, "Progress")
    page.get_by_role("button", name="Retry failed").click()
    page.locator(".fpw-legend", has_text="231 COMPLETED").wait_for(timeout=PATIENCE)
    # the table: sorted by the kernel, told in text
    view(page, "Table")
    page.get_by_role("columnheader", name="energy").get_by_role("button").click()
    page.get_by_role("columnheader", name="energy ▴").get_by_role("button").click()
    page.get_by_role("columnheader", name="energy ▾").wait_for()
    assert page.locator(".fpw-table tbody tr").first.locator("td").nth(1).inner_text() == "230"
    page.screenshot(path=tmp_path / "table.png")


def test_every_drawing_has_a_table_and_keys_move_in_it(page: Page) -> None:
    view(page, "Plot")
    page.locator(".fpw-plots").get_by_role("button", name="show as a table").click()
    page.locator(".fpw-plots .fpw-twin td").first.wait_for()
    view(page, "Progress")
    page.locator("canvas.fpw-map").focus()
    page.keyboard.press("ArrowRight")
    assert "point 1: COMPLETED" in page.locator(".fpw-progress .fpw-tip").inner_text()
    page.keyboard.press("Enter")
    page.locator(".fpw-point", has_text="point 1 — COMPLETED").wait_for()


def test_text_of_users_made_no_element(page: Page) -> None:
    view(page, "Define")
    page.get_by_text("<b onmouseover=alert(1)>").first.wait_for()
    for name in ("Define", "Progress", "Table", "Explore"):
        view(page, name)
        assert page.locator(".fpw b[onmouseover], .fpw img[src='x']").count() == 0


def test_with_the_kernel_gone_the_page_below_still_drags(page: Page, server: lab.Server, tmp_path: Path) -> None:
    open_notebook(page, server, "pictures.ipynb")
    run_cell(page, 0)
    page.locator(".fpw").wait_for(timeout=60_000)
    ended(page)
    view(page, "Explore")
    page.get_by_role("slider", name="n").press("End")
    page.locator('.fpw-stage img[alt="picture of point 2"]').wait_for(timeout=30_000)
    page.screenshot(path=tmp_path / "picture.png")
    link = page.get_by_role("link", name="open its notebook").get_attribute("href")
    assert link == "/lab/tree/farpoint_runs/wave/point_0002/output.ipynb"
    assert page.locator(".farpoint-static").is_hidden()
    page.wait_for_function(
        "document.querySelector('.farpoint-static iframe')?.srcdoc.includes('3 COMPLETED')", timeout=60_000
    )
    run_cell(page, 1)
    page.get_by_role("button", name="Submit").wait_for(timeout=30_000)
    page.get_by_role("button", name="Save and create checkpoint").click()
    until(lambda: "kernel of this widget" in json.dumps(server.ask("api/contents/pictures.ipynb")), "it is saved")
    assert "3 COMPLETED" in json.dumps(server.ask("api/contents/pictures.ipynb"))
    assert page.get_by_text(GONE).is_hidden()
    server.end_kernels()
    page.get_by_text(STILL).wait_for()  # until somebody reloads
    page.get_by_text("The kernel is gone. Run the cell again to have this form back.").wait_for()
    page.screenshot(path=tmp_path / "still.png")
    page.reload()
    page.locator(".farpoint-static iframe").wait_for(timeout=60_000)
    page.get_by_text(GONE).wait_for()  # a widget that never had a scan leaves a sentence, and a scan no dead widget
    until(lambda: bool(page.get_by_text(DEAD).count()), "Lab gave the widgets up")
    assert not any(each.is_visible() for each in page.get_by_text(DEAD).all())
    frame = page.frame_locator(".farpoint-static iframe")
    slider = frame.get_by_role("slider").first
    before = slider.input_value()
    slider.press("End")
    assert slider.input_value() != before
    frame.locator("img").first.wait_for()
    page.screenshot(path=tmp_path / "static.png")


def test_a_kernel_that_was_killed_leaves_no_widget_that_seems_to_live(page: Page, server: lab.Server) -> None:
    open_notebook(page, server, "killed.ipynb")
    run_cell(page, 0)
    ended(page)
    assert page.locator(".fpw-still").is_hidden()
    run_cell(page, 1)
    said = page.locator(".jp-Cell").nth(1).locator(".jp-OutputArea-output")
    os.kill(int(said.inner_text()), signal.SIGKILL)  # Jupyter starts another one in its place
    page.get_by_text(STILL).wait_for(timeout=60_000)
