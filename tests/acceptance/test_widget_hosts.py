"""The same widget in other front ends: Notebook 7, Voilà and marimo. A scan is defined, launched, watched, explored."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import lab

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("lab"), pytest.mark.timeout(300)]

CELL = """
import farpoint as fp

def spring(k, damping: float = 0.1):
    return {"energy": k**2 * damping}

widget = fp.ScanWidget(spring)
widget
"""
MARIMO = """
import marimo

app = marimo.App()


@app.cell
def _():
    import farpoint as fp

    def spring(k, damping: float = 0.1):
        return {"energy": k**2 * damping}

    widget = fp.ScanWidget(spring)
    widget
    return


if __name__ == "__main__":
    app.run()
"""


@contextmanager
def notebook(folder: Path) -> Iterator[str]:
    lab.write_cells(folder / "spring.ipynb", CELL)
    with lab.jupyter(folder, "notebook") as server:
        yield f"{server.url}/notebooks/spring.ipynb"


@contextmanager
def voila(folder: Path) -> Iterator[str]:
    path, port = lab.write_cells(folder / "spring.ipynb", CELL), lab.free_port()
    argv = [sys.executable, "-m", "voila", str(path), "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1"]
    with lab.started(argv, folder, f"http://127.0.0.1:{port}", folder / "voila.log", path="") as server:
        yield server.url


@contextmanager
def marimo(folder: Path) -> Iterator[str]:
    path, port = folder / "spring.py", lab.free_port()
    path.write_text(MARIMO)
    argv = [sys.executable, "-m", "marimo", "run", str(path), "--headless", "--host=127.0.0.1", f"--port={port}"]
    with lab.started(argv, folder, f"http://127.0.0.1:{port}", folder / "marimo.log", path="") as server:
        yield server.url


@pytest.fixture(params=[notebook, voila, marimo], ids=lambda host: host.__name__)
def page(request: pytest.FixtureRequest, chromium: Browser, tmp_path: Path) -> Iterator[Page]:
    pytest.importorskip(request.param.__name__)
    with request.param(tmp_path) as url:
        context = chromium.new_context(viewport={"width": 1280, "height": 1000})
        made = context.new_page()
        made.goto(url)
        if request.param is notebook:
            made.locator(".jp-Cell .cm-content").first.click()
            made.get_by_text("Python 3 (ipykernel)").first.wait_for(timeout=60_000)
            made.keyboard.press("Shift+Enter")
        yield made
        context.close()


def test_a_scan_from_the_form_to_the_slider(page: Page, tmp_path: Path) -> None:
    page.locator(".fpw").wait_for(timeout=90_000)
    page.get_by_label("k: how it varies").select_option("values")
    page.get_by_label("k: values, with commas between").fill("1, 2, 3, 4")
    page.get_by_role("button", name="Submit 4 points").click(timeout=60_000)
    page.locator(".fpw-legend", has_text="4 COMPLETED").wait_for(timeout=120_000)
    page.screenshot(path=tmp_path / "progress.png")
    tabs = page.locator(".fpw-tabs")
    tabs.get_by_role("tab", name="Explore").click()
    page.locator(".fpw-point", has_text="point 0 — COMPLETED").wait_for(timeout=30_000)
    page.get_by_role("slider", name="k").press("End")
    page.locator(".fpw-point", has_text="point 3 — COMPLETED").wait_for(timeout=30_000)
    assert "energy\t1.6" in page.locator(".fpw-values").inner_text()
    page.screenshot(path=tmp_path / "explore.png")
