from pathlib import Path

import numpy
import pytest

from farpoint.api import outcome
from farpoint.errors import MachineError, NotFinished, RunCancelled, RunFailed, RunLost
from farpoint.project import Project
from farpoint.runner import values
from rows import failed, row


def test_a_completed_run_has_no_exception() -> None:
    assert outcome.exception_of(row(0)) is None


def test_a_built_in_exception_keeps_its_type() -> None:
    fault = outcome.exception_of(failed(3, parameters={"x": -1}))
    assert isinstance(fault, RunFailed)
    assert isinstance(fault, ValueError)
    assert str(fault).startswith(
        "point 3 of tokamak (x=-1) failed: ValueError: x is negative\n\nTraceback (most recent"
    )
    assert "\x1b" not in str(fault)


@pytest.mark.parametrize("kind", ["KeyError", "OSError", "ZeroDivisionError", "RecursionError"])
def test_the_message_is_plain_whatever_the_type(kind: str) -> None:
    fault = outcome.exception_of(row(0, "FAILED", error={"type": kind, "message": "no\n'such'", "traceback": ""}))
    assert type(fault).__mro__[1] is RunFailed
    assert str(fault) == f"point 0 of tokamak () failed: {kind}: no"


@pytest.mark.parametrize("kind", ["StopIteration", "KeyboardInterrupt", "print", "UnicodeDecodeError", "MyError", ""])
def test_other_types_are_only_run_failed(kind: str) -> None:
    fault = outcome.exception_of(row(0, "FAILED", error={"type": kind, "message": "m", "traceback": "t"}))
    assert type(fault) is RunFailed


def test_ends_without_an_error() -> None:
    assert "failed: timeout" in str(outcome.exception_of(row(0, "FAILED", reason="timeout")))
    assert isinstance(outcome.exception_of(row(0, "CANCELLED")), RunCancelled)
    assert isinstance(outcome.exception_of(row(0, "LOST", reason="node failed")), RunLost)


def test_a_large_value_is_read_from_the_point_folder(tmp_path: Path) -> None:
    project = Project(tmp_path, state=tmp_path / "state")
    one = row(7)
    folder = outcome.point_folder(project, one)
    folder.mkdir(parents=True)
    typed = values.encode_large(numpy.arange(100_000), str(folder), "v")
    one = row(7, records={"v": typed, "n": 3})
    found = outcome.loaded(project, one)
    assert found["n"] == 3
    assert found["v"].tolist() == list(range(100_000))


def test_a_large_value_of_a_running_run_comes_later(tmp_path: Path) -> None:
    project = Project(tmp_path, state=tmp_path / "state")
    with pytest.raises(NotFinished, match="when the run has ended; it is RUNNING"):
        outcome.read_large(project, row(0, "RUNNING"), {"$": "file", "path": "values/v.npy"})


def test_a_far_machine_cannot_name_a_file_elsewhere(tmp_path: Path) -> None:
    project = Project(tmp_path, state=tmp_path / "state")
    with pytest.raises(MachineError, match="outside its folder"):
        outcome.read_large(project, row(0), {"$": "file", "path": "../../../secret"})
