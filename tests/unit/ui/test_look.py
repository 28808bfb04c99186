import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pandas
import pytest

from farpoint.errors import Unreachable
from farpoint.project import Project
from still import StillMachine, finish

Farpoint = Any


@pytest.fixture
def mixed(toy: Farpoint, project: Project) -> Farpoint:
    """Two points with a result, one failed, one queued."""
    finish(project, "toy", 0, energy=0.5, ok=True)
    finish(project, "toy", 1, energy=float("nan"), ok=False)
    finish(project, "toy", 2, "FAILED")
    return toy


# -------------------------------------------------------------------------------------------- ls
def test_a_line_a_scan(mixed: Farpoint) -> None:
    done = mixed("ls")
    assert done.exit_code == 0
    head, line = done.stdout.splitlines()
    assert head.split() == ["scan", "points", "state", "machine", "made", "task"]
    assert line.startswith("toy        4  2 COMPLETED · 1 QUEUED · 1 FAILED  local")
    (record,) = json.loads(mixed("ls", "--json").stdout)
    assert record["counts"] == {"COMPLETED": 2, "QUEUED": 1, "FAILED": 1}
    assert (record["scan"], record["points"], record["task"]) == ("toy", 4, "toy.ipynb")


def test_points_in_one_state(mixed: Farpoint) -> None:
    assert mixed("ls", "--state", "failed").stdout.splitlines()[1].split() == [
        "toy/2",
        "local",
        "x=3",
        "ValueError:",
        "no",
        "luck",
    ]
    (record,) = json.loads(mixed("ls", "--state", "FAILED", "--json").stdout)
    assert (record["scan"], record["point"], record["x"]) == ("toy", 2, 3)
    assert mixed("ls", "--state", "LOST").stderr == "no point is LOST\n"


def test_nothing_there_is_not_an_error_and_makes_nothing(farpoint: Farpoint, project: Project) -> None:
    assert farpoint("ls").exit_code == 0
    assert "no scans" in farpoint("ls").stderr
    assert farpoint("ls", "--json").stdout == "[]\n"
    assert farpoint("watch").exit_code == 0
    assert farpoint("du").exit_code == 0
    assert not project.runs_folder.exists()


def test_a_paused_machine_is_told(toy: Farpoint, machine: StillMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise Unreachable("the cable is out")

    monkeypatch.setattr(machine, "observe", away)
    for command in ("ls", "table toy", "show toy"):
        done = toy(*command.split())
        assert done.exit_code == 3, command
        assert "machine local is paused: the cable is out" in done.output
        assert json.loads(toy(*command.split(), "--json").stdout)
    assert toy("ls", "--offline").exit_code == 3, "it is known to be paused"


# -------------------------------------------------------------------------------------------- show
def test_a_scan(mixed: Farpoint) -> None:
    done = mixed("show", "toy")
    assert done.exit_code == 1
    assert done.stdout.startswith("toy: 4 points · 2 COMPLETED · 1 QUEUED · 1 FAILED")
    assert "✗ point 2: ValueError: no luck" in done.stdout
    found = json.loads(mixed("show", "toy", "--json").stdout)
    assert found["counts"] == {"COMPLETED": 2, "QUEUED": 1, "FAILED": 1}
    assert [each["point"] for each in found["points"]] == [0, 1, 2, 3]
    assert found["points"][1]["energy"] is None, "nan is null"
    assert found["points"][0]["ok"] is True


def test_a_part(mixed: Farpoint) -> None:
    assert mixed("show", "toy/0:2").exit_code == 0
    assert [each["point"] for each in json.loads(mixed("show", "toy/0:2", "--json").stdout)["points"]] == [0, 1]


def test_a_run(mixed: Farpoint) -> None:
    done = mixed("show", "toy/2")
    assert done.exit_code == 1
    assert done.stdout.startswith("run 2 of toy: FAILED (exception) after 2 s on local\n  x  3\n")
    assert done.stdout.endswith("Traceback\nValueError: no luck\n")
    found = json.loads(mixed("show", "toy/2", "--json").stdout)
    assert found["run_error"] == "ValueError: no luck"
    assert found["run_traceback"] == "Traceback\nValueError: no luck"
    assert [each["state"] for each in found["attempts"]] == ["FAILED"]
    assert mixed("show", found["run_id"]).stdout == done.stdout


def test_nothing_of_that_name(toy: Farpoint) -> None:
    done = toy("show", "tyo")
    assert (done.exit_code, done.stdout) == (4, "")
    assert "Did you mean 'toy'?" in done.stderr


# -------------------------------------------------------------------------------------------- table
def test_the_table_as_text(mixed: Farpoint) -> None:
    done = mixed("table", "toy")
    assert done.exit_code == 0, "a table was asked for, and is there"
    assert len(done.stdout.splitlines()) == 5
    assert done.stdout.split()[:6] == ["point", "x", "energy", "ok", "run_state", "run_seconds"]


def test_the_table_as_json_has_every_column_in_every_line(mixed: Farpoint) -> None:
    lines = json.loads(mixed("table", "toy", "--json").stdout)
    assert {tuple(line) for line in lines} == {tuple(lines[0])}
    assert list(lines[0])[:5] == ["point", "x", "energy", "ok", "run_id"]


def test_the_table_as_csv(mixed: Farpoint, tmp_path: Path) -> None:
    text = mixed("table", "toy", "--csv").stdout
    found = list(csv.DictReader(io.StringIO(text)))
    assert [line["run_state"] for line in found] == ["COMPLETED", "COMPLETED", "FAILED", "QUEUED"]
    done = mixed("table", "toy", "--csv", tmp_path / "toy.csv")
    assert (done.exit_code, done.stdout) == (0, "")
    assert (tmp_path / "toy.csv").read_text() == text


def test_the_table_as_parquet(mixed: Farpoint, project: Project, tmp_path: Path) -> None:
    assert mixed("table", "toy", "--parquet", tmp_path / "a.parquet").exit_code == 0
    assert pandas.read_parquet(tmp_path / "a.parquet")["x"].tolist() == [1, 2, 3, 4]
    finish(project, "toy", 3, energy="much")
    done = mixed("table", "toy", "--parquet", tmp_path / "b.parquet")
    assert "as text, having no type of their own in Parquet: energy" in done.stderr
    assert pandas.read_parquet(tmp_path / "b.parquet")["energy"][3] == "much"


def test_one_way_at_a_time(mixed: Farpoint) -> None:
    done = mixed("table", "toy", "--csv", "x.csv", "--json")
    assert done.exit_code == 2
    assert "Choose one" in done.stderr


def test_a_place_that_cannot_be_written(mixed: Farpoint) -> None:
    done = mixed("table", "toy", "--csv", "/nonexistent/toy.csv")
    assert done.exit_code == 2
    assert "/nonexistent" in done.stderr
    assert "fault of its own" not in done.stderr


# -------------------------------------------------------------------------------------------- html
def test_the_report(mixed: Farpoint, project: Project) -> None:
    done = mixed("html", "toy", "out.html")
    assert done.stdout == "out.html\n"
    assert re.search(r"\d+ kB, \d+ points", done.stderr)
    assert "<script" in (project.root / "out.html").read_text()
    told = json.loads(mixed("html", "toy/0:2", "--json").stdout)
    assert told["file"] == str(project.root / "toy.html")
    assert told["size"] == (project.root / "toy.html").stat().st_size
    assert "max_size" in mixed("html", "toy", "--max-size", "much").stderr
