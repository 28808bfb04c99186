"""Every cell of the table, run in place and far away, leaves the same namespace, result and error."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from budget import budget
from cell_table import SETUP, TABLE, Snippet
from farpoint.project import Project
from farpoint.runner import carrying
from farpoint.verbs import cell_task

FAR = Path(__file__).parents[2] / "far_shell.py"
PROBE = "(lambda: {})()"
QUIET = {"In", "Out", "get_ipython", "exit", "quit", "open", "fh"}  # an open file does not come back


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    folder = tmp_path_factory.mktemp("far")
    env = {**os.environ, "IPYTHONDIR": str(folder / "ipython")}
    program = subprocess.Popen(
        [sys.executable, str(FAR)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder, env=env
    )
    yield program
    assert program.stdin is not None
    assert program.stdout is not None
    program.stdin.close()
    program.wait(10)
    program.stdout.close()


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A shell here. Cells with top-level await bring a loop of their own."""
    from IPython.core.interactiveshell import InteractiveShell

    os.environ["IPYTHONDIR"] = str(tmp_path_factory.mktemp("ipython"))
    made = InteractiveShell()
    made.showtraceback = lambda *_, **__: None
    yield made
    made.history_manager.end_session()
    del os.environ["IPYTHONDIR"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    root = tmp_path / "project"
    (root / ".git").mkdir(parents=True)
    monkeypatch.chdir(root)
    return Project(root, state=tmp_path / "state")


def here(shell: Any, source: str) -> Any:
    with contextlib.redirect_stdout(io.StringIO()):
        return shell.run_cell(source)


def fresh(shell: Any) -> None:
    shell.reset(new_session=False)
    done = here(shell, SETUP)
    assert done.success


def there(
    project: Project, shell: Any, far: subprocess.Popen[str], source: str, folder: Path, given: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Send a cell to the far shell and do here what it did there."""
    task = cell_task.prepare(project, source, shell.user_ns, files={}, given=given)
    inputs, own = folder / "inputs", folder / "own"
    own.mkdir(parents=True)
    for item in task.made.files:
        target = inputs / item.path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(item.source, target)
    (folder / "cell.ipynb").write_bytes(task.made.data)
    order = {"notebook": str(folder / "cell.ipynb"), "inputs": str(inputs), "own": str(own)}
    assert far.stdin is not None
    assert far.stdout is not None
    far.stdin.write(json.dumps(order) + "\n")
    far.stdin.flush()
    answer: dict[str, Any] = json.loads(far.stdout.readline())
    told = json.loads((own / "values" / "names.json").read_bytes())
    key = json.loads(task.made.data)["metadata"]["farpoint"]["key"]
    carrying.adopt(told, str(own), shell.user_ns, key)
    return {**answer, **told}


def seen(shell: Any, probe: str) -> dict[str, str]:
    """What a namespace looks like to somebody who asks."""
    found = {name: _look(value) for name, value in shell.user_ns.items() if not _hidden(name)}
    result = eval(probe, shell.user_ns) if probe != "None" else None
    return {**found, "probe": repr(result)}


def _hidden(name: str) -> bool:
    return name in QUIET or (name.startswith("_") and name not in ("_private", "__dunder"))


def _look(value: Any) -> str:
    if callable(value) or type(value).__name__ in ("module", "CapturedIO"):
        return type(value).__name__
    return f"{type(value).__name__} {value!r}"


@pytest.mark.parametrize("snippet", TABLE, ids=lambda snippet: snippet.source[:40])
def test_a_cell_does_the_same_there(
    snippet: Snippet, shell: Any, far: subprocess.Popen[str], project: Project, tmp_path: Path
) -> None:
    fresh(shell)
    done = here(shell, snippet.source)
    expected = seen(shell, snippet.probe)
    fresh(shell)
    answer = there(project, shell, far, snippet.source, tmp_path / "run")
    assert seen(shell, snippet.probe) == expected
    assert (answer["result"], answer["raised"]) == (repr(done.result), type(done.error_in_exec).__name__)


NUMBER = st.sampled_from(
    ["x", "k", "2", "f(x)", "add3(k)", "box.get()", "len(lst)", "sum(q * k for q in lst)", "b", "a"]
)
STATEMENTS = st.one_of(
    st.builds("{} = {}".format, st.sampled_from(("a", "b", "x", "k")), NUMBER),
    st.builds("{} += {}".format, st.sampled_from(("a", "b", "x", "k")), NUMBER),
    st.builds("lst.append({})".format, NUMBER),
    st.builds("alias[0] = {}".format, NUMBER),
    st.builds("dct['n'] = [{}, lst]".format, NUMBER),
    st.builds("box.v = {}".format, NUMBER),
    st.builds("if {} > 3:\n    a = {}\nelse:\n    b = {}".format, NUMBER, NUMBER, NUMBER),
    st.builds("for a in range({} % 4):\n    b = {} + a".format, NUMBER, NUMBER),
    st.builds("def f(q, b=1):\n    return q - {}".format, NUMBER),
    st.builds("def g():\n    global k\n    k = {}\ng()".format, NUMBER),
    st.builds(
        "class Box2(Box):\n    def get(self): return {}\nbox = Box2({})".format, st.sampled_from(("k", "x")), NUMBER
    ),
    st.builds("try:\n    a = {} // 0\nexcept ZeroDivisionError as b:\n    a = str(b)".format, NUMBER),
    st.builds("lst = [(z := q + {}) for q in lst]".format, NUMBER),
    st.builds("del {}".format, st.sampled_from(("x", "a", "lst"))),
    st.just("a, *b = lst"),
    st.just("exec('b = k + 1')"),
    st.just("a = f'{x!r} {k}'"),
)


@settings(
    max_examples=budget("examples.cells"), deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(statements=st.lists(STATEMENTS, min_size=1, max_size=5))
def test_a_made_up_cell_does_the_same_there(
    statements: list[str], shell: Any, far: subprocess.Popen[str], project: Project, tmp_path: Path
) -> None:
    source = "\n".join(statements)
    probe = "[each() for each in (lambda: f(3), lambda: box.get(), lambda: alias)] if 'f' in globals() else 0"
    fresh(shell)
    done = here(shell, source)
    expected = [_safely(shell, probe), seen(shell, "None")]
    fresh(shell)
    answer = there(project, shell, far, source, tmp_path / f"run{len(list(tmp_path.iterdir()))}")
    assert [_safely(shell, probe), seen(shell, "None")] == expected
    assert answer["raised"] == type(done.error_in_exec).__name__


def _safely(shell: Any, probe: str) -> str:
    try:
        return repr(eval(probe, shell.user_ns))
    except Exception as fault:
        return f"{type(fault).__name__}: {fault}"
