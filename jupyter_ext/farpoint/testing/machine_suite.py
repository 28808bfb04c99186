"""What every machine must do: subclass `MachineSuite` and `RunsSuite`, give them a `machine`, and let pytest run them.

Knows the Machine protocol and job folders; nothing of how a machine does it.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from farpoint.errors import BadInput, MachineError
from farpoint.machines.base import Machine, Wanted
from farpoint.model import JobFiles, JobShape, QueueEntry, Resources
from farpoint.runner import journal, layout

JOURNAL = layout.JOURNAL
PATIENCE = 120.0  # seconds for a notebook to run on a busy computer

_numbers = itertools.count()


def token() -> str:
    """A token no other job of this session has."""
    number = next(_numbers)
    return "fp" + "".join("abcdefghijklmnopqrstuvwxyz234567"[number >> (5 * place) & 31] for place in range(13))


def notebook(code: str) -> bytes:
    """A notebook with a cell of parameters (x = 0) and one of code."""
    cells = [("x = 0", ["parameters"]), (code, [])]
    return json.dumps({
        "nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "cells": [
            {"cell_type": "code", "id": f"c{number}", "metadata": {"tags": tags}, "source": source, "outputs": [],
             "execution_count": None}
            for number, (source, tags) in enumerate(cells)
        ],
    }).encode()  # fmt: skip


def make_job(
    machine: Machine, folder: Path, code: str = "pass", points: Sequence[int] = (0,), python: str | None = None,
    pilots: int = 1, save: Sequence[str] = (),
) -> JobFiles:  # fmt: skip
    """A job of one run a slice that runs `code` at each `x`, with a file data/mesh.txt beside it."""
    name, data, mesh = token(), notebook(code), b"mesh\n"
    blobs = {}
    for content in (data, mesh):
        path = folder / layout.digest(content)
        path.write_bytes(content)
        blobs[path.name] = path
    limits = machine.limits()
    shape = JobShape(name, pilots, Resources(), "suite", beat=1.0)
    job = {
        "format": layout.FORMAT, "token": name, "farpoint": "0", "created": 0.0, "owner": "suite", "project": "suite",
        "project_root": str(folder), "scan": "suite", "machine": machine.name, "pilots": pilots, "save": list(save),
        "task": {"kind": "notebook", "name": "x.ipynb", "digest": layout.digest(data), "path": "x.ipynb"},
        "environment": {"python": python}, "timing": {"beat": 1.0, "silence": 6.0},
        "files": [{"path": "data/mesh.txt", "digest": layout.digest(mesh), "size": len(mesh), "kind": "file"}],
        "slots": {"cpus": limits.cpus, "memory": limits.memory, "gpus": limits.gpus},
        "runs": [
            {"run": f"r{name[2:11]}", "number": number, "attempt": 1, "version": 1, "key": f"{number}", "seed": 1,
             "parameters": {"x": x}, "cpus": 1, "memory": None, "time": None, "gpus": 0}
            for number, x in enumerate(points)
        ],
    }  # fmt: skip
    slices = {s: layout.dump({"format": layout.FORMAT, "slice": s, "runs": [s]}) for s in range(len(points))}
    return JobFiles(name, layout.dump(job), slices, machine.script(shape), blobs)


class Watch:
    """All that one job's journals have said so far."""

    def __init__(self, machine: Machine, name: str) -> None:
        self.machine = machine
        self.token = name
        self.cursors: dict[str, int] = {}
        self.events: list[Mapping[str, Any]] = []
        self.queue: tuple[QueueEntry, ...] | None = None

    def look(self) -> None:
        """One observation."""
        seen = self.machine.observe({self.token: self.cursors}, jobs={self.token: ()})
        self.queue = None if seen.queue is None else tuple(one for one in seen.queue if one.token == self.token)
        for chunk in seen.chunks:
            events, consumed = journal.parse(chunk.data)
            self.cursors[chunk.file] = chunk.offset + consumed
            self.events += events

    def until(self, done: Callable[[], bool], what: str) -> None:
        """Look until it is so; AssertionError after PATIENCE."""
        end = time.monotonic() + PATIENCE
        while True:
            self.look()
            if done():
                return
            assert time.monotonic() < end, f"{what} did not happen; seen: {self.events}, queue: {self.queue}"
            self.machine.wait(0.5)

    def outcomes(self) -> dict[int, Mapping[str, Any]]:
        """run → its outcome."""
        return {event["i"]: event for event in self.events if event["e"] == "outcome"}

    def idle(self) -> bool:
        """The scheduler answers, and shows nothing of the job that may live."""
        return self.queue is not None and not any(entry.live is not False for entry in self.queue)


class MachineSuite:
    """Every verb, without a run. Override `machine`."""

    @pytest.fixture
    def machine(self) -> Machine:
        """The machine under test; the test's own, and empty."""
        raise NotImplementedError

    def test_it_says_what_a_run_can_have(self, machine: Machine) -> None:
        limits = machine.limits()
        assert limits.cpus >= 1
        assert limits.pilots >= 1
        assert limits.grace >= 0
        assert limits.poll > 0
        assert limits.memory is None or limits.memory > 0

    def test_a_script_is_text_and_always_the_same(self, machine: Machine) -> None:
        shape = JobShape(token(), 2, Resources(), "suite")
        assert shape.token in machine.script(shape)
        assert machine.script(shape) == machine.script(shape)

    def test_a_placed_job_is_all_there_and_can_be_placed_again(self, machine: Machine, tmp_path: Path) -> None:
        job = make_job(machine, tmp_path, points=(1, 2))
        assert machine.missing(job.blobs) == set(job.blobs)
        for _ in range(2):
            machine.place(job)
            assert machine.missing(job.blobs) == set()
            assert machine.tokens() == [job.token]
            assert machine.read(job.token, layout.JOB, limit=1 << 26) == job.job
            assert machine.read(job.token, layout.SCRIPT).decode() == job.script
            assert machine.read(job.token, layout.slice_name(1)) == job.slices[1]

    def test_reading_in_pieces_and_what_is_not_there(self, machine: Machine, tmp_path: Path) -> None:
        job = make_job(machine, tmp_path)
        machine.place(job)
        assert machine.read(job.token, layout.JOB, offset=5, limit=7) == job.job[5:12]
        assert machine.read(job.token, layout.JOB, offset=len(job.job)) == b""
        assert machine.read(job.token, "client.jsonl") == b""
        assert machine.read(job.token, "runs/0.0/none") == b""

    def test_no_path_leads_out(self, machine: Machine, tmp_path: Path) -> None:
        job = make_job(machine, tmp_path)
        machine.place(job)
        for path in ("../../store.sqlite", "/etc/passwd", "runs/../../x", "runs/../task/x.ipynb"):
            with pytest.raises(MachineError):
                machine.read(job.token, path)
            with pytest.raises(MachineError):
                machine.fetch(job.token, path, tmp_path / "target", 1, "0" * 64)
            with pytest.raises(MachineError):
                machine.fetch_many(job.token, [Wanted(path, tmp_path / "target", 1, "0" * 64)])
        assert not (tmp_path / "target").exists()

    def test_a_submit_happens_once_for_each_serial(self, machine: Machine, tmp_path: Path) -> None:
        job = make_job(machine, tmp_path)
        machine.place(job)
        machine.fence(job.token, [0])
        first = machine.submit(job.token, 1)
        assert first.kind == "accepted"
        assert machine.submit(job.token, 1) == first
        second = machine.submit(job.token, 2)
        assert second.kind == "accepted"
        assert second.job_id != first.job_id
        found = machine.look_up(job.token)
        assert found is not None
        assert {entry.job_id for entry in found} <= {first.job_id, second.job_id}
        machine.cancel(job.token, [str(first.job_id), str(second.job_id)])

    def test_nothing_of_another_job_is_found(self, machine: Machine, tmp_path: Path) -> None:
        assert machine.look_up(token()) == ()

    def test_a_fence_is_the_next_claim_and_stays(self, machine: Machine, tmp_path: Path) -> None:
        job = make_job(machine, tmp_path, points=(1, 2, 3))
        machine.place(job)
        assert machine.fence(job.token, [0, 2], only_unclaimed=True) == {0: 0, 2: 0}
        assert machine.fence(job.token, [0, 1, 2]) == {0: 0, 1: 0, 2: 0}
        claims = machine.observe({job.token: {}}, queue=False).claims[job.token]
        assert {s: [bool(body["revoked"]) for body in bodies] for s, bodies in claims.items()} == {
            0: [True], 1: [True], 2: [True],
        }  # fmt: skip

    def test_a_job_is_held_and_released_or_it_is_said_why_not(self, machine: Machine, tmp_path: Path) -> None:
        job = make_job(machine, tmp_path)
        machine.place(job)
        machine.fence(job.token, [0])
        job_id = str(machine.submit(job.token, 1).job_id)
        for order in (machine.hold, machine.release):
            said = ""
            try:
                order(job.token, [job_id])  # an objection is no failure: the job may have ended already
            except BadInput as refused:
                said = str(refused)
            assert not said or repr(machine.name) in said
        machine.cancel(job.token, [job_id])

    def test_orders_and_notes_are_left_there(self, machine: Machine, tmp_path: Path) -> None:
        job = make_job(machine, tmp_path)
        machine.place(job)
        for order in ({"cancel": [0]}, {"cancel": [0]}, {"stop": True}):
            machine.control(job.token, order)
        assert json.loads(machine.read(job.token, layout.control_name(0))) == {"cancel": [0]}
        events = [{"e": "verdict", "t": 1.0, "i": 0, "state": "LOST", "reason": "gone"}, {"e": "ended", "t": 2.0}]
        machine.note(job.token, events[:1])
        machine.note(job.token, events[1:])
        assert journal.parse(machine.read(job.token, layout.CLIENT))[0] == events

    def test_what_is_not_as_promised_is_not_brought(self, machine: Machine, tmp_path: Path) -> None:
        job = make_job(machine, tmp_path)
        machine.place(job)
        target = tmp_path / "here" / "file"
        target.parent.mkdir()
        with pytest.raises(MachineError):
            machine.fetch(job.token, "runs/0.0/none", target, 3, hashlib.sha256(b"abc").hexdigest())
        machine.fetch_many(job.token, [])
        with pytest.raises(MachineError):
            machine.fetch_many(job.token, [Wanted("runs/0.0/none", target, 0, hashlib.sha256(b"").hexdigest())])
        assert list(target.parent.iterdir()) == []

    def test_a_removed_job_is_gone_and_can_be_removed_again(self, machine: Machine, tmp_path: Path) -> None:
        job = make_job(machine, tmp_path)
        machine.place(job)
        assert machine.usage()[job.token] >= len(job.job)
        for _ in range(2):
            machine.remove(job.token)
            assert machine.tokens() == []
            assert machine.usage() == {}
        machine.place(job)
        assert machine.tokens() == [job.token]

    def test_a_wait_ends_in_time(self, machine: Machine) -> None:
        begun = time.monotonic()
        machine.wait(0.2)
        assert time.monotonic() - begun < 20

    def test_a_closed_machine_opens_again(self, machine: Machine, tmp_path: Path) -> None:
        machine.place(make_job(machine, tmp_path))
        machine.close()
        assert len(machine.tokens()) == 1


class RunsSuite:
    """Notebooks that run. Override `machine`, and `python` where the far side's notebooks need another one."""

    @pytest.fixture
    def machine(self) -> Machine:
        """The machine under test; the test's own, and empty."""
        raise NotImplementedError

    @pytest.fixture
    def python(self) -> str | None:
        """The Python there that runs notebooks."""
        return None

    def start(self, machine: Machine, job: JobFiles) -> tuple[Watch, str]:
        """Place and submit a job."""
        machine.place(job)
        receipt = machine.submit(job.token, 1)
        assert receipt.kind == "accepted"
        return Watch(machine, job.token), str(receipt.job_id)

    def test_runs_end_with_an_outcome_and_their_files_come_back(
        self, machine: Machine, tmp_path: Path, python: str | None
    ) -> None:
        code = "open('out.txt', 'w').write(open('data/mesh.txt').read() * x)"
        job = make_job(machine, tmp_path, code, points=(2, 3), python=python, save=["*.txt"])
        watch, _ = self.start(machine, job)
        watch.until(lambda: len(watch.outcomes()) == 2, "two outcomes")
        assert {event["state"] for event in watch.outcomes().values()} == {"COMPLETED"}, watch.events
        watch.until(watch.idle, "the job's end")
        folders = {event["i"]: event["folder"] for event in watch.events if event["e"] == "started"}
        saved = [event for event in watch.events if event["e"] == "artifact" and event["path"] == "out.txt"]
        assert len(saved) == 2
        for event in saved:
            target = tmp_path / f"out{event['i']}.txt"
            far = f"{folders[event['i']]}/{event['path']}"
            machine.fetch(job.token, far, target, event["size"], event["sha256"])
            assert target.read_text() == "mesh\n" * (event["i"] + 2)
            again = tmp_path / f"again{event['i']}.txt"
            promised = Wanted(far, again, event["size"], event["sha256"])
            with pytest.raises(MachineError):
                machine.fetch_many(job.token, [promised, Wanted(far, tmp_path / "damaged", event["size"], "0" * 64)])
            assert again.read_text() == target.read_text()
            assert not (tmp_path / "damaged").exists()
            with pytest.raises(MachineError):
                machine.fetch(job.token, far, tmp_path / "damaged", event["size"], "0" * 64)

    def test_one_that_fails_says_why(self, machine: Machine, tmp_path: Path, python: str | None) -> None:
        watch, _ = self.start(machine, make_job(machine, tmp_path, "1 / x", points=(0, 1), python=python))
        watch.until(lambda: len(watch.outcomes()) == 2, "two outcomes")
        outcomes = watch.outcomes()
        assert (outcomes[0]["state"], outcomes[1]["state"]) == ("FAILED", "COMPLETED")
        assert outcomes[0]["error"]["type"] == "ZeroDivisionError"

    def test_what_is_fenced_before_does_not_run(self, machine: Machine, tmp_path: Path, python: str | None) -> None:
        job = make_job(machine, tmp_path, points=(1, 2), python=python)
        machine.place(job)
        machine.fence(job.token, [0])
        machine.submit(job.token, 1)
        watch = Watch(machine, job.token)
        watch.until(lambda: bool(watch.outcomes()) and watch.idle(), "the job's end")
        assert set(watch.outcomes()) == {1}

    def test_two_submits_of_one_token_run_everything_once(
        self, machine: Machine, tmp_path: Path, python: str | None
    ) -> None:
        job = make_job(machine, tmp_path, points=(1, 2, 3), python=python)
        watch, _ = self.start(machine, job)
        machine.submit(job.token, 2)
        watch.until(lambda: len(watch.outcomes()) == 3 and watch.idle(), "the jobs' end")
        assert sorted(event["i"] for event in watch.events if event["e"] == "started") == [0, 1, 2]

    def test_a_cancelled_job_ends(self, machine: Machine, tmp_path: Path, python: str | None) -> None:
        job = make_job(machine, tmp_path, "import time; time.sleep(600)", python=python)
        watch, job_id = self.start(machine, job)
        watch.until(lambda: any(event["e"] == "started" for event in watch.events), "a start")
        machine.cancel(job.token, [job_id])
        watch.until(watch.idle, "the job's end")
        assert not any(event["state"] == "COMPLETED" for event in watch.outcomes().values())

    def test_an_order_cancels_one_run(self, machine: Machine, tmp_path: Path, python: str | None) -> None:
        code = "import time; time.sleep(600 * (x == 1))"
        job = make_job(machine, tmp_path, code, points=(1, 2), python=python)
        watch, _ = self.start(machine, job)
        watch.until(lambda: any(event["e"] == "started" and event["i"] == 0 for event in watch.events), "a start")
        machine.control(job.token, {"cancel": [0]})
        watch.until(lambda: len(watch.outcomes()) == 2, "two outcomes")
        outcomes = watch.outcomes()
        assert (outcomes[0]["state"], outcomes[1]["state"]) == ("CANCELLED", "COMPLETED")
