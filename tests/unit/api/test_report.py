import json
import re
from html.parser import HTMLParser

import pytest

from farpoint.api import pictures, report
from rows import failed, grid, png, row


def page(rows: list, **more: object) -> str:
    return report.page("tokamak", rows, 1.79e9, **more)


def data(text: str) -> dict:
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])


def test_nothing_is_loaded_from_anywhere() -> None:
    text = page(grid(), pictures={0: pictures.Picture("image/png", png())})
    assert "default-src &#x27;none&#x27;; img-src data:;" in text
    assert "http" not in text.replace("http-equiv", "")
    assert not re.findall(r'(?:src|href)="(?!data:)', text)
    assert "url(" not in text
    assert "@import" not in text


def test_only_our_script_may_run() -> None:
    import base64
    import hashlib

    text = page(grid())
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src &#x27;sha256-{digest}&#x27;" in text
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "fetch(", "XMLHttp"):
        assert word not in script


def test_a_grid_has_a_slider_an_axis() -> None:
    found = data(page(grid(columns=3, lines=2)))
    assert [axis["labels"] for axis in found["axes"]] == [["0", "0.5"], ["0", "1", "2"]]
    assert found["points"][5] == {"number": 5, "at": [1, 2]}
    assert found["first"] == 0


def test_points_that_make_no_grid_have_one_slider() -> None:
    rows = [row(n + 3, parameters={"x": n, "y": n * n, "z": -n}) for n in range(9)]
    found = data(page(rows, pictures={5: pictures.Picture("image/png", png())}))
    assert len(found["axes"]) == 1
    assert found["axes"][0]["labels"][0] == "3"
    assert found["first"] == 5


def test_equal_points_have_one_slider() -> None:
    assert len(data(page([row(n, parameters={"x": n // 2}) for n in range(6)]))["axes"]) == 1


def test_the_parts_of_a_page() -> None:
    rows = [*grid(), failed(6, parameters={"x": 9, "y": 9}), row(7, "QUEUED", parameters={"x": 9, "y": 8})]
    text = page(rows, pictures={0: pictures.Picture("image/png", png())}, task="tokamak.ipynb", messages=["look here"])
    for words in ("<h1>tokamak</h1>", "notebook tokamak.ipynb", "look here", "Without a result: 1", ">QUEUED</div>"):
        assert words in text
    assert text.count("<tr data-point=") == 8
    assert text.count("<dialog>") == 1
    assert "ValueError: x is negative" in text


def test_a_page_without_pictures_has_none_of_their_places() -> None:
    text = page(grid())
    assert "<dialog>" not in text
    assert '<div class="stage">' not in text
    assert page([]).count("<section>") == 1


def test_too_many_pictures_and_rows_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "PICTURES", 2500)
    monkeypatch.setattr(report, "LINES", 4)
    found = {n: pictures.Picture("image/png", b"x" * 1000) for n in range(6)}
    text = page(grid(), pictures=found)
    assert "4 pictures left out: the page holds at most 2.5 kB" in text
    assert "first 4 of 6 points" in text
    assert text.count("<tr data-point=") == 4


class Balance(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        if tag not in {"meta", "img", "input"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_every_element_is_closed() -> None:
    parser = Balance()
    parser.feed(page([*grid(), failed(6)], pictures={0: pictures.Picture("image/png", png())}))
    assert parser.open == []


def test_a_page_of_many_points_is_made_in_seconds() -> None:
    import time

    rows = [row(n, parameters={"x": n % 100, "y": n // 100}, records={"e": n * 1.0}) for n in range(20_000)]
    begun = time.perf_counter()
    assert len(page(rows)) < 20_000_000
    assert time.perf_counter() - begun < 15
