"""CPython's own tests of executors, run against ours.

They are those of the file that FARPOINT_CPYTHON_TESTS names (a `test_concurrent_futures.py`), else of the running
Python where it has them, else of Debian's libpython3.X-testsuite of the same minor version.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import sys
import unittest
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import farpoint
from clusters.daemons import unavailable

# The mixins that CPython runs against each of its executors. Everything else there is about pools of threads or
# processes in this computer (their number, reuse, start method and initializer), or about Future alone.
GENERIC = ("ExecutorTest", "WaitTests", "AsCompletedTests", "ExecutorShutdownTest")
SKIPPED = {
    "test_hang_gh83386": "expects the call to print into this terminal; ours prints where it runs",
    "test_interpreter_shutdown": "expects the call to print into this terminal; ours prints where it runs",
}


HOME = "test.test_concurrent_futures"
MINOR = "{}.{}".format(*sys.version_info)
DEBIAN = Path(f"/usr/lib/python{MINOR}/test/test_concurrent_futures.py")
PARTS = ("executor", "test_wait", "test_as_completed", "test_shutdown")  # since Python 3.12 it is a package


def _modules() -> Iterator[Any]:
    named = os.environ.get("FARPOINT_CPYTHON_TESTS")
    own = [] if named else list(_own())
    if own:
        yield from own
        return
    file = Path(named) if named else DEBIAN
    if named or file.is_file():
        spec = importlib.util.spec_from_file_location("cpython_tests", file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)  # not in sys.modules: its functions travel by value
        spec.loader.exec_module(module)
        yield module


def _own() -> Iterator[Any]:
    for name in (HOME, *(f"{HOME}.{part}" for part in PARTS)):
        with contextlib.suppress(ImportError):
            yield importlib.import_module(name)


def _classes() -> dict[str, Any]:
    classes: dict[str, Any] = {}
    with warnings.catch_warnings(), contextlib.suppress(unittest.SkipTest):
        warnings.simplefilter("ignore")
        for module in _modules():
            _redirect(module)
            classes |= {name: vars(module)[name] for name in GENERIC if name in vars(module)}
    return classes


def _redirect(module: Any) -> None:
    """Scripts that import the executor by its name find ours."""
    run = getattr(module, "assert_python_ok", None)
    if run is not None:
        module.assert_python_ok = lambda flag, text: run(
            flag, text.replace("concurrent.futures import", "farpoint import")
        )


def _cases() -> list[Any]:
    return [(kind, name) for kind in _classes().values() for name in sorted(vars(kind)) if name.startswith("test")]


CASES = _cases()


class Here(unittest.TestCase):
    """What the mixins expect around them."""

    worker_count = 2
    executor_type = farpoint.Executor

    def setUp(self) -> None:
        self.executor = self.executor_type(max_workers=self.worker_count)

    def tearDown(self) -> None:
        self.executor.shutdown(wait=True)
        del self.executor


def test_few_are_skipped() -> None:
    names = {name for _, name in CASES}
    if not names:
        unavailable(
            f"this Python {MINOR} comes without its own tests, nor does Debian's libpython{MINOR}-testsuite lie here; "
            "FARPOINT_CPYTHON_TESTS may name a test_concurrent_futures.py"
        )
    assert len(names & set(SKIPPED)) < 0.1 * len(names)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "name"), CASES, ids=[f"{kind.__name__}.{name}" for kind, name in CASES])
def test_of_cpython(kind: Any, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if name in SKIPPED:
        pytest.skip(SKIPPED[name])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FARPOINT_STATE", str(tmp_path / "state"))
    bases = (kind,) if issubclass(kind, unittest.TestCase) else (kind, Here)
    outcome = unittest.TestResult()
    type("Case", bases, {"__module__": "__main__"})(name).run(outcome)
    trouble = [text for _, text in (*outcome.failures, *outcome.errors)]
    assert not trouble, trouble[0]
    if outcome.skipped:
        pytest.skip(outcome.skipped[0][1])
    assert outcome.testsRun == 1
