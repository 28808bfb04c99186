"""Slots between real processes: never more than there are, in turn, and nothing is held by what a run leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from farpoint.runner import bell, process, slots
from farpoint.runner.loop import Loop

SOURCES = str(Path(slots.__file__).parents[2])

HEAD = """
import fcntl, os, sys
sys.path.insert(0, {sources!r})
from farpoint.runner import slots
row = slots.Slots({folder!r}, cpus={cpus}, memory=None, gpus=0)
log = os.open({log!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
def say(text):
    os.write(log, (text + chr(10)).encode())
"""
NARROW = """
while not os.path.exists({stop!r}):
    held = row.acquire(1, None, 0)
    say('narrow begins'); say('narrow ends')
    held.release()
"""
COUNTED = """
for n in range(25):
    held = row.acquire(1 + (n + os.getpid()) % 2, None, 0)
    count = len(held.numbers['cpu'])
    say('+%d' % count); say('-%d' % count)
    held.release()
"""

WIDE = """
for n in range(20):
    told = []
    def wake(descriptor, seconds):
        told or say('wide waits')
        told.append(1)
        return slots.patient(descriptor, seconds)
    held = row.acquire(4, None, 0, wake)
    say('wide begins'); say('wide ends')
    held.release()
"""


class Row:
    """Processes that use the same slots and one log."""

    def __init__(self, folder: Path, cpus: int) -> None:
        self.log, self.stop, self.folder = folder / "log", folder / "stop", folder / "slots"
        self.words = {
            "sources": SOURCES,
            "folder": str(self.folder),
            "cpus": cpus,
            "log": str(self.log),
            "stop": str(self.stop),
        }
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, text: str, **more: str) -> subprocess.Popen[bytes]:
        script = (HEAD + text).format(**self.words, **more)
        self.started.append(subprocess.Popen([sys.executable, "-I", "-S", "-c", script], stdout=subprocess.PIPE))
        return self.started[-1]

    def lines(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def row(tmp_path):
    made = Row(tmp_path, 4)
    yield made
    made.stop.touch()
    for started in made.started:
        started.kill()
        started.communicate()


def test_never_more_than_there_are(row):
    started = [row.start(COUNTED) for _ in range(8)]
    assert [p.wait(120) for p in started] == [0] * 8
    busy, most = 0, 0
    for line in row.lines():
        busy += int(line)
        most = max(most, busy)
    assert len(row.lines()) == 2 * 8 * 25
    assert most <= 4
    assert busy == 0


def test_a_wide_request_waits_no_longer_than_its_turn(row):
    """While it waits, each of the others starts one run at most, besides the four that were about to say they run."""
    narrow = 6
    for _ in range(narrow):
        row.start(NARROW)
    while len(row.lines()) < 100:
        os.sched_yield()
    wide = row.start(WIDE)
    assert wide.wait(60) == 0
    row.stop.touch()
    waits = [part.partition("wide begins") for part in "\n".join(row.lines()).split("wide waits")[1:]]
    assert len(waits) >= 10
    for before, _, after in waits:
        assert before.count("narrow begins") <= 4 + narrow
        assert after.split("\n")[1] == "wide ends"


def test_a_wide_run_is_alone_while_it_runs(row):
    both = [row.start(COUNTED.replace("1 + (n + os.getpid()) % 2", "3")) for _ in range(3)]
    assert [p.wait(60) for p in both] == [0, 0, 0]
    assert all(
        a[1:] == b[1:] == "3" and (a[0], b[0]) == ("+", "-")
        for a, b in zip(row.lines()[::2], row.lines()[1::2], strict=True)
    )


def test_what_a_run_leaves_behind_holds_no_slot(row):
    script = """
import subprocess
held = row.acquire(4, None, 0)
subprocess.run(["sh", "-c", "(sleep 60 & echo $!)"], close_fds=False)
"""
    started = row.start(script)
    stray = int(started.stdout.readline())
    assert started.wait(30) == 0
    known = process.identity(stray)
    again = slots.Slots(str(row.folder), 4, None, 0).acquire(4, None, 0)
    assert again.numbers["cpu"] == [0, 1, 2, 3]
    assert process.alive(known)
    again.release()
    process.tell(known, signal.SIGKILL)


def test_the_dead_hold_nothing_and_have_no_place_in_the_row(row):
    holder = row.start("held = row.acquire(4, None, 0); say('held'); import signal; signal.pause()")
    while not row.lines():
        os.sched_yield()
    waiter = row.start("say('waits'); row.acquire(4, None, 0)")
    while not list(row.folder.glob("turn.[0-9]*")):
        os.sched_yield()
    for started in (waiter, holder):
        started.kill()
        started.wait()
    held = slots.Slots(str(row.folder), 4, None, 0).acquire(2, None, 0)
    assert len(held.numbers["cpu"]) == 2
    held.release()
    assert not list(row.folder.glob("turn.[0-9]*"))


def test_memory_and_gpus_are_slots_too(tmp_path):
    row = slots.Slots(str(tmp_path), cpus=8, memory=1 << 30, gpus=2)
    first = row.acquire(1, 700 << 20, 1)
    assert (first.numbers["mem"], first.gpus) == ([0, 1, 2], [0])
    second = row.acquire(1, 256 << 20, 1)
    assert second.gpus == [1]
    assert row.acquire(1, 1, 0, lambda descriptor, seconds: False) is None
    first.release()
    assert row.acquire(1, 99 << 30, 0, lambda descriptor, seconds: False) is None
    third = row.acquire(1, 700 << 20, 1)
    assert (third.numbers["mem"], third.gpus) == ([0, 1, 2], [0])
    for held in (second, third):
        held.release()
        held.release()


def test_more_than_there_are_means_all(tmp_path):
    held = slots.Slots(str(tmp_path), cpus=2, memory=None, gpus=0).acquire(64, 1 << 40, 8)
    assert held.numbers == {"cpu": [0, 1], "mem": [], "gpu": []}
    held.release()


def test_a_large_memory_needs_no_more_files_than_a_process_may_open(tmp_path):
    held = slots.Slots(str(tmp_path), cpus=1, memory=4 << 40, gpus=0).acquire(1, 4 << 40, 0)
    assert 256 <= len(held.numbers["mem"]) <= 512
    held.release()


def test_a_release_wakes_who_waits(tmp_path):
    row = slots.Slots(str(tmp_path), cpus=1, memory=None, gpus=0)
    held = row.acquire(1, None, 0)
    looks = []

    def wake(descriptor, seconds):
        looks.append(seconds)
        if len(looks) == 1:
            held.release()
        return slots.patient(descriptor, 0.0) and bool(looks)

    second = row.acquire(1, None, 0, wake)
    assert len(looks) == 1
    second.release()


def test_who_waits_can_be_asked_to_stop(tmp_path):
    row = slots.Slots(str(tmp_path), cpus=1, memory=None, gpus=0)
    held = row.acquire(1, None, 0)
    loop = Loop()

    def wake(descriptor, seconds):
        os.kill(os.getpid(), signal.SIGTERM)
        loop.wait(descriptor, 60.0)
        return not loop.stopped

    try:
        assert row.acquire(1, None, 0, wake) is None
        assert loop.stopped == "SIGTERM"
    finally:
        loop.close()
    held.release()
    assert not list(tmp_path.glob("turn.*"))
    assert bell.ring(str(tmp_path / "bells")) is None
