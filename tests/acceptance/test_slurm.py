"""On a real Slurm: scans end, jobs end in every way Slurm knows, and each says so in our words."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from clusters.daemons import until
from clusters.slurm import Slurm
from farpoint.schedulers.base import TOKEN

pytestmark = [pytest.mark.xdist_group("slurm"), pytest.mark.slow, pytest.mark.timeout(400)]

SETTINGS = """
[machines.here]
scheduler = "slurm"
grace = 3
poll = 0.5
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
