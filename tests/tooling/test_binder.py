"""The files of binder/: what a visitor's container is made from. `make binder` follows them step by step."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from packaging.requirements import Requirement

# Says where it is and in which home; made to make an environment, it puts itself and its like there.
STAND_IN = """#!/bin/sh
echo "$(cd "$(dirname "$0")" && pwd) $HOME {name} $*" >> {log}
[ "$2" != venv ] || {{ mkdir -p "$3/bin" && cp {bin}/* "$3/bin"; }}
"""
ROOT = Path(__file__).parents[2]
BINDER = ROOT / "binder"


def test_the_badge_opens_the_notebook_that_is_there() -> None:
    (url,) = set(re.findall(r"https://mybinder\.org/v2/[^)\s]+", (ROOT / "README.md").read_text()))
    parts = urlsplit(url)
    assert re.fullmatch(r"/v2/gh/[\w-]+/farpoint/HEAD", parts.path)
    (opened,) = parse_qs(parts.query)["urlpath"]
    assert opened.startswith("lab/tree/")
    assert (ROOT / opened.removeprefix("lab/tree/")).is_file()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["urls"]["Repository"].removeprefix("https://github.com") == parts.path[6:-5]


def test_every_requirement_can_be_read_and_python_is_one_of_ours() -> None:
    lines = [line for line in (BINDER / "requirements.txt").read_text().splitlines() if line and line[0] != "#"]
    assert {Requirement(line).name for line in lines} == {"jupyterlab", "matplotlib"}
    version = (BINDER / "runtime.txt").read_text().strip().removeprefix("python-")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"Programming Language :: Python :: {version}" in project["classifiers"]


@pytest.mark.parametrize("name", ["postBuild", "start"])
def test_scripts_stop_at_the_first_fault(name: str) -> None:
    path = BINDER / name
    assert os.access(path, os.X_OK)
    assert "set -euo pipefail" in path.read_text()
    assert subprocess.run(["bash", "-n", path]).returncode == 0


def test_a_session_has_a_machine_with_folders_of_its_own(tmp_path: Path) -> None:
    code = (
        "import json; from farpoint.config import load, user_file; found = load(None, user_file()).machines.items();"
        "print(json.dumps({name: [its.transport, its.statedir, its.workdir, its.cpus] for name, its in found}))"
    )
    env = {**os.environ, "HOME": str(tmp_path)}
    done = subprocess.run(
        [BINDER / "start", "python", "-c", code], env=_with_our_python(env), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["local"] == [None, None, None, 1]
    assert found["demo"] == ["pipe", f"{tmp_path}/far/state", f"{tmp_path}/far/scratch", 1]


def _with_our_python(env: dict[str, str]) -> dict[str, str]:
    return {**env, "PATH": f"{Path(sys.executable).parent}:{env['PATH']}"}


def test_a_replay_in_a_relative_folder_stays_in_an_environment_of_its_own(tmp_path: Path) -> None:
    for name in ("python", "jupyter", "farpoint"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(STAND_IN.format(log=tmp_path / "log", name=name, bin=tmp_path / "bin"))
        program.chmod(0o755)
    argv = ["sh", str(ROOT / "scripts" / "replay_binder.sh"), "replay", str(tmp_path / "bin" / "python")]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "the scans did not finish\n")  # a stand-in runs nothing, to the end
    first, *others = (tmp_path / "log").read_text().splitlines()
    assert "-m venv" in first
    assert len(others) > 5
    assert {line.split()[0] for line in others} == {f"{tmp_path}/replay/env/bin"}
    assert {line.split()[1] for line in others} == {f"{tmp_path}/replay/home"}
