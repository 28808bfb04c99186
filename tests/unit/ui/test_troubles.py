"""What keeps work from going on is said by every command that shows or drives it, once, with what can be done."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

import farpoint as fp
from farpoint.lifecycle import AGAIN
from farpoint.project import Project
from farpoint.ui import waits
from farpoint.ui.scan_widget import ScanWidget
from still import StillMachine, finish, rest

Farpoint = Any

SAID = "error: QOSMaxSubmitJobPerUserLimit\nerror: Batch job submission failed\n"
LINE = (
    "1 job of toy cannot be handed over to local: error: QOSMaxSubmitJobPerUserLimit; error: Batch job submission "
    f"failed; {AGAIN}"
)
RUN = ("run", "toy.ipynb", "-p", "x=1,2,3,4")


@pytest.fixture
def full(farpoint: Farpoint, machine: StillMachine) -> Farpoint:
    """toy was asked for, and the machine has no room."""
    machine.full = SAID
    done = farpoint(*RUN, "--detach")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "toy: 4 points accepted\n", f"{LINE}\n")
    return farpoint


@pytest.mark.parametrize(
    "words", [("ls",), ("show", "toy"), ("show", "toy/2"), ("watch", "--once"), ("ls", "--offline")]
)
def test_it_is_said_where_somebody_looks(full: Farpoint, words: tuple[str, ...]) -> None:
    done = full(*words)
    assert done.exit_code == 0, "its machine answers"
    assert done.output.count(LINE) == 1


def test_in_json_it_is_among_the_messages(full: Farpoint) -> None:
    assert json.loads(full("ls", "--json").stdout)[0]["messages"] == [LINE]
    assert json.loads(full("show", "toy", "--json").stdout)["messages"] == [LINE]
    assert json.loads(full("show", "toy/2", "--json").stdout)["messages"] == [LINE]


def test_it_is_gone_once_there_is_room(full: Farpoint, machine: StillMachine) -> None:
    machine.full = ""
    assert LINE not in full("show", "toy").output
    assert full("ls").stderr == ""


@pytest.mark.parametrize("words", [RUN, ("watch",), ("watch", "toy")])
def test_who_watches_is_told_once(
    full: Farpoint, project: Project, machine: StillMachine, words: tuple[str, ...]
) -> None:
    def ends() -> None:
        for number in range(4):
            finish(project, "toy", number)

    timer = threading.Timer(0.5, ends)
    timer.start()
    done = full(*words)
    timer.join()
    assert done.stderr.count(LINE) == 1
    assert done.exit_code == 0


def test_a_notebook_tells_it_below_the_headline(
    full: Farpoint, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    scan = fp.attach("toy", project=project)
    rest(project)
    assert repr(scan).splitlines()[1] == f"  ! {LINE}"
    assert scan._repr_html_().index(LINE) < scan._repr_html_().index("<table")
    assert scan.messages == [LINE]
    assert waits.words(project, scan.rows()[0]) == LINE
    for _ in range(2):
        scan.wait(timeout=0.1)
    assert capsys.readouterr().err.count(LINE) == 2, "once each time somebody waits"


def test_the_widget_tells_it(full: Farpoint, project: Project) -> None:
    widget = ScanWidget(fp.attach("toy", project=project))
    assert widget.status["troubles"] == [LINE]
    widget.close()
