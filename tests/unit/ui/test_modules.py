from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from farpoint.ui import modules


def test_every_module_is_joined_once_after_what_it_imports() -> None:
    files = {path.stem for path in modules.folder().glob("*.js")}
    assert files == set(modules.ORDER)
    for place, name in enumerate(modules.ORDER):
        text = (modules.folder() / f"{name}.js").read_text()
        imported = re.findall(r'from "\./([a-z]+)\.js"', text)
        assert set(imported) <= set(modules.ORDER[:place]), name


def test_the_joined_module_is_one_that_stands_alone(tmp_path: Path) -> None:
    text = modules.script()
    assert not re.search(r"^import ", text, re.MULTILINE)
    assert re.findall(r"^export .*", text, re.MULTILINE) == ["export default { render };"]
    declared = re.findall(r"^(?:async )?(?:function|const|let|class) (\w+)", text, re.MULTILINE)
    assert len(declared) == len(set(declared))


def test_a_browser_would_read_it(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node here; the browser tests read the module too")
    path = tmp_path / "widget.mjs"
    path.write_text(modules.script())
    done = subprocess.run([node, "--check", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_texts_never_become_markup() -> None:
    forbidden = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|eval\(|new Function")
    assert not forbidden.search(modules.script())
