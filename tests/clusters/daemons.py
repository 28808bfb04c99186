"""Daemons of a test run: each is a child that dies with this process, is known by its pid, and is stopped by it.

Knows no cluster: what is started, and whether it is ready, is said by whoever starts it.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import psutil
import pytest

PATIENCE = 60.0  # seconds for a daemon to be ready, or to end, on a loaded computer
SEEN_AGAIN = 0.05  # seconds between two looks at whether it is


def require(programs: Sequence[str]) -> None:
    """Skip where the programs are not installed; where CI=true that is a failure."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    missing = [name for name in programs if shutil.which(name, path=path) is None]
    if missing:
        unavailable(f"not installed: {', '.join(missing)}")


def unavailable(why: str) -> NoReturn:
    """There can be no such daemon here: a skip for a user, a failure for CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(why, pytrace=False)
    pytest.skip(why)


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody listens on now."""
    with closing_all(socket.socket() for _ in range(count)) as sockets:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


class closing_all:  # noqa: N801 - reads as a statement
    """Sockets that are closed together."""

    def __init__(self, sockets: Iterator[socket.socket]) -> None:
        self._sockets = list(sockets)

    def __enter__(self) -> list[socket.socket]:
        return self._sockets

    def __exit__(self, *fault: object) -> None:
        for each in self._sockets:
            with closing(each):
                pass


def until(done: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Look until something is so; fail with `what` if it never is."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        time.sleep(SEEN_AGAIN)


@dataclass
class Daemons:
    """The daemons of one cluster, by name. `env` is what they are started with."""

    logs: Path
    env: Mapping[str, str] = field(default_factory=dict)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *argv: str) -> None:
        """Start one in the foreground; the kernel ends it when this process ends in whatever way."""
        path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
        program = shutil.which(argv[0], path=path) or argv[0]
        with (self.logs / f"{name}.out").open("ab") as out:
            self.running[name] = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", program, *argv[1:]],
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
                env={**os.environ, **self.env, "PATH": path}, cwd="/",
            )  # fmt: skip

    def alive(self, name: str) -> bool:
        """Whether it still runs."""
        return self.running[name].poll() is None

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send it a signal."""
        self.running[name].send_signal(number)

    def stop(self, name: str) -> None:
        """End it, first kindly."""
        child = self.running.pop(name)
        for number in (signal.SIGCONT, signal.SIGTERM):
            child.send_signal(number)
        try:
            child.wait(PATIENCE / 4)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def stop_all(self) -> None:
        """End all, the last started first."""
        for name in reversed(list(self.running)):
            self.stop(name)

    def said(self, name: str) -> str:
        """The end of what it printed, for a message."""
        path = self.logs / f"{name}.out"
        return path.read_text(errors="replace")[-2000:] if path.exists() else ""


def end_marked(variable: str, value: str) -> None:
    """Kill every process that was started with this environment variable: jobs that outlived their cluster."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get(variable) == value:
                process.kill()


def end_those_with_files_in(folder: Path, name: str) -> None:
    """Kill every process whose name begins so and that has a file of this folder open."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.name().startswith(name) and any(
                Path(file.path).is_relative_to(folder) for file in process.open_files()
            ):
                process.kill()
