"""What the pages say is so: examples run, links lead somewhere, the site builds, the commands are those there are."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
NOTEBOOK = ROOT / "notebooks" / "gray_scott.ipynb"


def blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def small(notebook: Path, target: Path, **defaults: int) -> None:
    """A copy of a notebook with smaller defaults in its `parameters` cell."""
    document = json.loads(notebook.read_text(encoding="utf-8"))
    cell = next(cell for cell in document["cells"] if "parameters" in cell["metadata"].get("tags", []))
    source = "".join(cell["source"])
    for name, value in defaults.items():
        source, found = re.subn(rf"^{name} = \d+", f"{name} = {value}", source, flags=re.MULTILINE)
        assert found == 1
    cell["source"] = source
    target.write_text(json.dumps(document), encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_blocks_compile(page: Path) -> None:
    for block in blocks(page):
        compile(block, page.name, "exec")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|mailto:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert not [target for target in targets if not (page.parent / target).exists()]


@pytest.mark.slow
def test_the_readme_does_what_it_says(tmp_path: Path) -> None:
    small(NOTEBOOK, tmp_path / "gray_scott.ipynb", steps=250, size=48)
    script = [*blocks(ROOT / "README.md"), "print(set(scan.table['run_state']))\n"]
    (tmp_path / "readme.py").write_text("\n".join(script))
    done = subprocess.run(
        [sys.executable, "readme.py"],
        cwd=tmp_path,
        env={**os.environ, "FARPOINT_STATE": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "{'COMPLETED'}" in done.stdout
    assert (tmp_path / "patterns.png").stat().st_size > 10_000
    assert "<script" in (tmp_path / "patterns.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_command_line_page_is_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("cli_reference", ROOT / "scripts" / "cli_reference.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8") == module.page(), "run `make docs`"
