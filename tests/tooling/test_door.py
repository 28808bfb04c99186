"""The public door: few names, all of them there, each explained, and nothing heavy behind the import."""

from __future__ import annotations

import importlib.metadata
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import farpoint

PACKAGE = Path(farpoint.__file__).parent
HEAVY = {"IPython", "ipywidgets", "matplotlib", "nbclient", "nbformat", "numpy", "pandas", "papermill", "sqlite3"}
PUBLIC = sorted(set(farpoint.__all__) - {"__version__"})


def test_at_most_twenty_five_names() -> None:
    assert len(farpoint.__all__) <= 25
    assert farpoint.__all__ == sorted(farpoint.__all__)
    assert dir(farpoint) == farpoint.__all__


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_is_there_and_explained(name: str) -> None:
    thing = getattr(farpoint, name)
    assert inspect.getdoc(thing), name


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'grit'"):
        farpoint.grit  # noqa: B018


def test_no_room_bears_a_public_name() -> None:
    rooms = {path.stem for path in PACKAGE.iterdir() if path.name != "__pycache__"}
    assert rooms & set(farpoint.__all__) <= {"testing"}


def test_the_import_is_light() -> None:
    code = "import sys; bare = set(sys.modules); import farpoint; dir(farpoint); print(*(set(sys.modules) - bare))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert not HEAVY & {name.partition(".")[0] for name in done.stdout.split()}


def test_the_installed_version_is_this_one() -> None:
    assert importlib.metadata.version("farpoint") == farpoint.__version__


def test_types_are_shipped() -> None:
    assert (PACKAGE / "py.typed").is_file()
