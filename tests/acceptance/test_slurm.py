"""On a real Slurm: scans end, jobs end in every way Slurm knows, and each says so in our words."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from desk import notebook

from budget import budget
from clusters.daemons import until
from clusters.slurm import Slurm
from farpoint.schedulers.base import TOKEN

pytestmark = [pytest.mark.xdist_group("slurm"), pytest.mark.slow, pytest.mark.timeout(400)]

SETTINGS = """
[machines.here]
scheduler = "slurm"
grace = 3
poll = 0.5
beat = 1.0
"""
SCAN = """
import json, os, pathlib, time
import farpoint as fp

def f(x):
    {body}

scan = fp.Scan(f, fp.grid(x=list(range({points}))), name="s")
scan.submit(on="here"{resources})
print("submitted", flush=True)
{then}
"""
WAIT = """
scan.wait()
names = ["run_state", "run_reason", "run_error", "run_exit_code"]
print(json.dumps(scan.table[names].astype(object).where(scan.table[names].notna(), None).values.tolist()))
"""
COMMAND = "from farpoint.ui.cli import main; main({words!r})"
ATTACH = 'import json, farpoint as fp\nscan = fp.attach("s")\n'
LONG = "pathlib.Path('began').open('a').write(f'{x}\\n'); time.sleep(600)"
ONCE = (
    "mine = pathlib.Path(f'began{x}'); again = mine.exists(); mine.touch(); time.sleep(0 if again else 600); return x"
)


@dataclass
class Bench:
    """A user's desk beside a Slurm."""

    desk: Any
    slurm: Slurm
    before: frozenset[str]  # jobs of earlier tests

    def submit(self, body: str, points: int = 1, then: str = WAIT, **resources: object) -> subprocess.Popen[str]:
        """A process that submits a scan of f(x) and waits for it; it has handed over when this returns."""
        words = "".join(f", {name}={value!r}" for name, value in resources.items())
        body = body.replace("pathlib.Path(", f"pathlib.Path({str(self.desk.folder)!r}, ")
        made = self.desk.start(SCAN.format(body=body, points=points, resources=words, then=then), **self.slurm.env)
        assert made.stdout.readline() == "submitted\n", made.stderr.read()
        return made

    def rows(self, process: subprocess.Popen[str]) -> list[tuple[Any, ...]]:
        """(state, reason, error, exit code) of each run, once the process is done waiting."""
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        return [tuple(row) for row in json.loads(out.splitlines()[-1])]

    def farpoint(self, *words: str) -> dict[str, Any]:
        """What a command of ours says as JSON."""
        said: dict[str, Any] = json.loads(self.desk.run(COMMAND.format(words=list(words)), **self.slurm.env))
        return said

    def again(self) -> list[tuple[Any, ...]]:
        """The same from a new process that attaches to the scan."""
        return self.rows(self.desk.start(ATTACH + WAIT, **self.slurm.env))

    def jobs(self, *states: str) -> list[tuple[str, str, str, str]]:
        """(id, name, state, reason) of each of our jobs and members that is in one of these states."""
        return [job for job in self.slurm.jobs(*states) if TOKEN.fullmatch(job[1]) and job[1] not in self.before]

    def job(self, *states: str) -> str:
        """The id of our only job once it is in one of these states."""
        until(lambda: bool(self.jobs(*states)), f"a job of ours is {states}: {self.slurm.jobs()}")
        return self.jobs(*states)[0][0]

    def running(self) -> str:
        """The id of our job once its function runs."""
        until(lambda: any(self.desk.folder.glob("began*")), "the function runs")
        return self.job("RUNNING")


def bench_at(desk, slurm: Slurm) -> Iterator[Bench]:
    desk.settings(SETTINGS)
    yield Bench(desk, slurm, frozenset(name for _, name, *_ in slurm.jobs()))
    slurm.clear()


@pytest.fixture
def bench(desk, slurm):
    yield from bench_at(desk, slurm)


@pytest.fixture
def accounted(desk, accounted_slurm):
    yield from bench_at(desk, accounted_slurm)


def test_a_function_is_scanned(bench):
    assert bench.rows(bench.submit("return {'y': x * x}", points=3)) == [("COMPLETED", "", "", 0)] * 3


def test_a_notebook_is_scanned(bench):
    bench.desk.write(notebook("x = 0", "import farpoint as fp\nfp.record(y=x * x)"))
    said = bench.desk.run(
        """
        import json, farpoint as fp
        scan = fp.Scan("task.ipynb", fp.grid(x=[1, 2, 3])).submit(on="here")
        scan.wait()
        print(json.dumps(scan.table[["y", "run_state"]].values.tolist()))
        """,
        **bench.slurm.env,
    )
    assert json.loads(said.splitlines()[-1]) == [[1, "COMPLETED"], [4, "COMPLETED"], [9, "COMPLETED"]]


def test_an_array_takes_eight_points(bench):
    process = bench.submit(
        "return os.environ['SLURM_ARRAY_JOB_ID'] + '_' + os.environ['SLURM_ARRAY_TASK_ID']", points=8
    )
    assert [row[0] for row in bench.rows(process)] == ["COMPLETED"] * 8
    assert len(bench.jobs("COMPLETED")) == 8
    assert len({name for _, name, *_ in bench.jobs()}) == 1


@pytest.mark.parametrize(
    ("body", "resources", "expected"),
    [
        ("os._exit(3)", {}, ("FAILED", "exit code 3", 3)),
        ("raise ValueError(x)", {}, ("FAILED", "exception", None)),
        ("os.kill(os.getpid(), 11)", {}, ("FAILED", "killed by signal 11", None)),
        ("time.sleep(600)", {"time": "2s"}, ("FAILED", "timeout", None)),
        ("b = b'1' * 400_000_000; time.sleep(5)", {"memory": "150MB"}, ("FAILED", "out of memory", None)),
    ],
    ids=["exit", "exception", "signal", "time", "memory"],
)
def test_a_run_ends_badly(bench, body, resources, expected):
    [(state, reason, _, code)] = bench.rows(bench.submit(body, **resources))
    assert (state, reason, code) == expected


def test_a_job_over_its_time(bench):
    process = bench.submit(LONG)
    bench.slurm.end_now(bench.running())
    assert bench.rows(process)[0][:2] == ("FAILED", "timeout")


def test_a_job_cancelled_by_somebody_else(bench):
    process = bench.submit(LONG)
    bench.slurm.run("scancel", bench.running())
    assert bench.rows(process)[0][:2] == ("CANCELLED", "cancelled outside farpoint")


@pytest.mark.parametrize("requeue", ["--requeue", "--no-requeue"])
def test_a_node_fails(bench, requeue):
    process = bench.submit(ONCE, extra=[requeue, "--nodelist=n3"])
    bench.running()
    bench.slurm.kill_node("n3")
    bench.slurm.mend_node("n3")
    assert bench.rows(process)[0][:2] == ("COMPLETED", "")


@pytest.mark.parametrize("requeue", ["--requeue", "--no-requeue"])
def test_a_job_makes_room_for_another(bench, requeue, tmp_path):
    process = bench.submit(ONCE, queue="scavenge", extra=[requeue])
    bench.running()
    bench.slurm.run("sbatch", "-p", "short", "-N3", "--exclusive", "-o", "/dev/null", "--wrap", "sleep 1")
    assert bench.rows(process)[0][:2] == ("COMPLETED", "")


def test_what_slurm_will_never_run_is_refused(bench):
    [(state, reason, _, _)] = bench.rows(bench.submit("return x", extra=["--constraint=quantum"]))
    assert state == "FAILED"
    assert "Invalid feature specification" in reason


@pytest.mark.parametrize(
    ("resources", "word"),
    [
        ({"extra": ["--time=2:00:00"]}, "PartitionTimeLimit"),
        ({"extra": ["--hold"]}, "JobHeldUser"),
        ({"extra": ["--cpus-per-task=64"]}, "PartitionConfig"),
    ],
    ids=["time", "held", "cores"],
)
def test_a_job_that_never_starts_waits_and_says_why(bench, resources, word):
    # A job is given a first reason before the scheduler has looked at all of it.
    look = f"""
while not scan.table["run_reason"][0].startswith({word!r}):
    scan.wait(timeout=0.5)
print(json.dumps(scan.table[["run_state", "run_reason", "run_error", "run_exit_code"]].astype(object).where(
    scan.table.notna(), None).values.tolist()))
"""
    process = bench.submit("return x", then=look, **resources)
    [(state, reason, error, _)] = bench.rows(process)
    assert (state, error) == ("QUEUED", "")
    assert reason.startswith(f"{word}: ")
    assert ", so it never starts" in reason


def test_a_held_job_is_released(bench):
    process = bench.submit("return x", extra=["--hold"])
    job_id = bench.job("PENDING")
    bench.slurm.run("scontrol", "release", job_id)
    assert bench.rows(process)[0][:2] == ("COMPLETED", "")


def test_what_is_held_waits_though_nodes_are_free_and_says_so(bench):
    everything = ["--nodes=3", "--exclusive", "--output=/dev/null", "--wrap=sleep 600"]
    blocker = bench.slurm.run("sbatch", *everything).split()[-1]
    until(lambda: bench.slurm.idle() == 0, "every node is taken")
    process = bench.submit("return x", points=2)
    bench.job("PENDING")
    held = bench.farpoint("hold", "s", "--json")
    assert (held["asked"], held["messages"]) == (1, [])
    said = {point["run_reason"] for point in bench.farpoint("show", "s", "--json")["points"]}
    assert said == {"JobHeldUser: held by its user, so it never starts; release it"}
    bench.slurm.run("scancel", blocker)
    until(lambda: bench.slurm.idle() == 3, "every node is free")
    assert {reason for *_, reason in bench.jobs("PENDING")} == {"JobHeldUser"}
    assert bench.farpoint("release", "s", "--json")["messages"] == []
    assert [row[0] for row in bench.rows(process)] == ["COMPLETED"] * 2


ASLEEP = "os._exit(0)"  # the process that submitted is gone: nobody looks


@pytest.mark.parametrize(
    ("body", "expected"),
    [("return x", ("COMPLETED", "")), ("os._exit(3)", ("FAILED", "exit code 3"))],
    ids=["result", "exit"],
)
def test_what_was_forgotten_before_anybody_looked_is_in_the_journal(bench, body, expected):
    bench.submit(body, then=ASLEEP).communicate()
    bench.job("COMPLETED")
    bench.slurm.forget()
    assert bench.again()[0][:2] == expected


def test_a_cause_that_squeue_forgot_is_in_the_account(accounted):
    accounted.submit(LONG, then=ASLEEP).communicate()
    accounted.slurm.run("scancel", accounted.running())
    until(lambda: not accounted.slurm.jobs(), "squeue forgot the job")
    until(lambda: "CANCELLED" in accounted.slurm.run("sacct", "-X", "-n", "-o", "State"), "the account has it")
    assert accounted.again()[0][:2] == ("CANCELLED", "cancelled outside farpoint")


def test_a_cause_that_nobody_knows_any_more_starts_the_run_again(bench):
    bench.submit(ONCE, then=ASLEEP).communicate()
    bench.slurm.run("scancel", "--signal=KILL", "--full", bench.running())
    bench.slurm.forget()
    assert bench.again()[0][:2] == ("COMPLETED", "")


def test_a_full_queue_is_asked_again(accounted):
    slurm = accounted.slurm
    blocker = slurm.run("sbatch", "-o", "/dev/null", "--wrap", "sleep 600").split()[-1]
    limit = ["sacctmgr", "-i", "modify", "user", getpass.getuser(), "set"]
    slurm.run(*limit, "MaxSubmitJobs=1")
    try:
        process = accounted.submit("return x")
        assert not accounted.jobs()
        [said] = accounted.farpoint("show", "s", "--json")["messages"]
        assert said.startswith("1 job of s cannot be handed over to here: sbatch: error: ")
        assert said.endswith("; it is tried again by itself, until it is cancelled")
        slurm.run("scancel", blocker)
        assert accounted.rows(process)[0][:2] == ("COMPLETED", "")
    finally:
        slurm.run(*limit, "MaxSubmitJobs=-1")


def test_a_member_cancelled_by_somebody_else_takes_only_its_own_run(bench):
    process = bench.submit("x or pathlib.Path('began').touch(); x or time.sleep(600); return x", points=3)
    bench.running()
    until(lambda: len(bench.jobs("COMPLETED")) == 2, "the others are done")
    bench.slurm.run("scancel", bench.job("RUNNING"))
    assert [row[0] for row in bench.rows(process)] == ["CANCELLED", "COMPLETED", "COMPLETED"]


def test_a_controller_that_is_down_ends_nothing(bench):
    look = """
seen = set()
while not scan.table["run_state"].isin(["COMPLETED", "FAILED", "LOST", "CANCELLED"]).all():
    scan.wait(timeout=0.5)
    seen.add(scan.table["run_state"][0])
print(json.dumps([sorted(seen - {"NEW", "QUEUED"})]))
"""
    away = budget("slurm.away")
    process = bench.submit(f"pathlib.Path('began').touch(); time.sleep({away}); return x", then=look)
    bench.running()
    bench.slurm.stop_controller()
    try:
        assert bench.rows(process) == [("COMPLETED", "RUNNING")]  # from the journal; its grace was over long ago
    finally:
        bench.slurm.start_controller()


def test_a_submit_that_failed_and_ran_all_the_same_is_found(bench):
    with bench.slurm.frozen_controller():
        process = bench.submit("pathlib.Path('effects').open('a').write('.'); return x")
    assert bench.rows(process)[0][:2] == ("COMPLETED", "")
    assert (bench.desk.folder / "effects").read_text() == "."
    assert len(bench.jobs()) == 1


KEEP = """#!/bin/sh
for last; do :; done
cp "$last" {folder}/submitted
exec {sbatch} "$@"
"""


def test_the_previewed_script_is_what_sbatch_gets(bench):
    wrapper = bench.desk.folder / "bin" / "sbatch"
    wrapper.parent.mkdir()
    wrapper.write_text(KEEP.format(folder=bench.desk.folder, sbatch=shutil.which("sbatch")))
    wrapper.chmod(0o755)
    path = f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}"
    code = """
import json, farpoint as fp
def f(x):
    return x
scan = fp.Scan(f, fp.grid(x=[1, 2]), name="s")
words = dict(cpus=2, memory="600MB", time="5m", queue="long", extra=["--nice=3"])
script = scan.preview(on="here", **words).script
scan.submit(on="here", **words)
scan.wait()
print(json.dumps(script))
"""
    shown = json.loads(bench.desk.run(code, PATH=path, **bench.slurm.env).splitlines()[-1])
    sent = (bench.desk.folder / "submitted").read_text()
    assert shown == sent
    assert "#SBATCH --mem=600M" in sent
