"""The adapter of docs/how-to/write-an-adapter.md as a package of its own: found, held against the suite, used."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path

import pytest
from desk import notebook

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "write-an-adapter.md"
NAMES = {"farpoint_shelf.py", "pyproject.toml", "test_shelf.py", "farpoint.toml", "shelf"}


def blocks() -> dict[str, str]:
    """File name → text, of every block of the page whose first comment is a file's name."""
    found = {}
    for block in re.findall(r"^( *)```(?:python|toml|sh)\n(.*?)^\1```", PAGE.read_text(), re.MULTILINE | re.DOTALL):
        text = textwrap.dedent(block[1])
        name = re.search(r"^# (\S+)$", text, re.MULTILINE)
        if name:
            found[name[1]] = text
    assert set(found) == NAMES
    return found


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory):
    """run(words…) with the Python of an environment that has farpoint and, from a wheel of its own, the adapter."""
    folder = tmp_path_factory.mktemp("lab")
    files = blocks()
    package, bin_, project = folder / "farpoint-shelf", folder / "bin", folder / "project"
    for each in (package, bin_, project):
        each.mkdir()
    for name in ("farpoint_shelf.py", "pyproject.toml", "test_shelf.py"):
        (package / name).write_text(files[name])
    (bin_ / "shelf").write_text(files["shelf"])
    (bin_ / "shelf").chmod(0o755)
    (project / "farpoint.toml").write_text(files["farpoint.toml"])

    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    names = {"base": str(folder / "venv"), "platbase": str(folder / "venv")}
    site = Path(sysconfig.get_path("purelib", vars=names))
    (site / "beside.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    env = {
        **os.environ, "PATH": f"{bin_}:{os.environ['PATH']}", "SHELF": str(folder / "shelf"),
        "FARPOINT_STATE": str(folder / "state"),
    }  # fmt: skip

    def run(*words: object, cwd: Path = project) -> subprocess.CompletedProcess[str]:
        argv = [str(python), *map(str, words)]
        return subprocess.run(argv, cwd=cwd, env=env, capture_output=True, text=True, timeout=250)

    built = run("-m", "build", "--wheel", "--no-isolation", "--outdir", folder, package)
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("farpoint_shelf-*.whl")
    uv = Path(sys.prefix, "bin", "uv")
    install = [uv, "pip", "install", "--offline", "--no-deps", "--python", python, wheel]
    subprocess.run(install, check=True, capture_output=True)
    run.package = package
    run.project = project
    return run


def test_it_passes_the_suite(lab) -> None:
    done = lab("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_shelf.py", cwd=lab.package)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\d+ passed", done.stdout)


def test_a_scan_runs_through_it(lab) -> None:
    task = notebook("x = 1", "import farpoint as fp", "fp.record(y=10 * x)")
    (lab.project / "task.ipynb").write_text(json.dumps(task))
    done = lab("-m", "farpoint", "run", "task.ipynb", "-p", "x=1,2,3", "--on", "lab")
    assert done.returncode == 0, done.stdout + done.stderr
    table = json.loads(lab("-m", "farpoint", "table", "task", "--json").stdout)
    rows = table if isinstance(table, list) else table["rows"]
    assert sorted(row["y"] for row in rows) == [10, 20, 30]
    assert {row["run_machine"] for row in rows} == {"lab"}


def test_the_doctor_and_the_template_know_it(lab) -> None:
    said = json.loads(lab("-m", "farpoint", "doctor", "lab", "--json").stdout)
    assert {each["what"]: each["state"] for each in said["findings"]}["job"] == "ok"
    assert 'scheduler = "shelf"' in lab("-m", "farpoint", "template", "machine", "shelf").stdout


def test_without_its_package_nobody_knows_it(lab, tmp_path: Path) -> None:
    env = {**os.environ, "FARPOINT_STATE": str(tmp_path)}
    argv = [sys.executable, "-m", "farpoint", "doctor", "lab"]
    done = subprocess.run(argv, cwd=lab.project, env=env, capture_output=True, text=True, timeout=100)
    assert done.returncode == 2
    assert "there is no scheduler 'shelf' (installed: direct" in done.stderr
