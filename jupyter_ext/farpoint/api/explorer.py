"""The explorer's places on a page: sliders, the frame and values of one point, a map, and a contact sheet.

Knows rows, frames and markup; explorer.js and map.js fill and move what is written here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from farpoint.api import walk
from farpoint.api.frames import Frames
from farpoint.api.markup import Markup, element
from farpoint.model import RunRow, State

WIDEST = 40  # tiles in a line of a contact sheet that is laid out as the grid


def section(rows: Sequence[RunRow], frames: Frames) -> Markup:
    """Sliders, frame, map and values, then the contact sheet; nothing where there is no point."""
    if not rows:
        return Markup("")
    found = walk.of(rows, frames.shown, frames.left)
    # Inside a script element only "</" and "<!--" could end it early.
    data = Markup(json.dumps(found, ensure_ascii=True, allow_nan=False).replace("<", "\\u003c"))
    sliders = element("div", [_slider(axis) for axis in found["axes"]], class_="sliders")
    told = walk.said(found)
    explore = element(
        "section",
        element("h2", "Explore"),
        element("p", told, class_="note") if told else None,
        element(
            "div",
            element("div", _stage(), element("dl", id_="values"), class_="view"),
            element("div", sliders, _map(found), class_="controls"),
            class_="explore" if frames.shown else "explore plain",
        ),
        element("script", data, type_="application/json", id_="data"),
        id_="explore",
    )
    return Markup(explore + _sheet(rows, frames, found))


def _stage() -> Markup:
    """Where the frame of one point stands, or its state; what is shown is also said to those who cannot see it."""
    where = element("p", id_="where", role="status")
    return element("div", element("div", class_="stage"), where)


def _slider(axis: Mapping[str, Any]) -> Markup:
    labels, name = axis["labels"], axis["name"]
    last = len(labels) - 1
    slider = element("input", type_="range", min_=0, max_=last, step=1, value=0, aria_label=name)
    ends = element("span", element("span", labels[0]), element("span", labels[-1]), class_="ends", aria_hidden="true")
    return element("label", element("span", name), element("output"), slider, ends, class_="axis")


def _map(found: Mapping[str, Any]) -> Markup:
    """The map's place, with what it can show; map.js draws it."""
    columns = [(str(place), column["name"]) for place, column in enumerate(found["columns"])]
    choices = [_choice("show", "column", columns, 0)]
    first = 0 if found["walk"] == "grid" else 1
    axes = [(str(place), axis["name"]) for place, axis in enumerate(found["axes"]) if place >= first]
    if len(axes) > 2:
        choices += [_choice("across", "across", axes, found["across"]), _choice("up", "up", axes, found["up"])]
    return element(
        "figure",
        element("figcaption", choices, _twin_button()),
        element("div", class_="drawing"),
        element("ul", class_="legend"),
        _twin("the map as a table"),
        class_="map",
    )


def _choice(word: str, name: str, options: Sequence[tuple[str, str]], chosen: int | None) -> Markup:
    listed = [
        element("option", text, value=value, selected="" if value == str(chosen) else None) for value, text in options
    ]
    return element("label", f"{word} ", element("select", listed, class_=name), class_="choice")


def _twin_button() -> Markup:
    return element("button", "as a table", type_="button", class_="as-table", aria_expanded="false")


def _twin(name: str) -> Markup:
    """Where what a graphic shows stands as a table once it is asked for."""
    return element("div", class_="twin scroll", hidden="", tabindex=0, role="region", aria_label=name)


# ---------------------------------------------------------------------------------------------- contact sheet
def _sheet(rows: Sequence[RunRow], frames: Frames, found: Mapping[str, Any]) -> Markup:
    """A tile a point; those without a frame tell their state. Nothing where no point has a frame."""
    if not frames.shown:
        return Markup("")
    two = found["walk"] == "grid" and len(found["axes"]) == 2
    fits = two and len(found["axes"][found["across"]]["labels"]) <= WIDEST
    sheet = _as_grid(rows, frames, found) if fits else _as_it_comes(rows, frames, found)
    head = element("div", element("h2", "Contact sheet"), _twin_button(), class_="tools")
    return element("section", head, sheet, _twin("the frames as a table"), class_="pictures")


def _as_grid(rows: Sequence[RunRow], frames: Frames, found: Mapping[str, Any]) -> Markup:
    """Tiles where the map has their points: one axis across, the other up."""
    across, up = found["axes"][found["across"]], found["axes"][found["up"]]
    place = {(point["at"][found["up"]], point["at"][found["across"]]): k for k, point in enumerate(found["points"])}
    parts: list[Markup] = []
    for line in reversed(range(len(up["labels"]))):
        parts.append(element("span", up["labels"][line], class_="side"))
        for column in range(len(across["labels"])):
            at = place.get((line, column))
            hole = element("span", class_="hole")
            parts.append(hole if at is None else _tile(rows[at], frames, found["points"][at]["name"]))
    parts.append(element("span", f"{up['name']} ↑  {across['name']} →", class_="corner"))
    parts += [element("span", label, class_="foot") for label in across["labels"]]
    style = f"--columns:{len(across['labels'])}"
    return element("div", parts, class_="sheet grid", style=style, role="group", aria_label="contact sheet")


def _as_it_comes(rows: Sequence[RunRow], frames: Frames, found: Mapping[str, Any]) -> Markup:
    tiles = [
        element(
            "figure",
            _tile(row, frames, point["name"]),
            element("figcaption", f"{row.number} · {point['name']}" if point["name"] else str(row.number)),
        )
        for row, point in zip(rows, found["points"], strict=True)
    ]
    return element("div", tiles, class_="sheet", role="group", aria_label="contact sheet")


def _tile(row: RunRow, frames: Frames, name: str) -> Markup:
    """One point's frame as a button that leads to it, or its state."""
    number = row.number
    spoken = f"point {number}: {name}" if name else f"point {number}"
    if number in frames.shown:
        inside = element("img", src=frames.shown[number].uri, alt="", loading="lazy", decoding="async")
    else:
        word = str(row.state)
        if number in frames.left:
            word = "frame left out"
        elif row.state is State.COMPLETED:
            word = "no figure"
        spoken = f"{spoken}, {word}"
        inside = element("span", word, class_="none")
    return element(
        "button", inside, type_="button", class_=f"tile state-{row.state}", data_point=number, tabindex=-1,
        aria_label=spoken, title=spoken,
    )  # fmt: skip
