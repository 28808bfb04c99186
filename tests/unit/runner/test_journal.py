"""What was synced is read back, whatever is torn, flipped or mixed in."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budget import budget
from farpoint.runner import journal
from farpoint.runner.journal import LIMIT, Journal, line, parse

EVENTS = [{"e": "beat", "t": float(n), "text": "é\ud800\u2028" * n} for n in range(5)]


def written(path: Path, events: list[dict[str, object]]) -> None:
    opened = Journal(str(path))
    for event in events:
        opened.write(event)
    opened.close()


def test_round_trip_and_file_mode(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    written(path, EVENTS)
    data = path.read_bytes()
    assert data[:1] == b"\n"
    assert data.isascii()
    assert parse(data) == (EVENTS, len(data))
    assert path.stat().st_mode & 0o777 == 0o600


def test_every_opening_starts_a_line_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    written(path, EVENTS[:1])
    with path.open("ab") as file:
        file.write(line(EVENTS[1])[:-5])
    written(path, EVENTS[2:])
    assert parse(path.read_bytes())[0] == [EVENTS[0], *EVENTS[2:]]


def test_a_torn_tail_is_left_for_the_next_look() -> None:
    data = b"\n" + b"".join(map(line, EVENTS))
    for end in range(len(data) + 1):
        events, consumed = parse(data[:end])
        rest, more = parse(data[consumed:])
        assert events + rest == EVENTS
        assert consumed + more == len(data)


def test_a_flipped_bit_costs_its_own_line_at_most_and_the_next() -> None:
    data = b"".join(map(line, EVENTS))
    for position in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[position // 8] ^= 1 << position % 8
        events, _ = parse(bytes(flipped))
        assert len(events) >= len(EVENTS) - 2
        assert all(event in EVENTS for event in events)


@given(st.lists(st.one_of(st.sampled_from(EVENTS), st.binary(max_size=40))))
def test_garbage_lines_are_passed_over(pieces: list[object]) -> None:
    data = b"".join(b"\n" + (line(piece) if isinstance(piece, dict) else piece + b"\n") for piece in pieces)
    assert parse(data)[0] == [piece for piece in pieces if isinstance(piece, dict)]


@pytest.mark.parametrize("body", [b"[1]", b'"x"', b"{", b"\xff", b"[" * 20000])
def test_a_right_checksum_over_no_object_is_passed_over(body: bytes) -> None:
    bad = b"%08x %s\n" % (journal.zlib.crc32(body), body)
    assert parse(bad + line(EVENTS[0])) == ([EVENTS[0]], len(bad) + len(line(EVENTS[0])))


def test_checksums_are_eight_small_hex_digits() -> None:
    good = line(EVENTS[3])
    assert any(digit >= 97 for digit in good[:8])
    for bad in (good[:8].upper() + good[8:], b" " + good, b"+" + good[1:], good[:8] + b"\t" + good[9:]):
        assert parse(bad)[0] == []


def test_broken_bytes_without_a_newline_do_not_stop_a_reader() -> None:
    zeros = bytes(3 * LIMIT)
    assert parse(zeros) == ([], len(zeros))
    assert parse(bytes(LIMIT)) == ([], 0)
    data = line(EVENTS[0]) + zeros + b"\n" + line(EVENTS[1])
    seen, offset = [], 0
    while offset < len(data):
        events, consumed = parse(data[offset : offset + 2 * LIMIT])
        seen += events
        assert consumed
        offset += consumed
    assert seen == EVENTS[:2]


def test_the_limit_of_a_line() -> None:
    room = LIMIT - len(line({"e": "x", "text": ""}))
    longest = line({"e": "x", "text": "a" * room})
    assert len(longest) == LIMIT
    assert len(parse(longest)[0]) == 1
    with pytest.raises(ValueError, match=r"longer than 65536 \(event 'x'\)"):
        line({"e": "x", "text": "a" * (room + 1)})
    with pytest.raises(ValueError, match="JSON"):
        line({"e": "x", "done": float("nan")})


def test_a_full_disk_costs_only_the_lines_that_did_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    room = [70]

    def nearly_full(descriptor: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        done = write(descriptor, bytes(data)[: room[0]])
        room[0] -= done
        return done

    path = tmp_path / "journal.jsonl"
    opened = Journal(str(path))
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", nearly_full)
        opened.write(EVENTS[0])
        with pytest.raises(OSError, match="No space"):
            opened.write(EVENTS[3])
        room[0] = 1000
        opened.write(EVENTS[1], sync=True)
    opened.write(EVENTS[2])
    opened.close()
    opened.close()
    assert parse(path.read_bytes())[0] == EVENTS[:3]


def test_sync_makes_the_name_durable_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bool] = []
    fsync = os.fsync

    def counted(descriptor: int) -> None:
        synced.append(os.path.isdir(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", counted)
        opened = Journal(str(tmp_path / "journal.jsonl"))
        opened.write(EVENTS[0], sync=True)
        opened.write(EVENTS[1], sync=True)
        opened.close()
    assert synced == [False, True, False]


WRITER = """
import os, sys
from farpoint.runner.journal import Journal
journal = Journal(sys.argv[1])
for n in range(int(sys.argv[2]), 1 << 30):
    journal.write({"e": "outcome", "t": 0, "n": n, "pad": "x" * (n % 3000)}, sync=n % 5 == 0)
    if n % 5 == 0:
        os.write(1, b"%d\\n" % n)
"""


def test_what_was_synced_survives_a_writer_killed_at_any_moment(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    dice = random.Random(budget("kills"))
    told, start, kills = -1, 0, budget("kills")
    for _ in range(kills):
        command = [sys.executable, "-S", "-c", WRITER, str(path), str(start)]
        environment = {**os.environ, "PYTHONPATH": str(Path(journal.__file__).parents[2])}
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as writer:
            assert writer.stdout
            said = [writer.stdout.readline() for _ in range(dice.randrange(1, 20))]
            writer.send_signal(signal.SIGKILL)
            said += writer.stdout.read().split(b"\n")
        told = max(int(number) for number in said if number.strip())
        numbers = [event["n"] for event in parse(path.read_bytes())[0]]
        assert set(range(told + 1)) <= set(numbers)
        assert numbers == sorted(set(numbers))
        start = numbers[-1] + 1
