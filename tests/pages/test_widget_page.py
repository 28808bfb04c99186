"""The widget's module in a real browser, over a scan whose machine stands still: what anybody wrote, and who looks."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import browser
from clusters.daemons import until
from farpoint.api.scan import Scan
from farpoint.points import grid
from farpoint.project import Project
from farpoint.ui.board import AT_ONCE
from farpoint.ui.scan_widget import ScanWidget
from farpoint.verbs import watch
from still import StillMachine, finish, rest, write_notebook
from widget_host import Host

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.xdist_group("browser")

TAGS = (
    "img src=x",
    "svg",
    "iframe",
    "video src=x",
    "audio src=x",
    "body",
    "input autofocus",
    "details open",
    "object data=x",
    "math",
)
HANDLERS = ("onerror", "onload", "onfocus", "ontoggle", "onmouseover")
WAYS = (
    "<{0} {1}=alert(1)>",
    "'\"><{0} {1}=alert(1)>",
    "</td></table><{0} {1}='alert(1)'>",
    "</script><{0}/{1}=alert(1)//",
)
PAYLOADS = [way.format(tag, handler) for tag, handler, way in itertools.product(TAGS, HANDLERS, WAYS)]
ALLOWED = {
    "section", "div", "b", "span", "button", "ul", "li", "i", "canvas", "table", "caption", "thead", "tbody", "tr",
    "th", "td", "input", "select", "option", "label", "output", "pre", "p", "img", "details", "summary", "a",
}  # fmt: skip
STRANGE = """(allowed) => {
  const bad = (given) => given.name.startsWith('on') ||
    (/javascript:/i.test(given.value) && !['title', 'value', 'aria-label'].includes(given.name));
  return [...document.querySelectorAll('.fpw, .fpw *')]
    .filter((each) => !allowed.includes(each.localName) || [...each.attributes].some(bad) ||
      (each.localName === 'img' && !each.src.startsWith('blob:')))
    .map((each) => each.outerHTML.slice(0, 200));
}"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.setenv("FARPOINT_STATE", str(tmp_path / "state"))
    root = tmp_path / "project"
    root.mkdir()
    (root / ".git").mkdir()
    monkeypatch.chdir(root)
    made = Project(root, state=tmp_path / "state", machines={"local": StillMachine()})
    yield made
    ScanWidget.close_all()
    rest(made)
    made.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    with browser.tab(chromium) as made:
        yield made.page


def toy(project: Project) -> Scan:
    """Points in every state, with numbers and a text."""
    write_notebook(project.root / "toy.ipynb")
    scan = Scan("toy.ipynb", grid(x=[0, 1, 2, 3, 4, 5], y=[10, 20, 30]), project=project).submit()
    for number in range(12):
        finish(
            project,
            "toy",
            number,
            "FAILED" if number == 7 else "COMPLETED",
            energy=float(number * number),
            kind="ring" if number % 2 else "dot",
        )
    return scan


def test_there_are_two_hundred_of_them() -> None:
    assert len(set(PAYLOADS)) == 200


def test_whatever_is_written_anywhere_stays_text(project: Project, page: Page) -> None:
    write_notebook(project.root / "toy.ipynb", parameters=f"x = {PAYLOADS[0]!r}\ny: int = 2\n")
    scan = Scan("toy.ipynb", grid(x=PAYLOADS), project=project).submit()
    for number, payload in enumerate(PAYLOADS):
        finish(
            project,
            "toy",
            number,
            "FAILED" if number % 3 == 0 else "COMPLETED",
            note=payload,
            **{f"name{number % 7}": payload},
        )
    with project.store.write() as writer:
        for row in project.store.runs(project.id, scan="toy"):
            payload = PAYLOADS[row.number]
            error = {"type": payload, "message": payload, "traceback": payload}
            writer.update_attempt(
                row.run, 1, {"reason": payload, "warning": payload, "error": error if row.number % 3 == 0 else None}
            )
    widget = ScanWidget(scan)
    widget.task = {
        **widget.task,
        "name": PAYLOADS[5],
        "fields": ScanWidget("toy.ipynb", project=project).task["fields"],
    }
    host = Host(page, widget)
    for name in ("Progress", "Table", "Plot"):
        host.view(name)
        page.wait_for_timeout(300)
        for button in page.get_by_role("button", name="show as a table").all():
            button.click()
        assert page.evaluate(STRANGE, sorted(ALLOWED)) == []
    host.view("Table")
    for _ in range(3):
        page.get_by_role("button", name="later").click()
        page.wait_for_timeout(200)
        assert page.evaluate(STRANGE, sorted(ALLOWED)) == []
    host.view("Explore")
    for number in range(0, 200, 9):
        page.evaluate(f"() => {{ model.set('cursor', {number}); }}")
        page.locator(".fpw-point", has_text=f"point {number} — ").wait_for()
        assert page.evaluate(STRANGE, sorted(ALLOWED)) == []
    assert PAYLOADS[198] in page.locator(".fpw-values").inner_text()
    host.view("Define")
    assert PAYLOADS[0] in page.locator(".fpw-axes").inner_text()
    assert page.evaluate(STRANGE, sorted(ALLOWED)) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_in_any_view(chromium: Browser, project: Project, dark: bool) -> None:
    from axe_playwright_python.sync_playwright import Axe

    widget = ScanWidget(toy(project))
    widget.task = {**widget.task, "fields": ScanWidget("toy.ipynb", project=project).task["fields"]}
    with browser.tab(chromium, dark=dark) as made:
        host = Host(made.page, widget)
        for name in ("Define", "Progress", "Table", "Plot", "Explore"):
            host.view(name)
            made.page.wait_for_timeout(700)
            found = Axe().run(made.page, context=".fpw").response["violations"]
            assert [
                f"{name}: {each['impact']}: {each['help']}: {node['html'][:160]}"
                for each in found
                for node in each["nodes"]
            ] == []


def test_of_many_changes_the_last_is_what_is_seen(project: Project, page: Page) -> None:
    scan = toy(project)
    host = Host(page, ScanWidget(scan))
    page.evaluate("""() => {
      const all = (state) => new DataView(new Uint8Array(18).fill(state).buffer);
      for (let n = 0; n < 20000; n += 1) model.set('states', all(n % 7));
      model.set('states', all(3));
    }""")
    page.locator("canvas.fpw-map").focus()
    page.keyboard.press("ArrowRight")
    assert "COMPLETED" in page.locator(".fpw-tip").inner_text()
    host.push()


def test_a_selection_made_by_keys_reaches_python(project: Project, page: Page) -> None:
    scan = toy(project)
    host = Host(page, ScanWidget(scan))
    host.view("Plot")
    canvas = page.locator("canvas.fpw-plot")
    page.wait_for_function("document.querySelector('canvas.fpw-plot')?.ariaLabel?.includes('energy')")
    canvas.focus()
    for key in ("ArrowRight", " ", "ArrowRight", " "):
        canvas.press(key)
    page.wait_for_function("model.get('selection').length === 2")
    assert len(scan.selection) == 2
    page.get_by_role("button", name="Clear selection").click()
    page.wait_for_function("model.get('selection').length === 0")
    assert len(scan.selection) == 0


def test_refine_adds_points_between(project: Project, page: Page) -> None:
    scan = toy(project)
    host = Host(page, ScanWidget(scan))
    host.view("Explore")
    page.get_by_role("slider", name="x").press("ArrowRight")
    page.locator(".fpw-point", has_text="point 3 — ").wait_for()
    page.get_by_role("button", name="Refine here").click()
    page.get_by_text("3 points added").wait_for()
    assert sorted((run.parameters["x"], run.parameters["y"]) for run in scan)[2:4] == [(0, 30), (0.5, 10)]
    assert len(scan) == 21


def test_a_form_offers_profiles_where_there_are_any(project: Project, page: Page) -> None:
    write_notebook(project.root / "toy.ipynb")
    widget = ScanWidget("toy.ipynb", project=project)
    widget.profiles, widget.machine = ["wide", "<b>"], ""
    Host(page, widget)
    shown = page.locator(".fpw-where select")
    assert [each.all_inner_texts() for each in (shown.nth(0).locator("option"), shown.nth(1).locator("option"))] == [
        ["the one that fits", "wide", "<b>"],
        ["as the profile says", "local"],
    ]
    shown.nth(0).select_option("wide")
    until(lambda: bool(page.evaluate("model.get('profile')")), "the choice is made")
    assert widget.profile == "wide"


def test_a_form_without_profiles_asks_for_none(project: Project, page: Page) -> None:
    write_notebook(project.root / "toy.ipynb")
    Host(page, ScanWidget("toy.ipynb", project=project))
    assert page.locator(".fpw-where select").locator("option").all_inner_texts() == ["local"]


def test_a_fault_is_told_and_goes_again(project: Project, page: Page) -> None:
    write_notebook(project.root / "toy.ipynb")
    host = Host(page, ScanWidget("toy.ipynb", project=project))
    page.get_by_label("x: how it varies").select_option("values")
    field = page.get_by_label("x: values, with commas between")
    field.fill("1, 2, 3")
    page.get_by_role("button", name="Submit 3 points").wait_for()
    field.fill("0:1:none")
    page.locator(".fpw-preview.fpw-bad").wait_for()
    assert "x: " in page.locator(".fpw-preview").inner_text()
    field.fill("4, 5")
    page.get_by_role("button", name="Submit 2 points").click()
    page.locator(".fpw-legend", has_text="2 QUEUED").wait_for()
    host.push()


def test_what_keeps_a_scan_from_going_on_stands_below_its_head_in_every_view(project: Project, page: Page) -> None:
    machine = project.machine("local")
    assert isinstance(machine, StillMachine)
    machine.full = "quota <b>reached</b>"
    write_notebook(project.root / "toy.ipynb")
    widget = ScanWidget(Scan("toy.ipynb", grid(x=[0, 1]), project=project).submit())
    host = Host(page, widget)
    stuck = page.locator(".fpw-stuck")
    for name in ("Progress", "Table"):
        host.view(name)
        stuck.get_by_text("1 job of toy cannot be handed over to local: quota <b>reached</b>; it is tried").wait_for()
    machine.full = ""
    watch.tick(project)
    widget.refresh()
    host.push()
    stuck.wait_for(state="hidden")


def test_the_first_lines_are_there_before_every_row_was_read(project: Project, page: Page) -> None:
    write_notebook(project.root / "toy.ipynb")
    scan = Scan("toy.ipynb", grid(x=range(AT_ONCE + 1)), project=project).submit()
    widget = ScanWidget(scan)
    kept, host = widget._have(), Host(page, widget)
    until(kept.ready, "every row was read")
    count, first = page.locator(".fpw-count"), page.locator(".fpw-table tbody tr").first
    with kept._turns.first():  # so that no reader comes to an end
        with project.store.write() as writer:
            for row in scan.rows():
                writer.update_attempt(row.run, 1, {"state": "COMPLETED", "records": {"energy": 5 - row.number}})
        host.view("Table")
        page.get_by_text("1–50 of 2,001 · reading the others …", exact=True).wait_for()
        assert first.locator("td").all_inner_texts()[1:4] == ["0", "0", "5"]
        page.get_by_role("button", name="later").click()
        page.get_by_text("51–100 of 2,001").wait_for()
        host.view("Explore")
        page.locator(".fpw-point", has_text="point 0 — COMPLETED").wait_for()
        page.get_by_text("reading every point …").wait_for()
        host.view("Table")
        page.get_by_role("columnheader", name="energy").get_by_role("button").click()
        page.get_by_text("reading every point …").wait_for()
    until(kept.ready, "every row was read")
    host.seen(page.get_by_text("1–50 of 2,001", exact=True))
    assert first.locator("td").nth(1).inner_text() == "2000"
    assert "reading" not in count.inner_text()
    host.view("Explore")
    host.seen(page.get_by_role("slider", name="x"))
    assert page.get_by_role("slider", name="x").get_attribute("max") == "2000"


def test_what_somebody_asks_for_overtakes_what_is_looked_at_by_itself(project: Project, page: Page) -> None:
    host = Host(page, ScanWidget(toy(project)))
    host.view("Table")
    page.locator(".fpw-table tbody tr").first.wait_for()
    page.evaluate("""async () => {
      const send = model.send;
      const held = new Promise((done) => {
        model.send = (content) => { model.send = send; window.late = () => send(content); done(); };
      });
      fire('change:status');
      await held;
    }""")
    for order in ("ascending", "descending"):
        page.get_by_role("columnheader", name="energy").get_by_role("button").click()
        page.locator(f'th[aria-sort="{order}"]').wait_for()
    page.evaluate("() => window.late()")
    page.wait_for_timeout(300)
    assert page.locator(".fpw-table tbody tr").first.locator("td").nth(1).inner_text() == "11"


def test_a_widget_whose_kernel_went_away_says_so_and_asks_it_nothing(project: Project, page: Page) -> None:
    host = Host(page, ScanWidget(toy(project)))
    still = page.locator(".fpw-still")
    assert still.is_hidden()
    page.evaluate("() => { model.send = () => { throw new Error('asked'); }; fire('comm_live_update'); }")
    still.get_by_text("The kernel is gone: this picture stands still. Reload the page").wait_for()
    host.view("Table")
    page.locator(".fpw-complaint", has_text="the kernel is gone").wait_for()


def test_a_form_whose_kernel_went_away_says_what_brings_it_back(project: Project, page: Page) -> None:
    write_notebook(project.root / "toy.ipynb")
    Host(page, ScanWidget("toy.ipynb", project=project))
    page.evaluate("() => fire('comm_live_update')")
    page.get_by_text("The kernel is gone. Run the cell again to have this form back.").wait_for()


PIXELS = """(what) => {
  const seen = document.querySelector(what);
  const copy = Object.assign(document.createElement('canvas'), { width: seen.width, height: seen.height });
  const pen = copy.getContext('2d', { willReadFrequently: true });
  pen.drawImage(seen, 0, 0);
  const pixels = pen.getImageData(0, 0, seen.width, seen.height).data;
  return (x, y) => [...pixels.subarray(4 * (y * seen.width + x), 4 * (y * seen.width + x) + 4)];
}"""


def test_every_value_of_a_heat_map_has_its_colour(project: Project, page: Page) -> None:
    host = Host(page, ScanWidget(toy(project)))
    host.view("Plot")
    page.wait_for_function("document.querySelector('canvas.fpw-plot')?.ariaLabel?.includes('heat-map')")
    found = page.evaluate(
        f"(places) => {{ const at = ({PIXELS})('canvas.fpw-plot'); return places.map(([x, y]) => at(x, y)); }}",
        [[90, 267], [366, 73], [590, 60]],
    )
    assert found == [[68, 1, 84, 255], [253, 231, 37, 255], [0, 0, 0, 0]]  # the least, the most, no value


def test_lines_that_are_drawn_in_slices_are_all_there(project: Project, page: Page) -> None:
    host = Host(page, ScanWidget(toy(project)))
    host.view("Plot")
    page.locator(".fpw-plots select").first.select_option("parallel")
    page.wait_for_function(f"""() => {{
      const at = ({PIXELS})('canvas.fpw-plot');
      const between = Array.from({{ length: 300 }}, (_, y) => at(60, 30 + y));
      return between.filter((each) => each[3] > 60).length >= 12;
    }}""")
    assert page.locator("canvas.fpw-plot").get_attribute("aria-label") == "parallel coordinates of 18 points"


def test_a_map_of_very_many_points_has_the_colour_of_each_state(project: Project, page: Page) -> None:
    Host(page, ScanWidget(toy(project)))
    wrong = page.evaluate(f"""async () => {{
      const at = {PIXELS};
      const count = 20000;
      const numbers = new Int32Array(count).map((_, index) => index);
      const states = new Uint8Array(count).map((_, index) => (index * index) % 7);
      model.set('numbers', new DataView(numbers.buffer));
      model.set('states', new DataView(states.buffer));
      const drawn = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
      await drawn();
      await drawn();
      const across = Math.floor(document.querySelector('canvas.fpw-map').width / 3);
      const pixel = at('canvas.fpw-map');
      const word = (each) => each.toString(16).padStart(2, '0');
      const ink = (index) => '#' + pixel((index % across) * 3 + 1, Math.floor(index / across) * 3 + 1)
        .slice(0, 3).map(word).join('');
      return [...states].filter((state, index) => ink(index) !== model.get('colours')[state]).length;
    }}""")
    assert wrong == 0
