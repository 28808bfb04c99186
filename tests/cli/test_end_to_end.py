"""Four points of a real notebook from a terminal and from a pipe, one of which fails: what a first user sees."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import pytest

from still import write_notebook

CODE = """
import os, time, farpoint as fp
print("begun", x, flush=True)
if x < 0:
    raise ValueError("x is negative")
fp.record(y=x * 2)
if wait:
    while not os.path.exists(wait):
        time.sleep(0.05)
print("done", x)
"""
PARAMETERS = "x = 1\nwait = ''"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("cli")
    write_notebook(folder / "four.ipynb", parameters=PARAMETERS, code=CODE)
    (folder / ".git").mkdir()
    yield folder
    for scan in json.loads(pipe(folder, "ls", "--json").stdout):  # what a failed test left waiting
        pipe(folder, "cancel", scan["scan"])


def surroundings(place: Path) -> dict[str, str]:
    return {**os.environ, "FARPOINT_STATE": str(place / "state"), "TERM": "xterm", "COLUMNS": "100"}


def pipe(place: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "farpoint", *args], cwd=place, env=surroundings(place), capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip


class Terminal:
    """A command whose three streams are a terminal."""

    def __init__(self, place: Path, *args: str) -> None:
        self.seen = ""
        here, there = pty.openpty()
        fcntl.ioctl(here, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "farpoint", *args], cwd=place, env=surroundings(place), stdin=there, stdout=there,
            stderr=there, start_new_session=True,
        )  # fmt: skip
        os.close(there)
        self.descriptor = here

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.descriptor)

    def until(self, enough: Callable[[str], object], timeout: float = 90) -> None:
        end = time.monotonic() + timeout
        while not enough(self.seen):
            assert time.monotonic() < end, self.seen
            if select.select([self.descriptor], [], [], 0.1)[0] and not self._read():
                return

    def _read(self) -> bool:
        try:
            got = os.read(self.descriptor, 1 << 16)
        except OSError:  # Linux says so when the last writer has gone
            return False
        self.seen += got.decode(errors="replace")
        return bool(got)

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def end(self) -> int:
        self.until(lambda _: False)
        return self.process.wait(60)


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)


def test_from_a_pipe(place: Path) -> None:
    done = pipe(place, "run", "four.ipynb", "-p", "x=1,2,-1,4", "--name", "piped")
    assert done.returncode == 1, done.stderr
    assert done.stderr == "", "quiet in a pipe"
    assert done.stdout.startswith("piped: 4 points · 3 COMPLETED · 1 FAILED")
    assert "✗ point 2: ValueError: x is negative  (x=-1)" in done.stdout
    assert (place / "farpoint_runs" / "piped" / "point_0003" / "output.ipynb").is_file()

    found = json.loads(pipe(place, "show", "piped", "--json").stdout)
    assert [each.get("y") for each in found["points"]] == [2, 4, None, 8]
    assert pipe(place, "logs", "piped/1").stdout == "begun 2\ndone 2\n"
    shown = pipe(place, "show", "piped/2").stdout
    assert "ValueError: x is negative" in shown
    assert "raise ValueError" in shown, "the far traceback"
    assert pipe(place, "table", "piped", "--csv").stdout.count("\n") == 5
    assert pipe(place, "html", "piped", "piped.html").stdout == "piped.html\n"

    again = pipe(place, "run", "four.ipynb", "-p", "x=1,2", "--name", "piped")
    assert again.returncode == 0
    assert "2 results found again; --rerun repeats them" in again.stderr

    once_more = json.loads(pipe(place, "retry", "piped", "--failed", "--json").stdout)
    assert [each["run_attempt"] for each in once_more["points"]] == [2]


def test_from_a_terminal(place: Path) -> None:
    with Terminal(place, "run", "four.ipynb", "-p", "x=1,2,-1,4", "--name", "typed") as terminal:
        assert terminal.end() == 1
    seen = plain(terminal.seen)
    assert re.search(r"typed: +100% \|█+\| 3 COMPLETED · 1 FAILED", seen)
    assert "typed: 4 points · 3 COMPLETED · 1 FAILED" in seen
    assert "farpoint retry typed --failed   tries again" in seen
    assert "\x1b[31mFAILED\x1b[0m" in terminal.seen


def interrupted(place: Path, args: tuple[str, ...], when: str, said: str) -> None:
    with Terminal(place, *args) as terminal:
        terminal.until(lambda seen: when in seen)
        terminal.interrupt()
        assert terminal.end() == 130
        assert said in terminal.seen


def test_interrupts_leave_the_work_and_it_is_found_again(place: Path) -> None:
    go = place / "go"
    run = ("run", "four.ipynb", "-p", "x=1,2", "-p", f"wait={go}", "--name", "held")
    interrupted(place, run, "RUNNING", "stopped watching; 2 points of held go on")
    interrupted(place, ("logs", "-f", "held/0"), "begun 1", "the run goes on")
    interrupted(place, ("watch",), "RUNNING", "stopped watching; 2 runs go on")
    with Terminal(place, "logs", "-f", "held/1") as follow:
        follow.until(lambda seen: "begun 2" in seen)
        go.touch()
        assert follow.end() == 0
        assert "done 2" in follow.seen
    assert pipe(place, "watch").returncode == 0
    assert pipe(place, "show", "held").returncode == 0


def test_cancel_clean_and_rm(place: Path) -> None:
    begun = pipe(place, "run", "four.ipynb", "-p", "x=1,2,3", "-p", "wait=never", "--name", "gone", "--detach")
    assert (begun.returncode, begun.stdout) == (0, "gone: 3 points handed over\n")
    assert "is not finished" in pipe(place, "rm", "gone", "--yes").stderr
    assert pipe(place, "cancel", "gone").stdout == "3 points of gone CANCELLED\n"
    assert "would be freed" in pipe(place, "clean", "gone").stderr
    assert pipe(place, "clean", "gone", "--yes").returncode == 0
    assert pipe(place, "rm", "gone", "--yes").stdout == "gone is gone\n"
    assert pipe(place, "show", "gone").returncode == 4


def test_after_the_index_was_lost(place: Path) -> None:
    assert pipe(place, "run", "four.ipynb", "-p", "x=1,2,-1,4", "--name", "lost").returncode == 1
    before = json.loads(pipe(place, "show", "lost", "--json").stdout)
    for path in (place / "state").glob("store.sqlite*"):
        path.unlink()
    done = pipe(place, "recover")
    assert done.returncode == 0
    assert "entered again" in done.stdout
    after = json.loads(pipe(place, "show", "lost", "--json").stdout)
    for one, two in zip(before["points"], after["points"], strict=True):
        assert {**one, "run_memory": 0} == {**two, "run_memory": 0}
