"""The same notebook anywhere: a cell, a scan of a cell, a function and 24 points of Gray–Scott, no line changed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from desk import Desk, notebook

from clusters.sge import GridEngine
from clusters.slurm import Slurm
from clusters.sshd import FarHost
from kernels import Kernel, kernel

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

BESIDE = """
import numpy as np

def laplace(a):
    return sum(np.roll(a, shift, axis) for shift in (1, -1) for axis in (0, 1)) - 4 * a
"""
GRAY_SCOTT = """
import csv
import numpy as np
import farpoint as fp
from stencil import laplace

with open("data/diffusion.csv") as file:
    du, dv = map(float, list(csv.reader(file))[1])
u, v = np.ones((48, 48)), np.zeros((48, 48))
u[20:28, 20:28], v[20:28, 20:28] = 0.5, 0.25
for _ in range(400):
    reaction = u * v * v
    u += du * laplace(u) - reaction + feed * (1 - u)
    v += dv * laplace(v) + reaction - (feed + kill) * v
fp.record(mean=float(v.mean()), largest=float(v.max()), covered=int((v > 0.1).sum()))
"""
CELLS = """%load_ext farpoint
import farpoint as fp, numpy as np
a = np.arange(6.0)

@fp.remote
def square(x, y=1):
    return {"z": x * x + y, "kind": f"{x}<{y}>"}
"""
CELL = """%%remote {place}
import os
total, shape = (a * 2).sum(), a.reshape(2, 3)
print("was", total)
total + 1"""
SCAN = """%%scan {place} n=1:3:3 s=a,b
m = n * 10
word = s * n
"""
PLAIN = "[[None if c != c else c for c in row] for row in {table}[{columns}].astype(object).values.tolist()]"


@dataclass
class Place:
    """A machine by its settings, and what must be in the environment to reach it."""

    settings: str = ""
    env: dict[str, str] = field(default_factory=dict)


def results(folder: Path, place: Place) -> dict[str, Any]:
    """What all four ways gave there."""
    desk = Desk(folder)
    desk.settings(f"[machines.place]\n{place.settings}\n")
    desk.write(notebook("feed, kill = 0.03, 0.06", GRAY_SCOTT), "gray_scott.ipynb")
    (desk.project / "stencil.py").write_text(BESIDE)
    (desk.project / "data").mkdir()
    (desk.project / "data" / "diffusion.csv").write_text("du,dv\n0.2,0.1\n")
    with kernel(desk.project, desk.folder / "state", **place.env) as here:
        return {
            "cell": _cell(here),
            "scan": _scan(here),
            "function": _function(here),
            "notebook": _notebook(here),
        }


def _ran(here: Kernel, code: str) -> Any:
    said = here.run(code, timeout=400)
    assert said.error is None, (said.error, said.text)
    return said


def _cell(here: Kernel) -> Any:
    _ran(here, CELLS)
    said = _ran(here, CELL.format(place="place"))
    back = _ran(here, "float(total), shape.tolist()").shown
    return said.text, said.shown, ast.literal_eval(back)


def _table(here: Kernel, table: str, *columns: str) -> Any:
    states = _ran(here, f"sorted(set({table}['run_state'])), {table}['run_error'].tolist()").shown
    assert states.startswith("(['COMPLETED'],"), states
    return ast.literal_eval(_ran(here, PLAIN.format(table=table, columns=list(columns))).shown)


def _scan(here: Kernel) -> Any:
    _ran(here, SCAN.format(place="place"))
    return _table(here, "_scan.table", "n", "s", "m", "word")


def _function(here: Kernel) -> Any:
    _ran(here, "calls = square.on('place').map(range(5), [3] * 5).wait()")
    return _table(here, "calls.table", "x", "y", "z", "kind")


def _notebook(here: Kernel) -> Any:
    grid = "fp.grid(feed=[0.02, 0.03, 0.04, 0.05], kill=[0.055, 0.057, 0.059, 0.061, 0.063, 0.065])"
    _ran(here, f"scan = fp.Scan('gray_scott.ipynb', {grid}); scan.submit(on='place'); scan.wait()")
    fetched = _ran(here, "len(scan), len(list(scan.folder.glob('point_*/output.ipynb')))").shown
    assert ast.literal_eval(fetched) == (24, 24)
    return _table(here, "scan.table", "feed", "kill", "mean", "largest", "covered")


@pytest.fixture(scope="session")
def at_home(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The same on this computer, without any machine's settings."""
    return results(tmp_path_factory.mktemp("home"), Place())


@pytest.fixture
def slurm_here(slurm: Slurm) -> Place:
    return Place('scheduler = "slurm"\ngrace = 3\npoll = 0.5', dict(slurm.env))


@pytest.fixture
def sge_here(sge: GridEngine) -> Place:
    return Place('scheduler = "sge"\ngrace = 3\npoll = 0.5', dict(sge.env))


def _over_ssh(far_host: FarHost, scheduler: str, **more: Any) -> Iterator[Place]:
    sshd = far_host.sshd(**more)
    settings = f'host = "{sshd.alias}"\nenvironment = "{far_host.environment}"\nscheduler = "{scheduler}"\n'
    yield Place(settings + "grace = 3\npoll = 0.5\nkeep_login = 30", {"PATH": sshd.path})


@pytest.fixture
def slurm_over_ssh(slurm: Slurm, far_host: FarHost) -> Iterator[Place]:
    yield from _over_ssh(far_host, "slurm", env=slurm.env)


@pytest.fixture
def sge_over_ssh(sge: GridEngine, far_host: FarHost) -> Iterator[Place]:
    env = {**sge.cell, "PATH": f"{sge.bin}:{far_host.env['PATH']}"}
    yield from _over_ssh(far_host, "sge", env=env, prefix=sge.inside())


@pytest.mark.parametrize(
    "there",
    [
        pytest.param("slurm_here", marks=pytest.mark.xdist_group("slurm")),
        pytest.param("slurm_over_ssh", marks=pytest.mark.xdist_group("slurm")),
        pytest.param("sge_here", marks=pytest.mark.xdist_group("sge")),
        pytest.param("sge_over_ssh", marks=pytest.mark.xdist_group("sge")),
    ],
)
def test_what_comes_back_is_what_this_computer_gives(
    there: str, at_home: dict[str, Any], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    found = results(tmp_path, request.getfixturevalue(there))
    assert found["cell"] == at_home["cell"]
    assert found["scan"] == at_home["scan"]
    assert found["function"] == at_home["function"]
    for one, other in zip(found["notebook"], at_home["notebook"], strict=True):
        assert one == pytest.approx(other, rel=1e-12)


def test_at_home_they_are_right(at_home: dict[str, Any]) -> None:
    assert at_home["cell"] == ("was 30.0\n", "np.float64(31.0)", (30.0, [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]))
    assert at_home["scan"] == [[n, letter, 10 * n, letter * n] for n in (1, 2, 3) for letter in "ab"]
    assert at_home["function"] == [[x, 3, x * x + 3, f"{x}<3>"] for x in range(5)]
    assert len({row[2] for row in at_home["notebook"]}) > 12
