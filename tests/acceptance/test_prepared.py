"""A prepared folder is submitted by hand, where there is no farpoint, and found again: here, moved, elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SETTINGS = """
[machines.hpc]
scheduler = "slurm"
setup = ["export GREETING=hello"]

[machines.hpc.queues.short]
cpus = 4
time = "1h"
"""
PREPARE = """
import farpoint as fp
def f(x):
    import os
    return {{"y": x * x, "said": os.environ["GREETING"]}}
scan = fp.Scan(f, fp.grid(x=[1, 2, 3, 4]), name="toy")
print(repr(scan.prepare({folder!r}, "hpc", time="10m", points_per_job=2)))
"""
ATTACH = """
import json, farpoint as fp
scan = fp.attach({folder!r})
{do}
print(json.dumps([scan.table[c].tolist() for c in ("y", "said", "run_state")]))
"""
WELL = [[1, 4, 9, 16], ["hello"] * 4, ["COMPLETED"] * 4]


@pytest.fixture
def tree(desk) -> Path:
    desk.settings(SETTINGS)
    said = desk.run(PREPARE.format(folder=str(desk.folder / "tree")))
    assert "toy: 4 points in 1 job" in said
    return desk.folder / "tree"


def submit(tree: Path, folder: Path) -> None:
    """What `sh submit.sh` does where sbatch starts every member at once, and knows nothing else."""
    fake = folder / "bin" / "sbatch"
    fake.parent.mkdir()
    fake.write_text(
        '#!/bin/sh\nfor member in 0 1; do SLURM_ARRAY_TASK_ID=$member SLURM_ARRAY_JOB_ID=77 sh "$1" || exit 1; done\n'
    )
    fake.chmod(0o755)
    env = {"PATH": f"{fake.parent}:/usr/bin:/bin", "HOME": str(folder)}
    subprocess.run(["sh", "submit.sh"], cwd=tree, env=env, check=True, timeout=120)


def attach(desk, tree: Path, do: str = "scan.wait()") -> list:
    return json.loads(desk.run(ATTACH.format(folder=str(tree), do=do)).splitlines()[-1])


def test_submitted_by_hand_and_attached(desk, tree: Path) -> None:
    script = next(tree.glob("jobs/*/script")).read_text()
    assert "#SBATCH --array=0-1\n" in script
    assert "#SBATCH --partition=short\n" in script
    assert not list((desk.project / "farpoint_runs").glob("*/scan.json")), "nothing is accepted until it is attached"
    submit(tree, desk.folder)
    assert attach(desk, tree) == WELL
    assert attach(desk, tree) == WELL, "attached twice is attached"


def test_attached_before_it_is_submitted(desk, tree: Path) -> None:
    asked = "import farpoint.verbs.watch as w\nw.tick(scan.project)\nprint(scan.counts)"
    said = desk.run(ATTACH.format(folder=str(tree), do=asked).rpartition("\nprint")[0])
    assert said.splitlines()[-1] == "{'QUEUED': 4}"
    submit(tree, desk.folder)
    assert attach(desk, tree) == WELL


def test_moved_run_and_attached_in_another_project(desk, tree: Path) -> None:
    moved = desk.folder / "elsewhere" / "copy"
    moved.parent.mkdir()
    tree.rename(moved)
    subprocess.run(["sh", "move.sh", sys.executable], cwd=moved, check=True)
    left = [path for path in moved.rglob("*") if path.suffix in (".sh", "") and path.is_file()]
    assert not any(str(tree).encode() in path.read_bytes() for path in left)
    submit(moved, desk.folder)
    other = desk.folder / "other"
    other.mkdir()
    env = {**os.environ, "FARPOINT_STATE": str(desk.folder / "state2")}
    code = ATTACH.format(folder=str(moved), do="scan.wait()")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=other, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert json.loads(done.stdout.splitlines()[-1] if done.stdout else done.stderr) == WELL


def test_recovered_by_the_command_line(desk, tree: Path) -> None:
    submit(tree, desk.folder)
    env = {**os.environ, "FARPOINT_STATE": str(desk.folder / "state")}
    command = [sys.executable, "-m", "farpoint"]
    subprocess.run([*command, "recover", str(tree)], cwd=desk.project, env=env, check=False, timeout=120)
    done = subprocess.run(
        [*command, "table", "toy", "--json"], cwd=desk.project, env=env, capture_output=True, text=True, timeout=120,
        check=True,
    )  # fmt: skip
    assert [row["y"] for row in json.loads(done.stdout)] == WELL[0]


def test_what_cannot_be_prepared(desk, tree: Path) -> None:
    code = (
        PREPARE.replace("print(repr(", "try:\n    print(repr(").rstrip() + "\nexcept ValueError as no:\n    print(no)"
    )
    assert "is there already and not an empty folder" in desk.run(code.format(folder=str(tree)))
    assert "choose letters" in desk.run(code.format(folder=str(desk.folder / "a b")))
