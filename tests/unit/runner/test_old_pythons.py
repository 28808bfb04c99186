"""The runner's zip under the Pythons that machines have: its own checks, tests/runner_py36, from the zip alone."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from farpoint.runner import layout

CHECKS = Path(__file__).parents[2] / "runner_py36" / "test_travelling_copy.py"


def python(version: str) -> str | None:
    """A Python of that version that runs: from PATH, else from pyenv. A name alone may be a shim that refuses."""
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    for candidate in [f"python{version}", *map(str, versions.glob(f"{version}.*/bin/python"))]:
        program = "import sys; print('%d.%d' % sys.version_info[:2])"
        try:
            told = subprocess.run([candidate, "-I", "-S", "-c", program], capture_output=True, text=True, timeout=60)
        except OSError:
            continue
        if told.stdout.strip() == version:
            return candidate
    return None


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("statedir") / "runner.zip"
    path.write_bytes(layout.build_zip())
    return path


def check(interpreter: str, runner: Path) -> None:
    expected = len(re.findall("^    def test_", CHECKS.read_text(), re.MULTILINE))
    command = [interpreter, "-I", "-S", "-W", "error", str(CHECKS), str(runner)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert answer.returncode == 0, answer.stderr
    assert f"Ran {expected} tests" in answer.stderr


@pytest.mark.parametrize("version", ["3.6", "3.8", "3.13"])
def test_the_runners_own_checks_pass_from_its_zip(runner: Path, version: str) -> None:
    interpreter = python(version)
    if interpreter is None:
        pytest.skip(f"no Python {version} on PATH or in pyenv")
    check(interpreter, runner)


def test_the_runners_own_checks_pass_here(runner: Path) -> None:
    check(sys.executable, runner)


def test_every_source_of_the_zip_compiles_there(runner: Path, tmp_path: Path) -> None:
    interpreter = python("3.6")
    if interpreter is None:
        pytest.skip("no Python 3.6 on PATH or in pyenv")
    program = (
        "import sys, zipfile\n"
        "archive = zipfile.ZipFile(sys.argv[1])\n"
        "for name in archive.namelist(): compile(archive.read(name), name, 'exec')\n"
    )
    answer = subprocess.run([interpreter, "-I", "-c", program, str(runner)], capture_output=True, text=True, timeout=60)
    assert answer.returncode == 0, answer.stderr


def test_the_checks_themselves_are_python_3_6() -> None:
    ast.parse(CHECKS.read_text(), feature_version=(3, 6))
