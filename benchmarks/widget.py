"""The scan widget under load, measured in a real JupyterLab in a real Chromium.

    python benchmarks/widget.py [points] [changes]

100,000 points are put into a store and shown; how long each gesture takes until the browser has drawn it. Then 20,000
changes of state follow each other as fast as the store takes them; afterwards what the browser shows must be the truth.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import browser
import lab

SET_UP = """
import farpoint as fp, threading, time
from farpoint.api.scan import Scan
from farpoint.model import RunRow, ScanRow, State
from farpoint.project import Project
from farpoint.ui.scan_widget import ScanWidget

POINTS, CHANGES = {points}, {changes}
project = Project(".")
side = int(POINTS ** 0.5)
document = {{"format": 1, "scan": "large", "kind": "notebook", "task": "large.ipynb", "created": 0.0,
            "names": ["x", "y"], "points": [{{"number": n}} for n in range(POINTS)],
            "jobs": [], "files": {{}}, "save": [], "environment": None}}
with project.store.write() as writer:
    writer.put_scan(ScanRow(project.id, "large", "notebook", "large.ipynb", 0.0, ("x", "y"), "local", document))
    for n in range(POINTS):
        row = RunRow(f"r{{n:09d}}", project.id, "large", n, {{"x": n % side, "y": n // side}}, 0, "k", 1,
                     1, State.COMPLETED if n % 3 else State.QUEUED, records={{"energy": n % side / 2}}, machine="local")
        writer.place_run(row)
        writer.update_attempt(row.run, 1, {{"state": row.state, "records": row.records, "seconds": 1.0}})
scan = Scan.from_document(project, document)
widget = ScanWidget(scan)
widget
"""
CHANGE = """
def rush():
    for n in range(CHANGES):
        with project.store.write() as writer:
            writer.update_attempt(f"r{{n % POINTS:09d}}", 1, {{"state": State.FAILED if n % 2 else State.RUNNING}})
        widget.refresh()
    print("rushed")
begun = time.time(); rush(); print(f"{{time.time() - begun:.1f}} s")
truth = bytes(widget._board.states()); print(sum(truth), len(truth))
"""
DRAWN = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def main(points: int = 100_000, changes: int = 20_000) -> None:
    with tempfile.TemporaryDirectory() as name, browser.chromium() as chromium:
        folder = Path(name)
        lab.write_cells(folder / "large.ipynb", SET_UP.format(points=points, changes=changes), CHANGE.format())
        with lab.jupyter(folder) as server:
            page = chromium.new_context(viewport={"width": 1280, "height": 1100}).new_page()
            page.goto(f"{server.url}/lab/tree/large.ipynb")
            page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
            run(page, 0)
            page.locator("canvas.fpw-map").wait_for(timeout=600_000)
            gestures(page)
            rush(page)


def run(page: object, number: int) -> None:
    page.locator(".jp-Notebook .jp-Cell").nth(number).locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")


def timed(page: object, what: str, act: str, seen: str) -> None:
    """Milliseconds from the gesture to the second frame after its effect is on the page; the median of five."""
    took = sorted(
        page.evaluate(
            f"""async () => {{
                const start = performance.now();
                ({act})();
                while (!({seen})()) await new Promise(requestAnimationFrame);
                await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
                return performance.now() - start;
            }}"""
        )
        for _ in range(5)
    )
    print(f"{what:42} {took[2]:7.0f} ms   (five times: {', '.join(f'{each:.0f}' for each in took)})")


def gestures(page: object) -> None:
    tab = (
        "(name) => [...document.querySelectorAll('.fpw-tabs button')].find((each) => each.textContent === name).click()"
    )
    back = f"({tab})('Progress')"
    timed(page, "show the map of states", f"() => {back}", "() => document.querySelector('canvas.fpw-map')")
    first = {"Table": ".fpw-table tbody tr", "Plot": "canvas.fpw-plot[aria-label]", "Explore": ".fpw-point"}
    for name, seen in first.items():
        page.evaluate(f"() => ({tab})('{name}')")
        page.locator(seen).first.wait_for(timeout=120_000)
        page.wait_for_timeout(2000)
        page.evaluate(f"() => {back}")
        there = f"() => document.querySelector('{seen}')"
        timed(page, f"back to {name}, filled before", f"() => ({tab})('{name}')", there)
    page.locator(".fpw-slider input").first.wait_for(timeout=120_000)
    slide = """() => { const s = document.querySelector('.fpw-slider input');
        window.want = (Number(s.value) + 7) % Number(s.max);
        s.value = window.want; s.dispatchEvent(new Event('input')); }"""
    told = "() => document.querySelector('.fpw-values td')?.textContent == window.want"
    timed(page, "drag a slider until the values are there", slide, told)
    page.evaluate(f"() => ({tab})('Table')")
    later = """() => { window.was = document.querySelector('.fpw-count').textContent;
        document.querySelectorAll('.fpw-table .fpw-actions button')[1].click(); }"""
    turned = "() => document.querySelector('.fpw-count').textContent !== window.was"
    timed(page, "the next page of the table", later, turned)


def rush(page: object) -> None:
    run(page, 1)
    output = page.locator(".jp-Cell").nth(1).locator(".jp-OutputArea-output")
    output.filter(has_text="rushed").wait_for(timeout=900_000)
    page.wait_for_timeout(3000)
    took, truth = output.inner_text().strip().splitlines()[-2:]
    shown = page.locator(".fpw-legend, .fpw-bar").first.inner_text()
    print(f"changes took {took}; the kernel's states sum to {truth}; the page shows {shown!r}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
