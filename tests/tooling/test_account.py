"""The session's own rules hold: budgets are read, and a skip nobody allowed fails CI."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from budget import budget

ROOT = Path(__file__).parents[2]


def session(folder: Path, body: str, **env: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(body)
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "plugins.account", "-p", "no:cacheprovider", str(folder)]
    path = os.pathsep.join([str(ROOT / "tests")])
    return subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path, **env}, cwd=folder, capture_output=True, text=True, timeout=60
    )


def test_the_long_column_is_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FARPOINT_BUDGET", "ci")
    small = budget("model.runs")
    monkeypatch.setenv("FARPOINT_BUDGET", "long")
    assert budget("model.runs") > small


SKIPPING = "import pytest\ndef test_a(): pytest.skip('because')\ndef test_b(): pass\n"


def test_an_unlisted_skip_fails_in_ci_only(tmp_path: Path) -> None:
    in_ci, at_home = session(tmp_path, SKIPPING, CI="true"), session(tmp_path, SKIPPING, CI="")
    assert (in_ci.returncode, at_home.returncode) == (1, 0), in_ci.stdout + in_ci.stderr
    assert "not in tests/budget.toml: test_it.py::test_a" in in_ci.stdout
    assert "1 passed, 1 skipped" in in_ci.stdout.splitlines()[-1]


def test_a_skip_while_collecting_counts_too(tmp_path: Path) -> None:
    whole = session(tmp_path, "import pytest\npytest.skip('all of it', allow_module_level=True)\n", CI="true")
    assert whole.returncode != 0
    assert "not in tests/budget.toml: test_it.py" in whole.stdout


def test_what_passes_passes(tmp_path: Path) -> None:
    assert session(tmp_path, "def test_b(): pass\n", CI="true").returncode == 0
