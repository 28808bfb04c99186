"""Explorer: a page to look through a scan, shown by a notebook or written to a file.

Knows a page and IPython's display protocol; not how a page is made. It is made when it is first asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from farpoint.api.markup import Markup, element
from farpoint.api.report import Page
from farpoint.api.summary import clean


class Explorer:
    """One slider an axis with the figure and values of the point they meet at, a map of any column, a contact sheet.

    The last line of a cell shows it, and it goes on working there when the kernel is gone; `print` tells what it is.
    """

    def __init__(self, title: str, make: Callable[[], Page]) -> None:
        self.title = title
        self._make = make

    @cached_property
    def _page(self) -> Page:
        return self._make()

    @property
    def html(self) -> str:
        """The whole page: one HTML document that loads nothing."""
        return self._page.text

    @property
    def size(self) -> int:
        """Bytes of the page."""
        return len(self.html.encode())

    @property
    def facts(self) -> str:
        """How large the page is, what it holds, and what was left out of it."""
        return self._page.facts

    def save(self, path: str | Path) -> Path:
        """Write the page to a file; the file's path."""
        target = Path(path)
        target.write_text(self.html, encoding="utf-8")
        return target

    @property
    def frame(self) -> Markup:
        """The page in a frame of its own, to be put into another: neither can reach into the other."""
        return element(
            "iframe",
            srcdoc=self.html,
            sandbox="allow-scripts allow-forms",
            style="width:100%;height:760px;border:0",
            title=f"explorer of {self.title}",
        )

    def _repr_html_(self) -> str:
        return self.frame

    def __repr__(self) -> str:
        return f"<explorer of {clean(self.title)}: a notebook shows it, .save(FILE) writes it>"
