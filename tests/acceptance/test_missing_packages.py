"""Code that imports what its environment does not have: told all at once, before a line of it has run."""

from __future__ import annotations

from pathlib import Path

import pytest
from desk import Desk, notebook

from kernels import kernel
from plugins.environment import environment_without

pytestmark = pytest.mark.slow

SAID = "has no click, no scipy, which the code needs. "


@pytest.fixture(scope="module")
def poor(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Python that runs notebooks and lacks two packages that this one has."""
    return environment_without(tmp_path_factory.mktemp("poor"), "farpoint", "click", "scipy")


def test_a_notebook_is_not_begun(desk: Desk, poor: str) -> None:
    made = notebook("x = 1", "open('{effects}', 'a').write('ran\\n')", "import own", "import click, json")
    effects = desk.project / "effects.txt"
    desk.write(made)
    text = (desk.project / "task.ipynb").read_text().replace("{effects}", str(effects))
    (desk.project / "task.ipynb").write_text(text)
    (desk.project / "own.py").write_text("import scipy.optimize\ntry:\n    import nor_this\nexcept ImportError: pass")
    shown = desk.run(f"""
        import farpoint as fp
        scan = fp.Scan("task.ipynb", fp.grid(x=[1, 2]), environment={poor!r}).submit().wait(90)
        print(scan.table["run_reason"].tolist(), scan[0].exception())
        again = fp.Scan("task.ipynb", fp.grid(x=[1]), name="here").submit().wait(90)
        print(again.table["run_state"].tolist())
    """)
    assert "['refused', 'refused']" in shown
    assert SAID in shown
    assert "['COMPLETED']" in shown
    assert len(desk.effects()) == 1, "where the packages are, it ran"


def test_a_function_is_not_called(desk: Desk, poor: str) -> None:
    shown = desk.run(f"""
        import click, scipy, farpoint as fp
        @fp.remote(environment={poor!r})
        def one(x):
            return click.__name__, scipy.__name__
        run = one.submit(1)
        run.wait(60)
        print(run.exception())
        @fp.remote(environment={poor!r})
        def two(x):
            try:
                import scipy
            except ImportError:
                return "without"
        print(two.submit(1).result(60))
    """)
    assert SAID in shown
    assert shown.rstrip().endswith("without")


def test_a_cell_is_not_run_and_says_so_here(tmp_path: Path, poor: str) -> None:
    with kernel(tmp_path / "project", tmp_path / "state") as here:
        here.run("%load_ext farpoint\nimport click")
        said = here.run(f"%%remote --environment {poor}\nprint('begun')\nimport scipy\nn = click.__name__")
        assert said.error is not None
        assert said.error[0] == "RunFailed"
        assert SAID in said.error[1]
        assert "begun" not in said.text
        assert here.run(f"%%remote --environment {poor}\nm = 3").error is None
        assert here.run("m").shown == "3"
