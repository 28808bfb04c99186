"""Rules of the house that no linter knows: one version, words in their rooms, nobody's computer in the files."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

import farpoint

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "jupyter_ext" / "farpoint"
GOLDEN = ROOT / "tests" / "golden"  # what programs printed on somebody's computer is kept as it was printed
RUNNER = sorted((PACKAGE / "runner").rglob("*.py"))


def tracked() -> list[Path]:
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in names.split("\0") if name and (ROOT / name).is_file()]


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def test_one_version() -> None:
    project = tomllib.loads(text(ROOT / "pyproject.toml"))
    assert "version" not in project["project"]
    source = ROOT / project["tool"]["hatch"]["version"]["path"]
    assert source.read_text().strip() == f'__version__ = "{farpoint.__version__}"'
    newest = re.search(r"^## (\S+)", text(ROOT / "CHANGELOG.md"), re.MULTILINE)
    assert newest
    assert newest[1] == farpoint.__version__


# Who else may name a queue system, and why.
SPEAK_OF_SCHEDULERS = {
    "runner/ranks.py": "a launcher numbers its ranks in a variable that bears its name",
    "testing/fake_pbs": "it is a queue system's own programs",
}


def test_only_schedulers_speak_of_schedulers() -> None:
    words = re.compile("slurm|sbatch|qsub|qstat", re.IGNORECASE)
    speaking = {path for path in PACKAGE.rglob("*.py") if words.search(text(path))}
    names = {path.relative_to(PACKAGE).as_posix() for path in speaking}
    allowed = ("schedulers/", *SPEAK_OF_SCHEDULERS)
    assert not {name for name in names if not name.startswith(allowed)}
    assert all(any(name.startswith(each) for name in names) for each in SPEAK_OF_SCHEDULERS)


def test_files_name_no_computer_and_no_package_host() -> None:
    folders = (r"/wor[k]/(main|dev|shared|\.)", "/roo[t]/", r"/hom[e]/(?!user\b|me\b|you\b|ada\b)\w")
    hosts = (r"pypi\b\.", r"pythonhosted\b\.", r"npmjs\b\.", r"debian\.[o]rg")
    forbidden = re.compile("|".join(folders + hosts))
    found = [
        f"{path.relative_to(ROOT)}:{number}: {match[0]}"
        for path in tracked()
        if path.suffix not in {".png", ".gif", ".jpg"} and not path.is_relative_to(GOLDEN)
        for number, line in enumerate(text(path).splitlines(), 1)
        if (match := forbidden.search(line))
    ]
    assert not found


def test_nothing_is_left_to_do_in_the_package() -> None:
    words = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    assert not [path for path in PACKAGE.rglob("*.py") if words.search(text(path))]


def test_there_is_no_room_for_leftovers() -> None:
    assert not [path for path in PACKAGE.rglob("*.py") if path.stem in {"utils", "util", "helpers", "misc", "common"}]


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_says_what_it_is_for(path: Path) -> None:
    tree = ast.parse(text(path))
    assert ast.get_docstring(tree) or not tree.body or path.name == "_version.py"


@pytest.mark.parametrize("path", RUNNER, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_runner_is_python_3_6(path: Path) -> None:
    tree = ast.parse(text(path), feature_version=(3, 6))
    modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level]
    modules += [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
    assert not [name for name in modules if name.split(".")[0] == "farpoint"]
    assert "__future__" not in modules
