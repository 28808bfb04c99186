"""The byte stream to an agent: a child process whose stdin and stdout reach it, however far away it is.

Knows descriptors and deadlines; must not know frames, verbs or what runs at the other end.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from typing import Protocol


class Dead(Exception):
    """Nothing more will come through this stream; why, in words."""


class NotSignedIn(Dead):
    """Somebody must sign in there first; nothing here will ask."""


class Busy(Dead):
    """There is no room now for one more; there will be when another ends."""


class Transport(Protocol):
    """How the stream to a far agent is opened: everything else about it is the same everywhere."""

    @property
    def nice(self) -> int:
        """How far the agent steps back behind the processes of others."""

    def argv(self, loader: str) -> list[str]:
        """A command whose far end runs `python -I -S -c <loader>` with our stdin and stdout."""

    def env(self) -> dict[str, str]:
        """The environment of that command on this side."""

    def preamble(self, loader: str) -> bytes:
        """What the command wants to read before the agent does."""

    def ready(self) -> None:
        """Called before the command is started. Dead, or NotSignedIn, where it could not reach anything."""

    def why(self, said: str) -> Dead | None:
        """The true cause where no agent came to life and the command `said` this on stderr; None: it tells nothing."""


class Stream:
    """A started command in a session of its own: no Ctrl-C in a terminal reaches it, and it ends with its stdin."""

    def __init__(self, argv: list[str], env: dict[str, str]) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the stream
        try:
            self._child = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said, env=env, cwd="/",
                start_new_session=True, bufsize=0,
            )  # fmt: skip
        except OSError as fault:
            self._said.close()
            raise Dead(f"{argv[0]}: {fault.strerror}") from fault
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._in, self._out = self._child.stdin, self._child.stdout
        os.set_blocking(self._in.fileno(), False)
        self._writing = threading.Lock()
        self._broken = False
        self._killed, self._kill = (
            os.pipe()
        )  # an ssh that hangs elsewhere keeps our pipe open after its command is dead

    @property
    def pid(self) -> int:
        """The process on this side."""
        return self._child.pid

    def write(self, data: bytes, deadline: float) -> None:
        """All of `data`, or Dead: if the other end is gone, or takes nothing for `deadline` seconds.

        After a write that was cut short, by whatever, nothing more is written: it could not be understood.
        """
        with self._writing:
            if self._broken:
                raise Dead("the stream to its agent ended")
            self._broken = True
            rest = memoryview(data)
            while rest:
                rest = rest[self._write_some(rest, deadline) :]
            self._broken = False

    def _write_some(self, data: memoryview, deadline: float) -> int:
        if not _ready(self._in.fileno(), select.POLLOUT, deadline):
            raise Dead(f"it took no request for {deadline:g} s")
        try:
            return os.write(self._in.fileno(), data)
        except BlockingIOError:
            return 0
        except OSError as fault:
            raise Dead("the stream to its agent ended") from fault

    def read(self, until: float) -> bytes:
        """The next bytes, before the monotonic time `until`; b'' at the end; Dead where nothing came."""
        if not _ready(self._out.fileno(), select.POLLIN, until - time.monotonic()):
            raise Dead("its agent did not start in time")
        return os.read(self._out.fileno(), 1 << 16)

    def pieces(self, tick: float) -> Iterator[bytes]:
        """Bytes as they come, to the end, or to what was there when the command was killed.

        b'' each time none came for `tick` seconds.
        """
        out, poll = self._out.fileno(), select.poll()
        for descriptor in (out, self._killed):
            poll.register(descriptor, select.POLLIN)
        with contextlib.suppress(OSError):
            while True:
                ready = dict(poll.poll(tick * 1000))
                if not ready:
                    yield b""
                elif out in ready and (data := os.read(out, 1 << 18)):
                    yield data
                else:
                    return

    def complaints(self) -> str:
        """The end of what the command wrote on stderr."""
        if self._said.closed:
            return ""
        size = os.fstat(self._said.fileno()).st_size
        return os.pread(self._said.fileno(), 2000, max(0, size - 2000)).decode("utf-8", "replace").strip()

    def end(self) -> None:
        """Say that nothing more will be asked. A write under way in another thread is let finish for a second."""
        if self._writing.acquire(timeout=1.0):
            self._broken = True
            self._in.close()
            self._writing.release()

    def kill(self) -> None:
        """End the command now, if it has not ended, and take its exit status."""
        self._child.kill()
        self._child.wait()
        with contextlib.suppress(OSError):
            os.write(self._kill, b"k")
        with self._writing:  # whoever is writing has just been told
            self._broken = True
            self._in.close()

    def close(self) -> None:
        """Let go of the descriptors; by the one who read them last."""
        self._out.close()
        self._said.close()
        self._close_bell()

    def _close_bell(self) -> None:
        for descriptor in (self._killed, self._kill):
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def abandon(self) -> None:
        """In a forked child: close the copies of the descriptors; the process is the parent's."""
        for file in (self._in, self._out, self._said):
            with contextlib.suppress(OSError):
                file.close()
        self._close_bell()
        self._child.returncode = 0


def _ready(descriptor: int, event: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(descriptor, event)
    return bool(poll.poll(max(0.0, seconds) * 1000))
