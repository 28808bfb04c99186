"""The pictures of a page, made to fit: as small as they go without loss, thinned only where a page cannot hold them.

Knows image bytes and how many a page may carry; no rows and no page. Pillow is used where it is installed.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from farpoint.api.pictures import Picture
from farpoint.api.summary import plural
from farpoint.errors import BadInput, BadResources
from farpoint.resources import parse_memory
from farpoint.table import size_words

if TYPE_CHECKING:
    from PIL.Image import Image

PAGE = 25_000_000  # bytes of pictures in a file
CELL = 8_000_000  # bytes of pictures in a notebook's output, which is saved with the notebook again and again

_WIDTHS = (None, 640, 480, 320, 240)  # pixels; None: as wide as they are
_SAMPLE = 12  # pictures tried before all are made anew
_MOST_PIXELS = 40_000_000  # what is larger is not taken apart

Shrink = Callable[[Picture], Picture]


@dataclass(frozen=True, slots=True)
class Frames:
    """What a page shows: pictures by point number, those `left` out, and what is to be said about it."""

    shown: Mapping[int, Picture]
    left: frozenset[int] = frozenset()
    said: str = ""

    @property
    def size(self) -> int:
        """Bytes of the pictures, before they are written as text."""
        return sum(len(picture.data) for picture in self.shown.values())


def room_of(size: int | str) -> int:
    """Bytes, from a number of them or words such as "100 MB". Raises BadInput.

    >>> room_of("1 GB") > room_of(25_000_000)
    True
    """
    try:
        found = parse_memory(size)
    except BadResources:
        found = None
    if not found:
        raise BadInput(f"max_size={size!r} is not a size: say bytes, or text such as '100 MB'.")
    return found


def fit(pictures: Mapping[int, Picture], room: int = PAGE) -> Frames:
    """The pictures in at most `room` bytes.

    Each becomes lossless WebP where that is smaller. Where they are too large together all are made coarser (WebP at
    quality 80), then narrower, down to 240 pixels. Where that is not enough, or there is no Pillow, every n-th stays.

    >>> fit({0: Picture("image/gif", b"x" * 60), 1: Picture("image/gif", b"x" * 60)}, room=100).left
    frozenset({1})
    """
    found = dict(sorted(pictures.items()))
    exact = _all(found, lossless)
    whole = Frames(exact)
    if whole.size <= room:
        return whole
    widest = max((_width(picture) for picture in exact.values()), default=0)
    for width in _WIDTHS if _pillow() else ():
        if width is not None and width >= widest:
            continue
        shrink = partial(coarse, width=width)
        if _guess(found, shrink) > room:
            continue
        made = Frames(_all(found, shrink))
        if made.size <= room:
            wide = "" if width is None else f", at most {width} pixels wide"
            return replace(made, said=_coarser(made, whole, room, wide))
    smallest = _all(found, partial(coarse, width=_WIDTHS[-1]))
    return _every_nth(smallest, whole, room)


def _all(pictures: Mapping[int, Picture], shrink: Shrink) -> dict[int, Picture]:
    """Each picture made smaller; the libraries below let go of the interpreter while they work."""
    with ThreadPoolExecutor(min(len(pictures), os.cpu_count() or 1, 8) or 1) as pool:
        return dict(zip(pictures, pool.map(shrink, pictures.values()), strict=True))


def _guess(pictures: Mapping[int, Picture], shrink: Shrink) -> float:
    """Bytes of all, judged by a few that lie far apart; a little low, for what is made is measured again."""
    chosen = list(pictures)[:: max(1, len(pictures) // _SAMPLE)]
    some = _all({number: pictures[number] for number in chosen}, shrink)
    return 0.9 * sum(len(picture.data) for picture in some.values()) / len(some) * len(pictures)


def _every_nth(found: Mapping[int, Picture], whole: Frames, room: int) -> Frames:
    """As many as there is room for, evenly spaced."""
    numbers = list(found)
    step = max(2, -(-Frames(found).size // max(room, 1)))
    while step < len(numbers) and Frames({number: found[number] for number in numbers[::step]}).size > room:
        step += 1
    shown = {number: found[number] for number in numbers[::step]}
    left = frozenset(numbers) - set(shown)
    said = (
        f"Frames are shown of every {_ordinal(step)} point that has one, {len(shown):,} of {len(numbers):,}, "
        f"{_why(whole, room)}"
    )
    return Frames(shown, left, said)


def _coarser(made: Frames, whole: Frames, room: int, wide: str) -> str:
    count = plural(len(made.shown), "frame")
    return f"All {count} are shown coarser than they were drawn (WebP at quality 80{wide}), {_why(whole, room)}"


def _why(whole: Frames, room: int) -> str:
    return (
        f"because together they take {size_words(whole.size)} and this page holds {size_words(room)} of them. "
        f"All as they were drawn: scan.to_html(FILE, max_size={_spelt(whole.size)!r})."
    )


def _spelt(size: int) -> str:
    """A size to type that is certainly enough."""
    return f"{size // 1_000_000 + 1} MB"


def _ordinal(number: int) -> str:
    """A place in a row.

    >>> _ordinal(2), _ordinal(3), _ordinal(11), _ordinal(21)
    ('2nd', '3rd', '11th', '21st')
    """
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


# ---------------------------------------------------------------------------------------------- one picture
def lossless(picture: Picture) -> Picture:
    """The same pixels as WebP, where that is smaller and can be made."""

    def save(image: Image, to: io.BytesIO) -> None:
        image.save(to, "WEBP", lossless=True, exact=True, method=2, quality=30)

    return _smaller(picture, [picture], save)


def coarse(picture: Picture, width: int | None = None) -> Picture:
    """About the same as WebP of quality 80, at most `width` pixels wide; the smallest of what there is."""

    def save(image: Image, to: io.BytesIO) -> None:
        if width is not None and image.width > width:
            image = image.resize((width, max(1, round(image.height * width / image.width))))
        image.save(to, "WEBP", quality=80, method=2)

    exact = lossless(picture)
    narrow = width is None or _width(picture) <= width
    return _smaller(picture, [picture, exact] if narrow else [], save)


def _smaller(picture: Picture, others: Sequence[Picture], save: Callable[[Image, io.BytesIO], None]) -> Picture:
    """The smallest of the picture saved anew and the others; the picture itself where it cannot be saved anew."""
    found = list(others)
    for image in _opened(picture):
        target = io.BytesIO()
        with suppress(OSError, ValueError):  # wider than WebP can be
            save(image, target)
            found.append(Picture("image/webp", target.getvalue()))
    return min(found, key=lambda each: len(each.data), default=picture)


def _opened(picture: Picture) -> Iterator[Image]:
    """The picture as pixels of eight bits; nothing where it has none, is damaged or Pillow is not here."""
    if not picture.kind.startswith("image/") or picture.kind == "image/svg+xml" or not _pillow():
        return
    from PIL import Image

    damaged = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)
    with suppress(*damaged), Image.open(io.BytesIO(picture.data)) as image:
        if image.width * image.height > _MOST_PIXELS or image.mode not in ("RGB", "RGBA", "P", "L", "LA", "1"):
            return
        alpha = image.mode in ("RGBA", "LA") or "transparency" in image.info
        yield image.convert("RGBA" if alpha else "RGB")


def _width(picture: Picture) -> int:
    """Pixels from left to right; 0 where that cannot be told."""
    return next((image.width for image in _opened(picture)), 0)


def _pillow() -> bool:
    """True where Pillow is installed and knows WebP."""
    try:
        from PIL import features
    except ImportError:
        return False
    return bool(features.check("webp"))
