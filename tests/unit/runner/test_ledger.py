"""A pilot's journal on disks that are full, and what a run prints."""

from __future__ import annotations

import errno
import os
import random

import pytest

from farpoint.runner import bell, journal, layout
from farpoint.runner.ledger import PREFIX, Ledger, Stream
from farpoint.runner.loop import Loop


@pytest.fixture
def loop():
    made = Loop()
    yield made
    made.close()


class Disk:
    """Says it is full when asked to write, or only when asked to sync."""

    def __init__(self, monkeypatch, reserve):
        self.reserve, self.full, self.late = reserve, False, False
        write, sync = journal.Journal.write, journal.Journal.sync

        def is_full():
            return self.full and os.path.exists(self.reserve)

        def try_write(own, event, sync=False):
            if self.full == "wholly" or (is_full() and not self.late):
                raise OSError(errno.ENOSPC, "full")
            write(own, event)

        def try_sync(own):
            if is_full() and self.late:
                raise OSError(errno.EDQUOT, "full")
            sync(own)

        monkeypatch.setattr(journal.Journal, "write", try_write)
        monkeypatch.setattr(journal.Journal, "sync", try_sync)


@pytest.fixture
def disk(monkeypatch, tmp_path):
    return Disk(monkeypatch, tmp_path / "reserve")


def kinds(tmp_path):
    return [event["e"] for event in journal.parse((tmp_path / layout.JOURNAL).read_bytes())[0]]


def test_the_reserve_is_freed_for_what_must_be_kept(tmp_path, loop, disk, capsys):
    ledger = Ledger(str(tmp_path), loop, "/nowhere")
    assert (tmp_path / "reserve").stat().st_size == 1 << 20
    disk.full = True
    ledger.write({"e": "outcome", "i": 0}, sync=True)
    assert kinds(tmp_path) == ["outcome"]
    assert not (tmp_path / "reserve").exists()
    ledger.close()
    assert capsys.readouterr().out == ""


def test_a_disk_that_is_full_only_at_the_sync_gets_all_again(tmp_path, loop, disk):
    ledger = Ledger(str(tmp_path), loop, "/nowhere")
    disk.full = disk.late = True
    ledger.write({"e": "record", "i": 0})
    ledger.write({"e": "outcome", "i": 0}, sync=True)
    assert kinds(tmp_path) == ["record", "outcome"] * 2
    ledger.close()


def test_what_no_disk_takes_is_said_in_order_and_never_twice(tmp_path, loop, disk, capsys):
    ledger = Ledger(str(tmp_path), loop, "/nowhere")
    disk.full = "wholly"
    ledger.write({"e": "record", "i": 0, "name": "x", "value": 1})
    ledger.write({"e": "beat"}, keep=False)
    ledger.write({"e": "outcome", "i": 0}, sync=True)
    said = capsys.readouterr().out.splitlines()
    assert all(line.startswith(PREFIX) for line in said)
    events, _ = journal.parse("".join(line[len(PREFIX) :] + "\n" for line in said).encode())
    assert [event["e"] for event in events] == ["record", "outcome"]
    disk.full = False
    ledger.write({"e": "outcome", "i": 1}, sync=True)
    assert kinds(tmp_path) == ["outcome"]
    ledger.close()


def test_what_waits_for_room_is_written_once_there_is_room(tmp_path, loop, disk):
    ledger = Ledger(str(tmp_path), loop, "/nowhere")
    disk.full = "wholly"
    ledger.write({"e": "record", "i": 0, "name": "x", "value": 1})
    disk.full = False
    ledger.write({"e": "progress", "i": 0}, keep=False)
    ledger.write({"e": "outcome", "i": 0}, sync=True)
    assert kinds(tmp_path)[0] == "record"
    assert kinds(tmp_path)[-1] == "outcome"
    ledger.close()


def test_what_is_too_long_for_a_line_is_cut_and_says_so(tmp_path, loop):
    ledger = Ledger(str(tmp_path), loop, "/nowhere")
    ledger.write({"e": "record", "i": 0, "name": "x", "value": "y" * 70000})
    ledger.write(
        {"e": "outcome", "i": 0, "error": {"type": "E", "message": "m", "traceback": "é" * 70000 + "end"}}, sync=True
    )
    record, outcome = journal.parse((tmp_path / layout.JOURNAL).read_bytes())[0]
    assert (record["value"], record["warn"]) == (None, "x: too large to be recorded")
    assert outcome["error"]["traceback"].endswith("éend")
    ledger.close()


def test_rings_are_few_and_the_last_is_never_left_out(tmp_path, loop):
    bells = str(tmp_path / "bells")
    rung = bell.Bell(bells)
    ledger = Ledger(str(tmp_path), loop, bells)
    ledger.ring_soon()
    assert rung.drain()
    for _ in range(100):
        ledger.ring_soon()
    assert not rung.drain()
    loop.wait(rung.fileno(), 5.0)
    assert rung.drain()
    ledger.close()
    rung.close()


def test_a_stream_never_loses_uncounted(loop):
    dice = random.Random(1)
    for _ in range(200):
        said, most = [], dice.randint(1, 40)
        stream = Stream(said.append, 0, 0, most)
        text = "".join(dice.choice("aé🙂\n") for _ in range(dice.randint(0, 200)))
        start = 0
        while start < len(text):
            size = dice.randint(1, 30)
            stream.add("stdout", text[start : start + size])
            start += size
        stream.close()
        shown = "".join(event.get("text", "") for event in said)
        lost = sum(event.get("bytes", 0) for event in said)
        assert len(shown.encode()) + lost == len(text.encode())
        assert len(shown.encode()) <= 2 * most
        if not lost:
            assert shown == text
        elif most >= 4:
            assert shown.endswith(text[-1])
