"""What ranks print arrives in whole lines: read from a pipe as a launcher reads it."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

from farpoint.runner import speakers

RUNNER = str(Path(__file__).parents[3] / "jupyter_ext")
SAY = """
import os, signal, subprocess, sys, time
sys.path.insert(0, {path!r})
from farpoint.runner import speakers
speakers.SOON = {soon}
speaking = speakers.start({prefix!r})
{body}
speakers.stop(speaking)
"""
WAIT = "\nsys.stdin.read()"


def start(body: str, prefix: str = "", soon: float = speakers.SOON) -> subprocess.Popen[bytes]:
    """A process in a session of its own whose speakers pass on what `body` prints."""
    code = SAY.format(path=RUNNER, prefix=prefix, body=body, soon=soon)
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)


def said(body: str, prefix: str = "") -> tuple[bytes, bytes]:
    """What came out of both."""
    with start(body, prefix) as process:
        return process.communicate(timeout=30)


def first_read(process: subprocess.Popen[bytes]) -> bytes:
    """What a launcher gets at its first look."""
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], 30)[0]
    return os.read(process.stdout.fileno(), 4096)


def test_a_line_written_word_by_word_comes_in_one_piece():
    words = "for word in (b'rank', b' ', b'0', b' of ', b'job\\n'): time.sleep(0.05); os.write(1, word)"
    with start(words + WAIT, soon=60) as process:
        assert first_read(process) == b"rank 0 of job\n"
        process.communicate(timeout=30)


def test_an_unfinished_line_is_seen_before_it_is_finished_and_nothing_is_added_to_it():
    with start("os.write(1, b'10 %')" + WAIT) as process:
        assert first_read(process) == b"10 %"
        assert process.communicate(timeout=30)[0] == b""


def test_every_line_gets_the_prefix_and_the_last_its_end():
    assert said("os.write(1, b'a\\n\\nb'); os.write(2, b'c')", "[rank 1] ") == (
        b"[rank 1] a\n[rank 1] \n[rank 1] b\n",
        b"[rank 1] c\n",
    )


def test_much_is_passed_on_whole():
    out, _ = said("sys.stdout.write(''.join(f'{n}\\n' for n in range(200_000)))")

    assert out == b"".join(b"%d\n" % n for n in range(200_000))


def test_a_program_that_was_left_running_keeps_nobody_waiting():
    stray = "subprocess.Popen([sys.executable, '-c', 'import sys; sys.stdin.read()'], stdin=0)"
    with start(f"{stray}\nprint('mine')") as process:
        assert process.wait(timeout=30) == 0
        assert first_read(process) == b"mine\n"


def test_a_process_that_becomes_another_program_is_still_heard():
    become = "os.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(0.5); print(1)'])"

    assert said(become) == (b"1\n", b"")


def test_the_last_words_of_a_rank_that_is_ended_are_passed_on():
    assert said("os.write(1, b'last'); os.killpg(0, signal.SIGTERM); signal.pause()", "[rank 2] ")[0] == (
        b"[rank 2] last\n"
    )
