import io
import sys

import numpy as np
import pytest
from PIL import Image

from farpoint.api import frames
from farpoint.api.frames import fit
from farpoint.api.pictures import Picture
from farpoint.errors import BadInput


def noise(seed: int, width: int = 300, height: int = 200, mode: str = "RGB") -> Picture:
    channels = len(mode)
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)
    pixels = pixels // 32 * 32
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "PNG", compress_level=1)
    return Picture("image/png", target.getvalue())


def opened(picture: Picture) -> Image.Image:
    return Image.open(io.BytesIO(picture.data)).convert("RGBA")


MANY = {n: noise(n) for n in range(9)}
ALL = sum(len(picture.data) for picture in MANY.values())


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_frame_is_the_smaller_of_png_and_lossless_webp(mode: str) -> None:
    picture = noise(1, mode=mode)
    made = frames.lossless(picture)
    assert made.kind == "image/webp"
    assert len(made.data) < len(picture.data)
    assert np.array_equal(opened(made), opened(picture))


def test_what_cannot_be_made_anew_stays() -> None:
    damaged = Picture("image/png", noise(1).data[:300])
    drawing = Picture("image/svg+xml", b"<svg></svg>")
    tiny = Picture("image/png", noise(1, 1, 1).data)
    for picture in (damaged, drawing):
        assert frames.lossless(picture) == picture
        assert frames.coarse(picture, 240) == picture
    assert len(frames.lossless(tiny).data) <= len(tiny.data)


def test_all_that_fits_is_shown_without_loss_and_without_a_word() -> None:
    made = fit(MANY)
    assert list(made.shown) == list(MANY)
    assert (made.left, made.said) == (frozenset(), "")
    assert made.size < ALL
    assert np.array_equal(opened(made.shown[3]), opened(MANY[3]))


def test_too_much_is_made_coarser_then_narrower_and_said() -> None:
    whole = fit(MANY).size
    coarse = fit(MANY, whole * 9 // 10)
    assert coarse.size <= whole * 9 // 10
    assert opened(coarse.shown[0]).size == (300, 200)
    assert coarse.said.startswith("All 9 frames are shown coarser than they were drawn (WebP at quality 80), because")
    assert "scan.to_html(FILE, max_size='1 MB')" in coarse.said
    narrow = fit(MANY, coarse.size * 8 // 10)
    assert opened(narrow.shown[0]).size == (240, 160)
    assert "quality 80, at most 240 pixels wide" in narrow.said
    assert narrow.left == frozenset()


def test_then_every_nth_stays_and_the_others_are_named() -> None:
    room = fit(MANY, 1).size * 3  # one frame of the smallest kind, three times
    made = fit(MANY, room)
    assert made.size <= room
    assert list(made.shown) == [0, 4, 8] or list(made.shown) == [0, 3, 6]
    assert made.left == frozenset(MANY) - set(made.shown)
    assert "of 9, because together they take" in made.said


def test_the_size_that_is_advised_is_enough() -> None:
    made = fit(MANY, 1000)
    advised = made.said.split("max_size='")[1].split("'")[0]
    assert fit(MANY, frames.room_of(advised)).said == ""


def test_without_pillow_pngs_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert fit(MANY).shown == MANY
    made = fit(MANY, ALL // 2)
    assert list(made.shown) == [0, 3, 6] or list(made.shown) == [0, 2, 4, 6, 8]
    assert all(made.shown[n] == MANY[n] for n in made.shown)


def test_no_frames_are_no_bytes() -> None:
    assert fit({}).size == 0


@pytest.mark.parametrize("size", ["much", 0, -5, None, True, "0 MB"])
def test_a_size_that_cannot_be_read_is_refused(size: object) -> None:
    with pytest.raises(BadInput, match="max_size="):
        frames.room_of(size)
