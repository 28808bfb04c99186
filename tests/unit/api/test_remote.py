"""`@remote`, scans of functions and gathering, as far as nothing has to run."""

from __future__ import annotations

import threading
from concurrent import futures
from pathlib import Path
from typing import Any

import numpy
import pytest

import farpoint as fp
from farpoint.errors import BadInput, BadPoints, BadResources, BadTask, CodeChanged, NotFinished
from farpoint.functions.calls import Parcels, column_shape_of, shape_of
from farpoint.project import Project
from still import StillMachine, finish


@fp.remote(cpus=2)
def settle(structure: Any, steps: int = 3) -> Any:
    """Relax it."""
    return structure, steps


@pytest.fixture
def relax(project: Project) -> Any:
    """The same on a machine that stands still."""
    return settle.on(project=project, name="relax")


def test_a_plain_function_stays_one() -> None:
    assert settle(1) == (1, 3)
    assert settle.__name__ == "settle"
    assert settle.__doc__ == "Relax it."
    assert "runs here when called, on the default machine when submitted; cpus=2" in repr(settle)
    assert fp.remote(len)([1]) == 1
    assert "on hpc when submitted" in repr(fp.remote("hpc")(len))


def test_on_is_a_copy() -> None:
    other = settle.on("hpc", time="1h")
    assert (other.machine, other.resources()) == ("hpc", {"cpus": 2, "time": "1h"})
    assert (settle.machine, settle.resources()) == (None, {"cpus": 2})
    assert other(1) == (1, 3)


def test_what_is_no_option_is_refused() -> None:
    with pytest.raises(BadResources, match="Did you mean 'cpus'"):
        fp.remote(cpu=2)
    with pytest.raises(BadResources, match="no resource 'tme'"):
        settle.on(tme="1h")
    with pytest.raises(BadInput, match="neither a function nor a machine"):
        fp.remote(3)  # type: ignore[call-overload]


def test_a_submitted_call_is_a_point(relax: Any, machine: StillMachine) -> None:
    run = relax.submit([1, 2], steps=5)
    assert (run.parameters, run.state) == ({"structure": [1, 2], "steps": 5}, "QUEUED")
    assert relax.submit([1, 2], steps=5) == run
    assert relax.submit([1, 3]) != run
    assert len(machine.jobs) == 2
    with pytest.raises(TypeError, match="missing a required argument: 'structure'"):
        relax.submit()


def test_equal_calls_of_one_map_are_told_apart(relax: Any) -> None:
    scan = relax.map([1, 2, 1])
    assert [run.parameters for run in scan] == [{"structure": 1}, {"structure": 2}, {"structure": 1, "replicate": 1}]
    assert scan.numbers == relax.map([1, 2, 1]).numbers
    assert [run.parameters["structure"] for run in relax.map([2, 1])] == [2, 1]
    assert [run.parameters for run in relax.starmap([(1, 9)])] == [{"structure": 1, "steps": 9}]
    assert list(relax.map([])) == []


def test_a_call_is_not_answered_by_other_code_on_its_way(project: Project) -> None:
    def one(x: int) -> int:
        return x + 1

    fp.remote(one).on(name="same", project=project).submit(1)
    with pytest.raises(CodeChanged, match=r"changed since: .*one.* still QUEUED with the earlier code"):
        fp.remote(lambda x: x + 2).on(name="same", project=project).submit(1)


def test_a_scan_of_a_function(relax: Any, project: Project) -> None:
    data = numpy.arange(100_000)
    scan = fp.Scan(relax, fp.grid(steps=[1, 2]), structure=data)
    assert "array 100000 int64" in str(scan[0].parameters["structure"])
    assert "2 to run on local" in str(scan.preview())
    assert not (project.root / "farpoint_runs").joinpath("relax").exists()
    scan.submit()
    kept = [path for path in (project.root / "farpoint_runs" / "blobs").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size > data.nbytes for path in kept) == 1
    assert fp.attach("relax", project=project).numbers == (0, 1)
    assert scan.add(fp.grid(steps=[2, 3])).submit().numbers == (2,)


def test_names_are_checked_against_the_function(relax: Any, project: Project) -> None:
    with pytest.raises(BadPoints, match=r"relax has no argument 'stepps' .* Did you mean 'steps'"):
        fp.Scan(relax, fp.grid(stepps=[1]), structure=1)
    with pytest.raises(BadPoints, match="relax needs 'structure'"):
        fp.Scan(relax, fp.grid(steps=[1]))
    with pytest.raises(BadInput, match="'feeed' is no option of a notebook's scan"):
        fp.Scan("toy.ipynb", fp.grid(x=[1]), feeed=3)
    fp.Scan(lambda **words: words, fp.grid(anything=[1]))
    fp.Scan(relax, fp.repeat(2), structure=1)


def test_a_notebook_and_a_function_do_not_share_a_name(relax: Any, project: Project) -> None:
    fp.Scan("toy.ipynb", fp.grid(x=[1]), name="relax", project=project).submit()
    with pytest.raises(BadTask, match="'relax' is a scan of a notebook here"):
        relax.submit(1)


def test_what_cannot_travel_is_named_before_anything_is_sent(relax: Any, machine: StillMachine) -> None:
    class Solver:
        def __init__(self) -> None:
            self.lock = threading.Lock()

    with pytest.raises(BadTask, match=r"structure\.lock is a _thread.lock and cannot travel"):
        relax.submit(Solver())
    guard = threading.Lock()
    with pytest.raises(BadTask, match=r"guard is a _thread.lock"):
        fp.remote(lambda x: (x, guard)).on(project=relax.project).submit(1)
    with pytest.raises(BadTask, match=r"structure\._project"):
        relax.submit(relax.submit(1))
    assert len(machine.jobs) == 1


def test_inside_a_run_it_stays_in_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "spec.json").write_text("{}")
    monkeypatch.setenv("FARPOINT_SPEC", str(tmp_path / "spec.json"))
    monkeypatch.setenv("FARPOINT_EVENTS", str(tmp_path / "events"))

    @fp.remote(cpus=4)
    def double(x: int, y: int = 0) -> int:
        return 2 * x + y

    assert "runs here" in repr(double)
    assert [done.result() for done in double.on("hpc").starmap([(1, 2), (3, 4)])] == [4, 10]
    with pytest.raises(fp.InsideRun):
        fp.Executor().submit(abs, 1)


def test_a_call_that_is_cancelled_elsewhere_is_a_cancelled_future(project: Project) -> None:
    executor = fp.Executor(project=project)
    call = executor.submit(abs, -1)
    assert call.run is not None
    finish(project, call.run.row.scan, call.run.number, "CANCELLED")
    with pytest.raises(futures.CancelledError):
        call.result(timeout=60)
    assert call.cancelled()
    assert call.cancel()
    assert futures.wait([call], timeout=1).done == {call}


def test_shapes() -> None:
    def every(a: int, /, b: int, *rest: int, c: int = 1, **words: int) -> None: ...

    shape = shape_of(every)
    assert shape.bind((1, 2, 3), {"d": 4}) == {"a": 1, "b": 2, "rest": (3,), "words": {"d": 4}}
    assert column_shape_of(every).call() == shape.call()
    assert column_shape_of(lambda replicate: 1).call()["star"] == "args"
    assert column_shape_of(lambda run_time: 1).bind((1,), {}) == {"args": (1,), "kwargs": {}}


def test_large_values_are_parcels_known_by_content() -> None:
    parcels = Parcels()
    first, again = (parcels.pack(numpy.arange(20_000), "a") for _ in range(2))
    assert first == again
    assert len(parcels.blobs) == 1
    assert parcels.pack([1, 2], "a") == [1, 2]
    assert parcels.pack(list(range(50_000)), "a").codec == "json"
    boxes = [parcels.pack({"data": numpy.arange(20_000), "kind": print}, "a") for _ in range(2)]
    assert boxes[0] == boxes[1] != parcels.pack({"data": numpy.arange(20_001), "kind": print}, "a")
    assert boxes[0].beside == [first.sha256]


def test_gathering_takes_futures_and_runs() -> None:
    done, never = futures.Future[int](), futures.Future[int]()
    failed = futures.Future[int]()
    done.set_result(1)
    failed.set_exception(ValueError("no"))
    assert list(fp.as_completed([done, failed, done])) == [done, failed]
    with pytest.raises(NotFinished, match="1 of 2 runs have not ended"):
        list(fp.as_completed([done, never], timeout=0.01))
    assert fp.wait([done, never], timeout=0.01) == ({done}, {never})
    assert fp.wait([done, never], return_when="FIRST_COMPLETED").done == {done}
    assert failed in fp.wait([failed, never], return_when="FIRST_EXCEPTION").done
    with pytest.raises(BadInput, match="none of FIRST_COMPLETED"):
        fp.wait([done], return_when="SOON")
