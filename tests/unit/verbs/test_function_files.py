"""Files that only stand in a function's code: they travel, count, and are told."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from farpoint.errors import BadTask
from farpoint.project import Project
from farpoint.verbs.function import Function

TABLE = "table.csv"


def opens() -> Any:
    with open("mesh.json") as file, open(TABLE) as other:
        return file.read(), other.read()


def writes(where: str = "sub/start.txt") -> None:
    Path(where).read_text()
    with open("mesh.json", "w") as file:
        file.write("")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    here = tmp_path / "here"
    (here / "sub").mkdir(parents=True)
    for name in ("mesh.json", "table.csv", "sub/start.txt", "other.txt"):
        (here / name).write_text(name)
    monkeypatch.chdir(here)
    return Project(here, state=tmp_path / "state")


def read(project: Project, function: Any, files: dict[str, str] | None = None) -> Any:
    return Function(function, function.__name__).read(project, (), files or {}, None)


def test_they_travel_under_their_names_and_are_told(project: Project) -> None:
    found = read(project, opens)
    assert [item.path for item in found.files if item.kind == "file"] == ["mesh.json", "table.csv"]
    assert "mesh.json is read by the function and travels with it" in found.warnings
    before = found.pieces["file mesh.json"]
    Path("mesh.json").write_text("another")
    assert read(project, opens).pieces["file mesh.json"] != before


def test_a_default_is_noticed_and_what_is_only_written_is_not(project: Project) -> None:
    assert [item.path for item in read(project, writes).files if item.kind == "file"] == ["sub/start.txt"]


def test_what_was_asked_for_is_not_noticed_again(project: Project) -> None:
    found = read(project, opens, {"mesh.json": "other.txt", "table.csv": ""})
    assert [(item.path, Path(item.source).name) for item in found.files if item.kind == "file"] == [
        ("mesh.json", "other.txt")
    ]


def test_a_large_one_is_refused_with_the_two_ways_out(project: Project) -> None:
    os.truncate("mesh.json", 11_000_000)
    with pytest.raises(BadTask, match=r"'mesh.json' is named in the code and has 11.0 MB.*to leave it here"):
        read(project, opens)
