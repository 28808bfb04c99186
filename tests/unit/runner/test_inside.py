"""record, progress, point and checkpoint: in a run, outside one, in a notebook and beside it."""

from __future__ import annotations

import datetime
import json
import math
import multiprocessing
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scrapbook

from farpoint.runner import events, inside, journal, values
from plugins.environment import Start, notebook


class Pipe:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "events"
        os.mkfifo(self.path)
        self.descriptor = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)

    def take(self) -> bytes:
        data = b""
        while True:
            try:
                data += os.read(self.descriptor, 1 << 16)
            except BlockingIOError:
                return data

    def read(self) -> list[dict[str, Any]]:
        return journal.parse(self.take())[0]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipe]:
    ours = tmp_path / "runs" / "3.0" / ".farpoint"
    ours.mkdir(parents=True)
    pipe = Pipe(ours)
    spec = {
        "i": 3,
        "parameters": {"x": values.encode((1, 2))},
        "number": 7,
        "seed": 5,
        "run": "r1",
        "scan": "s",
        "task": {"name": "x.ipynb"},
        "input": "/i/x.ipynb",
    }
    (ours / "spec.json").write_text(json.dumps(spec))
    monkeypatch.setenv("FARPOINT_SPEC", str(ours / "spec.json"))
    monkeypatch.setenv("FARPOINT_EVENTS", str(pipe.path))
    yield pipe
    os.close(pipe.descriptor)


def recorded(run: Pipe) -> dict[str, Any]:
    return {event["name"]: values.decode(event["value"]) for event in run.read()}


def test_values_arrive_as_they_are(run: Pipe) -> None:
    given = {"a": 1, "b": np.float32(0.1), "c": (1, 2), "d": datetime.date(2024, 1, 1), "e": None, "f": "é"}
    inside.record(**given)
    got = recorded(run)
    assert got == given
    assert [type(value) for value in got.values()] == [type(value) for value in given.values()]


def test_a_series(run: Pipe) -> None:
    inside.record(step=np.int64(3), loss=0.5)
    inside.record(step="three", loss=0.25)
    inside.record(step=4)
    first, second, third = run.read()
    assert (first["step"], first["value"]) == (3, 0.5)
    assert second["step"] is None
    assert "'three' is not a number" in second["warn"]
    assert (third["name"], third["value"], third["step"]) == ("step", 4, None)


def test_no_name_is_refused(run: Pipe) -> None:
    inside.record(**{"x": 1, "run_state": 2, "not a name": 3, "": 4, "n" * 100_000: 5})
    found = run.read()
    assert [event["name"][:20] for event in found] == ["x.recorded", "run_state.recorded", "not a name", "", "n" * 20]
    assert "'x' is a parameter" in found[0]["warn"]
    assert "warn" not in found[2]


def test_no_value_is_refused(run: Pipe) -> None:
    class Mute:
        def __repr__(self) -> str:
            raise RuntimeError

    inside.record(a=object(), b=Mute(), c=lambda: 1)
    first, second, third = run.read()
    assert first["value"].startswith("<object")
    assert "kept as text" in first["warn"]
    assert second["value"] == "<Mute without a repr: RuntimeError>"
    assert "warn" in third


def test_large_values_go_into_files(run: Pipe) -> None:
    array, frame = np.arange(100_000.0), pd.DataFrame({"a": [1, 2]})
    inside.record(array=array, frame=frame, text="x" * 100_000)
    folder = os.path.dirname(os.environ["FARPOINT_SPEC"])
    found = {event["name"]: values.load_large(event["value"], folder) for event in run.read()}
    assert (found["array"] == array).all()
    assert found["frame"].equals(frame)
    assert found["text"] == "x" * 100_000


def test_progress(run: Pipe) -> None:
    for done in (0.0, 0.25, 2.0, -1, None, math.nan):
        inside.progress(done, "words")
    assert [event["done"] for event in run.read()] == [0.0, 0.25, 1.0, 0.0, None, None]


def test_progress_in_a_tight_loop_is_cheap_and_ends_right(run: Pipe) -> None:
    for i in range(100_001):
        inside.progress(i / 100_000)
    told = [event["done"] for event in run.read()]
    assert told[-1] == 1.0
    assert told == sorted(told)
    assert len(told) < 300


def test_point(run: Pipe) -> None:
    assert inside.point() == {"parameters": {"x": (1, 2)}, "number": 7, "seed": 5, "run": "r1", "scan": "s"}


def test_a_checkpoint_outlives_the_execution(run: Pipe, tmp_path: Path) -> None:
    folder = inside.checkpoint()
    assert folder == tmp_path / "checkpoints" / "3"
    (folder / "state").write_text("here")
    assert inside.checkpoint() == folder


def test_own_task(run: Pipe) -> None:
    assert inside.own_task("notebooks/x.ipynb")
    assert inside.own_task(Path("x.ipynb"))
    assert not inside.own_task("y.ipynb")
    assert not inside.own_task(print)


def test_outside_a_run_nothing_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    inside.record(a=object())
    inside.progress(0.5)
    assert inside.point() == {"parameters": {}, "number": None, "seed": None, "run": None, "scan": None}
    assert not list(tmp_path.iterdir())
    assert inside.checkpoint() == tmp_path / "farpoint_runs" / "checkpoint"
    assert capsys.readouterr().out == ""


def test_a_pilot_that_is_gone_does_no_harm(run: Pipe) -> None:
    os.remove(run.path)
    inside.record(a=1)
    inside.progress(1.0)


def _write(path: str, who: int) -> None:
    for n in range(200):
        assert events.send(path, {"e": "record", "name": f"{who}.{n}", "value": "v" * (n * 37 % 9000)})


def test_many_writers_never_mix_their_lines(tmp_path: Path) -> None:
    pipe = Pipe(tmp_path)
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_write, args=(str(pipe.path), who)) for who in range(2)]
    threads = [threading.Thread(target=_write, args=(str(pipe.path), who)) for who in range(2, 5)]
    workers = [*processes, *threads]
    for worker in workers:
        worker.start()
    data = pipe.take()
    while any(worker.is_alive() for worker in workers):
        data += pipe.take()
    data += pipe.take()
    found, consumed = journal.parse(data)
    assert {event["name"] for event in found} == {f"{who}.{n}" for who in range(5) for n in range(200)}
    assert sum(line != b"" for line in data[:consumed].split(b"\n")) == 1000
    os.close(pipe.descriptor)


def test_a_writer_killed_in_the_middle_costs_only_its_own_line(run: Pipe) -> None:
    os.write(run.descriptor, journal.line({"e": "record", "name": "torn", "value": 1})[:20])
    inside.record(a=1)
    assert recorded(run) == {"a": 1}


SCRAPS = {
    "i": "3",
    "f": "2.5",
    "s": "'a text'",
    "digits": "'12'",
    "none": "None",
    "flag": "True",
    "nan": "float('nan')",
    "inf": "float('-inf')",
    "l": "[1, float('nan'), 'x']",
    "t": "(1, 2)",
    "n": "np.int64(4)",
    "g": "np.float32(0.5)",
    "z": "np.float32('nan')",
    "v": "np.array([1.0, np.nan])",
    "d": "{'a': 1}",
    "o": "object()",
    "big": "np.zeros(10**5)",
    "when": "__import__('datetime').date(2024, 1, 1)",
    "frame": "__import__('pandas').DataFrame({'a': [1]})",
}


def test_scrapbook_reads_what_was_recorded(start: Start) -> None:
    line = ", ".join(f"{name}={source}" for name, source in SCRAPS.items())
    work = start(notebook("import numpy as np, farpoint as fp", f"fp.record({line})"))
    assert work.wait() == 0, work.text
    assert work.result["state"] == "COMPLETED", work.result
    found = scrapbook.read_notebook(str(work.output)).scraps
    assert set(found) == set(SCRAPS)
    same = {
        "i": 3,
        "f": 2.5,
        "s": "a text",
        "digits": "12",
        "none": None,
        "flag": True,
        "inf": -math.inf,
        "t": [1, 2],
        "n": 4,
        "g": 0.5,
        "d": {"a": 1},
        "when": "2024-01-01",
    }
    assert {name: found[name].data for name in same} == same
    assert math.isnan(found["nan"].data)
    assert math.isnan(found["z"].data)
    assert math.isnan(found["l"].data[1])
    assert math.isnan(found["v"].data[1])
    assert [event["name"] for event in work.of("record")] == list(SCRAPS)
