"""Bells: FIFOs by which whoever changed something wakes whoever waits for it, on this computer.

Knows only that something happened; must not know what.
"""

import contextlib
import errno
import hashlib
import os
from typing import Tuple

from . import layout, process


class Bell:
    """A bell of this process in `folder`; it keeps what was rung until it is drained.

    Where the disk can hold no FIFO the bell is never rung: whoever waits must have a longest wait of its own.

    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> bell = Bell(folder); ring(folder); bell.drain(), bell.drain()
    (True, False)
    >>> bell.close(); os.listdir(folder)
    []
    """

    def __init__(self, folder: str) -> None:
        layout.make_private(folder)
        self._path = os.path.join(folder, "%d-%s%s.fifo" % (os.getpid(), _place(), os.urandom(4).hex()))
        self._descriptors = self._open()

    def _open(self) -> Tuple[int, ...]:
        try:
            os.mkfifo(self._path, 0o600)
            # For reading and writing: a reader alone would see an end after each writer.
            return (os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC),)
        except OSError:
            silent = os.pipe()
            os.set_blocking(silent[0], False)
            return silent

    def fileno(self) -> int:
        """Readable once it was rung."""
        return self._descriptors[0]

    def drain(self) -> bool:
        """Forget what was rung; whether anything was."""
        rung = False
        try:
            while os.read(self._descriptors[0], 4096):
                rung = True
        except BlockingIOError:
            pass
        return rung

    def close(self) -> None:
        """Take the bell down; asked again, nothing happens."""
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors = ()
        _remove(self._path)


def ring(folder: str) -> None:
    """Ring every bell in `folder`. Never waits, never fails; bells of processes that are dead are taken down.

    >>> ring("/nowhere")
    """
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        if not name.endswith(".fifo"):
            continue
        path = os.path.join(folder, name)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as fault:
            if fault.errno == errno.ENXIO and _orphaned(name):
                _remove(path)
            continue
        try:
            os.write(descriptor, b"!")
        except OSError:
            pass  # full: it is ringing already
        finally:
            os.close(descriptor)


def _orphaned(name: str) -> bool:
    """Nobody listens, and its process is not: one that has only just made its bell is about to."""
    pid, _, rest = name.partition("-")
    return pid.isdigit() and rest.startswith(_place()) and process.look(int(pid)) is None


def _place() -> str:
    """Where a pid means something: another host's or container's processes cannot be seen from here."""
    here = process.host()
    return hashlib.sha256(("%s %s" % (here["id"], here["ns"])).encode("utf-8")).hexdigest()[:8]


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)
