import json
from pathlib import Path

import pytest

from farpoint.api import pictures
from farpoint.errors import BadInput
from rows import encoded, failed, grid, notebook, png, row


def test_the_last_figure_counts() -> None:
    first, last = png(40, 30), png(50, 30)
    found = pictures.last_figure(
        notebook({"image/png": encoded(first)}, {"image/png": encoded(last)}, {"text/plain": "3"})
    )
    assert found == pictures.Picture("image/png", last)


def test_the_bytes_decide_what_it_is() -> None:
    jpeg = b"\xff\xd8\xff\xe0abc"
    found = pictures.last_figure(notebook({"image/png": encoded(jpeg)}))
    assert found is not None
    assert found.kind == "image/jpeg"
    for data in ("<script>", encoded(b"GIF89a"), "%%%", None, 3, ["a", "b"]):
        assert pictures.last_figure(notebook({"image/png": data})) is None


def test_svg_is_kept_as_text_in_lines() -> None:
    found = pictures.last_figure(notebook({"image/svg+xml": ["<svg>", "</svg>"]}))
    assert found == pictures.Picture("image/svg+xml", b"<svg></svg>")


@pytest.mark.parametrize(
    "content", [None, "", "{", "[]", '{"cells": 3}', '{"cells": [[]]}', '{"cells":[{"outputs":[3]}]}']
)
def test_no_figure_where_there_is_no_notebook(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "output.ipynb"
    if content is not None:
        path.write_text(content)
    assert pictures.figure_of(path) is None


def test_figure_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "output.ipynb"
    path.write_text(json.dumps(notebook({"image/png": encoded(png())})))
    found = pictures.figure_of(path)
    assert found is not None
    assert found.uri.startswith("data:image/png;base64,iVBOR")


def size(sheet: pictures.ContactSheet) -> tuple[int, int]:
    return int.from_bytes(sheet.png[16:20], "big"), int.from_bytes(sheet.png[20:24], "big")


def test_a_sheet_is_laid_out_as_the_grid(tmp_path: Path) -> None:
    rows = [*grid(columns=5, lines=2)]
    found = {each.number: pictures.Picture("image/png", png()) for each in rows}
    sheet = pictures.contact_sheet(rows, found, path=tmp_path / "sheet.png", title="a $ title")
    assert sheet.path is not None
    assert sheet.path.read_bytes() == sheet.png == sheet._repr_png_()
    wide, high = size(sheet)
    assert wide > 1.8 * high
    assert "10 points" in repr(sheet)
    narrow = pictures.contact_sheet(rows, found, columns=1)
    assert size(narrow)[1] > 5 * size(narrow)[0]


def test_missing_failed_and_damaged_pictures_become_quiet_tiles() -> None:
    rows = [failed(0), row(1, "QUEUED"), row(2), row(3)]
    broken = {2: pictures.Picture("image/png", png()[:60]), 3: pictures.Picture("image/svg+xml", b"<svg/>")}
    assert size(pictures.contact_sheet(rows, broken, captions=False))[0] > 100


def test_a_uniform_picture_is_not_trimmed_away() -> None:
    import numpy

    assert pictures._trimmed(numpy.ones((4, 5, 3))).shape == (4, 5, 3)
    image = numpy.ones((20, 30, 3))
    image[8:10, 10:20] = 0
    assert pictures._trimmed(image).shape == (6, 14, 3)
    assert pictures._trimmed(1 - image).shape == (20, 30, 3)
    clear = numpy.zeros((20, 30, 4), dtype="uint8")
    clear[8:10, 10:20] = 255
    assert pictures._trimmed(clear).shape == (6, 14, 4)


def test_many_points_stay_within_a_few_thousand_pixels() -> None:
    wide, high = size(pictures.contact_sheet([row(n) for n in range(900)], {}, captions=False))
    assert max(wide, high) < 6000


def test_nothing_to_draw() -> None:
    with pytest.raises(BadInput, match="no points"):
        pictures.contact_sheet([], {})
