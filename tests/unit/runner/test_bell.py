"""Bells ring for those who listen, and bother nobody."""

from __future__ import annotations

import os
import select
import subprocess
import sys

import pytest

from farpoint.runner import bell


@pytest.fixture
def folder(tmp_path):
    return str(tmp_path / "bells")


def ready(rung, seconds=0.0):
    return bool(select.select([rung.fileno()], [], [], seconds)[0])


def test_everybody_who_listens_hears_it_and_once_drained_it_is_quiet(folder):
    bells = [bell.Bell(folder) for _ in range(3)]
    assert not any(map(ready, bells))
    bell.ring(folder)
    assert all(map(ready, bells))
    assert all(rung.drain() for rung in bells)
    assert not any(map(ready, bells))
    for rung in bells:
        rung.close()


def test_a_bell_nobody_drains_never_holds_the_ringer_up(folder):
    rung = bell.Bell(folder)
    os.write(os.open(rung._path, os.O_WRONLY | os.O_NONBLOCK), b"x" * 65536)
    for _ in range(3):
        bell.ring(folder)
    assert rung.drain()
    rung.close()


def test_bells_of_the_dead_are_taken_down_and_those_of_elsewhere_are_not(folder):
    rung = bell.Bell(folder)
    (mine,) = os.listdir(folder)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    place = mine.partition("-")[2][:8]
    names = [f"{dead.pid}-{place}0.fifo", f"{dead.pid}-elsewher0.fifo", f"{os.getpid()}-{place}0.fifo"]
    for name in names:
        os.mkfifo(os.path.join(folder, name))
    bell.ring(folder)
    assert set(os.listdir(folder)) == {mine, *names[1:]}
    rung.close()


def test_where_a_disk_holds_no_fifo_the_bell_is_silent(folder, monkeypatch):
    def refuse(*arguments):
        raise OSError(95, "not supported")

    monkeypatch.setattr(os, "mkfifo", refuse)
    rung = bell.Bell(folder)
    bell.ring(folder)
    assert not ready(rung)
    assert not rung.drain()
    rung.close()
    rung.close()
