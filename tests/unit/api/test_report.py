import base64
import hashlib
import json
import re
from html.parser import HTMLParser

from farpoint.api import frames, pictures, report
from rows import failed, grid, png, row

PNG = pictures.Picture("image/png", png())


def page(rows: list, shown: tuple[int, ...] = (), **more: object) -> str:
    return report.page("tokamak", rows, 1.79e9, frames=frames.fit(dict.fromkeys(shown, PNG)), **more).text


def test_nothing_is_loaded_from_anywhere() -> None:
    text = page(grid(), (0,))
    assert "default-src &#x27;none&#x27;; img-src data:;" in text
    assert "http" not in text.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")
    assert not re.findall(r'(?:src|href)="(?!data:)', text)
    assert not re.findall(r"url\((?!#)", text)
    assert "@import" not in text


def test_only_our_script_may_run() -> None:
    text = page(grid())
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src &#x27;sha256-{digest}&#x27;" in text
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "fetch(", "XMLHttp"):
        assert word not in script


def test_the_parts_of_a_page() -> None:
    rows = [*grid(), failed(6, parameters={"x": 9, "y": 9}), row(7, "QUEUED", parameters={"x": 9, "y": 8})]
    text = page(rows, (0,), task="tokamak.ipynb", messages=["look here"])
    for words in ("<h1>tokamak</h1>", "notebook tokamak.ipynb", "look here", "Without a result: 1", ">QUEUED</span>"):
        assert words in text
    assert text.count("<tr data-point=") == 8
    assert text.count("<dialog") == 1
    assert "ValueError: x is negative" in text


def test_a_page_without_frames_has_no_contact_sheet() -> None:
    assert "Contact sheet" not in page(grid())
    assert page([]).count("<section") == 1


def test_a_grid_of_two_axes_lies_as_the_map_does() -> None:
    text = page(grid(columns=3, lines=2), (0, 1, 2, 3, 4))
    assert re.findall(r'class="tile state-COMPLETED" data-point="(\d)"', text) == ["3", "4", "5", "0", "1", "2"]
    assert text.count("no figure</span>") == 1


def test_the_size_is_on_the_page_and_about_right() -> None:
    made = report.page("tokamak", grid(), 1.79e9, frames=frames.fit({0: PNG}))
    said = re.search(r"This file: (\d+) kB, 6 points, 1 frame \(", made.text)
    assert abs(int(said[1]) - len(made.text.encode()) / 1000) < 1.5
    assert made.facts.startswith(f"{said[1]} kB, 6 points")


def test_what_was_thinned_is_said_on_the_page() -> None:
    fitted = frames.fit({n: pictures.Picture("image/gif", b"x" * 1000) for n in range(6)}, room=2500)
    made = report.page("tokamak", grid(), 1.79e9, frames=fitted)
    told = "Frames are shown of every 3rd point that has one, 2 of 6, because together they take 6.0 kB"
    assert told in made.text
    assert told in made.facts
    assert made.text.count("frame left out</span>") == 4


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
    parser.feed(page([*grid(), failed(6)], (0,)))
    assert parser.open == []


def test_a_page_holds_so_many_points_and_says_so() -> None:
    rows = [row(n, parameters={"x": n % 100, "y": n // 100}, records={"e": n * 1.0}) for n in range(20_000)]
    text = page(rows)
    assert len(text) < 8_000_000
    assert "the first 5,000 of 20,000 points" in text
    assert text.count("<tr data-point=") == report.LINES
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
    assert len(data["points"]) == report.LINES
