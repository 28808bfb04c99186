from pathlib import Path

import pytest

from farpoint import packages

OPTIONAL = "try:\n    import click\nexcept ImportError:\n    click = None\n"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import numpy as np, json\nfrom pandas.api import types", ("numpy", "pandas")),
        ("from . import x\nfrom .numpy import y", ()),
        (OPTIONAL, ()),
        ("if hard:\n    import numpy\ndef f():\n    import pandas\nclass A:\n    import click", ()),
        ("from contextlib import suppress\nwith suppress(ImportError):\n    import numpy", ()),
        ("import no_such_package, farpoint, os.path", ()),
        ("import numpy\n__magic__('%pip install numpy')", ()),
        ("import numpy\nrun([sys.executable, '-m', 'pip',\n 'install', 'numpy'])", ()),
        ("import sys\nsys.path.append('x')\nimport numpy", ()),
        ("import (", ()),
    ],
)
def test_what_is_imported_in_any_case(source: str, found: tuple[str, ...]) -> None:
    assert packages.needed([source], {}) == found


def test_what_the_users_own_modules_import_counts_too(tmp_path: Path) -> None:
    files = {
        "own/__init__.py": "from .deep import solve\nimport numpy",
        "own/deep.py": f"import pandas\n{OPTIONAL}",
        "own/far.py": "import nbformat",
        "flat.py": "import cloudpickle",
        "click.py": "x = 1",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    modules = {name: tmp_path / name for name in files}
    assert packages.needed(["import own, click"], modules) == ("numpy", "pandas")
    assert packages.needed(["import own.far"], modules) == ("nbformat", "numpy", "pandas")
    assert packages.needed([], modules, ["flat"]) == ("cloudpickle",)
    assert packages.needed(["if x:\n    import flat"], modules) == ()
    (tmp_path / "flat.py").write_text("import cloudpickle, sys\nsys.path.insert(0, '.')")
    assert packages.needed(["import flat, numpy"], modules) == ()


def test_a_cell_that_may_fail_needs_nothing() -> None:
    def cell(source: str, *tags: str) -> dict[str, object]:
        return {"cell_type": "code", "source": source, "metadata": {"tags": list(tags)}}

    notebook = {"cells": [cell("%matplotlib inline\nimport numpy"), cell("import pandas", "raises-exception")]}
    assert packages.of_notebook(notebook, {}) == ("numpy",)
