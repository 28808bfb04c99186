"""The scan widget under load, measured in a real JupyterLab in a real Chromium.

    python benchmarks/widget.py [points] [changes]

100,000 points are put into a store and shown; how long each gesture takes until the browser has drawn it, at rest and
then while 20,000 changes of state follow each other as fast as the store takes them. They reach the browser as those of
a real scan do: the widget's own pulse tells of them, over the kernel's comm. Afterwards every cell of the map must have
the colour of its point's state.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import browser
import lab

if TYPE_CHECKING:
    from playwright.sync_api import Page

LIMIT = 200  # milliseconds a gesture may take
SET_UP = """
import sys; sys.path.insert(0, {tests!r})
import json, pathlib, random, threading, time
from farpoint.api.scan import Scan
from farpoint.model import JobRow, Phase, RunRow, ScanRow, State
from farpoint.project import Project
from farpoint.ui.scan_widget import ScanWidget
from still import StillMachine

POINTS, CHANGES = {points}, {changes}
machine = StillMachine()  # takes a job and runs nothing: every change is made below
machine.jobs.append("fp2222222222222")
project = Project(".", machines={{"local": machine}})
side = int(POINTS ** 0.5)
document = {{"format": 1, "scan": "large", "kind": "notebook", "task": "large.ipynb", "created": 0.0,
            "names": ["x", "y"], "points": [{{"number": n}} for n in range(POINTS)],
            "jobs": [], "files": {{}}, "save": [], "environment": None}}
with project.store.write() as writer:
    writer.put_scan(ScanRow(project.id, "large", "notebook", "large.ipynb", 0.0, ("x", "y"), "local", document))
    writer.put_job(JobRow("fp2222222222222", project.id, "large", "local", Phase.SUBMITTED, created=time.time()))
    for n in range(POINTS):
        row = RunRow(f"r{{n:09d}}", project.id, "large", n, {{"x": n % side, "y": n // side}}, 0, "k", 1,
                     1, State.COMPLETED if n % 3 else State.QUEUED, records={{"energy": n % side / 2}}, machine="local",
                     **({{}} if n else {{"token": "fp2222222222222", "index": 0, "slice": 0}}))  # it keeps the job open
        writer.place_run(row)
        writer.update_attempt(row.run, 1, {{"state": row.state, "records": row.records, "seconds": 1.0}})
scan = Scan.from_document(project, document)
widget = ScanWidget(scan)
widget
"""
CHANGE = """
def rush():
    dice, begun = random.Random(1), time.time()
    for n in range(CHANGES):
        change = {{"state": dice.choice([State.FAILED, State.RUNNING, State.COMPLETED]), "started": begun}}
        with project.store.write() as writer:
            writer.update_attempt(f"r{{dice.randrange(1, POINTS):09d}}", 1, change)
        machine.ring()
    took = time.time() - begun
    found = project.store.states(project.id, "large")
    truth = [found[n].value for n in range(POINTS)]
    pathlib.Path("truth.json").write_text(json.dumps({{"took": took, "states": truth}}))
threading.Thread(target=rush).start()
"""


def main(points: int = 100_000, changes: int = 20_000) -> None:
    with tempfile.TemporaryDirectory() as name, browser.chromium() as chromium:
        folder, tests = Path(name), str(Path(__file__).parents[1] / "tests")
        given = {"points": points, "changes": changes, "tests": tests}
        lab.write_cells(folder / "large.ipynb", SET_UP.format(**given), CHANGE.format())
        with lab.jupyter(folder) as server:
            page = chromium.new_context(viewport={"width": 1280, "height": 1100}).new_page()
            page.goto(f"{server.url}/lab/tree/large.ipynb")
            page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
            begun = time.monotonic()
            run(page, 0)
            page.locator("canvas.fpw-map").wait_for(timeout=600_000)
            print(f"{points:,} points written and shown in {time.monotonic() - begun:.0f} s")
            slow = first_looks(page)
            print("at rest:")
            slow += gestures(page)
            run(page, 1)
            page.wait_for_timeout(1000)
            print(f"while {changes:,} states change:")
            slow += gestures(page)
            wrong = look_at_the_end(page, folder / "truth.json")
    if slow or wrong:
        sys.exit(f"above {LIMIT} ms: {', '.join(slow) or 'nothing'}; cells of the wrong colour: {wrong}")


def run(page: Page, number: int) -> None:
    page.locator(".jp-Notebook .jp-Cell").nth(number).locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")


GESTURES = """
const one = (what) => document.querySelector(what);
const told = (what) => one(what)?.textContent;
const tabs = () => [...document.querySelectorAll('.fpw-tabs button')];
const tab = (name) => tabs().find((each) => each.textContent === name).click();
const heads = () => [...document.querySelectorAll('.fpw-table th')];
const energy = () => heads().find((each) => each.textContent.startsWith('energy'));
const lines = () => told('.fpw-count') + told('.fpw-table tbody');
let typed = 1;
if (!window.tasks) {
  const note = (list) => window.tasks.push(...list.getEntries().map((each) => Math.round(each.duration)));
  new PerformanceObserver(note).observe({ entryTypes: ['longtask'] });
}
window.tasks = [];
window.gestures = {
  map: [() => tab('Progress'), () => one('canvas.fpw-map')],
  table: [() => tab('Table'), () => one('.fpw-table tbody tr')],
  slider: [
    () => {
      const slider = one('.fpw-slider input');
      const want = String((Number(slider.value) + 7) % Number(slider.max));
      slider.value = want;
      slider.dispatchEvent(new Event('input'));
      return want;
    },
    (want) => [...document.querySelectorAll('.fpw-values tr')].some((each) => each.textContent === `x${want}`)],
  page: [
    () => {
      const was = told('.fpw-count');
      document.querySelectorAll('.fpw-table .fpw-actions button')[1].click();
      return was;
    },
    (was) => told('.fpw-count') !== was],
  sort: [
    () => { const was = energy().getAttribute('aria-sort'); energy().querySelector('button').click(); return was; },
    (was) => energy().getAttribute('aria-sort') !== was],
  filter: [
    () => {
      const [field, was] = [one('.fpw-table input[type=search]'), lines()];
      field.value = String((typed += 1));
      field.dispatchEvent(new Event('input'));
      return was;
    },
    (was) => lines() !== was],
};
window.timed = async ([act, seen]) => {
  const start = performance.now();
  const token = act();
  while (!seen(token)) await new Promise((done) => setTimeout(done, 1));
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
  return performance.now() - start;
};
"""
DRAWN = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)))"
VIEWS = {"Table": ".fpw-table tbody tr", "Plot": "canvas.fpw-plot[aria-label]", "Explore": ".fpw-values td"}


def show(page: Page, name: str) -> None:
    page.locator(".fpw-tabs").get_by_role("tab", name=name).click()
    page.locator(VIEWS[name]).first.wait_for(timeout=120_000)


FIRST = """async ([name, seen]) => {
  const tab = [...document.querySelectorAll('.fpw-tabs button')].find((each) => each.textContent === name);
  const start = performance.now();
  tab.click();
  while (!document.querySelector(seen)) await new Promise((done) => setTimeout(done, 1));
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
  return performance.now() - start;
}"""


def first_looks(page: Page) -> list[str]:
    """How long each view takes the first time, right after opening: until something of it is there, then all."""
    slow = []
    took = page.evaluate(FIRST, ["Table", VIEWS["Table"]])
    slow += told("first look at Table", [took])
    begun = time.monotonic()
    slow += told("first look at Explore", [page.evaluate(FIRST, ["Explore", VIEWS["Explore"]])])
    page.locator(".fpw-slider input").first.wait_for(timeout=120_000)
    print(f"  all points were read {time.monotonic() - begun:.1f} s later", flush=True)
    slow += told("first look at Plot, after that", [page.evaluate(FIRST, ["Plot", VIEWS["Plot"]])])
    return slow


def told(what: str, took: list[float]) -> list[str]:
    """Print the median of some milliseconds; the name again, if that is too slow."""
    middle = sorted(took)[len(took) // 2]
    print(f"  {what:30} {middle:6.0f} ms   ({', '.join(f'{each:.0f}' for each in took)})", flush=True)
    return [what] if middle > LIMIT else []


def timed(page: Page, what: str, gesture: str) -> list[str]:
    """From the gesture until its effect is on the page and drawn."""
    return told(what, [page.evaluate(f"() => timed(gestures.{gesture})") for _ in range(5)])


def gestures(page: Page) -> list[str]:
    """All gestures; the names of those that were slow."""
    page.evaluate(f"() => {{ {GESTURES} }}")
    slow = timed(page, "back to the map", "map")
    show(page, "Explore")
    slow += timed(page, "slider: values are there", "slider")
    show(page, "Table")
    for what, gesture in (("next page", "page"), ("sort by a value", "sort"), ("filter by a word", "filter")):
        slow += timed(page, f"table: {what}", gesture)
    page.get_by_label("filter the table").fill("")
    for kind in ("heat", "scatter"):
        slow += plot(page, kind)
    longest = sorted(page.evaluate("tasks"), reverse=True)[:8]
    print(f"  the page's longest tasks: {', '.join(map(str, longest)) or 'none above 50'} ms", flush=True)
    return slow


def plot(page: Page, kind: str) -> list[str]:
    """Pointing at a point and selecting points in a box, by the real mouse."""
    show(page, "Plot")
    page.locator(".fpw-plots select").first.select_option(kind)
    canvas, tip = page.locator("canvas.fpw-plot"), page.locator(".fpw-plots .fpw-tip")
    page.wait_for_timeout(3000)
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    hovers, selections = [], []
    for n in range(5 if kind == "heat" else 0):  # in the others most of the plane is empty
        was, begun = tip.text_content(), time.monotonic()
        page.mouse.move(box["x"] + 150 + 70 * n, box["y"] + 150 + 10 * n)
        page.wait_for_function("(was) => document.querySelector('.fpw-plots .fpw-tip').textContent !== was", arg=was)
        page.evaluate(DRAWN)
        hovers.append(1000 * (time.monotonic() - begun))
    for n in range(5):
        page.mouse.move(box["x"] + 100, box["y"] + 60)
        page.mouse.down()
        page.mouse.move(box["x"] + 200 + 20 * n, box["y"] + 200, steps=3)
        page.evaluate(DRAWN)
        begun = time.monotonic()
        page.mouse.up()
        page.evaluate(DRAWN)
        selections.append(1000 * (time.monotonic() - begun))
    page.get_by_role("button", name="Clear selection").last.click()
    return (told(f"{kind}: a point is told", hovers) if hovers else []) + told(f"{kind}: a box is selected", selections)


WRONG = """async (truth) => {
    const canvas = document.querySelector('canvas.fpw-map');
    const size = canvas.width * canvas.height / truth.length >= 9 ? 3 : 2;
    const across = Math.floor(canvas.width / size);
    const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    const colour = (index) => {
        const at = 4 * (Math.floor(index / across) * size * canvas.width + (index % across) * size);
        return [...pixels.slice(at, at + 3)].join();
    };
    return truth.map((_, index) => colour(index));
}"""


def look_at_the_end(page: Page, path: Path) -> int:
    """Wait until the changes are over and drawn; how many cells of the map have another colour than their state's."""
    from farpoint.api.summary import COLOURS
    from farpoint.model import State

    while not path.exists():
        page.wait_for_timeout(500)
    page.wait_for_timeout(3000)
    page.locator(".fpw-tabs").get_by_role("tab", name="Progress").click()
    page.evaluate(DRAWN)
    found = json.loads(path.read_text())
    seen = page.evaluate(WRONG, found["states"])
    inks = {state.value: ",".join(str(int(ink[n : n + 2], 16)) for n in (1, 3, 5)) for state, ink in COLOURS.items()}
    wrong = sum(inks[State(word)] != pixel for word, pixel in zip(found["states"], seen, strict=True))
    print(f"the changes took {found['took']:.0f} s; {wrong} of {len(seen):,} cells of the map have a wrong colour")
    print("  " + " ".join(page.locator(".fpw-legend").inner_text().split()))
    return wrong


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
