"""Recorded numbers against parameters, drawn as SVG: a line for one scanned axis, a heat-map for two, dots for more.

Knows rows and geometry only; colours of ink come from the page it is put into, by `currentColor`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from farpoint.api.markup import Markup, element
from farpoint.api.summary import short
from farpoint.model import RunRow
from farpoint.table import column_name, names_of, recorded, value

WIDTH, HEIGHT = 420, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 14, 14, 40
_ROOM = 20_000  # shapes a page may hold before a browser becomes slow

# Anchors of a perceptually even scale that also reads in grey.
_SCALE = ("440154", "482878", "3e4a89", "31688e", "26828e", "1f9e89", "35b779", "6ece58", "b5de2b", "fde725")


@dataclass(frozen=True, slots=True)
class Axis:
    """A scanned parameter: its distinct values in order, and where each point lies on it."""

    name: str
    values: tuple[object, ...]
    at: Mapping[int, int]  # point number → position in `values`

    @property
    def numeric(self) -> bool:
        """True where the values are numbers, so that distances mean something."""
        return all(is_number(each) for each in self.values)


def is_number(found: object) -> bool:
    """True for a finite real number that is not a truth value."""
    if isinstance(found, bool) or not hasattr(found, "__float__") or isinstance(found, (str, bytes)):
        return False
    try:
        return math.isfinite(float(found))
    except (TypeError, ValueError, OverflowError):
        return False


def _word(found: object, width: int = 9) -> str:
    """A value as the label of a tick: three digits are enough beside a drawing.

    >>> _word(0.909141), _word(2)
    ('0.909', '2')
    """
    return f"{found:.3g}" if isinstance(found, float) else short(found, width)


def _float(found: object) -> float:
    return float(found)  # type: ignore[arg-type]  # only called where is_number said so


def axes(rows: Sequence[RunRow]) -> list[Axis]:
    """The parameters that differ between the points. Numbers are put in order, anything else stays as it came."""
    found = []
    for name in names_of(rows):
        known: dict[str, object] = {}
        keys = {row.number: repr(row.parameters.get(name)) for row in rows}
        for row in rows:
            known.setdefault(keys[row.number], value(row.parameters.get(name)))
        if len(known) < 2:
            continue
        order = list(known)
        if all(is_number(each) for each in known.values()):
            order.sort(key=lambda key: _float(known[key]))
        place = {key: position for position, key in enumerate(order)}
        found.append(Axis(name, tuple(known[key] for key in order), {n: place[key] for n, key in keys.items()}))
    return found


def is_grid(scanned: Sequence[Axis], points: int) -> bool:
    """True where the axes' product is not much larger than the number of points: most of it was scanned."""
    return math.prod(len(axis.values) for axis in scanned) <= 2 * points


def numbers(rows: Sequence[RunRow]) -> dict[str, dict[int, float]]:
    """Every recorded quantity that is a number, as point number → value; the seconds a run took come last."""
    found: dict[str, dict[int, float]] = {}
    names = names_of(rows)
    for row in rows:
        for name, each in recorded(row).items():
            if is_number(each):
                found.setdefault(column_name(name, names), {})[row.number] = _float(each)
    seconds = {row.number: row.seconds for row in rows if row.seconds is not None}
    return {**found, "run_seconds": seconds} if len(seconds) > 1 else found


def plots(rows: Sequence[RunRow], limit: int = 12) -> list[Markup]:
    """One drawing for each recorded number (and axis, where there are more than two), as many as a page can carry."""
    scanned = axes(rows)
    room = _ROOM
    drawn: list[Markup] = []
    for name, found in numbers(rows).items():
        for drawing in _drawings(name, found, scanned, len(rows)):
            room -= len(rows)
            if len(drawn) >= limit or (room < 0 and drawn):
                return drawn
            drawn.append(drawing())
    return drawn


def _drawings(
    name: str, found: Mapping[int, float], scanned: Sequence[Axis], points: int
) -> list[Callable[[], Markup]]:
    if len(found) < 2:
        return []
    if len(scanned) == 2 and is_grid(scanned, points):
        return [lambda: heat_map(name, found, scanned[1], scanned[0])]
    return [partial(line, name, found, axis, joined=len(scanned) == 1) for axis in scanned[:4]]


def heat_map(name: str, found: Mapping[int, float], across: Axis, up: Axis) -> Markup:
    """A rectangle a point, coloured by its value; where there is no value the page shows through."""
    low, high = min(found.values()), max(found.values())
    right = WIDTH - 74
    wide, tall = (right - _LEFT) / len(across.values), (HEIGHT - _TOP - _BOTTOM) / len(up.values)
    shapes = [element("rect", x=_LEFT, y=_TOP, width=right - _LEFT, height=HEIGHT - _TOP - _BOTTOM, class_="hole")]
    for number, column in across.at.items():
        line_up = up.at[number]
        place = {"x": _round(_LEFT + column * wide), "y": _round(HEIGHT - _BOTTOM - (line_up + 1) * tall)}
        here = f"{across.name}={short(across.values[column])}, {up.name}={short(up.values[line_up])}"
        told = f"{name} = {short(found[number])}" if number in found else "no value"
        fill = shade(found[number], low, high) if number in found else "transparent"
        size = {"width": _round(wide + 0.3), "height": _round(tall + 0.3)}
        tip = element("title", f"point {number}: {told} ({here})")
        shapes.append(element("g", element("rect", **place, **size, fill=fill), tip, data_point=number, class_="cell"))
    ticks_across = [(_LEFT + (k + 0.5) * wide, _word(each)) for k, each in enumerate(across.values)]
    ticks_up = [(HEIGHT - _BOTTOM - (k + 0.5) * tall, _word(each)) for k, each in enumerate(up.values)]
    frame = _labels(ticks_across, ticks_up, across.name, up.name, right)
    return _drawing(name, [shapes, frame, _colour_bar(low, high)])


def _colour_bar(low: float, high: float) -> list[Markup]:
    steps, top, bottom = 40, _TOP, HEIGHT - _BOTTOM
    left, tall = WIDTH - 62, (bottom - top) / steps
    size = {"width": 10, "height": _round(tall + 0.4)}
    stripes = [
        element(
            "rect",
            x=left,
            y=_round(bottom - (k + 1) * tall),
            **size,
            fill=shade(k, 0, steps - 1),
        )
        for k in range(steps)
    ]
    words = [_text(left + 14, bottom, _word(low)), _text(left + 14, top + 9, _word(high))]
    return stripes + (words if high > low else words[:1])


def line(name: str, found: Mapping[int, float], axis: Axis, *, joined: bool) -> Markup:
    """Dots against one parameter: joined where it is the only one, with a line through their means otherwise."""
    across = _across(axis)
    low, high = min(found.values()), max(found.values())
    margin = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
    low, high = low - margin, high + margin

    def height(number: float) -> float:
        return HEIGHT - _BOTTOM - (number - low) / (high - low) * (HEIGHT - _BOTTOM - _TOP)

    marks = ticks(low, high)
    sides = {"x1": _LEFT, "x2": WIDTH - _RIGHT}
    rules = [element("line", **sides, y1=_round(height(y)), y2=_round(height(y)), class_="rule") for y in marks]
    dots, at_position = [], dict[int, list[float]]()
    for number, each in sorted(found.items()):
        position = axis.at[number]
        at_position.setdefault(position, []).append(each)
        tip = element("title", f"point {number}: {name} = {short(each)} ({axis.name}={short(axis.values[position])})")
        dot = element("circle", cx=_round(across(position)), cy=_round(height(each)), r=3.4 if joined else 2.6)
        dots.append(element("g", dot, tip, data_point=number, class_="dot" if joined else "dot faint"))
    means = sorted((position, sum(group) / len(group)) for position, group in at_position.items())
    path = " ".join(f"{_round(across(position))},{_round(height(mean))}" for position, mean in means)
    # A line through values that are all of different points would join what has nothing to do with each other.
    clear = axis.numeric and (joined or len(found) >= 3 * len(means))
    curve = element("polyline", points=path, class_="curve") if clear else None
    below = [(across(position), _word(each)) for position, each in enumerate(axis.values)]
    if axis.numeric:
        below = _ticks_across(axis, across)
    frame = _labels(below, [(height(y), short(y)) for y in marks], axis.name, "", WIDTH - _RIGHT)
    return _drawing(name, [rules, curve, dots, frame])


def _across(axis: Axis) -> Callable[[int], float]:
    """Position on the axis → x in the drawing; numbers keep their distances."""
    room = WIDTH - _LEFT - _RIGHT - 16
    spots = [_float(each) for each in axis.values] if axis.numeric else [float(k) for k in range(len(axis.values))]
    low, high = min(spots), max(spots)
    return lambda position: _LEFT + 8 + (spots[position] - low) / ((high - low) or 1.0) * room


def _ticks_across(axis: Axis, across: Callable[[int], float]) -> list[tuple[float, str]]:
    low, high = _float(axis.values[0]), _float(axis.values[-1])
    first, last = across(0), across(len(axis.values) - 1)
    return [(first + (x - low) / (high - low) * (last - first), short(x)) for x in ticks(low, high)]


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers between two values.

    >>> ticks(0.02, 0.06)
    [0.02, 0.03, 0.04, 0.05, 0.06]
    >>> ticks(0, 7)
    [0.0, 2.0, 4.0, 6.0]
    """
    if not high > low:
        return [low]
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((factor * power for factor in (1, 2, 5) if factor * power >= rough * 0.999), 10 * power)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 12) + 0.0 for k in range(first, math.floor(high / step + 1e-9) + 1)]


def shade(number: float, low: float, high: float) -> str:
    """The colour of a value on the scale from `low` to `high`.

    >>> shade(0, 0, 1), shade(1, 0, 1), shade(3, 3, 3)
    ('#440154', '#fde725', '#22908c')
    """
    part = (number - low) / (high - low) if high > low else 0.5
    place = min(max(part, 0.0), 1.0) * (len(_SCALE) - 1)
    before = min(int(place), len(_SCALE) - 2)
    mix = place - before
    pairs = [(int(_SCALE[before][k : k + 2], 16), int(_SCALE[before + 1][k : k + 2], 16)) for k in (0, 2, 4)]
    return "#" + "".join(f"{round(one + (other - one) * mix):02x}" for one, other in pairs)


def _labels(
    across: Sequence[tuple[float, str]], up: Sequence[tuple[float, str]], name: str, side: str, right: float
) -> list[Markup]:
    bottom = HEIGHT - _BOTTOM
    shapes = [_text(x, bottom + 15, word, "middle") for x, word in _sparse(across, 46)]
    shapes += [_text(_LEFT - 6, y + 4, word, "end") for y, word in _sparse(up, 14)]
    shapes.append(_text((_LEFT + right) / 2, HEIGHT - 6, short(name, 40), "middle", "name"))
    if side:
        turned = element(
            "text", short(side, 30), x=0, y=0, text_anchor="middle", class_="name",
            transform=f"translate(13 {_round((_TOP + bottom) / 2)}) rotate(-90)",
        )  # fmt: skip
        shapes.append(turned)
    return shapes


def _sparse(found: Sequence[tuple[float, str]], room: float) -> list[tuple[float, str]]:
    """Every n-th label, so that none touches the next."""
    if len(found) < 2:
        return list(found)
    apart = abs(found[1][0] - found[0][0]) or 1.0
    return list(found)[:: max(1, math.ceil(room / apart))]


def _text(x: float, y: float, word: str, anchor: str = "start", class_: str | None = None) -> Markup:
    return element("text", word, x=_round(x), y=_round(y), text_anchor=anchor, class_=class_)


def _round(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")


def _drawing(name: str, parts: Sequence[object]) -> Markup:
    picture = element("svg", *parts, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=f"plot of {name}")
    return element("figure", element("figcaption", name), picture, class_="plot")
