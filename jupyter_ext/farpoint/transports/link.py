"""Framed calls to one agent: opened when needed, answered within a deadline or Unreachable, opened again after a fault.

Knows frames and processes; must not know what a verb means, nor any scheduler.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from farpoint.errors import MachineError, SignInNeeded, Unreachable
from farpoint.runner import agent
from farpoint.transports.base import Dead, NotSignedIn, Stream, Transport
from farpoint.transports.boot import open_stream

DEADLINE = 60.0  # seconds without any answer after which a call is given up
SILENCE = 4  # beats in a row that are missing, with somebody waiting, after which there is no life: 12 s
LOOKS = frozenset({
    "brought", "examine", "furnished", "hello", "meet", "missing", "news", "pythons", "read", "read_all", "survey",
    "tokens", "usage", "wait",
})  # verbs that change nothing there: asked again once where the agent fell silent  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    """The value and the bytes one call came back with."""

    value: Any
    body: bytes


class Link:
    """Calls to the agent of one machine, by any thread and in any process; each process has a connection of its own.

    >>> from farpoint.transports.pipe import Pipe
    >>> import tempfile
    >>> link = Link("local", Pipe(), tempfile.mkdtemp())
    >>> link.call("tokens").value
    []
    >>> link.close()
    """

    def __init__(
        self, machine: str, transport: Transport, statedir: str, workdir: str | None = None, *,
        idle: float = agent.IDLE, keep: bool = True, beat: float = agent.BEAT,
    ) -> None:  # fmt: skip
        self.machine = machine
        self._beat = beat
        self._keep = keep  # False: an agent answers one call and ends
        self._users = 0
        self._asked = threading.Event()
        self._transport = transport
        self._given = {
            "statedir": statedir, "workdir": workdir or f"{statedir}/work", "idle": idle, "nice": transport.nice,
            "beat": beat,
        }  # fmt: skip
        self._lock = threading.Lock()
        self._connection: _Connection | None = None
        _links.add(self)

    def call(self, verb: str, body: bytes = b"", *, deadline: float = DEADLINE, **given: Any) -> Answer:
        """Ask the agent. `deadline`: seconds without any answer from it.

        Unreachable where there is no agent or no answer; MachineError where the agent refuses or fails.
        """
        with self.together():
            return self._call({"verb": verb, **given}, body, deadline)

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Calls that one agent must answer, where every call has an agent of its own."""
        if self._keep:
            yield
            return
        with self._lock:
            self._users += 1
        self._asked.set()
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                last = self._users == 0
            if last:
                self.close()

    def _call(self, header: Mapping[str, Any], body: bytes, deadline: float) -> Answer:
        verb = str(header["verb"])
        try:
            return self._ask(self._open(verb), header, body, deadline)
        except _Gone:
            pass  # it ended for want of questions, before it read this one: ask another
        except _Silent as fault:
            if verb not in LOOKS:
                self._unreachable(verb, str(fault))
        try:
            return self._ask(self._open(verb), header, body, deadline)
        except (_Gone, _Silent) as fault:
            self._unreachable(verb, str(fault))

    def wait(self, seconds: float) -> str:
        """Until a bell rings there ("bell"), another thread asks for something ("request"), or the "time" is over."""
        if not self._keep:
            self._asked.clear()
            return "request" if self._asked.wait(seconds) else "time"
        return str(self.call("wait", seconds=seconds, deadline=seconds + DEADLINE).value)

    def close(self) -> None:
        """End the agent and take its exit status. The next call opens another."""
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _open(self, verb: str) -> _Connection:
        with self._lock:
            if self._connection is None or not self._connection.alive:
                if self._connection is not None:
                    self._connection.close()
                    self._connection = None
                try:
                    self._connection = _Connection(open_stream(self._transport, self._given), self._beat)
                except NotSignedIn as fault:
                    raise SignInNeeded(f"sign-in needed — run farpoint connect {self.machine}") from fault
                except Dead as fault:
                    self._unreachable(verb, str(fault))
            return self._connection

    def _ask(self, connection: _Connection, header: Mapping[str, Any], body: bytes, deadline: float) -> Answer:
        verb = header["verb"]
        try:
            reply, given = connection.ask(header, body, deadline)
        except _Silent:
            raise
        except Dead as fault:
            self._unreachable(verb, str(fault))
        if reply["ok"]:
            return Answer(reply["value"], given)
        kind, message = reply["error"]["kind"], reply["error"]["message"]
        if kind == "system":
            raise Unreachable(f"machine {self.machine!r} cannot {verb!r} now: {message}. Work there is not affected.")
        raise MachineError(f"machine {self.machine!r} refused {verb!r}: {message}.")

    def _unreachable(self, verb: str, why: str) -> NoReturn:
        raise Unreachable(f"machine {self.machine!r} did not answer {verb!r}: {why}. Work there is not affected.")

    def forget(self) -> None:
        """In a forked child: the connection is the parent's. Let go of its descriptors so that its end can be seen."""
        connection, self._connection = self._connection, None
        self._lock = threading.Lock()
        if connection is not None:
            connection.stream.abandon()


class _Gone(Exception):
    """The agent said that it ends, and had read all that was asked until then."""


class _Silent(Dead):
    """Somebody waited, and the agent gave no sign of life."""


class _Connection:
    """One agent, and who waits for which of its answers."""

    def __init__(self, stream: Stream, beat: float) -> None:
        self.stream = stream
        self._beat = beat
        self._changed = threading.Condition()
        self._waiting: dict[int, tuple[dict[str, Any], bytes] | None] = {}
        self._last = 0
        self._heard = time.monotonic()
        self._end: Dead | _Gone | None = None
        self._reader = threading.Thread(target=self._read, name="farpoint-link", daemon=True)
        self._reader.start()

    @property
    def alive(self) -> bool:
        return self._end is None

    def ask(self, header: Mapping[str, Any], body: bytes, deadline: float) -> tuple[dict[str, Any], bytes]:
        """The answer to one request; Dead where none can come any more, which ends the connection for everybody."""
        with self._changed:
            self._last += 1
            number = self._last
            self._waiting[number] = None
        try:
            self._send(agent.frame({"id": number, **header}, body), deadline)
            return self._await(number, deadline)
        finally:
            with self._changed:
                self._waiting.pop(number, None)

    def _send(self, data: bytes, deadline: float) -> None:
        try:
            self.stream.write(data, deadline)
        except Dead as fault:
            self.stream.kill()
            self._reader.join()  # it may still find a goodbye there, and that is what counts
            raise self._end if isinstance(self._end, (_Gone, _Silent)) else fault from None
        except BaseException:
            self._finish(Dead("a request to it was cut short"))
            self.stream.kill()
            raise

    def _await(self, number: int, deadline: float) -> tuple[dict[str, Any], bytes]:
        begun = time.monotonic()
        with self._changed:
            while True:
                answer = self._waiting[number]
                if answer is not None:
                    return answer
                if self._end is not None:
                    raise self._end
                left = max(begun, self._heard) + deadline - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
        fault = Dead(f"no answer within {deadline:g} s")
        self._finish(fault)
        self.stream.kill()
        raise fault

    def _read(self) -> None:
        frames = agent.Frames()
        end: Dead | _Gone = Dead("the stream to its agent ended")
        quiet = 0
        try:
            for data in self.stream.pieces(self._beat):  # looks are counted, not seconds: this side may be the busy one
                quiet = 0 if data or not self._waiting else quiet + 1
                if quiet == SILENCE:
                    end = _Silent(f"no sign of life from its agent for {SILENCE * self._beat:g} s")
                    return
                frames.feed(data)
                while (frame := frames.take()) is not None:
                    if frame[0].get("bye"):
                        end = _Gone("nobody asked it anything for long")
                        return
                    if not frame[0].get("beat"):
                        self._hand_over(*frame)
        except ValueError as fault:
            end = Dead(f"its agent does not speak as agreed: {fault}")
        finally:
            self._finish(end)
            self.stream.kill()
            self.stream.close()

    def _hand_over(self, header: dict[str, Any], body: bytes) -> None:
        with self._changed:
            self._heard = time.monotonic()
            if header.get("id") in self._waiting:
                self._waiting[header["id"]] = header, body
            self._changed.notify_all()

    def _finish(self, end: Dead | _Gone) -> None:
        with self._changed:
            if self._end is None:
                self._end = end
            self._changed.notify_all()

    def close(self) -> None:
        """End the agent; kill it if it is still busy after two seconds."""
        self._finish(Dead("it was closed here"))
        self.stream.end()
        self._reader.join(2.0)
        if self._reader.is_alive():
            self.stream.kill()
            self._reader.join()


_links: weakref.WeakSet[Link] = weakref.WeakSet()


def _forget_all() -> None:
    for link in _links:
        link.forget()


os.register_at_fork(after_in_child=_forget_all)
