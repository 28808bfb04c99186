from pathlib import Path

import pytest

import farpoint as fp
from farpoint.api.explore import Explorer
from farpoint.api.report import Page
from farpoint.errors import BadInput, NotFound
from farpoint.points import grid
from farpoint.project import Project
from farpoint.runner.in_place import Nothing
from still import finish, place_picture


@pytest.fixture
def scan(project: Project) -> fp.Scan:
    made = fp.Scan("toy.ipynb", grid(x=[1, 2, 3]), project=project)
    made.submit()
    finish(project, "toy", 0, energy=1.0)
    place_picture(project, 0)
    return made


def test_a_scan_a_part_of_it_its_name_and_its_folder(scan: fp.Scan, project: Project) -> None:
    for what in (scan, "toy", scan.folder):
        found = fp.explore(what, project=project)
        assert "3 points, 1 frame (" in found.facts
        assert found.html.count("<tr data-point=") == 3
    assert fp.explore(scan[1:3]).html.count("<tr data-point=") == 2


def test_it_shows_in_a_notebook_and_prints_elsewhere(scan: fp.Scan) -> None:
    found = fp.explore(scan)
    assert repr(found) == "<explorer of toy: a notebook shows it, .save(FILE) writes it>"
    shown = found._repr_html_()
    assert shown.startswith("<iframe srcdoc=")
    assert 'sandbox="allow-scripts allow-forms"' in shown
    assert "<script" not in shown


def test_it_is_saved_and_says_how_large_it_is(scan: fp.Scan, tmp_path: Path) -> None:
    found = fp.explore(scan)
    path = found.save(tmp_path / "toy.html")
    assert path.stat().st_size == found.size
    assert path.read_text(encoding="utf-8") == found.html


def test_a_page_is_made_once_and_not_before_it_is_wanted() -> None:
    made: list[int] = []

    def make() -> Page:
        made.append(1)
        return Page("<p>", "3 B")

    found = Explorer("toy", make)
    assert repr(found)
    assert made == []
    assert (found.html, found.facts, found.size) == ("<p>", "3 B", 3)
    assert made == [1]


def test_what_is_no_scan_is_refused(scan: fp.Scan, project: Project) -> None:
    with pytest.raises(BadInput, match=r"is one run: say its scan, or scan\[0:1\]"):
        fp.explore(scan[0])  # type: ignore[arg-type]  # that is the point
    with pytest.raises(BadInput, match="3 is no scan"):
        fp.explore(3)  # type: ignore[arg-type]
    with pytest.raises(NotFound, match="no scan or run 'tyo'"):
        fp.explore("tyo", project=project)
    with pytest.raises(BadInput, match="max_size='much'"):
        fp.explore(scan, max_size="much")


def test_inside_a_run_it_is_nothing_as_its_scan_is() -> None:
    assert isinstance(fp.explore(Nothing()), Nothing)
