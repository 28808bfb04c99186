"""A scan as one HTML file that works anywhere: explorer, contact sheet, table; no kernel, no server, no network.

Knows rows, frames and the present time; what it says of them is text that passed through `esc`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files

from farpoint._version import __version__
from farpoint.api import explorer, listing
from farpoint.api.frames import Frames
from farpoint.api.markup import Markup, element
from farpoint.api.show import traceback_of
from farpoint.api.summary import COLOURS, caption, cause, clean, counts, headline, plural
from farpoint.model import RunRow, State
from farpoint.table import size_words

LINES = 5_000  # points a page may carry


@dataclass(frozen=True, slots=True)
class Page:
    """A page's text, and what is to be said when it was written: its points, frames and size, and what was thinned."""

    text: str
    facts: str


_SCRIPTS = ("page.js", "explorer.js", "map.js", "table.js", "start.js")


def page(
    title: str,
    rows: Sequence[RunRow],
    now: float,
    *,
    frames: Frames | None = None,
    task: str = "",
    kind: str = "notebook",
    messages: Sequence[str] = (),
) -> Page:
    """The whole page. `now` in unix seconds; `frames` as `frames.fit` made them."""
    shown = frames or Frames({})
    notes = [*messages, *([shown.said] if shown.said else [])]
    if len(rows) > LINES:
        notes.append(f"this page holds the first {LINES:,} of {plural(len(rows), 'point')}")
    kept = rows[:LINES]
    parts = Markup("").join([
        *_header(title, rows, now, f"{kind} {task}" if task else ""),
        *(element("p", clean(note), class_="note") for note in notes),
        explorer.section(kept, shown),
        listing.section(kept),
        _bad(rows),
    ])  # fmt: skip
    script = '"use strict";\n(() => {\n' + "".join(_part(name) for name in _SCRIPTS) + "})();\n"
    head = element("head", *_head(title, script))
    facts = _facts(kept, shown, len(parts.encode()) + len(head.encode()) + len(script.encode()))
    footer = element("footer", f"This file: {facts}. It loads nothing. Made by farpoint {__version__}, {_day(now)}.")
    body = element("body", element("main", Markup(parts), footer), _light_box(), element("script", Markup(script)))
    text = "<!DOCTYPE html>\n" + element("html", head, body, lang="en")
    return Page(text, f"{facts}. {shown.said}" if shown.said else facts)


def _part(name: str) -> str:
    return files("farpoint.api").joinpath("page", name).read_text("utf-8")


def _head(title: str, script: str) -> list[Markup]:
    """Title, style, and a policy under which the browser runs our script and no other, and loads nothing."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    return [
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"{clean(title)} — farpoint"),
        element("style", Markup(_part("page.css"))),
    ]


def _day(now: float) -> str:
    return datetime.fromtimestamp(now).astimezone().strftime("%-d %B %Y, %H:%M")


def _facts(rows: Sequence[RunRow], frames: Frames, size: int) -> str:
    """What the file holds and how large it is."""
    shown = f", {plural(len(frames.shown), 'frame')} ({size_words(frames.size)})" if frames.shown else ""
    return f"{size_words(size)}, {plural(len(rows), 'point')}{shown}"


def _header(title: str, rows: Sequence[RunRow], now: float, task: str) -> list[Markup]:
    found = counts(rows)
    machines = sorted({row.machine for row in rows if row.machine})
    told = headline(title, rows, now).removeprefix(f"{clean(title)}: ")
    facts = [told, *([task] if task else []), *([f"on {', '.join(machines)}"] if machines else [])]
    stripes = [
        element("span", style=f"flex:{count};background:{COLOURS[state]}", title=f"{count} {state}")
        for state, count in found.items()
    ]
    legend = [
        element("li", element("i", style=f"background:{COLOURS[state]}"), f"{count:,} {state}")
        for state, count in found.items()
    ]
    spoken = ", ".join(f"{count} {state}" for state, count in found.items()) or "no points"
    button = element("button", "light / dark", class_="theme", type_="button")
    return [
        element("header", element("h1", clean(title)), button),
        element("p", clean(" · ".join(facts)), class_="facts"),
        element("div", stripes, class_="bar", role="img", aria_label=spoken),
        element("ul", legend, class_="legend"),
    ]


def _bad(rows: Sequence[RunRow], limit: int = 50) -> Markup:
    """What failed, with the far tracebacks folded away."""
    bad = [row for row in rows if row.state in (State.FAILED, State.LOST)]
    if not bad:
        return Markup("")
    lines = []
    for row in bad[:limit]:
        trace = traceback_of(row)
        more = element("details", element("summary", "traceback"), element("pre", trace)) if trace else None
        told = f"point {row.number}: {clean(cause(row))}"
        lines.append(element("div", element("b", told), f"  {caption(row.parameters)}", more, class_="bad"))
    rest = [element("p", f"… and {len(bad) - limit:,} more", class_="note")] if len(bad) > limit else []
    return element("section", element("h2", f"Without a result: {len(bad):,}"), lines, rest)


def _light_box() -> Markup:
    buttons = [
        element("button", sign, type_="button", class_=name, aria_label=word)
        for sign, name, word in (("‹", "back", "previous point"), ("›", "next", "next point"))
    ]
    close = element("form", element("p"), buttons, element("button", "close"), method="dialog")
    return element("dialog", element("img", src="data:,", alt=""), close, aria_label="one frame, large")
