from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farpoint.errors import BadPoints
from farpoint.ui import form
from still import write_notebook


def axis(name: str, how: str, **given: Any) -> dict[str, Any]:
    return {"name": name, "how": how, "group": "", **given}


def test_a_notebooks_parameters_with_types_and_defaults(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "toy.ipynb", parameters="n: int = 3\nname = 'a <b>'\nsize = 2 * 8\nmesh = [1, 2]")
    found = {field["name"]: field for field in form.fields(path)}
    assert {name: (field["type"], field["default"], field["plain"]) for name, field in found.items()} == {
        "n": ("int", "3", True),
        "name": ("str", "a <b>", True),
        "size": ("", "2 * 8", False),
        "mesh": ("", "[1, 2]", False),
    }
    assert not any(field["needed"] for field in found.values())


def test_a_functions_arguments() -> None:
    def relax(structure, steps: int = 10, *more, method="fast", **rest) -> None: ...

    found = form.fields(relax)
    assert [(field["name"], field["type"], field["needed"]) for field in found] == [
        ("structure", "", True),
        ("steps", "int", False),
        ("method", "str", False),
    ]


def test_axes_are_a_product_the_last_one_fastest() -> None:
    found = form.points([axis("x", "values", text="1, 2"), axis("y", "range", low="0", high="1", count="3")])
    assert [tuple(point.values()) for point in found][:4] == [(1, 0.0), (1, 0.5), (1, 1.0), (2, 0.0)]


def test_coupled_axes_go_together_and_keep_their_place() -> None:
    found = form.points(
        [
            axis("a", "values", text="1,2", group="A"),
            axis("x", "values", text="7,8"),
            axis("b", "log", low="1", high="100", count="2", group="A"),
        ]
    )
    assert [(point["a"], point["b"], point["x"]) for point in found] == [
        (1, 1, 7), (1, 1, 8), (2, 100, 7), (2, 100, 8),
    ]  # fmt: skip


def test_sampled_axes_are_sampled_together() -> None:
    found = form.points([axis("n", "values", text="1,2"), axis("x", "sample", low="0", high="1")], samples=5)
    assert len(found) == 10
    assert all(0 <= point["x"] <= 1 for point in found)


def test_nothing_varied_is_one_point() -> None:
    assert len(form.points([])) == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (axis("x", "range", low="a", high="1", count="3"), "x: low = 'a' is not a number"),
        (axis("x", "values", text=""), "x: "),
        (axis("x", "fixed", text="1, 2"), "x: '1, 2' gives 2 values"),
        (axis("x", "guess"), "x: 'guess' is no way"),
        (axis("x", "sample", low="", high="1"), "x"),
    ],
)
def test_what_cannot_be_read_names_its_axis(given: dict[str, Any], said: str) -> None:
    with pytest.raises(BadPoints, match=said):
        form.points([given], samples=3)


@given(
    st.lists(
        st.dictionaries(st.sampled_from(["how", "text", "low", "high", "count", "group"]), st.text(max_size=8)),
        max_size=3,
    )
)
def test_whatever_is_typed_gives_points_or_bad_points(filled: list[dict[str, str]]) -> None:
    axes = [{"name": name, **each} for name, each in zip("xyz", filled, strict=False)]
    with suppress(BadPoints):
        assert len(form.points(axes, samples=2)) >= 0
