"""The explorer for everyone: no text of a user becomes markup or runs, and what people with aids need is there."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import browser
from browser import Tab
from explorer_page import picture_of
from farpoint.api import frames, report
from farpoint.model import RunRow
from rows import failed, grid, row

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "</title></style></script><script>alert(1)</script>",
    "</pre></td></tr></table><iframe src=javascript:alert(1)>",
    '" onmouseover="alert(1)" autofocus onfocus="alert(1)',
    "' onmouseover='alert(1)' style='animation:x' onanimationstart='alert(1)",
    "<!--<script>",
    "]]><script>alert(1)</script>",
    "javascript:alert(1)",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "${alert(1)}{{alert(1)}}`",
    "__proto__",
]

# Each element by its kind, without labels of ticks: how many there is room for depends on how wide they are.
COUNT = """() => [...document.querySelectorAll('*')].map((each) => each.localName)
  .filter((name) => name !== 'text' && name !== 'line')"""
WALK = """() => {
  for (const button of document.querySelectorAll('.as-table')) button.click();
  for (const tile of document.querySelectorAll('.tile')) tile.click();
  for (const mark of document.querySelectorAll('.mark')) mark.dispatchEvent(new MouseEvent('click', { bubbles: true }));
  for (const select of document.querySelectorAll('select')) for (const option of select.options) {
    select.value = option.value;
    select.dispatchEvent(new Event('change'));
  }
  for (const each of document.querySelectorAll('*')) for (const kind of ['mouseover', 'focus'])
    each.dispatchEvent(new MouseEvent(kind, { bubbles: true }));
  document.querySelector('tr[data-point="0"]').click();
}"""


def page_of(text: str) -> str:
    """A page with the text wherever anyone can put one."""
    error = {"type": text, "message": text, "traceback": text}
    everywhere: dict[str, Any] = {"machine": text, "reason": text, "scan": text, "host": text, "raw": text}
    points = [{text: f"{text}{a}", f"{text}y": f"{text}{b}"} for a in (1, 2) for b in (1, 2)]
    rows = [row(n, parameters=p, records={f"{text}r": text, "n": n}, **everywhere) for n, p in enumerate(points)]
    rows[0] = failed(0, parameters=points[0], **{**everywhere, "error": error})
    shown = frames.Frames({1: picture_of(1)}, frozenset({2}), text)
    return report.page(text, rows, 200.0, frames=shown, task=text, kind=text, messages=[text]).text


def elements(tab: Tab, path: Path, text: str) -> Counter[str]:
    path.write_text(page_of(text), encoding="utf-8")
    page = tab.open(path)
    page.evaluate(WALK)
    assert page.locator("h1").inner_text() == text
    assert text in page.locator(".stage .error").inner_text()
    assert page.locator("select.column option").all_inner_texts()[1] == f"{text}r"
    return Counter(page.evaluate(COUNT))


def test_no_text_runs_or_adds_an_element(tab: Tab, tmp_path: Path) -> None:
    harmless = elements(tab, tmp_path / "page.html", "harmless")
    for payload in PAYLOADS:
        assert elements(tab, tmp_path / "page.html", payload) == harmless, payload


# ---------------------------------------------------------------------------------------------- aids
def several() -> list[RunRow]:
    rows = grid(columns=5, lines=3)
    rows[1] = failed(1, parameters=rows[1].parameters)
    rows[2] = row(2, "RUNNING", parameters=rows[2].parameters, progress=0.4)
    rows[4] = row(4, "QUEUED", parameters=rows[4].parameters)
    return rows


def audit(page: Page) -> list[str]:
    """What axe-core finds wrong, each with where."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [f"{each['impact']}: {each['help']}: {node['html'][:200]}" for each in found for node in each["nodes"]]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("kind", ["grid", "line", "order"])
def test_axe_has_nothing_to_say(chromium: Browser, tmp_path: Path, kind: str, dark: bool) -> None:
    rows = {
        "grid": several(),
        "line": [row(n, parameters={"x": n}, records={"e": n * n}) for n in range(6)],
        "order": [row(n, parameters={"x": n, "y": n * 7 % 5, "z": n * 3 % 5}, records={"e": n}) for n in range(5)],
    }[kind]
    shown = {} if kind == "line" else {n: picture_of(n) for n in range(5, 12)} | {0: picture_of(0)}
    (tmp_path / "page.html").write_text(
        report.page("toy", rows, 1.79e9, frames=frames.fit(shown), messages=["a note"]).text, encoding="utf-8"
    )
    with browser.tab(chromium, dark=dark) as made:
        page = made.open(tmp_path / "page.html")
        assert audit(page) == []
        for button in page.get_by_role("button", name="as a table").all():
            button.click()
        page.locator("tr[data-point='1'] button").click()
        assert audit(page) == []
        if shown:
            page.locator(".tile[data-point='0']").click()
            page.locator(".stage .frame").click()
            assert audit(page) == []
