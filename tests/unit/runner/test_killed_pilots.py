"""Pilots killed at random moments: nothing lost, nothing twice."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from budget import budget
from farpoint.runner import claims, journal, layout, process

RAN = "import os, time; open({ran!r}, 'a').write(os.environ['FARPOINT_SEED'] + '\\n'); time.sleep({seconds})"


def executions(path: Path) -> Counter[int]:
    return Counter(int(line) for line in path.read_text().split())


@pytest.mark.parametrize("seed", range(budget("kills") // 10))
def test_a_requeued_pilot_that_is_killed_again_and_again(far, tmp_path, seed):
    dice = random.Random(seed)
    ran = tmp_path / "ran"
    ran.touch()
    far.place(RAN.format(ran=str(ran), seconds=0.05), 24, per_slice=4, silence=0.3)
    kills = 0
    while kills < 10:
        pilot = far.pilot(0, "d1")
        try:
            pilot.wait(dice.uniform(0.05, 0.9))
            break
        except Exception:
            pilot.kill()
            pilot.wait()
            kills += 1
    far.run()
    assert kills
    assert {i: o["state"] for i, o in far.standing().items()} == dict.fromkeys(range(24), "COMPLETED")
    counted = executions(ran)
    assert set(counted) == set(range(24))
    assert sum(counted.values()) - 24 <= kills
    outcomes = Counter(event["i"] for event in far.events("outcome"))
    assert max(outcomes.values()) == 1


def test_pilots_of_two_jobs_one_of_which_is_killed(far, tmp_path):
    ran = tmp_path / "ran"
    ran.touch()
    far.place(RAN.format(ran=str(ran), seconds=0.1), 12)
    first, other = far.pilot(0, "d1"), far.pilot(0, "d2")
    far.until(lambda: len(far.events("outcome")) >= 3)
    first.kill()
    first.wait()
    assert other.wait(60) == 0
    far.run(job_id="d1")
    assert {o["state"] for o in far.standing().values()} == {"COMPLETED"}
    assert len(far.standing()) == 12
    assert sum(executions(ran).values()) <= 13


def test_a_slice_of_another_host_is_taken_only_after_its_silence(far):
    far.place("print('here')", silence=1.0)
    folder = far.job / layout.pilot_name(0, 0)
    folder.mkdir()
    elder = journal.Journal(str(folder / layout.JOURNAL))
    elsewhere = dict(process.identity(), id="elsewhere")
    elder.write({"e": "pilot", "t": 0.0, "job": "d1", "member": 0, "start": 0, "host": elsewhere})
    assert claims.Claims(str(far.job)).link(0, 0, {"job": "d1", "member": 0, "start": 0, "t": 0.0})
    began = time.monotonic()
    pilot = far.pilot()
    for _ in range(3):
        time.sleep(0.5)  # the elder's own beat
        elder.write({"e": "beat", "t": 0.0})
    last = time.monotonic()
    assert not far.events("started")
    assert pilot.wait(30) == 0
    assert time.monotonic() - last >= 0.5
    assert time.monotonic() - began >= 2.0
    assert far.one("claimed")["c"] == 1
    elder.close()


def test_a_stopped_pilot_that_wakes_up_after_another_took_over_counts_nothing(far):
    far.place("import os, time; print(os.getpid(), flush=True); time.sleep(1.5)", silence=0.3)
    first = far.pilot()
    child = process.identity(int(far.until(far.printed)))
    os.kill(first.pid, signal.SIGSTOP)
    second = far.pilot()
    far.until(lambda: len(far.events("started")) == 2)
    assert not process.alive(child)  # never two at a time, though its pilot could not end it
    os.kill(first.pid, signal.SIGCONT)
    assert [first.wait(30), second.wait(30)] == [0, 0]
    assert [(e["c"], e["state"]) for e in far.events("outcome")] == [(1, "COMPLETED")]
    assert far.one("interrupted")["c"] == 0
