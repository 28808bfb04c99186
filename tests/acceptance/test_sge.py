"""On a real Grid Engine: scans end, jobs end in every way it knows, and each says so in our words."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from dataclasses import dataclass
from typing import Any

import pytest

from clusters.daemons import until
from clusters.sge import GridEngine
from farpoint.machines import batch

pytestmark = [pytest.mark.xdist_group("sge"), pytest.mark.slow, pytest.mark.timeout(400)]

SETTINGS = """
[machines.grid]
scheduler = "sge"
grace = 3
poll = 0.5
"""
SCAN = """
import json, os, pathlib, time
import farpoint as fp

def f(x):
    {body}

scan = fp.Scan(f, fp.grid(x=list(range({points}))), name="s")
scan.submit(on="grid"{resources})
print("submitted", flush=True)
scan.wait()
names = ["run_state", "run_reason", "run_error", "run_exit_code"]
print(json.dumps(scan.table[names].astype(object).where(scan.table[names].notna(), None).values.tolist()))
"""
COMMAND = "from farpoint.ui.cli import main; main({words!r})"
LONG = "pathlib.Path('began').touch(); time.sleep(600)"


@dataclass
class Bench:
    """A user's desk beside a Grid Engine."""

    desk: Any
    sge: GridEngine

    def submit(self, body: str, points: int = 1, **resources: object) -> subprocess.Popen[str]:
        """A process that submits a scan of f(x) and waits for it; it has handed over when this returns."""
        words = "".join(f", {name}={value!r}" for name, value in resources.items())
        body = body.replace("pathlib.Path(", f"pathlib.Path({str(self.desk.folder)!r}, ")
        made = self.desk.start(SCAN.format(body=body, points=points, resources=words), **self.sge.env)
        assert made.stdout.readline() == "submitted\n", made.stderr.read()
        return made

    def rows(self, process: subprocess.Popen[str]) -> list[tuple[Any, ...]]:
        """(state, reason, error, exit code) of each run, once the process is done waiting."""
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        return [tuple(row) for row in json.loads(out.splitlines()[-1])]

    def farpoint(self, *words: str) -> dict[str, Any]:
        """What a command of ours says as JSON."""
        said: dict[str, Any] = json.loads(self.desk.run(COMMAND.format(words=list(words)), **self.sge.env))
        return said

    def job(self, *states: str) -> str:
        """The id of our only job once it is in one of these states."""
        until(lambda: bool(self.jobs(*states)), f"a job of ours is {states}: {self.jobs()}")
        return self.jobs(*states)[0]

    def jobs(self, *states: str) -> list[str]:
        """Ids of jobs in the queue, in any state where none is given."""
        told = re.findall(
            r"<JB_job_number>(\d+)</JB_job_number>.*?<state>(\w+)</state>", self.sge.run("qstat", "-xml"), re.DOTALL
        )
        return [job for job, state in told if not states or state in states]

    def running(self) -> str:
        """The id of our job once its function runs."""
        until((self.desk.folder / "began").exists, "the function runs")
        return self.job("r")


@pytest.fixture
def bench(desk, sge):
    desk.settings(SETTINGS)
    made = Bench(desk, sge)
    yield made
    for job in made.jobs():
        sge.run("qdel", job, check=False)
    until(lambda: not made.jobs(), "the queue is empty")


def test_a_function_is_scanned(bench):
    assert bench.rows(bench.submit("return {'y': x * x}", points=3)) == [("COMPLETED", "", "", 0)] * 3


def test_what_is_held_says_so_and_is_released(bench):
    process = bench.submit("return x", points=2, extra=["-h"])
    held = bench.farpoint("hold", "s", "--json")  # which it is already: that does no harm
    assert (held["asked"], held["messages"]) == (1, [])
    assert {point["run_reason"] for point in held["points"]} == {"hqw: held, or waits for another job"}
    assert bench.farpoint("release", "s", "--json")["messages"] == []
    assert [row[0] for row in bench.rows(process)] == ["COMPLETED"] * 2


def test_an_array_takes_eight_points(bench):
    process = bench.submit("return os.environ['JOB_ID'] + '.' + os.environ['SGE_TASK_ID']", points=8)
    assert [row[0] for row in bench.rows(process)] == ["COMPLETED"] * 8


@pytest.mark.parametrize(
    ("body", "resources", "expected"),
    [
        ("os._exit(3)", {}, ("FAILED", "exit code 3", 3)),
        ("os._exit(99)", {}, ("FAILED", "exit code 99", 99)),  # as a job's code: run again for ever
        ("os._exit(100)", {}, ("FAILED", "exit code 100", 100)),  # as a job's code: Eqw
        ("raise ValueError(x)", {}, ("FAILED", "exception", None)),
        ("os.kill(os.getpid(), 11)", {}, ("FAILED", "killed by signal 11", None)),
        ("time.sleep(600)", {"time": "3s"}, ("FAILED", "timeout", None)),
    ],
    ids=["exit", "reschedule", "error", "exception", "signal", "time"],
)
def test_a_run_ends_badly(bench, body, resources, expected):
    [(state, reason, _, code)] = bench.rows(bench.submit(body, **resources))
    assert (state, reason, code) == expected


def test_memory_ends_at_its_limit(bench):
    [(state, reason, error, _)] = bench.rows(bench.submit("return len(bytearray(4 << 30))", memory="1GB"))
    assert state == "FAILED"
    assert "memory" in (reason + error).lower()


def test_a_job_over_its_time(bench):
    process = bench.submit(LONG, extra=["-l h_rt=5"])
    assert bench.rows(process)[0][:2] == ("FAILED", "timeout")


def test_a_job_deleted_while_it_runs(bench):
    """While its node cannot be told, the deletion is to be seen; else the account only says that it was killed."""
    process = bench.submit(LONG)
    job = bench.running()
    bench.sge.freeze_node()
    bench.sge.run("qdel", job)
    assert bench.jobs("dr") == [job]
    before = bench.sge.calls("qstat")
    until(lambda: bench.sge.calls("qstat") > before + 1, "the deletion was seen")
    bench.sge.thaw_node()
    assert bench.rows(process)[0][:2] == ("CANCELLED", "cancelled outside farpoint")


def test_a_job_killed_unseen(bench):
    process = bench.submit(LONG)
    bench.sge.run("qdel", bench.running())
    assert bench.rows(process)[0][:2] in [
        ("FAILED", "killed by signal 9"),
        ("CANCELLED", "cancelled outside farpoint"),
    ]


def test_a_job_deleted_while_it_waits(bench):
    process = bench.submit(LONG, extra=["-h"])
    bench.sge.run("qdel", bench.job("hqw"))
    assert bench.rows(process)[0][:2] == ("CANCELLED", "cancelled outside farpoint")


def test_why_a_job_waits(bench):
    """No queue can take it; the scheduler says so only to who asks."""
    process = bench.submit(LONG, queue="short.q", extra=["-l h_rt=99:0:0"])
    bench.job("qw")
    look = "import farpoint as fp; scan = fp.attach('s'); scan.wait(timeout=2); print(scan.table.run_reason[0])"
    until(lambda: "cannot run in queue" in bench.desk.run(look, **bench.sge.env), "the table says why it waits")
    assert "h_rt" in bench.desk.run(look, **bench.sge.env)
    asked = bench.sge.calls("qstat")
    bench.sge.run("qdel", bench.job("qw"))
    assert bench.rows(process)[0][:2] == ("CANCELLED", "cancelled outside farpoint")
    assert asked > 2


def test_a_job_that_cannot_be_started(bench):
    """Its folder is not to be seen from its node: Grid Engine keeps such a job for ever, as Eqw."""
    process = bench.submit(LONG, extra=["-h"])
    job = bench.job("hqw")
    [folder] = (bench.desk.folder / "state").glob("**/jobs/fp*/slices/..")
    folder = folder.resolve()
    folder.rename(folder.with_name("away"))
    bench.sge.run("qrls", job)
    bench.job("Eqw")
    folder.with_name("away").rename(folder)
    [(state, reason, _, _)] = bench.rows(process)
    assert (state, reason) == ("FAILED", "launch failed: changing into working directory, before anything ran")
    until(lambda: not bench.jobs(), "the job was taken out of the queue")


def test_what_is_never_accepted_is_refused(bench):
    [(state, reason, _, _)] = bench.rows(bench.submit("return x", extra=["-q nope.q"]))
    assert state == "FAILED"
    assert 'unknown queue "nope.q"' in reason


def test_the_master_is_away_for_a_while(bench):
    process = bench.submit(
        "pathlib.Path('began').touch(); time.sleep(5); pathlib.Path(f'ended{x}').touch(); return x", points=2
    )
    until((bench.desk.folder / "began").exists, "the function runs")
    bench.sge.stop_master()
    until(lambda: len(list(bench.desk.folder.glob("ended*"))) > 1, "the runs end meanwhile")
    bench.sge.start_master()
    assert [row[0] for row in bench.rows(process)] == ["COMPLETED"] * 2


def test_the_master_is_frozen_while_a_job_is_handed_over(bench):
    bench.sge.freeze_master()
    awake = threading.Timer(batch.COMMAND + 5, bench.sge.thaw_master)  # when nobody waits for qsub any more
    awake.start()
    process = bench.submit("return x", points=2)
    awake.join()
    assert [row[0] for row in bench.rows(process)] == ["COMPLETED"] * 2
