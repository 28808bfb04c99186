"""What is shipped: the wheel holds the runner and the types, and works where nothing of the checkout is."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "jupyter_ext" / "farpoint"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return next(folder.glob("*.whl"))


@pytest.mark.xdist_group("wheel")
def test_the_wheel_holds_the_whole_package(wheel: Path) -> None:
    shipped = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        f"farpoint/{path.relative_to(PACKAGE)}"
        for path in PACKAGE.rglob("*")
        if path.suffix in {".py", ".js", ".css", ".html"}
    }
    assert wanted <= shipped
    assert "farpoint/py.typed" in shipped
    assert not [name for name in shipped if "__pycache__" in name or name.startswith(("tests", "docs"))]


@pytest.mark.slow
@pytest.mark.xdist_group("wheel")
def test_the_wheel_scans_in_an_empty_environment(wheel: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    script = ROOT / "scripts" / "try_wheel.py"
    done = subprocess.run([sys.executable, script, wheel], capture_output=True, text=True, env=environment, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "installs alone and scans" in done.stdout
