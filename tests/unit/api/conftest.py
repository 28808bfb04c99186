"""A project in a temporary folder, with a machine that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from farpoint.project import Project
from still import StillMachine, rest, write_notebook


@pytest.fixture
def machine() -> StillMachine:
    return StillMachine()


@pytest.fixture
def project(tmp_path: Path, machine: StillMachine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.setenv("FARPOINT_STATE", str(tmp_path / "state"))
    root = tmp_path / "project"
    root.mkdir()
    (root / ".git").mkdir()
    write_notebook(root / "toy.ipynb")
    monkeypatch.chdir(root)
    made = Project(root, state=tmp_path / "state", machines={"local": machine})
    yield made
    rest(made)
    made.close()
