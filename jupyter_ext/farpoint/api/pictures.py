"""The last figure of each point's notebook, and a contact sheet of them.

Knows the notebook format and image bytes; not where notebooks lie, and no store.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from farpoint.api.summary import COLOURS, caption, clean, short
from farpoint.errors import BadInput
from farpoint.model import RunRow, State
from farpoint.table import names_of, value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# What a browser may be handed: the type is decided by the bytes, never by what the notebook says.
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_KINDS = ("image/png", "image/jpeg", "image/svg+xml")

# A tile is one wide; these are parts of that, and its width in inches.
_CAPTION, _GAP, _INCHES = 0.11, 0.06, 2.0


@dataclass(frozen=True, slots=True)
class Picture:
    """One image: its kind (`image/png`, `image/jpeg` or `image/svg+xml`) and its bytes."""

    kind: str
    data: bytes

    @property
    def uri(self) -> str:
        """The image as a data URI for an `<img>`, where nothing in it can run.

        >>> Picture("image/png", b"abc").uri
        'data:image/png;base64,YWJj'
        """
        return f"data:{self.kind};base64,{base64.b64encode(self.data).decode()}"


def last_figure(notebook: Mapping[str, Any]) -> Picture | None:
    """The last image among the outputs of a notebook, or None.

    >>> last_figure({"cells": [{"outputs": [{"data": {"text/plain": "3"}}]}]}) is None
    True
    """
    for cell in reversed(notebook.get("cells") or []):
        for output in reversed(cell.get("outputs") or []):
            found = _image(output.get("data") or {})
            if found is not None:
                return found
    return None


def _image(data: Mapping[str, Any]) -> Picture | None:
    for kind in _KINDS:
        if kind in data:
            found = _picture(kind, data[kind])
            if found is not None:
                return found
    return None


def _picture(kind: str, source: Any) -> Picture | None:
    text = "".join(source) if isinstance(source, list) else str(source)
    if kind == "image/svg+xml":
        return Picture(kind, text.encode("utf-8", "replace")) if "<svg" in text else None
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    if data.startswith(_PNG):
        return Picture("image/png", data)
    return Picture("image/jpeg", data) if data.startswith(_JPEG) else None


def figure_of(path: Path) -> Picture | None:
    """The last image of the notebook in a file; None where the file is not there or is no notebook."""
    try:
        notebook = json.loads(path.read_bytes())
        return last_figure(notebook)
    except (OSError, ValueError, AttributeError, TypeError):
        return None


@dataclass(frozen=True, slots=True, repr=False)
class ContactSheet:
    """A PNG of all pictures of a scan; a notebook shows it. `path` is where it was written, if it was."""

    png: bytes
    points: int
    path: Path | None = None

    def _repr_png_(self) -> bytes:
        return self.png

    def __repr__(self) -> str:
        where = f", {self.path}" if self.path else ""
        return f"<contact sheet of {self.points} points, {len(self.png) // 1000} kB{where}>"


def contact_sheet(
    rows: Sequence[RunRow],
    pictures: Mapping[int, Picture],
    *,
    path: str | Path | None = None,
    columns: int | None = None,
    captions: bool = True,
    title: str = "",
) -> ContactSheet:
    """One PNG with a tile a point: its picture, or its state where there is none.

    Two scanned axes lay the tiles out as their grid. Raises BadInput where there is nothing to draw, or
    matplotlib is not installed.
    """
    if not rows:
        raise BadInput("a contact sheet of no points cannot be drawn: choose some points first")
    columns = columns or _columns(rows)
    png = _draw(rows, pictures, columns, captions, title)
    target = None if path is None else Path(path)
    if target is not None:
        target.write_bytes(png)
    return ContactSheet(png, len(rows), target)


def _columns(rows: Sequence[RunRow]) -> int:
    """Tiles in a line: the length of the last axis of a two-axis grid, else a bit more than there are lines."""
    lengths = [len({repr(row.parameters.get(name)) for row in rows}) for name in names_of(rows)]
    scanned = [length for length in lengths if length > 1]
    if len(scanned) == 2 and math.prod(scanned) == len(rows) and scanned[-1] <= 24:
        return scanned[-1]
    return max(1, min(len(rows), round(math.sqrt(len(rows) * 1.4))))


def _draw(rows: Sequence[RunRow], pictures: Mapping[int, Picture], columns: int, captions: bool, title: str) -> bytes:
    try:
        from matplotlib.figure import Figure
    except ImportError as fault:
        raise BadInput("a contact sheet needs matplotlib, which is not installed: pip install matplotlib") from fault

    lines = math.ceil(len(rows) / columns)
    scale = min(1.0, 24 / max(columns, lines * 0.8))  # at most about 5,000 pixels a side
    images = {row.number: _pixels(pictures[row.number]) for row in rows if row.number in pictures}
    tall = _tallness(images.values())
    cell = tall + (_CAPTION if captions else 0.0)
    wide, high = columns * (1 + _GAP) + _GAP, lines * (cell + _GAP) + _GAP + (0.3 if title else 0.0)
    figure = Figure(figsize=(_INCHES * scale * wide, _INCHES * scale * high), dpi=110, facecolor="white")
    # One axes for all tiles, in tile widths from the upper left corner: an axes a tile takes seconds for a hundred.
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, wide), ylim=(high, 0), autoscale_on=False)
    axes.axis("off")
    if title:
        fits = 72 * _INCHES * scale * wide / (0.68 * len(title))  # points a bold letter may take, about
        size = min(11 * scale, fits)
        axes.text(_GAP, 0.2, _plain(title), ha="left", va="center", size=size, weight="bold", color="#333333")
    varied = _varied(rows)
    for position, row in enumerate(rows):
        line, column = divmod(position, columns)
        corner = (_GAP + column * (1 + _GAP), _GAP + line * (cell + _GAP) + (0.3 if title else 0.0))
        _tile(axes, row, images.get(row.number), (*corner, tall), scale)
        if captions:
            below = (corner[0] + 0.5, corner[1] + tall + _CAPTION / 2)
            axes.text(*below, _fitting(row, varied), ha="center", va="center", size=7 * scale, color="#444444")
    target = io.BytesIO()
    figure.savefig(target, format="png", facecolor="white")
    return target.getvalue()


def _varied(rows: Sequence[RunRow]) -> list[str]:
    """Parameters that differ between the points; all of them where none does."""
    names = names_of(rows)
    return [name for name in names if len({repr(row.parameters.get(name)) for row in rows}) > 1] or names


def _fitting(row: RunRow, names: Sequence[str]) -> str:
    """A caption of about 40 characters: `name=value` where there is room, else values alone."""
    text = caption(row.parameters, names)
    if len(text) > 40:
        text = "  ".join(short(value(row.parameters.get(name)), 9) for name in names)
    return _plain(text if len(text) <= 40 else text[:39] + "…")


def _plain(text: str) -> str:
    """Text in which matplotlib sees no formula."""
    return clean(text).replace("$", r"\$")


def _tallness(images: Iterable[Any]) -> float:
    """Height of the tiles by their width, so that most pictures fill theirs."""
    ratios = sorted(image.shape[0] / image.shape[1] for image in images if image is not None)
    return min(max(ratios[len(ratios) // 2], 0.5), 1.2) if ratios else 0.75


def _tile(axes: Axes, row: RunRow, image: Any, place: tuple[float, float, float], scale: float) -> None:
    """One picture fitted into its tile (left, top, height), or a quiet tile with the state."""
    left, top, tall = place
    if image is None:
        axes.add_patch(_frame(left, top, tall))
        quiet = row.state is State.COMPLETED
        word, colour = ("no picture", "#9aa3ad") if quiet else (str(row.state), COLOURS[row.state])
        axes.text(left + 0.5, top + tall / 2, word, ha="center", va="center", size=8 * scale, color=colour)
        return
    part = min(1 / image.shape[1], tall / image.shape[0])
    wide, high = image.shape[1] * part, image.shape[0] * part
    left, top = left + (1 - wide) / 2, top + (tall - high) / 2
    axes.imshow(image, extent=(left, left + wide, top + high, top), interpolation="antialiased", aspect="auto")


def _frame(left: float, top: float, tall: float) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((left, top), 1, tall, facecolor="#f5f6f8", edgecolor="#e3e6ea", linewidth=0.8)


def _pixels(picture: Picture) -> Any:
    """The picture as an array without its empty margins, or None where it is no bitmap or its bytes are damaged."""
    from matplotlib.image import imread

    if picture.kind == "image/svg+xml":
        return None
    try:
        return _trimmed(imread(io.BytesIO(picture.data), format=picture.kind.removeprefix("image/")))
    except (OSError, ValueError, SyntaxError):
        return None


def _trimmed(image: Any) -> Any:
    """An image without its empty margins, but for two pixels of them; a coloured corner is part of the picture."""
    import numpy

    corner = numpy.atleast_1d(image[0, 0])
    white = numpy.min(corner[:3]) >= (0.98 if image.dtype.kind == "f" else 250)
    if not white and (len(corner) < 4 or corner[3] > 0):
        return image
    drawn = numpy.any(numpy.atleast_3d(image != image[0, 0]), axis=2)
    lines, columns = numpy.flatnonzero(drawn.any(axis=1)), numpy.flatnonzero(drawn.any(axis=0))
    if not len(lines):
        return image
    return image[max(lines[0] - 2, 0) : lines[-1] + 3, max(columns[0] - 2, 0) : columns[-1] + 3]
