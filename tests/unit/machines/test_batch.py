"""A batch machine over a pipe: with `direct` it passes the suites; with a queue of our own it translates answers."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from farpoint import model
from farpoint.config import MachineConfig
from farpoint.errors import BadConfig, MachineError, Unreachable
from farpoint.machines import batch
from farpoint.machines.base import Place, Wanted
from farpoint.machines.registry import build_machine
from farpoint.model import QueueEntry, Receipt
from farpoint.runner import layout
from farpoint.schedulers import base
from farpoint.schedulers.direct import Direct
from farpoint.testing.machine_suite import MachineSuite, RunsSuite, make_job
from farpoint.transports.link import Link
from farpoint.transports.pipe import Pipe


def build(tmp_path: Path, **config) -> batch.Machine:
    machine = build_machine("local", MachineConfig(**config), tmp_path / "state", "me", lambda: 1000.0)
    assert isinstance(machine, batch.Machine)
    return machine


class TestVerbs(MachineSuite):
    @pytest.fixture
    def machine(self, tmp_path) -> Iterator[batch.Machine]:
        machine = build(tmp_path)
        yield machine
        machine.close()


class TestVerbsUnderTheOldestPython(MachineSuite):
    """The same, with the agent run by Python 3.6 if this computer has one."""

    @pytest.fixture
    def machine(self, tmp_path) -> Iterator[batch.Machine]:
        versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
        oldest = [*map(str, versions.glob("3.6.*/bin/python")), sys.executable][0]
        machine = build(tmp_path, python=oldest)
        assert machine._greeting()["python"] == oldest
        yield machine
        machine.close()


class TestRuns(RunsSuite):
    @pytest.fixture
    def machine(self, tmp_path) -> Iterator[batch.Machine]:
        machine = build(tmp_path)
        yield machine
        for token in machine.tokens():
            machine.cancel(token, [entry.job_id for entry in machine.look_up(token) or () if entry.live])
        machine.close()

    @pytest.fixture
    def python(self) -> str:
        return sys.executable


@dataclass
class Queue:
    """A queue system of three shell lines: submits are counted in a file, its answers are files too."""

    folder: Path
    name: str = "files"
    here: bool = False
    grace: float = 60.0
    remembers: bool = False

    def render(self, shape, paths) -> str:
        return "\n".join([*base.head(shape), *base.body(shape, paths)])

    def submit_command(self, token, script, paths) -> list[str]:
        return ["sh", "-c", f"echo {token} >> {self.folder}/submits; sleep 0.2; cat {self.folder}/answer"]

    def parse_submit(self, code, out, err) -> Receipt:
        return Receipt("accepted", out.strip(), out) if code == 0 and out.strip() else Receipt("unknown", None, err)

    def status_command(self, jobs, paths) -> list[str]:
        return ["cat", f"{self.folder}/queue"]

    def parse_status(self, code, out, err) -> tuple[QueueEntry, ...] | None:
        return tuple(QueueEntry(*line.split(), live=True) for line in out.splitlines()) if code == 0 else None

    def look_up_command(self, token, paths) -> list[str]:
        return self.status_command({}, paths)

    def queues_command(self, paths) -> list[str]:
        return ["cat", f"{self.folder}/queues"]

    def parse_queues(self, code, out, err) -> tuple[model.Queue, ...] | None:
        return tuple(model.Queue(line) for line in out.splitlines()) if code == 0 else None

    def accounting_command(self, jobs, paths) -> list[str]:
        return ["cat", f"{self.folder}/account"]

    def parse_accounting(self, code, out, err) -> tuple[QueueEntry, ...] | None:
        if code != 0:
            return None
        return tuple(QueueEntry(*line.split(), live=False, cause="timeout") for line in out.splitlines())

    def cancel_commands(self, job_ids, paths) -> list[list[str]]:
        return [["sh", "-c", f"echo {' '.join(job_ids)} >> {self.folder}/cancelled; exit 1"]]


@pytest.fixture
def queue(tmp_path) -> Queue:
    (tmp_path / "answer").write_text("77\n")
    return Queue(tmp_path)


@pytest.fixture
def machine(tmp_path, queue) -> Iterator[batch.Machine]:
    machine = batch.Machine("hpc", Link("hpc", Pipe(), str(tmp_path / "state")), queue, "me", lambda: 1000.0)
    yield machine
    machine.close()


def agent_of(machine: batch.Machine) -> int:
    return machine._link.call("hello").value["pid"]


def run_folder(tmp_path: Path, token: str) -> Path:
    folder = Path(layout.work_folder(str(tmp_path / "state" / "work"), token), layout.run_name(0, 0))
    folder.mkdir(parents=True)
    return folder


def test_ten_processes_submit_one_serial_once(machine, queue, tmp_path) -> None:
    job = make_job(machine, tmp_path)
    machine.place(job)
    receipts = []

    def submit() -> None:
        link = Link("hpc", Pipe(), str(tmp_path / "state"))
        receipts.append(batch.Machine("hpc", link, queue, "me", lambda: 1.0).submit(job.token, 1))
        link.close()

    threads = [threading.Thread(target=submit) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "submits").read_text() == f"{job.token}\n"
    assert {receipt.kind for receipt in receipts} <= {"accepted", "unknown"}
    assert {receipt.job_id for receipt in receipts if receipt.kind == "accepted"} == {"77"}
    assert machine.submit(job.token, 1).job_id == "77"


def test_a_submit_cut_off_is_unknown_and_not_repeated(machine, tmp_path) -> None:
    job = make_job(machine, tmp_path)
    machine.place(job)
    pid = agent_of(machine)
    killer = threading.Timer(0.1, os.kill, (pid, signal.SIGKILL))
    killer.start()
    with pytest.raises(Unreachable, match="machine 'hpc' did not answer 'submit'"):
        machine.submit(job.token, 1)
    killer.join()
    assert machine.submit(job.token, 1).kind == "unknown"
    assert (tmp_path / "submits").read_text() == f"{job.token}\n"


def test_a_job_that_was_never_placed_is_not_submitted(machine, tmp_path) -> None:
    with pytest.raises(MachineError, match="is not there"):
        machine.submit("fpabcdefghijklm", 1)
    assert not (tmp_path / "submits").exists()


def test_the_queue_is_looked_at_and_named_when_it_is_down(machine, tmp_path) -> None:
    (tmp_path / "queue").write_text("77 fpabcdefghijklm\n")
    assert machine.observe({}).queue == (QueueEntry("77", "fpabcdefghijklm", True),)
    assert machine.observe({}, queue=False).queue is None
    (tmp_path / "queue").unlink()
    seen = machine.observe({"fpabcdefghijklm": {}})
    assert seen.queue is None
    assert "No such file" in seen.trouble
    assert "exit code 1" in seen.trouble


def test_a_look_up_asks_queue_and_account_and_believes_the_queue_first(machine, tmp_path) -> None:
    mine = "fpabcdefghijklm"
    (tmp_path / "queue").write_text(f"77 {mine}\n78 fpzzzzzzzzzzzzz\n")
    assert machine.look_up(mine) is None
    (tmp_path / "account").write_text(f"76 {mine}\n77 {mine}\n78 fpzzzzzzzzzzzzz\n")
    found = {entry.job_id: entry for entry in machine.look_up(mine)}
    assert {job_id: entry.live for job_id, entry in found.items()} == {"76": False, "77": True}


def test_ending_what_is_not_there_is_no_error(machine, tmp_path) -> None:
    machine.cancel("fpabcdefghijklm", ["77", "78"])
    machine.cancel("fpabcdefghijklm", [])
    assert (tmp_path / "cancelled").read_text() == "77 78\n"


def test_placing_cut_off_anywhere_and_again(machine, tmp_path) -> None:
    """The agent is killed while a job with large files is put, a new one each time; in the end it is whole."""
    job = make_job(machine, tmp_path, points=range(200))
    failures = 0
    for delay in (0.0, 0.005, 0.01, 0.02, 0.04, 0.08):
        big = os.urandom(1 << 25)
        job.blobs[layout.digest(big)] = tmp_path / f"big-{delay}"
        (tmp_path / f"big-{delay}").write_bytes(big)
        killer = threading.Timer(delay, os.kill, (agent_of(machine), signal.SIGKILL))
        killer.start()
        try:
            machine.place(job)
        except Unreachable:
            failures += 1
        killer.join()
        time.sleep(0.05)
    machine.place(job)
    assert failures >= 2
    assert machine.missing(job.blobs) == set()
    assert machine.read(job.token, "job.json", limit=1 << 26) == job.job
    assert [machine.read(job.token, layout.slice_name(s)) for s in (0, 199)] == [job.slices[0], job.slices[199]]


def test_a_large_answer_comes_in_pieces(machine, tmp_path) -> None:
    job = make_job(machine, tmp_path)
    machine.place(job)
    data = os.urandom((1 << 23) + 12345)
    folder = run_folder(tmp_path, job.token)
    (folder / "big.bin").write_bytes(data)
    target = tmp_path / "big.bin"
    machine.fetch(job.token, "runs/0.0/big.bin", target, len(data), layout.digest(data))
    assert target.read_bytes() == data
    assert machine.read(job.token, "runs/0.0/big.bin", limit=len(data)) == data
    with pytest.raises(MachineError, match="not the file the run left"):
        machine.fetch(job.token, "runs/0.0/big.bin", tmp_path / "short", 100, layout.digest(data))
    assert not list(tmp_path.glob("*short*"))


def test_many_small_files_come_in_few_answers_and_a_large_one_by_itself(machine, tmp_path) -> None:
    job = make_job(machine, tmp_path)
    machine.place(job)
    folder = run_folder(tmp_path, job.token)
    wanted = []
    for number, size in enumerate([0, 5, 3 << 20, 3 << 20, (1 << 22) + 1, *range(600)]):
        data = os.urandom(size)
        (folder / f"{number}.bin").write_bytes(data)
        wanted.append(Wanted(f"runs/0.0/{number}.bin", tmp_path / f"{number}.bin", size, layout.digest(data)))
    machine.fetch_many(job.token, wanted)
    for one in wanted:
        assert layout.digest(one.target.read_bytes()) == one.digest
    assert not list(tmp_path.glob(".*.part"))


def test_a_link_of_a_run_does_not_lead_out(machine, tmp_path) -> None:
    job = make_job(machine, tmp_path)
    machine.place(job)
    folder = run_folder(tmp_path, job.token)
    (tmp_path / "secret").write_text("secret")
    (folder / "out.txt").symlink_to(tmp_path / "secret")
    with pytest.raises(MachineError, match="leads out of"):
        machine.read(job.token, "runs/0.0/out.txt")


def test_limits_here_and_in_a_queue(tmp_path, machine) -> None:
    assert (machine.limits().grace, machine.limits().why) == (60.0, "")
    local = build(tmp_path, cpus=1, memory=5, gpus=3, grace=7.0, poll=9.0, beat=2.0)
    limits = local.limits()
    assert (limits.cpus, limits.memory, limits.gpus, limits.grace, limits.poll) == (1, 5, 3, 7.0, 9.0)
    assert (machine.limits().beat, limits.beat) == (10.0, 2.0)
    assert limits.pilots == 1
    greedy = build(tmp_path, cpus=10**6)
    assert greedy.limits().cpus == len(os.sched_getaffinity(0))
    local.close()
    greedy.close()


class Elsewhere(Direct):
    """A queue system known by its program."""

    programs = ("fp-submit", "fp-list")


class Broken(Mapping[str, type[Direct]]):
    """What is installed: a good one, a bad one, and none at all."""

    def __getitem__(self, name: str) -> type[Direct]:
        if name == "bad":
            raise BadConfig("cannot be loaded")
        return {"direct": Direct, "elsewhere": Elsewhere}[name]

    def __iter__(self) -> Iterator[str]:
        return iter(["direct", "bad", "elsewhere"])

    def __len__(self) -> int:
        return 3


def test_a_computer_with_a_queue_is_shared_unless_the_config_says_so(tmp_path, monkeypatch) -> None:
    program = tmp_path / "bin" / "fp-submit"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")

    def here(**config) -> batch.Machine:
        return batch.build(Place("local", MachineConfig(**config), tmp_path / "s", "me", lambda: 1000.0, Broken()))

    local = here()
    local._greeting()["cpus"] = 64
    assert local.limits().cpus == 2
    assert "fp-submit" in local.limits().why
    chosen = here(cpus=32)
    chosen._greeting()["cpus"] = 64
    assert (chosen.limits().cpus, chosen.limits().why) == (32, "")
    local.close()
    chosen.close()


def test_a_disk_that_takes_nothing_pauses_and_fails_nothing(machine, tmp_path) -> None:
    job = make_job(machine, tmp_path)
    (tmp_path / "state/jobs").write_text("a file where a folder should be")
    with pytest.raises(Unreachable, match=r"machine 'hpc' cannot 'place' now: .*EEXIST"):
        machine.place(job)
