"""Every notebook of notebooks/, in a real kernel, in a fresh copy of the folder: that it runs, and what comes out."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"

Expectation = tuple[str, Callable[[Any], None]]  # an expression at the notebook's end, and what has to be true of it


def of_gray_scott(found: Any) -> None:
    """The demo's parameters make a maze, about eleven cells from crest to crest."""
    assert found["parameters"] == [0.042, 0.061]
    assert found["shape"] == [160, 160]
    assert 10 < found["wavelength"] < 13
    assert found["pattern"] == "maze"


def of_pendulum(found: Any) -> None:
    """One branch at 1.35, then two, then four, and chaos at 1.2: Baker and Gollub, Chaotic Dynamics, ch. 3."""
    assert found["states"] == {"COMPLETED": 10}
    assert found["points"] == 80 * 400
    assert found["drives"] == pytest.approx([1.0, 1.49875])
    assert found["tried"] == [1, 2, 4, 0]
    rounds = found["rounds"]
    assert rounds["1.2"] == 0
    assert found["chaotic"]["1.2"]
    assert not found["chaotic"]["1.35"]
    assert [rounds[g] for g in ("1.35", "1.4", "1.45")] == [1, 1, 2]
    assert 0.15 < found["dust"] < 0.6  # the share of strengths with a positive exponent


def of_model_selection(found: Any) -> None:
    assert found["known"] == 9 + 5  # the finer grid had one point that was there
    assert found["kinds"] == ["logistic regression", "random forest", "nearest neighbours", "support vectors"]
    assert 0.985 < found["best"] < 0.9999
    assert found["gamma"] in {5e-4, 1e-3, 2e-3}
    assert found["here"] == found["there"]
    assert 0.975 < found["unseen"] < 1
    assert found["states"] == ["COMPLETED"]


def of_quickstart(found: Any) -> None:
    """The logistic map rests at 2.8, takes turns between two values at 3.2 and four at 3.5, and is chaotic at 3.9."""
    assert found["back"] == 400
    assert [found["visited"][r] for r in ("2.8", "3.2", "3.5")] == [1, 2, 4]
    assert found["visited"]["3.9"] > 50
    assert found["points"] == 8 * 2
    assert found["angle"] in {40, 50}
    assert found["farthest"] == pytest.approx(12**2 / 9.81 * 0.985, rel=0.02)  # v² sin(2 · 40°) / g
    assert found["states"] == ["COMPLETED"]


AT_THE_END_OF_GRAY_SCOTT = """dict(
    parameters=[feed, kill], shape=v.shape, wavelength=wavelength(v), pattern=name_of(v, islands, lakes, restless),
)"""
AT_THE_END_OF_PENDULUM = """dict(
    states=table["run_state"].value_counts().to_dict(),
    points=speeds.size,
    drives=[drives.min(), drives.max()],
    tried=[comes_round(column) for column in swing(strengths, 60, 150)[1].T],
    rounds={f"{row.start:.4g}": int(row.round_after) for row in table.itertuples()},
    chaotic={f"{row.start:.4g}": bool(row.exponent > 0) for row in table.itertuples()},
    dust=float((exponents > 0).mean()),
)"""
AT_THE_END_OF_MODEL_SELECTION = """dict(
    known=len(table), best=best["accuracy"], gamma=best["gamma"], unseen=accuracy,
    kinds=list(kinds.table.set_axis(models)["accuracy"].sort_values().index),
    here=judge(nearest, images, labels), there=run.result(), states=sorted(set(table["run_state"])),
)"""
AT_THE_END_OF_QUICKSTART = """dict(
    back=len(xs), visited={f"{row.r:.1f}": int(row.visited) for row in _scan.table.itertuples()},
    points=len(scan.table), states=sorted({*scan.table["run_state"], *_scan.table["run_state"]}),
    farthest=scan.table["distance"].max(), angle=int(scan.table["angle"][scan.table["distance"].idxmax()]),
)"""
EXPECTED: dict[str, Expectation] = {
    "gray_scott.ipynb": (AT_THE_END_OF_GRAY_SCOTT, of_gray_scott),
    "pendulum.ipynb": (AT_THE_END_OF_PENDULUM, of_pendulum),
    "quickstart.ipynb": (AT_THE_END_OF_QUICKSTART, of_quickstart),
    "model_selection.ipynb": (AT_THE_END_OF_MODEL_SELECTION, of_model_selection),
}


def test_something_is_expected_of_every_notebook() -> None:
    assert {path.name for path in NOTEBOOKS.glob("*.ipynb")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_it_is_kept_without_outputs(name: str) -> None:
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not [cell.id for cell in code if cell.outputs or cell.execution_count]
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)


@pytest.mark.slow
@pytest.mark.timeout(900)  # under a minute on two cores, which other tests may have
@pytest.mark.parametrize("name", EXPECTED)
def test_it_runs_and_finds_what_it_says(name: str, tmp_path: Path) -> None:
    expression, holds = EXPECTED[name]
    holds(value_at_the_end(tmp_path, name, expression))


def value_at_the_end(folder: Path, name: str, expression: str) -> Any:
    """Run a copy of the notebook, and evaluate an expression in its kernel afterwards."""
    copied = folder / "notebooks"
    shutil.copytree(NOTEBOOKS, copied, ignore=shutil.ignore_patterns("farpoint_runs", ".ipynb_checkpoints"))
    notebook = nbformat.read(copied / name, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(f"import json\nprint(json.dumps({expression}))"))
    nbformat.write(notebook, copied / name)
    state = folder / "state"
    done = subprocess.run(
        [sys.executable, "-c", "from nbclient.cli import main; main()", "--inplace", "--timeout=840", name],
        cwd=copied,
        env={**os.environ, "FARPOINT_STATE": str(state), "IPYTHONDIR": str(state / "ipython")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    executed = nbformat.read(copied / name, as_version=4)
    return json.loads(executed.cells[-1].outputs[0].text)
