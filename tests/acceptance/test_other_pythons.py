"""Environments of another Python: what is plain data goes there, anything else is refused before it is opened."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from clusters.pythons import another
from kernels import kernel

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def other() -> Path:
    """A Python of another minor version, with nothing installed in it."""
    python = another() / "bin" / "python3"
    if _minor(python) == f"{sys.version_info.major}.{sys.version_info.minor}":
        pytest.skip("this computer has no Python of another minor version")
    return python


@pytest.fixture(scope="module")
def other_jupyter() -> Path:
    """A Python of another minor version that can run notebooks."""
    named = os.environ.get("FARPOINT_OTHER_PYTHON")
    for python in [Path(named)] if named else sorted(ROOT.glob(".venv-3.*/bin/python")):
        if _minor(python) != f"{sys.version_info.major}.{sys.version_info.minor}":
            return python
    pytest.skip("no environment of another minor version: `make test-py313` makes one, FARPOINT_OTHER_PYTHON names one")


def _minor(python: Path) -> str:
    asked = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.run([python, "-c", asked], capture_output=True, text=True, check=False).stdout.strip()


def test_a_function_is_refused_before_it_is_opened(desk, other):
    shown = desk.run(
        f"""
        import farpoint as fp
        @fp.remote(environment={str(other)!r})
        def look(x): return x
        run = look.submit(1)
        print(run.exception(timeout=60), run.reason, sep="|")
        """
    )
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert f"pickled by Python {here}, and" in shown
    assert f"Name an environment with Python {here}." in shown


def test_a_cell_with_plain_data_runs_there_and_another_says_why_not(tmp_path: Path, other_jupyter: Path) -> None:
    with kernel(tmp_path / "project", tmp_path / "state") as asked:
        asked.run("%load_ext farpoint\nbase = [1, {'a': (2, 3)}]\nclass Own:\n    x = 1\nown = Own()")
        said = asked.run(
            f"%%remote --environment {other_jupyter}\n"
            "import sys\nwhere = sys.version_info[:2]\nfound = (base, {1, 2}, 1 + 2j)\nprint('there')"
        )
        assert said.error is None
        assert said.text == "there\n"
        assert asked.run("'%d.%d' % where").shown == repr(_minor(other_jupyter))
        assert asked.run("found").shown == "([1, {'a': (2, 3)}], {1, 2}, (1+2j))"

        refused = asked.run(f"%%remote --environment {other_jupyter}\nfound = own.x")
        assert refused.error is not None
        assert "only plain data goes between them. Name an environment with Python" in refused.error[1]
        assert "farpoint_runner" not in refused.error[2]
        assert asked.run("found").shown == "([1, {'a': (2, 3)}], {1, 2}, (1+2j))"
