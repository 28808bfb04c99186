"""What an explorer shows in a browser, read as people read it, and its frames as pixels."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy
from PIL import Image

from farpoint.api.pictures import Picture

if TYPE_CHECKING:
    from playwright.sync_api import Locator


def pixels(data: bytes) -> numpy.ndarray:
    """A picture as an array of red, green, blue and alpha."""
    return numpy.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))


def picture_of(number: int) -> Picture:
    """A picture that no other point has: its number in black and white."""
    bits = numpy.array([[255 * (number >> k & 1) for k in range(8)]], dtype=numpy.uint8)
    target = io.BytesIO()
    Image.fromarray(numpy.kron(bits, numpy.ones((12, 6), dtype=numpy.uint8))).save(target, "PNG")
    return Picture("image/png", target.getvalue())


@dataclass
class Explorer:
    """The page, or a frame of it (`root` is its `html` or `body`)."""

    root: Locator

    @property
    def where(self) -> str:
        return self.root.locator("#where").inner_text()

    @property
    def number(self) -> int:
        """The point shown."""
        return int(self.where.split()[1])

    @property
    def values(self) -> dict[str, str]:
        """The values beside the frame."""
        names = self.root.locator("#values dt").all_inner_texts()
        return dict(zip(names, self.root.locator("#values dd").all_inner_texts(), strict=True))

    @property
    def outputs(self) -> list[str]:
        """What stands above each slider."""
        return self.root.locator(".axis output").all_inner_texts()

    @property
    def stage(self) -> Locator:
        return self.root.locator(".stage")

    def slider(self, name: str) -> Locator:
        return self.root.get_by_role("slider", name=name, exact=True)

    def mark(self, number: int) -> Locator:
        return self.root.locator(f'.mark[data-point="{number}"]')

    def tile(self, number: int) -> Locator:
        return self.root.locator(f'.tile[data-point="{number}"]')

    def frame(self) -> numpy.ndarray:
        """The picture shown, as pixels; the browser has drawn it."""
        image = self.stage.locator("img")
        source = image.evaluate("async (image) => { await image.decode(); return image.src; }")
        return pixels(base64.b64decode(source.partition(",")[2]))

    def shows(self, number: int, picture: Picture | None = None) -> None:
        """AssertionError unless it shows this point's frame everywhere."""
        assert self.number == number
        expected = picture_of(number) if picture is None else picture
        assert numpy.array_equal(self.frame(), pixels(expected.data))
        for kind in ("mark", "tile"):
            here = self.root.locator(f".{kind}[aria-current]")
            assert here.evaluate_all("all => all.map((each) => Number(each.dataset.point))") == [number]

    def focused(self) -> dict[str, Any]:
        """What has the focus, and whether that can be seen."""
        found: dict[str, Any] = self.root.page.evaluate(
            "() => ({ point: document.activeElement.dataset.point, name: document.activeElement.tagName,"
            " seen: document.activeElement.matches(':focus-visible') })"
        )
        return found


def drag(slider: Locator, place: int) -> None:
    """Take the knob of a slider with the mouse and pull it to a place."""
    box = slider.bounding_box()
    last, now = int(slider.get_attribute("max") or 1), int(slider.input_value())
    assert box

    def at(value: int) -> float:
        knob = 16  # it moves within the slider, so its middle does not reach the ends
        return box["x"] + knob / 2 + (box["width"] - knob) * value / last

    mouse, y = slider.page.mouse, box["y"] + box["height"] / 2
    mouse.move(at(now), y)
    mouse.down()
    mouse.move((at(now) + at(place)) / 2, y)
    mouse.move(at(place), y, steps=4)
    mouse.up()
