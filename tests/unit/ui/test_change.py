import json
from typing import Any

import pytest

from farpoint.errors import FarpointError
from farpoint.project import Project
from farpoint.ui import change
from still import StillMachine, finish

Farpoint = Any


# -------------------------------------------------------------------------------------------- cancel
def test_a_cancel_is_certain_only_when_it_is(toy: Farpoint, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    finish(project, "toy", 0)
    monkeypatch.setattr(change, "CERTAIN", 0.01)
    done = toy("cancel", "toy", "--json")
    found = json.loads(done.stdout)
    assert (done.exit_code, found["asked"]) == (0, 3)
    assert [each["point"] for each in found["points"]] == [1, 2, 3]
    finish(project, "toy", 1, "CANCELLED")
    assert [row.cancel > 0 for row in project.store.runs(project.id, scan="toy")] == [False, True, True, True]


def test_what_cancel_says(toy: Farpoint, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    finish(project, "toy", 0)
    assert toy("cancel", "toy/0").stderr == "nothing of toy/0 is unfinished\n"
    monkeypatch.setattr(change, "CERTAIN", 0.01)
    assert "4 points" not in toy("cancel", "toy/1:3", "--detach").output


# -------------------------------------------------------------------------------------------- retry
def attempts(project: Project) -> list[int]:
    return [row.attempt for row in project.store.runs(project.id, scan="toy")]


@pytest.fixture
def ended(toy: Farpoint, project: Project) -> Farpoint:
    """COMPLETED, FAILED, CANCELLED, LOST."""
    for number, state in enumerate(["COMPLETED", "FAILED", "CANCELLED", "LOST"]):
        finish(project, "toy", number, state)
    return toy


def test_all_without_a_result(ended: Farpoint, project: Project) -> None:
    assert ended("retry", "toy", "--detach").exit_code == 0
    assert attempts(project) == [1, 2, 2, 2]


def test_those_that_failed_with_twice_the_memory(toy: Farpoint, project: Project) -> None:
    toy("run", "toy.ipynb", "-p", "x=5", "--memory", "1GB", "--detach", "--name", "other")
    finish(project, "other", 0, "FAILED")
    assert toy("retry", "other", "--failed", "--memory", "x2", "--detach").exit_code == 0
    document = project.folders.read_scan("other")
    assert document
    assert document["resources"]["memory"] == 2 << 30


def test_only_those_that_failed(ended: Farpoint, project: Project) -> None:
    assert ended("retry", "toy", "--failed", "--detach").exit_code == 0
    assert attempts(project) == [1, 2, 1, 2]


def test_a_single_run_is_repeated_whatever_it_was(ended: Farpoint, project: Project) -> None:
    found = json.loads(ended("retry", "toy/0", "--detach", "--json").stdout)
    assert [each["point"] for each in found["points"]] == [0]
    assert attempts(project) == [2, 1, 1, 1]


def test_nothing_to_retry(toy: Farpoint, project: Project) -> None:
    for number in range(4):
        finish(project, "toy", number)
    done = toy("retry", "toy", "--failed")
    assert (done.exit_code, done.stderr) == (0, "nothing of toy has failed\n")
    assert json.loads(toy("retry", "toy", "--json").stdout)["points"] == []


# -------------------------------------------------------------------------------------------- fetch
def test_what_is_here_is_not_brought_again(toy: Farpoint, project: Project, machine: StillMachine) -> None:
    finish(project, "toy", 1)
    with project.store.write() as writer:
        row = project.store.runs(project.id, scan="toy")[1]
        writer.update_attempt(row.run, 1, {"folder": "runs/1.0"})
    folder = str(project.folders.point_folder("toy", 1))
    done = toy("fetch", "toy")
    assert (done.stdout, done.stderr) == (folder + "\n", "3 points of toy have not ended yet\n")
    before = (project.folders.point_folder("toy", 1) / "point.json").stat().st_mtime_ns
    assert json.loads(toy("fetch", "toy", "--json").stdout)["folders"] == [folder]
    assert (project.folders.point_folder("toy", 1) / "point.json").stat().st_mtime_ns == before


# -------------------------------------------------------------------------------------------- rm
def test_a_scan_is_deleted_only_on_purpose(toy: Farpoint, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    assert toy("rm", "toy").stderr == ("Error: this deletes results, and nobody is here to be asked. Say --yes.\n")
    assert toy("rm", "toy/1", "--yes").stderr == (
        "Error: rm deletes whole scans, and 'toy/1' is a part of one. Say rm toy\n"
    )
    done = toy("rm", "toy", "--yes")
    assert done.exit_code == 2
    assert "is not finished. Cancel it first: farpoint cancel toy" in done.stderr
    monkeypatch.setattr(change.sys, "stdin", type("Terminal", (), {"isatty": lambda _: True})())
    monkeypatch.setattr(change.click, "confirm", lambda question, err: "toy" in question and False)
    with pytest.raises(FarpointError, match="nothing was deleted"):
        change._ask("Delete scan 'toy'?")
    assert project.folders.scans() == ["toy"]


def test_a_deleted_scan_is_gone(toy: Farpoint, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    gone: list[str] = []
    monkeypatch.setattr(change.cleaning, "remove", lambda _, scan, force: gone.append(f"{scan} {force}"))
    assert toy("rm", "toy", "--yes", "--force").stdout == "toy is gone\n"
    assert gone == ["toy True"]
