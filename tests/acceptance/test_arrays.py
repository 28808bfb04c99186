"""Large arrays on a real Slurm: few commands, a table that keeps up, nobody awake, time that is too short."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from budget import budget
from clusters.daemons import until
from clusters.slurm import Slurm
from farpoint.schedulers.base import TOKEN

pytestmark = [pytest.mark.xdist_group("slurm"), pytest.mark.slow, pytest.mark.timeout(1800)]

PROGRAMS = ("sbatch", "squeue", "sacct", "scancel", "scontrol", "sinfo")
COUNTING = '#!/bin/sh\necho {name} >> {log}\nexec {real} "$@"\n'
PYTHON = '#!/bin/sh\ncase " $* " in *" pilot "*) ;; *) echo agent >> {log};; esac\nexec {real} "$@"\n'
MOST = 25  # commands of the scheduler and starts of agents in the life of a scan
LAG = 30.0  # seconds the table may be behind

SUBMIT = """
import farpoint as fp

def f(x):
    import os
    line = os.open({effects!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(line, b"%d\\n" % x)
    {body}
    return {{"y": x * 2}}

scan = fp.Scan(f, fp.grid(x=list(range({points}))), name="many")
scan.submit(on="here"{resources})
print("submitted", flush=True)
"""
FOLLOW = """
import json, time
from farpoint.verbs import watch

seen, lags = set(), []

def look():
    rows = scan.project.store.runs(scan.project.id, scan="many")
    now = time.time()
    for row in rows:
        if row.state == "COMPLETED" and row.number not in seen:
            seen.add(row.number)
            lags.append(now - row.ended)
    return all(row.state.final for row in rows)

driver = watch.driver(scan.project)
driver.start()
driver.wait(look)
print(json.dumps([max(lags), scan.table.y.tolist(), scan.table.run_state.unique().tolist()]))
"""
LOOK = """
import json, farpoint as fp
scan = fp.attach("many")
scan.wait()
print(json.dumps([scan.table.run_state.tolist(), scan.table.y.tolist()]))
"""


class Bench:
    """A user's desk beside a Slurm, with programs on PATH that count how often they are called."""

    def __init__(self, desk: Any, slurm: Slurm) -> None:
        self.desk, self.slurm = desk, slurm
        self.log = desk.folder / "commands.txt"
        self.effects = desk.folder / "effects.txt"
        self.bin = desk.folder / "bin"
        self.bin.mkdir(parents=True)
        for name in PROGRAMS:
            self._wrap(name, COUNTING, str(shutil.which(name)))
        self._wrap("python3", PYTHON, sys.executable)
        self.before = frozenset(job[0] for job in slurm.jobs())

    def _wrap(self, name: str, text: str, real: str) -> None:
        path = self.bin / name
        path.write_text(text.format(name=name, log=self.log, real=real))
        path.chmod(0o755)

    @property
    def env(self) -> dict[str, str]:
        return {**self.slurm.env, "PATH": f"{self.bin}:{os.environ['PATH']}"}

    def settings(self, **more: object) -> None:
        lines = [f"{name} = {json.dumps(value)}" for name, value in more.items()]
        self.desk.settings("\n".join(['[machines.here]\nscheduler = "slurm"', *lines, ""]))

    def start(self, points: int, then: str = "", body: str = "pass", **resources: object) -> Any:
        words = "".join(f", {name}={value!r}" for name, value in resources.items())
        code = SUBMIT.format(effects=str(self.effects), points=points, body=body, resources=words)
        made = self.desk.start(code + then, **self.env)
        said = iter(made.stdout.readline, "")  # what submitting has to say comes first
        assert "submitted\n" in said, made.stderr.read()
        return made

    def commands(self) -> Counter[str]:
        return Counter(self.log.read_text().split()) if self.log.exists() else Counter()

    def ours(self, *states: str) -> list[tuple[str, str, str, str]]:
        listed = self.slurm.jobs(*states)
        return [job for job in listed if TOKEN.fullmatch(job[1]) and job[0] not in self.before]

    def ran(self) -> list[int]:
        return sorted(int(word) for word in self.effects.read_text().split())


@pytest.fixture
def bench(desk: Any, slurm: Slurm) -> Iterator[Bench]:
    yield Bench(desk, slurm)
    slurm.clear()


def test_an_array_scan_takes_few_commands_and_its_table_keeps_up(bench: Bench) -> None:
    points = budget("arrays.commands")
    bench.settings(max_jobs=5, python=str(bench.bin / "python3"))
    process = bench.start(points, then=FOLLOW)
    out, err = process.communicate(timeout=1500)
    assert process.returncode == 0, err

    lag, values, states = json.loads(out.splitlines()[-1])
    assert states == ["COMPLETED"]
    assert values == [2 * x for x in range(points)]
    assert bench.ran() == list(range(points))
    assert lag <= LAG
    said = bench.commands()
    assert said["sbatch"] == 1
    assert said["agent"] >= 1
    assert said.total() <= MOST, said


def test_with_its_kernel_killed_at_once_a_scan_finishes_with_nobody_awake(bench: Bench) -> None:
    points = budget("arrays.alone")
    bench.settings(max_jobs=5)
    process = bench.start(points)
    process.kill()
    process.communicate()
    assert len(bench.ours("all")) == 5, "the window is five pilots, however many points there are"
    until(lambda: not bench.ours("pending,running,completing"), "all pilots have ended", seconds=1500)

    assert bench.ran() == list(range(points)), "before anybody looked"
    states, values = json.loads(bench.desk.run(LOOK, timeout=300, **bench.slurm.env))
    assert set(states) == {"COMPLETED"}
    assert values == [2 * x for x in range(points)]
    assert bench.ran() == list(range(points))


TOO_SHORT = """
[machines.here]
scheduler = "slurm"
max_jobs = 2
grace = 3
poll = 0.5

[machines.here.queues.short]
time = "1min"
"""


def test_where_the_pilots_time_is_too_short_that_is_said_and_a_watcher_finishes(bench: Bench) -> None:
    points, seconds = 40, 4  # 80 s of work for each of two pilots that have 60
    bench.desk.settings(TOO_SHORT)
    process = bench.start(points, body=f"import time; time.sleep({seconds})", time=2 * seconds, queue="short")
    process.kill()
    process.communicate()
    until(lambda: not bench.ours("pending,running,completing"), "the first pilots have ended", seconds=300)
    done = len(set(bench.ran()))
    assert 0 < done < points
    env = {**os.environ, **bench.env, "FARPOINT_STATE": str(bench.desk.folder / "state")}

    def farpoint(*words: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "farpoint", *words]
        return subprocess.run(
            argv, cwd=bench.desk.project, env=env, capture_output=True, text=True, timeout=900, check=False
        )

    shown = farpoint("show", "many")
    assert (
        f"{points - done} points wait for room; they go out while a kernel, Lab or `farpoint watch` runs"
        in shown.stdout
    )
    watched = farpoint("watch")
    assert watched.returncode == 0, watched.stderr
    assert f"{points - done} points · {points - done} COMPLETED" in watched.stdout
    assert sorted(set(bench.ran())) == list(range(points))
    assert len(bench.ran()) == points, "a pilot began only what it could end"
