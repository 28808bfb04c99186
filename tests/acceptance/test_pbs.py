"""Through the stand-in for PBS, with and without job history: scans end, and jobs end in every way PBS tells."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from clusters.daemons import until
from farpoint.testing import fake_pbs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SETTINGS = """
[machines.hpc]
scheduler = "pbs"
grace = 2
poll = 0.5
"""
SCAN = """
import json, os, pathlib, time
import farpoint as fp

def f(x):
    {body}

scan = fp.Scan(f, fp.grid(x=list(range({points}))), name="s")
scan.submit(on="hpc"{resources})
print("submitted", flush=True)
scan.wait()
names = ["run_state", "run_reason", "run_error", "run_exit_code"]
print(json.dumps(scan.table[names].astype(object).where(scan.table[names].notna(), None).values.tolist()))
"""
COMMAND = "from farpoint.ui.cli import main; main({words!r})"
LONG = "pathlib.Path('began').touch(); time.sleep(600)"


@dataclass
class Bench:
    """A user's desk, and PBS on its PATH."""

    desk: Any
    pbs: Path
    env: dict[str, str]

    def submit(self, body: str, points: int = 1, **resources: object) -> subprocess.Popen[str]:
        """A process that submits a scan of f(x) and waits for it; it has handed over when this returns."""
        words = "".join(f", {name}={value!r}" for name, value in resources.items())
        body = body.replace("pathlib.Path(", f"pathlib.Path({str(self.desk.folder)!r}, ")
        made = self.desk.start(SCAN.format(body=body, points=points, resources=words), **self.env)
        assert made.stdout.readline() == "submitted\n", made.stderr.read()
        return made

    def rows(self, process: subprocess.Popen[str]) -> list[tuple[Any, ...]]:
        """(state, reason, error, exit code) of each run, once the process is done waiting."""
        out, err = process.communicate(timeout=240)
        assert process.returncode == 0, err
        return [tuple(row) for row in json.loads(out.splitlines()[-1])]

    def run(self, *argv: str) -> str:
        """What a program of PBS prints."""
        return subprocess.run(argv, env={**os.environ, **self.env}, capture_output=True, text=True, check=False).stdout

    def farpoint(self, *words: str) -> dict[str, Any]:
        """What a command of ours says as JSON."""
        found: dict[str, Any] = json.loads(self.desk.run(COMMAND.format(words=list(words)), **self.env))
        return found

    def states(self) -> list[str]:
        """The letter of each job in the queue."""
        told = json.loads(self.run("qstat", "-f", "-F", "json"))
        return [job["job_state"] for job in told.get("Jobs", {}).values()]

    def job(self) -> str:
        """The id of our only job, once there is one."""
        until(lambda: bool(self.run("qselect")), "a job is in the queue")
        return self.run("qselect").split()[0]

    def running(self) -> str:
        """The id of our job once its function runs."""
        until((self.desk.folder / "began").exists, "the function runs")
        return self.job()


def bench_at(desk, folder: Path, *, history: bool) -> Iterator[Bench]:
    programs = fake_pbs.install(folder, history=history)
    desk.settings(SETTINGS)
    yield Bench(desk, folder, {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"})
    fake_pbs.set_server(folder, "up")
    fake_pbs.stop(folder)


@pytest.fixture
def bench(desk, tmp_path):
    yield from bench_at(desk, tmp_path / "pbs", history=True)


@pytest.fixture
def forgetful(desk, tmp_path):
    yield from bench_at(desk, tmp_path / "pbs", history=False)


def test_a_function_is_scanned(bench):
    assert bench.rows(bench.submit("return {'y': x * x}", points=3)) == [("COMPLETED", "", "", 0)] * 3


def test_an_array_takes_eight_points_where_jobs_are_forgotten_at_once(forgetful):
    process = forgetful.submit("return os.environ['PBS_JOBID']", points=8)
    assert [row[0] for row in forgetful.rows(process)] == ["COMPLETED"] * 8


@pytest.mark.parametrize(
    ("body", "resources", "expected"),
    [
        ("os._exit(3)", {}, ("FAILED", "exit code 3", 3)),
        ("raise ValueError(x)", {}, ("FAILED", "exception", None)),
        ("time.sleep(600)", {"time": "2s"}, ("FAILED", "timeout", None)),
    ],
    ids=["exit", "exception", "time"],
)
def test_a_run_ends_badly(bench, body, resources, expected):
    [(state, reason, _, code)] = bench.rows(bench.submit(body, **resources))
    assert (state, reason, code) == expected


def test_a_job_over_its_time(bench):
    process = bench.submit(LONG, extra=["-l walltime=4"])
    assert bench.rows(process)[0][:2] == ("FAILED", "timeout")


@pytest.mark.parametrize("points", [1, 2])
def test_a_job_deleted_while_it_runs(bench, points):
    process = bench.submit(LONG, points=points)
    bench.run("qdel", bench.running())
    assert {row[:2] for row in bench.rows(process)} == {("CANCELLED", "cancelled outside farpoint")}


@pytest.mark.parametrize("points", [1, 2])
def test_a_job_deleted_while_it_waits(bench, points):
    process = bench.submit(LONG, points=points, extra=["-h"])
    bench.run("qdel", bench.job())
    assert {row[:2] for row in bench.rows(process)} == {("CANCELLED", "cancelled outside farpoint")}


def test_what_is_held_waits_though_there_is_room_and_says_so(bench):
    script = bench.desk.folder / "blocker"
    script.write_text("sleep 600\n")
    blockers = [bench.run("qsub", "-N", "blocker", str(script)).strip() for _ in range(4)]
    process = bench.submit("return x", points=2)
    assert bench.farpoint("hold", "s", "--json")["asked"] == 1
    reasons = {point["run_reason"] for point in bench.farpoint("show", "s", "--json")["points"]}
    assert {reason.partition(" (")[0] for reason in reasons} == {"H: held by its user; release it"}
    bench.run("qdel", *blockers)
    until(lambda: all(state == "H" for state in bench.states()), f"only what is held is left: {bench.states()}")
    assert bench.farpoint("release", "s", "--json")["messages"] == []
    assert [row[0] for row in bench.rows(process)] == ["COMPLETED"] * 2


def test_what_is_never_accepted_is_refused(bench):
    [(state, reason, _, _)] = bench.rows(bench.submit("return x", extra=["-l nonsense=3"]))
    assert state == "FAILED"
    assert "Unknown resource Resource_List.nonsense" in reason


def test_a_server_that_does_not_answer_is_told_until_it_does(bench):
    process = bench.submit(LONG)
    job_id = bench.running()
    fake_pbs.set_server(bench.pbs, "down")

    def told() -> list[str]:
        return bench.farpoint("show", "s", "--json")["messages"]

    until(lambda: any("cannot connect to server" in line for line in told()), "it is told")
    fake_pbs.set_server(bench.pbs, "up")
    until(lambda: not told(), "nothing is told any more")
    bench.run("qdel", job_id)
    assert bench.rows(process)[0][:2] == ("CANCELLED", "cancelled outside farpoint")


@pytest.mark.parametrize("how", ["down", "stopped"])
def test_the_server_is_away_for_a_while(bench, how):
    body = "pathlib.Path('began').touch(); time.sleep(4); pathlib.Path(f'ended{x}').touch(); return x"
    process = bench.submit(body, points=2)
    until((bench.desk.folder / "began").exists, "the function runs")
    fake_pbs.set_server(bench.pbs, how)
    until(lambda: len(list(bench.desk.folder.glob("ended*"))) > 1, "the runs end meanwhile")
    fake_pbs.set_server(bench.pbs, "up")
    assert [row[0] for row in bench.rows(process)] == ["COMPLETED"] * 2
