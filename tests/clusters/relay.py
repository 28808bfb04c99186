"""A loopback relay with latency that can be cut, refused or made a black hole: the network between two computers.

Runs as a process of its own (`python relay.py TARGET_PORT ONE_WAY_SECONDS`), takes orders on stdin, ends with it.
Knows no protocol: bytes in, the same bytes out, later.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LOOPBACK = "127.0.0.1"
RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no time: closing sends a reset


@dataclass
class _Line:
    """One direction of one connection: everything waits `delay`, and then for the hole to be shut."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    relay: _Relay
    waiting: asyncio.Queue[tuple[float, bytes]] = field(default_factory=lambda: asyncio.Queue(1024))

    def __post_init__(self) -> None:
        self.passing = self.relay.passing  # this connection's own, once others have another

    async def take(self) -> None:
        clock = asyncio.get_running_loop().time
        while data := await self.reader.read(1 << 16):
            await self.waiting.put((clock() + self.relay.delay, data))
        await self.waiting.put((clock() + self.relay.delay, b""))

    async def give(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            due, data = await self.waiting.get()
            if due > clock():
                await asyncio.sleep(due - clock())
            await self.passing.wait()
            if not data:
                with contextlib.suppress(OSError):
                    self.writer.write_eof()
                return
            self.writer.write(data)
            await self.writer.drain()


class _Relay:
    """All connections, and what is the matter with them now."""

    def __init__(self, target: int, delay: float) -> None:
        self.target, self.delay = target, delay
        self.passing = asyncio.Event()
        self.passing.set()
        self.refusing = False
        self.open: set[asyncio.StreamWriter] = set()
        self.orders: dict[str, Callable[[], None]] = {
            "hole": self.hole, "pass": self.pass_on, "strand": self.strand, "cut": self.cut,
            "refuse": lambda: setattr(self, "refusing", True), "accept": lambda: setattr(self, "refusing", False),
        }  # fmt: skip

    async def serve(self) -> None:
        server = await asyncio.start_server(self.connect, LOOPBACK, 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        stdin = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
        while order := (await stdin.readline()).decode().strip():
            self.orders[order]()
            print(order, flush=True)

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            writer.transport.abort()
            return
        await asyncio.sleep(2 * self.delay)  # the round trip of TCP's own greeting
        try:
            far_reader, far_writer = await asyncio.open_connection(LOOPBACK, self.target)
        except OSError:
            writer.transport.abort()
            return
        both = (writer, far_writer)
        self.open.update(both)
        for each in both:
            each.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines = _Line(reader, far_writer, self), _Line(far_reader, writer, self)
        with contextlib.suppress(OSError):
            await _together(*(work for line in lines for work in (line.take(), line.give())))
        for each in both:
            self.open.discard(each)
            each.transport.abort()

    def hole(self) -> None:
        self.passing.clear()

    def pass_on(self) -> None:
        self.passing.set()

    def strand(self) -> None:
        """Nothing passes any more through what is open now, for ever, and nobody is told; a new connection is fine."""
        self.passing.clear()
        self.passing = asyncio.Event()
        self.passing.set()

    def cut(self) -> None:
        for writer in list(self.open):
            with contextlib.suppress(OSError, AttributeError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()


async def _together(*work: Coroutine[Any, Any, None]) -> None:
    """All of it; the first fault ends the others."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


class Relay:
    """A relay to a port, started. `order`: hole, pass, strand, cut, refuse, accept."""

    def __init__(self, target: int, delay: float = 0.0) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__)), str(target), str(delay)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        self.port = int(self._read())

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def order(self, word: str) -> None:
        """Give an order; it is in force at return."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        assert self._read().strip() == word

    def close(self) -> None:
        """End it, and every connection through it."""
        self._process.kill()
        self._process.communicate()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_Relay(int(sys.argv[1]), float(sys.argv[2])).serve())
