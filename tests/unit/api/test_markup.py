"""Whatever a user, a notebook or a far machine wrote: on our pages it is text, and nothing else."""

import itertools
import json
import re
from collections import Counter
from html.parser import HTMLParser

import pytest

from farpoint.api import frames, pictures, report, show
from farpoint.api.markup import element, esc
from farpoint.model import RunRow
from rows import failed, notebook, row

BARE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "</title><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "</pre></td></tr></table><iframe src=javascript:alert(1)>",
    '" onmouseover="alert(1)',
    "' onmouseover='alert(1)",
    '"><b>',
    "'><b>",
    "<!--<script>",
    "--><script>alert(1)</script>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "javascript:alert(1)",
    "<a href='javascript:alert(1)'>x</a>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;",
    "\x00<script>",
    "\x1b[31m<b>\x1b[0m",
]
WRAPS = ["{}", "a{}", "{}b", "\n{}\t", "<{}", "{}>", "{0}{0}", "\u202e{}", "{}\ud800", "é{}"]
PAYLOADS = [wrap.format(bare) for bare, wrap in itertools.product(BARE, WRAPS)]


class Shape(HTMLParser):
    """Which elements with which attribute names a page has, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.shape: Counter[tuple[str, ...]] = Counter()
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.shape[(tag, *sorted(name for name, _ in attrs))] += 1

    def handle_comment(self, data: str) -> None:
        self.shape[("comment",)] += 1

    def handle_decl(self, decl: str) -> None:
        self.shape[("declaration", decl)] += 1

    def unknown_decl(self, data: str) -> None:
        self.shape[("unknown",)] += 1


def shape(page: str) -> Counter[tuple[str, ...]]:
    parser = Shape()
    parser.feed(page)
    parser.close()
    return parser.shape


def rows_with(text: str) -> list[RunRow]:
    """The text in every place of a row that anyone can fill."""
    error = {"type": text, "message": text, "traceback": text}
    everywhere = {"machine": text, "reason": text, "scan": text, "host": text, "raw": text, "progress_text": text}
    return [
        failed(0, parameters={text: text, "y": 1}, records={text: text, "n": 1}, **{**everywhere, "error": error}),
        row(1, parameters={text: text + "2", "y": 2}, records={text: [text], "n": 2}, **everywhere),
        row(2, parameters={text: text, "y": 2}, records={text: {text: text}, "n": 3}, **everywhere),
        row(3, "RUNNING", parameters={text: text + "2", "y": 1}, records={text: 7}, **everywhere),
    ]


def pages(text: str) -> dict[str, str]:
    rows = rows_with(text)
    svg = pictures.last_figure(notebook({"image/svg+xml": "<svg>" + text}))
    assert svg is not None
    shown = show.View(text, rows, 200.0, messages=[text], pictures={1: svg.uri})
    return {
        "scan": show.html(shown),
        "run": show.run_html(rows[0], svg.uri),
        "report": report.page(text, rows, 200.0, frames=frames.fit({1: svg}), task=text, messages=[text]).text,
    }


HARMLESS = {name: shape(page) for name, page in pages("harmless").items()}


def test_there_are_two_hundred_payloads() -> None:
    assert len(set(PAYLOADS)) >= 200


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_no_text_becomes_markup(payload: str) -> None:
    for name, page in pages(payload).items():
        assert shape(page) == HARMLESS[name], name
        page.encode("utf-8")


def test_the_data_in_a_report_is_one_script_that_reads_back() -> None:
    page = pages("</script><!--")["report"]
    data = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert len(data) == 1
    assert json.loads(data[0])["axes"][0]["labels"][0] == "</script><!--"


def test_attributes_and_children_are_escaped() -> None:
    assert element("td", "<", title='"') == '<td title="&quot;">&lt;</td>'
    assert element("td", [element("b", "x"), "&", None]) == "<td><b>x</b>&amp;</td>"
    assert element("img", src="a", alt="") == '<img src="a" alt="">'
    assert esc("\x00\x1b") == "\ufffd\ufffd"


@pytest.mark.parametrize("name", ["td onclick=x", "TD", "", "a>b"])
def test_a_name_that_is_no_element_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not an element"):
        element(name)
