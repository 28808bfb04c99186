"""`make demo` as a visitor meets it, smaller: pictures and a report the first time, nothing repeated the second."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "notebooks" / "gray_scott.ipynb"


def code_of(notebook: Path) -> list[str]:
    cells = nbformat.read(notebook, as_version=4).cells
    return [cell.source for cell in cells if cell.cell_type == "code"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "demo", tmp_path / "demo", ignore=shutil.ignore_patterns("*.png", "*.html"))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    cell = next(cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    cell.source = cell.source.replace("steps = 9000", "steps = 250").replace("size = 160", "size = 48")
    assert "steps = 250" in cell.source
    assert "size = 48" in cell.source
    (tmp_path / "notebooks").mkdir()
    nbformat.write(notebook, tmp_path / "notebooks" / NOTEBOOK.name)
    return tmp_path


def run_demo(checkout: Path) -> str:
    done = subprocess.run(
        [sys.executable, "demo/demo.py"],
        cwd=checkout,
        env={**os.environ, "FARPOINT_STATE": str(checkout / "state")},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rows(output: str) -> list[str]:
    return re.findall(r"^\d+ .*(?:COMPLETED|FAILED|LOST|CANCELLED).*$", output, re.MULTILINE)


@pytest.mark.slow
def test_the_demo_and_the_demo_again(checkout: Path) -> None:
    first = rows(run_demo(checkout))
    assert len(first) == 24
    assert all("COMPLETED" in row for row in first)
    assert (checkout / "demo" / "contact_sheet.png").stat().st_size > 20_000
    assert (checkout / "demo" / "gray_scott.html").stat().st_size > 20_000
    assert rows(run_demo(checkout)) == first  # the seconds of each run too: these are the same runs


def test_the_notebook_is_committed_tidy() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    for source in code_of(NOTEBOOK):
        compile(source, NOTEBOOK.name, "exec")


def test_the_notebook_names_what_it_sees() -> None:
    """The patterns it tells apart, on sheets drawn by hand."""
    import numpy as np

    scope: dict[str, object] = {"np": np}
    measure = next(source for source in code_of(NOTEBOOK) if "def areas" in source)
    exec(measure.partition("\npatterned")[0], scope)
    areas, wavelength, name_of = scope["areas"], scope["wavelength"], scope["name_of"]

    sheet = np.zeros((40, 40), bool)
    sheet[:2, :2] = sheet[-2:, :2] = True  # one island across the edge
    sheet[10:13, 10:14] = True
    assert sorted(areas(sheet)) == [8, 12]  # type: ignore[operator]

    stripes = np.tile(np.sin(2 * np.pi * np.arange(40) / 10), (40, 1))
    assert wavelength(stripes) == pytest.approx(10, rel=1e-6)  # type: ignore[operator]
    assert name_of(np.zeros((4, 4)), [], [], 0.0) == "dead"  # type: ignore[operator]
    assert name_of(np.full((4, 4), 0.3), [], [], 0.0) == "flat"  # type: ignore[operator]
