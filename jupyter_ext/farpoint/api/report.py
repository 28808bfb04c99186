"""A scan as one HTML file that works anywhere: sliders, plots, pictures, table; no kernel, no server, no network.

Knows rows, pictures and the present time; what it says of them is text that passed through `esc`.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.resources import files
from typing import Any

from farpoint._version import __version__
from farpoint.api.markup import Markup, element
from farpoint.api.pictures import Picture
from farpoint.api.plots import Axis, axes, is_grid, is_number, plots
from farpoint.api.show import state_words, traceback_of
from farpoint.api.summary import COLOURS, caption, cause, clean, counts, headline, plural, seconds_of, short
from farpoint.model import RunRow, State
from farpoint.table import column_name, names_of, recorded, size_words, value

PICTURES = 40_000_000  # bytes of pictures a page may carry
LINES = 5_000  # rows of the table a page may carry


def page(
    title: str,
    rows: Sequence[RunRow],
    now: float,
    *,
    pictures: Mapping[int, Picture] | None = None,
    task: str = "",
    kind: str = "notebook",
    messages: Sequence[str] = (),
    room: int | None = None,
) -> str:
    """The whole page as text. `now` in unix seconds; `pictures` by point number, at most `room` bytes of them."""
    shown, notes = _that_fit(pictures or {}, PICTURES if room is None else room)
    notes = [*messages, *notes]
    if len(rows) > LINES:
        notes.append(f"the table and pictures hold the first {LINES:,} of {plural(len(rows), 'point')}")
    script = _part("report.js")
    kept = rows[:LINES]
    body = element(
        "main",
        _header(title, rows, now, f"{kind} {task}" if task else ""),
        [element("p", clean(note), class_="note") for note in notes],
        _explorer(kept, shown),
        _plots(rows),
        _sheet(kept, shown),
        _bad(rows),
        _table(kept),
        element("footer", f"Made by farpoint {__version__}, {_day(now)}. This file works by itself: it loads nothing."),
    )
    return "<!DOCTYPE html>\n" + element(
        "html",
        element("head", *_head(title, script)),
        element("body", body, _light_box() if shown else None, element("script", Markup(script))),
        lang="en",
    )


def _part(name: str) -> str:
    return files("farpoint.api").joinpath(name).read_text("utf-8")


def _head(title: str, script: str) -> list[Markup]:
    """Title, style, and a policy under which the browser runs our script and no other, and loads nothing."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    return [
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"{clean(title)} — farpoint"),
        element("style", Markup(_part("report.css"))),
    ]


def _day(now: float) -> str:
    return datetime.fromtimestamp(now).astimezone().strftime("%-d %B %Y, %H:%M")


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
    spoken = ", ".join(f"{count} {state}" for state, count in found.items())
    button = element("button", "light / dark", class_="theme", type_="button")
    return [
        element("header", element("h1", clean(title)), button),
        element("p", clean(" · ".join(facts)), class_="facts"),
        element("div", stripes, class_="bar", role="img", aria_label=spoken),
        element("ul", legend, class_="legend"),
    ]


def _that_fit(pictures: Mapping[int, Picture], most: int) -> tuple[dict[int, Picture], list[str]]:
    """As many pictures as a page may carry, from the first point on, and what to say of the rest."""
    room, kept = most, {}
    for number, picture in sorted(pictures.items()):
        room -= len(picture.data)
        if room < 0:
            break
        kept[number] = picture
    if len(kept) == len(pictures):
        return kept, []
    left = plural(len(pictures) - len(kept), "picture")
    return kept, [f"{left} left out: the page holds at most {size_words(most)}"]


def _explorer(rows: Sequence[RunRow], pictures: Mapping[int, Picture]) -> Markup:
    """A slider an axis, the values of the point they meet at, and its picture."""
    if not rows:
        return Markup("")
    scanned = _sliders(rows)
    first = next((row.number for row in rows if row.number in pictures), rows[0].number)
    found = {
        "axes": [{"labels": [short(each) for each in axis.values]} for axis in scanned],
        "points": [{"number": row.number, "at": [axis.at[row.number] for axis in scanned]} for row in rows],
        "first": first,
    }
    # Inside a script element only "</" and "<!--" could end it early.
    data = Markup(json.dumps(found, ensure_ascii=True).replace("<", "\\u003c"))
    left = element("div", [_slider(axis) for axis in scanned], element("dl", id_="values"))
    stage = element("div", class_="stage") if pictures else None
    return element(
        "section",
        element("h2", "Explore"),
        element("div", left, stage, class_="explore" if pictures else "explore plain"),
        element("script", data, type_="application/json", id_="data"),
    )


def _sliders(rows: Sequence[RunRow]) -> list[Axis]:
    """The scanned axes where they make a grid; else one slider over the points."""
    scanned = axes(rows)
    places = {tuple(axis.at[row.number] for axis in scanned) for row in rows}
    if len(places) == len(rows) and is_grid(scanned, len(rows)):
        return scanned
    return [Axis("point", tuple(row.number for row in rows), {row.number: k for k, row in enumerate(rows)})]


def _slider(axis: Axis) -> Markup:
    last = len(axis.values) - 1
    slider = element("input", type_="range", min_=0, max_=last, step=1, value=0)
    return element("label", element("span", clean(axis.name)), element("output"), slider, class_="axis")


def _plots(rows: Sequence[RunRow]) -> Markup:
    drawn = plots(rows)
    if not drawn:
        return Markup("")
    return element("section", element("h2", "Plots"), element("div", drawn, class_="plots"))


def _sheet(rows: Sequence[RunRow], pictures: Mapping[int, Picture]) -> Markup:
    """A tile a point; those without a picture tell their state. Nothing where no point has a picture."""
    if not pictures:
        return Markup("")
    names = [axis.name for axis in axes(rows)] or names_of(rows)
    tiles = []
    for row in rows:
        words = element("figcaption", f"{row.number} · {caption(row.parameters, names)}")
        if row.number in pictures:
            image = element("img", src=pictures[row.number].uri, alt=f"picture of point {row.number}", loading="lazy")
            tile = element("button", image, type_="button", aria_label=f"enlarge the picture of point {row.number}")
        else:
            tile = _no_picture(row)
        tiles.append(element("figure", tile, words, class_="tile", data_point=row.number))
    return element("section", element("h2", "Pictures"), element("div", tiles, class_="sheet"))


def _no_picture(row: RunRow) -> Markup:
    done = row.state is State.COMPLETED
    word, colour = ("no picture", None) if done else (state_words(row), f"color:{COLOURS[row.state]}")
    return element("div", word, class_="none note" if done else "none", style=colour)


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


def _table(rows: Sequence[RunRow]) -> Markup:
    """Every point; a click on a heading sorts, the field filters."""
    names = names_of(rows)
    found = [recorded(row) for row in rows]
    own = list(dict.fromkeys(name for each in found for name in each))
    ours = ["run_state", "run_seconds", "run_reason", "run_machine"]
    headers = ["point", *names, *(column_name(name, names) for name in own), *ours]
    lines: list[list[Any]] = [
        [
            row.number,
            *(value(row.parameters.get(name)) for name in names),
            *(each.get(name) for name in own),
            *(state_words(row), seconds_of(row), row.reason, row.machine),
        ]
        for row, each in zip(rows, found, strict=True)
    ]
    numeric = [all(each is None or is_number(each) for each in column) for column in zip(*lines, strict=True)]
    heads = [
        element("th", element("button", clean(name), type_="button"), scope="col", class_="n" if number else None)
        for name, number in zip(headers, numeric or [False] * len(headers), strict=True)
    ]
    body = [_line(row, line, numeric, headers.index("run_state")) for row, line in zip(rows, lines, strict=True)]
    tools = element("div", element("h2", "Table"), _filter(), class_="tools")
    table = element("table", element("thead", element("tr", heads)), element("tbody", body))
    return element("section", tools, element("div", table, class_="scroll"))


def _filter() -> Markup:
    return element("input", type_="search", placeholder="filter", aria_label="filter the table")


def _line(row: RunRow, line: Sequence[Any], numeric: Sequence[bool], state: int) -> Markup:
    cells = []
    for column, each in enumerate(line):
        text = "" if each is None else short(each, 60)
        if column == state:
            cells.append(element("td", text, class_="word", style=f"color:{COLOURS[row.state]}"))
        elif numeric[column]:
            cells.append(element("td", text, class_="n", data_value="" if each is None else repr(float(each))))
        else:
            cells.append(element("td", text))
    return element("tr", cells, data_point=row.number)


def _light_box() -> Markup:
    buttons = [element("button", word, type_="button", class_=name) for word, name in (("‹", "back"), ("›", "next"))]
    close = element("form", element("p"), buttons, element("button", "close"), method="dialog")
    return element("dialog", element("img", src="data:,", alt=""), close)
