import xml.etree.ElementTree as ET

import pytest

from farpoint.api import plots
from rows import grid, row


def drawn(rows: list) -> list[ET.Element]:
    return [ET.fromstring(each) for each in plots.plots(rows)]


def test_axes_are_what_differs_in_order() -> None:
    rows = [
        row(n, parameters={"x": x, "k": 1, "mode": mode}) for n, (x, mode) in enumerate([(3, "b"), (1, "a"), (2, "b")])
    ]
    x, mode = plots.axes(rows)
    assert x.values == (1, 2, 3)
    assert x.at == {0: 2, 1: 0, 2: 1}
    assert mode.values == ("b", "a")
    assert (x.numeric, mode.numeric) == (True, False)


def test_two_axes_make_a_heat_map() -> None:
    energy, seconds = drawn(grid())
    assert energy.findtext("figcaption") == "energy"
    cells = energy.findall(".//g[@class='cell']")
    assert {cell.get("data-point") for cell in cells} == {"0", "1", "2", "3", "4", "5"}
    assert cells[0].findtext("title") == "point 0: energy = 0 (y=0, x=0)"
    assert seconds.findtext("figcaption") == "run_seconds"


def test_a_point_without_a_value_is_a_hole() -> None:
    rows = [*grid()[:5], row(5, "RUNNING", parameters={"x": 0.5, "y": 2})]
    cells = drawn(rows)[0].findall(".//g[@class='cell']")
    assert cells[5].find("rect").get("fill") == "transparent"
    assert "no value" in cells[5].findtext("title")


def test_one_axis_makes_a_line() -> None:
    rows = [row(n, parameters={"x": n / 10}, records={"e": n**2}) for n in range(11)]
    figure = drawn(rows)[0]
    assert len(figure.findall(".//circle")) == 11
    assert len(figure.find(".//polyline").get("points").split()) == 11


def test_more_axes_make_dots_for_each_and_nothing_is_joined_that_is_apart() -> None:
    rows = [row(n, parameters={"a": n, "b": -n, "c": n % 2}, records={"e": n}) for n in range(20)]
    figures = drawn(rows)
    names = [figure.findtext(".//text[@class='name']") for figure in figures]
    assert names[:3] == ["a", "b", "c"]
    assert [figure.find(".//polyline") is not None for figure in figures[:3]] == [False, False, True]


@pytest.mark.parametrize("values", [[1.0, 1.0], [0.0, 0.0], [-1e300, 1e300], [1e-300, 2e-300], [5, 10**15]])
def test_any_numbers_can_be_drawn(values: list[float]) -> None:
    for points in ([{"x": 1}, {"x": 2}], [{"x": "a"}, {"x": "b"}], [{"x": 1e-9}, {"x": 1e9}]):
        rows = [row(n, parameters=points[n], records={"e": each}) for n, each in enumerate(values)]
        assert drawn(rows)


def test_what_is_no_finite_number_is_left_out() -> None:
    nan = {"$": "float", "value": "nan"}
    rows = [row(n, parameters={"x": n}, records={"e": nan, "s": "a", "b": True}, seconds=None) for n in range(3)]
    assert plots.numbers(rows) == {}
    assert plots.plots(rows) == []


def test_a_page_stays_light() -> None:
    rows = [row(n, parameters={"x": n}, records={f"v{k}": n for k in range(30)}) for n in range(3000)]
    assert 1 <= len(plots.plots(rows)) <= 7


def test_names_are_text() -> None:
    rows = [row(n, parameters={"x": n}, records={"<b>&": n}) for n in range(3)]
    assert drawn(rows)[0].findtext("figcaption") == "<b>&"


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3.7, 12.2), (1e-12, 3e-12), (99.99, 100.01), (-5e8, 5e8)])
def test_ticks_are_few_and_within(low: float, high: float) -> None:
    found = plots.ticks(low, high)
    assert 3 <= len(found) <= 11
    assert all(low <= each <= high for each in found)
