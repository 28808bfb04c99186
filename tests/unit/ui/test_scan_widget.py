from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import farpoint as fp
from clusters.daemons import until
from farpoint.api.scan import Scan
from farpoint.errors import BadPoints, BadTask
from farpoint.model import State
from farpoint.points import grid
from farpoint.project import Project
from farpoint.ui import board, display
from farpoint.ui.scan_widget import ScanWidget
from still import StillMachine, finish

AXES = [{"name": "x", "how": "range", "low": "1", "high": "4", "count": "4", "group": ""}]


class Front:
    """A front end that asks by messages and keeps the answers."""

    def __init__(self, widget: ScanWidget) -> None:
        self.widget = widget
        self.heard: list[tuple[dict[str, Any], list[bytes]]] = []
        widget.send = lambda content, buffers=None: self.heard.append((content, buffers or []))  # type: ignore[method-assign]

    def ask(self, name: str, **given: Any) -> tuple[dict[str, Any], list[bytes]]:
        self.widget._handle_custom_msg({"id": "7", "ask": name, "given": given}, [])
        content, buffers = self.heard.pop()
        assert content["id"] == "7"
        json.dumps(content)
        return content["answer"], buffers


@pytest.fixture(autouse=True)
def none_is_left(project: Project) -> Iterator[None]:
    yield
    ScanWidget.close_all()


@pytest.fixture
def widget(project: Project) -> ScanWidget:
    return ScanWidget("toy.ipynb", project=project)


@pytest.fixture
def front(widget: ScanWidget) -> Front:
    return Front(widget)


def test_it_reads_the_parameters_and_the_machines(widget: ScanWidget) -> None:
    assert [(field["name"], field["default"]) for field in widget.task["fields"]] == [("x", "1"), ("y", "2")]
    assert (widget.task["kind"], widget.machines, widget.machine, widget.view) == (
        "notebook",
        ["local"],
        "local",
        "define",
    )


def test_a_notebook_that_is_not_there_is_told(project: Project) -> None:
    with pytest.raises(BadTask):
        ScanWidget("missing.ipynb", project=project)


def test_the_preview_sends_nothing(widget: ScanWidget, front: Front, machine: StillMachine) -> None:
    widget.axes = AXES
    answer, _ = front.ask("preview")
    assert (answer["points"], answer["jobs"], answer["machine"]) == (4, 1, "local")
    assert answer["script"].startswith("#!/bin/sh")
    assert machine.jobs == []


PROFILES = """
[machines.other]
host = "other"
[[profiles]]
name = "wide"
machine = "other"
cpus = 2
[[profiles]]
match = "toy"
machine = "other"
"""


def test_profiles_choose_where_the_form_does_not(project: Project, machine: StillMachine) -> None:
    assert ScanWidget("toy.ipynb", project=project).profiles == []
    (project.root / "farpoint.toml").write_text(PROFILES)
    other = StillMachine()
    other.name = "other"
    with closing(Project(project.root, state=project.state, machines={"local": machine, "other": other})) as known:
        widget = ScanWidget("toy.ipynb", project=known)
        widget.axes = AXES
        assert (widget.profiles, widget.profile, widget.machine) == (["wide"], "", "")
        assert Front(widget).ask("preview")[0]["machine"] == "other"
        widget.machine = "local"
        assert Front(widget).ask("preview")[0]["machine"] == "local"
        widget.profile = "wide"
        assert "on other, cpus=2" in str(widget.preview())
        widget.machine = ""
        assert widget.preview().machine == "other"


def test_what_is_wrong_is_told_in_words(widget: ScanWidget, front: Front) -> None:
    widget.axes = [{**AXES[0], "count": "none"}]
    assert "x: " in front.ask("preview")[0]["fault"]
    assert "fault" in front.ask("page")[0]
    assert "not understood" in front.ask("preview", surprise=1)[0]["fault"]
    widget._handle_custom_msg({"id": "7", "ask": "close", "given": {}}, [])
    widget._handle_custom_msg("nonsense", [])
    assert front.heard == []
    widget.axes = [{**AXES[0], "name": "z"}]
    with pytest.raises(BadPoints, match="no parameter 'z'"):
        widget.submit()


def test_submitted_it_shows_states_and_selection_reaches_the_scan(widget: ScanWidget, front: Front) -> None:
    widget.axes = AXES
    front.ask("submit")
    assert widget.view == "progress"
    assert (len(widget.states), len(widget.numbers)) == (4, 16)
    scan = widget.scan
    assert scan is not None
    finish(scan.project, scan.name, 1, energy=3.0)
    finish(scan.project, scan.name, 2, "FAILED")
    widget.refresh()
    assert widget.status["counts"] == {"QUEUED": 2, "COMPLETED": 1, "FAILED": 1}
    assert widget.states[1] != widget.states[0]
    widget.selection = [2, 1]
    assert scan.selection.numbers == (1, 2)
    assert scan.selection.failed.numbers == (2,)


def test_what_needs_every_row_waits_for_it_and_nothing_else_does(project: Project) -> None:
    scan = Scan("toy.ipynb", grid(x=range(board.AT_ONCE + 1)), project=project).submit()
    widget = ScanWidget(scan)
    front, kept = Front(widget), widget._have()
    until(kept.ready, "every row was read")
    with kept._turns.first():  # so that no reader comes to an end
        with project.store.write() as writer:
            for row in scan.rows()[::2]:
                change = {"state": State.COMPLETED, "records": {"energy": -float(row.number)}}
                writer.update_attempt(row.run, 1, change)
        widget._handle_custom_msg({"id": "late", "ask": "page", "given": {"sort": "energy", "limit": 1}}, [])
        early = front.ask("glance", limit=3)[0]
        assert (early["early"], early["total"]) == (True, board.AT_ONCE + 1)
        assert [line["state"] for line in early["lines"]] == [board.CODES[scan[n].state] for n in range(3)]
        assert front.ask("point", number=2)[0]["values"][1]["text"] == "-2"
        assert front.heard == []
    until(lambda: bool(front.heard), "the late question is answered")
    [(content, _)] = front.heard
    assert (content["id"], content["answer"]["lines"][0]["number"]) == ("late", board.AT_ONCE)
    front.heard.clear()
    assert front.ask("glance")[0]["early"] is False
    assert front.ask("ready")[0] == {}


def test_a_failed_point_is_retried_alone(widget: ScanWidget, front: Front) -> None:
    widget.axes = AXES
    scan = widget.submit()
    finish(scan.project, scan.name, 0, "FAILED")
    finish(scan.project, scan.name, 3, "FAILED")
    assert front.ask("retry", numbers=[0, 1])[0] == {"count": 1}
    attempts = {row.number: row.attempt for row in scan.rows()}
    assert attempts == {0: 2, 1: 1, 2: 1, 3: 1}


def test_refining_adds_points_to_the_same_scan(widget: ScanWidget, front: Front) -> None:
    widget.axes = AXES
    scan = widget.submit()
    assert front.ask("refine", points=[{"x": 1.5}, {"x": 2}])[0] == {"count": 1}
    assert [point.parameters["x"] for point in scan][-1] == 1.5
    assert len(widget.states) == 5


def test_a_scan_that_goes_on_is_shown_as_it_stands(project: Project) -> None:
    scan = Scan("toy.ipynb", grid(x=[1, 2]), project=project).submit()
    shown = ScanWidget(scan)
    assert (shown.view, len(shown.states), shown.scan) == ("progress", 2, scan)


def test_what_a_cell_shows_is_id_widget_table_and_text_together(project: Project) -> None:
    scan = Scan("toy.ipynb", grid(x=[1, 2]), project=project).submit()
    found = display.bundle(scan)
    assert found[display.MIME] == {"format": 1, "project": project.id, "root": str(project.root), "scan": "toy"}
    assert {"application/vnd.jupyter.widget-view+json", "text/html", "text/plain"} <= set(found)
    assert display.widget(scan) is display.widget(scan)


def test_the_page_beside_it_can_reach_nothing(project: Project) -> None:
    scan = Scan("toy.ipynb", grid(x=[1, 2]), project=project).submit()
    page = str(display.page(scan))
    assert 'sandbox="allow-scripts allow-forms"' in page
    assert 'class="farpoint-static"' in page


def test_without_a_scan_a_sentence_stands_in(widget: ScanWidget) -> None:
    assert display.GONE in display._page_of(widget)["text/html"]
    widget.axes = AXES
    widget.submit()
    assert "<iframe" in display._page_of(widget)["text/html"]


def test_the_end_of_the_last_open_point_is_told_every_time(widget: ScanWidget, front: Front) -> None:
    told: list[int] = []
    widget.when_over(lambda: told.append(1))
    widget.axes = [{**AXES[0], "high": "2", "count": "2"}]
    scan = widget.submit()
    for number in (0, 1):
        finish(scan.project, scan.name, number, "FAILED")
        widget.refresh()
    widget.refresh()
    until(lambda: len(told) == 1, "the end is told, by whoever saw it first")
    front.ask("retry", numbers=[0])
    widget.refresh()
    finish(scan.project, scan.name, 0)
    widget.refresh()
    until(lambda: len(told) == 2, "the end is told again")


def test_a_scan_submitted_after_it_was_shown_is_followed(project: Project) -> None:
    scan = Scan("toy.ipynb", grid(x=[1, 2]), project=project)
    assert display.widget(scan).view == "define"
    scan.submit()
    assert (display.widget(scan).view, len(display.widget(scan).states)) == ("progress", 2)


def test_it_is_a_public_name() -> None:
    assert fp.ScanWidget is ScanWidget
    assert issubclass(ScanWidget, __import__("ipywidgets").DOMWidget)


def test_traits_are_public_and_documented(tmp_path: Path) -> None:
    assert ScanWidget.__doc__ is not None
    own = {name for name, trait in ScanWidget.class_own_traits(sync=True).items() if not name.startswith("_")}
    missing = {name for name in own if f"`{name}`" not in ScanWidget.__doc__}
    assert not missing
