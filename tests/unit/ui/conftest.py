"""The command line over a project whose machine stands still."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from farpoint.api import here
from farpoint.project import Project
from farpoint.ui.cli import main
from still import StillMachine, rest, write_notebook

Farpoint = Callable[..., Result]


@pytest.fixture
def machine() -> StillMachine:
    return StillMachine()


@pytest.fixture
def project(tmp_path: Path, machine: StillMachine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """The project of the current folder, with notebook toy.ipynb (x, y)."""
    state, root = (tmp_path / "state").resolve(), (tmp_path / "project").resolve()
    monkeypatch.setenv("FARPOINT_STATE", str(state))
    root.mkdir()
    (root / ".git").mkdir()
    write_notebook(root / "toy.ipynb")
    monkeypatch.chdir(root)
    made = Project(root, state=state, machines={"local": machine})
    monkeypatch.setitem(here._open, (root, state), made)
    yield made
    rest(made)
    made.close()


@pytest.fixture
def farpoint(project: Project) -> Farpoint:
    """farpoint("show", "toy") → Result, with exit_code, stdout and stderr."""
    runner = CliRunner()
    return lambda *args, **keywords: runner.invoke(main, [str(arg) for arg in args], **keywords)


@pytest.fixture
def toy(farpoint: Farpoint) -> Farpoint:
    """The same, with x=1,2,3,4 of toy.ipynb handed over."""
    done = farpoint("run", "toy.ipynb", "-p", "x=1,2,3,4", "--detach")
    assert done.exit_code == 0, done.output
    return farpoint
