"""What a job says of the packages its code imports, for each kind of task."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import nbformat
import pytest

import farpoint as fp
from farpoint.api import far_cell
from farpoint.api.far_cell import Asked
from farpoint.project import Project
from still import StillMachine, finish, rest, write_notebook


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    root = tmp_path / "project"
    root.mkdir()
    monkeypatch.chdir(root)
    made = Project(root, state=tmp_path / "state", machines={"local": StillMachine()})
    yield made
    rest(made)
    made.close()


def packages(project: Project, scan: str, job: int = -1) -> Any:
    document = project.folders.read_scan(scan)
    assert document
    return json.loads(project.folders.read_job(scan, document["jobs"][job]).job)["environment"]["packages"]


def test_a_notebooks(project: Project) -> None:
    (project.root / "own.py").write_text("import pandas")
    write_notebook(project.root / "toy.ipynb", code="import numpy, own\nif x:\n    import click")
    fp.Scan("toy.ipynb", fp.grid(x=[1]), project=project).submit()
    assert packages(project, "toy") == ["numpy", "pandas"]


def test_a_functions_and_its_retrys(project: Project) -> None:
    namespace: dict[str, Any] = {"click": click, "nbformat": nbformat, "__name__": "__main__"}
    exec("def helper(n):\n    return nbformat\ndef one(x):\n    return click, helper(x)", namespace)
    scan = fp.Scan(namespace["one"], fp.grid(x=[1]), project=project).submit()
    assert packages(project, "one") == ["click", "nbformat"]
    finish(project, "one", 0, "FAILED")
    fp.attach("one", project=project).failed.retry()
    assert packages(project, "one", 1) == packages(project, "one", 0)
    assert scan[0].attempts[-1]["attempt"] == 2


def test_what_a_function_imports_itself(project: Project) -> None:
    def lazy(x: int) -> Any:
        import pandas

        try:
            import xarray
        except ImportError:
            xarray = None
        return pandas, xarray

    fp.remote(project=project)(lazy).submit(1)
    assert "pandas" in packages(project, "lazy")
    assert "xarray" not in packages(project, "lazy")


def test_a_cells(project: Project) -> None:
    names = {"click": click, "k": 1}
    sent = far_cell.send(project, "import numpy\ny = click.__name__ * k", names, Asked())
    assert packages(project, sent.scan) == ["click", "numpy"]
    sent = far_cell.send(project, "%pip install numpy\nimport numpy", {}, Asked())
    assert packages(project, sent.scan) == []
