import inspect
import json
from typing import Any

import pytest
from click.testing import Result

from farpoint import resources
from farpoint.api.scan import Scan
from farpoint.errors import Unreachable
from farpoint.project import Project
from farpoint.ui import progress
from farpoint.ui.change import retry
from farpoint.ui.run import run
from still import StillMachine, finish, write_notebook

Farpoint = Any


def handed(done: Result) -> list[dict[str, Any]]:
    assert done.exit_code == 0, done.output
    points: list[dict[str, Any]] = json.loads(done.stdout)["points"]
    return points


def test_every_combination_is_a_point(farpoint: Farpoint) -> None:
    points = handed(farpoint("run", "toy.ipynb", "-p", "x=1,2", "-p", "y=a,true", "--detach", "--json"))
    assert [(each["x"], each["y"]) for each in points] == [(1, "a"), (1, True), (2, "a"), (2, True)]
    assert {each["run_state"] for each in points} == {"QUEUED"}


def test_options_arrive(farpoint: Farpoint, project: Project) -> None:
    (project.root / "mesh.json").write_text("{}")
    done = farpoint(
        "run", "toy.ipynb", "-p", "x=1,2", "-p", "y=3,4", "--zip", "--name", "mine", "--file", "in.json=mesh.json",
        "--save", "*.h5", "--save", "*.txt", "--on", "local", "--cpus", "2", "--memory", "1GB", "--time", "1h30m",
        "--environment", "/usr/bin/python3", "--detach", "--json",
    )  # fmt: skip
    assert [(each["x"], each["y"]) for each in handed(done)] == [(1, 3), (2, 4)]
    document = project.folders.read_scan("mine")
    assert document
    assert (document["files"], document["save"]) == ({"in.json": "mesh.json"}, ["*.h5", "*.txt"])
    asked = document["resources"]
    assert (asked["cpus"], asked["memory"], asked["time"]) == (2, 1 << 30, 5400)
    assert document["environment"] == "/usr/bin/python3"


def test_options_are_called_as_in_python() -> None:
    words = {*inspect.signature(Scan.__init__).parameters, *inspect.signature(Scan.submit).parameters, *resources.WORDS}
    own = {"notebook", "parameters", "coupled", "preview", "prepare", "detach", "as_json"}
    assert {option.name for option in run.params if option.name not in own} <= words
    assert {"on", "failed", *resources.WORDS} >= {
        option.name for option in retry.params if option.name not in {*own, "target", "project"}
    }


def test_detached_it_says_so_and_nothing_else_on_stdout(farpoint: Farpoint) -> None:
    done = farpoint("run", "toy.ipynb", "-p", "x=1,2", "--detach")
    assert done.stdout == "toy: 2 points handed over\n"
    assert done.stderr == "", "hints are for terminals"


def test_detached_with_nothing_left_to_run(toy: Farpoint, project: Project) -> None:
    finish(project, "toy", 0)
    assert toy("run", "toy.ipynb", "-p", "x=1", "--detach").stdout == "toy: nothing is left to run\n"


def test_known_points_are_announced_on_stderr(toy: Farpoint, project: Project) -> None:
    finish(project, "toy", 0)
    done = toy("run", "toy.ipynb", "-p", "x=1,5", "--detach", "--json")
    assert len(handed(done)) == 2
    assert done.stderr == "↻ toy: 1 result found again; --rerun repeats them\n"


def test_watched_to_the_end_it_shows_the_table(toy: Farpoint, project: Project) -> None:
    for number in range(3):
        finish(project, "toy", number, energy=number * 1.5)
    finish(project, "toy", 3, "FAILED")
    done = toy("run", "toy.ipynb", "-p", "x=1,2,3,4")
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert lines[0].startswith("toy: 4 points · 3 COMPLETED · 1 FAILED")
    assert lines[1].split() == ["point", "x", "energy", "run_state", "run_seconds", "run_reason"]
    assert "✗ point 3: ValueError: no luck" in done.stdout


def test_preview_sends_nothing(farpoint: Farpoint, project: Project, machine: StillMachine) -> None:
    told = farpoint("run", "toy.ipynb", "-p", "x=1,2,3", "--preview")
    assert told.exit_code == 0
    assert "3 points, 3 to run on local" in told.stdout
    found = json.loads(farpoint("run", "toy.ipynb", "-p", "x=1,2,3", "--preview", "--json").stdout)
    assert (found["points"], found["starts"], found["jobs"], found["machine"]) == (3, 3, 1, "local")
    assert found["script"].startswith("#!/bin/sh")
    assert machine.jobs == []
    assert project.folders.scans() == []


@pytest.mark.parametrize(
    "args, code, message",
    [
        (("-p", "xx=1"), 2, "toy.ipynb has no parameter 'xx' (it has: x, y). Did you mean 'x'?"),
        (("-p", "x=1:2"), 2, "-p x: '1:2' is not a range"),
        (("-p", "x=1,2", "-p", "y=1", "--zip"), 2, "Leave --zip out for every combination"),
        (("-p", "x=1", "--cpus", "99"), 2, "--cpus 99 is more than machine 'local' has (2)"),
        (("-p", "x=1", "--time", "90"), 2, "--time '90' is not a time"),
        (("-p", "x=1", "--memory", "x2"), 2, "and no memory was asked"),
        (("-p", "x=1", "--on", "hpc"), 4, "there is no machine 'hpc' (machines: local)"),
        (("-p", "x=1", "--file", "none.txt"), 2, "none.txt"),
        (("--points", "none.csv"), 2, "'none.csv' cannot be read"),
        (("--changed", "maybe"), 2, "'maybe' is not one of"),
    ],
)
def test_mistakes(farpoint: Farpoint, machine: StillMachine, args: tuple[str, ...], code: int, message: str) -> None:
    done = farpoint("run", "toy.ipynb", *args)
    assert done.exit_code == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert machine.jobs == []


def test_a_notebook_that_is_not_there(farpoint: Farpoint) -> None:
    done = farpoint("run", "tyo.ipynb")
    assert (done.exit_code, done.stderr) == (
        2,
        "Error: there is no notebook 'tyo.ipynb'. Notebooks there: toy.ipynb.\n",
    )


def test_from_inside_a_run(farpoint: Farpoint, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = project.root / "spec.json"
    spec.write_text(json.dumps({"task": {"name": "outer.ipynb"}, "input": "/x/outer.ipynb"}))
    write_notebook(project.root / "outer.ipynb")
    for name in ("FARPOINT_SPEC", "FARPOINT_EVENTS"):
        monkeypatch.setenv(name, str(spec))
    done = farpoint("run", "toy.ipynb", "--detach")
    assert done.exit_code == 2
    assert "Say --nested if that is meant" in done.stderr
    assert farpoint("run", "toy.ipynb", "--detach", "--nested").exit_code == 0
    itself = farpoint("run", "outer.ipynb", "--detach")
    assert (itself.exit_code, itself.stdout) == (0, "")
    assert "inside a run" in itself.stderr


def test_an_interrupt_leaves_the_work(toy: Farpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(progress, "until_ended", interrupted)
    done = toy("run", "toy.ipynb", "-p", "x=1,2,3,4")
    assert done.exit_code == 130
    assert done.stderr == "stopped watching; 4 points of toy go on\n"


def test_a_machine_that_does_not_answer(
    farpoint: Farpoint, machine: StillMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise Unreachable("the cable is out")

    monkeypatch.setattr(machine, "place", away)
    done = farpoint("run", "toy.ipynb", "-p", "x=1,2", "--detach")
    assert done.exit_code == 3
    assert done.stdout == "toy: 2 points accepted\n"
    assert "machine local is paused: the cable is out. They go out while a kernel, Lab or `farpoint watch` runs" in (
        done.stderr
    )
