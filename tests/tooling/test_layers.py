"""Every import contract is alive: an offending line in a copy of the package breaks exactly that contract."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYPROJECT = ROOT / "pyproject.toml"
CONTRACTS = {
    entry["id"]: entry["name"] for entry in tomllib.loads(PYPROJECT.read_text())["tool"]["importlinter"]["contracts"]
}

# contract, file of the package, line that offends it
OFFENCES = [
    ("layers", "errors.py", "import farpoint.store"),
    ("layers", "model.py", "def hidden():\n    from farpoint.api import scan"),
    ("layers", "store.py", "import farpoint.folders"),
    ("layers", "points.py", "import farpoint.resources"),
    ("layers", "stray.py", "'A room nobody gave a place to.'"),
    ("pure", "lifecycle.py", "import subprocess"),
    ("pure", "schedulers/base.py", "def hidden():\n    import time"),
    ("pure", "points.py", "import os"),
    ("runner", "runner/journal.py", "from farpoint.errors import FarpointError"),
    ("adapters", "schedulers/base.py", "import farpoint.schedulers.direct"),
    ("adapters", "machines/base.py", "import farpoint.machines.batch"),
    ("verbs", "verbs/submit.py", "import farpoint.verbs.fetch"),
    ("verbs", "verbs/plan.py", "import farpoint.verbs.watch"),
]


def lint(folder: Path, *contracts: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    chosen = [word for contract in contracts for word in ("--contract", contract)]
    command = [str(program), "--no-cache", "--config", str(PYPROJECT), *chosen]
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(
        ROOT / "jupyter_ext" / "farpoint", tmp_path / "farpoint", ignore=shutil.ignore_patterns("__pycache__")
    )
    return tmp_path


def test_the_package_as_it_is_keeps_every_contract(copy: Path) -> None:
    answer = lint(copy)
    assert answer.returncode == 0, answer.stdout
    assert len(re.findall(r" KEPT", answer.stdout)) == len(CONTRACTS)


def test_every_contract_is_broken_once_here() -> None:
    assert {contract for contract, _, _ in OFFENCES} == set(CONTRACTS)


@pytest.mark.parametrize(("contract", "file", "line"), OFFENCES)
def test_an_offence_is_seen(copy: Path, contract: str, file: str, line: str) -> None:
    offended = copy / "farpoint" / file
    known = offended.exists()
    offended.write_text((offended.read_text() if known else "") + f"\n{line}\n")
    answer = lint(copy, contract)
    assert answer.returncode != 0
    seen = f"{CONTRACTS[contract]} BROKEN" if known else "farpoint.stray"
    assert seen in answer.stdout, answer.stdout
