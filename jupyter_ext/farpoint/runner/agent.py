"""The agent: answers this side's framed requests on stdin and stdout, one at a time, and waits for bells in between.

Knows frames and when to end; what a request means is in `answer`, and no scheduler and no run is known here.
"""

import errno
import json
import os
import select
import signal
import struct
import time
from typing import Any, Dict, List, Mapping, Optional, Tuple

from . import answer, bell

HEAD = struct.Struct(">II")  # length of the JSON header, length of the body
MOST_HEADER = 1 << 28
MOST_BODY = 1 << 30
IDLE = 300.0  # seconds without a request after which nobody seems to be there
BEAT = 3.0  # seconds between signs of life while a request is being read, worked on or answered

Frame = Tuple[Dict[str, Any], bytes]


def frame(header: Mapping[str, Any], body: bytes = b"") -> bytes:
    r"""One frame of either direction.

    >>> frame({"id": 1}, b"xy")
    b'\x00\x00\x00\x08\x00\x00\x00\x02{"id":1}xy'
    """
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    return HEAD.pack(len(text), len(body)) + text + body


class Frames:
    r"""Bytes in, whole frames out, however the bytes were cut. ValueError where they cannot be frames.

    >>> frames = Frames(); frames.feed(frame({"id": 1}, b"xy")[:9]); frames.take()
    >>> frames.feed(frame({"id": 1}, b"xy")[9:]); frames.take()
    ({'id': 1}, b'xy')
    """

    def __init__(self) -> None:
        self._bytes = bytearray()

    def __bool__(self) -> bool:
        """Whether something of a frame is there."""
        return bool(self._bytes)

    def feed(self, data: bytes) -> None:
        """Add what was read."""
        self._bytes += data

    def take(self) -> Optional[Frame]:
        """The next whole frame, or None while it is not all there."""
        if len(self._bytes) < HEAD.size:
            return None
        header_size, body_size = HEAD.unpack_from(self._bytes)
        if header_size > MOST_HEADER or body_size > MOST_BODY:
            raise ValueError("a frame of %d and %d bytes is no frame" % (header_size, body_size))
        end = HEAD.size + header_size + body_size
        if len(self._bytes) < end:
            return None
        header = json.loads(self._bytes[HEAD.size : HEAD.size + header_size].decode("utf-8"))
        body = bytes(self._bytes[HEAD.size + header_size : end])
        del self._bytes[:end]
        if not isinstance(header, dict):
            raise ValueError("a frame's header is %r and no object" % type(header).__name__)
        return header, body


LIFE = frame({"beat": True})


class Vanished(Exception):
    """Nobody takes what is written any more."""


class Agent:
    """Reads requests from `source` and answers on `sink`, to its end or until `idle` seconds pass without one.

    `beat`: seconds between signs of life while somebody waits, by a timer of this process; 0: none.
    """

    def __init__(self, source: int, sink: int, office: "answer.Office", idle: float = IDLE, beat: float = 0.0) -> None:
        self._source = source
        self._sink = sink
        self._office = office
        self._idle = idle
        self._frames = Frames()
        self._bell = bell.Bell(office.bells)
        self._ended = False
        self._beat = beat
        self._sending = False
        self._moved = 0.0

    def serve(self) -> None:
        """Answer until the end. A requester that is gone is no error."""
        if self._beat:
            signal.signal(signal.SIGALRM, lambda number, where: self._alarm())
        try:
            while True:
                request = self._next(self._idle)
                if request is None:
                    break
                self._answer(*request)
            self._timer(self._beat)
            if not self._ended:
                self._send({"bye": True})  # nothing was dropped: whoever asks now may ask another agent again
        except OSError as fault:
            if fault.errno != errno.EPIPE:
                raise
        except Vanished:
            pass
        finally:
            self._timer(0.0)
            self._bell.close()

    def _timer(self, seconds: float) -> None:
        if self._beat:
            signal.setitimer(signal.ITIMER_REAL, seconds, seconds)

    def _alarm(self) -> None:
        """Say that we live, between two frames and only where that cannot block.

        Raises nothing but while an answer is written: what is worked on must not be cut short by a lost requester.
        """
        if self._sending:
            if time.monotonic() - self._moved > self._idle:
                raise Vanished
            return
        poll = select.poll()
        poll.register(self._sink, select.POLLOUT)
        try:
            if poll.poll(0):
                os.write(self._sink, LIFE)
        except OSError:
            pass  # the next answer will find it out

    def _next(self, patience: float) -> Optional[Frame]:
        """The next request; None at the end of the stream or when patience is over."""
        until = time.monotonic() + patience
        while True:
            request = self._frames.take()
            if request is not None:
                return request
            if self._ready([self._source], until - time.monotonic()) != [self._source]:
                return None
            data = os.read(self._source, 1 << 18)
            if not data:
                self._ended = True
                return None
            self._timer(self._beat)  # from its first bytes on: a large one may take long to arrive
            self._frames.feed(data)

    @staticmethod
    def _ready(descriptors: List[int], seconds: float) -> List[int]:
        poll = select.poll()
        for descriptor in descriptors:
            poll.register(descriptor, select.POLLIN)
        return [descriptor for descriptor, _ in poll.poll(max(0.0, seconds) * 1000)]

    def _answer(self, request: Dict[str, Any], body: bytes) -> None:
        reply: Dict[str, Any] = {"id": request.get("id"), "ok": True}
        given = b""
        try:
            if request.get("verb") == "wait":
                reply["value"] = self._wait(float(request.get("seconds", 0)))
            else:
                reply["value"], given = self._office.answer(request, body)
        except Exception as fault:
            reply = {"id": request.get("id"), "ok": False, "error": answer.explain(fault)}
        self._send(reply, given)
        if not self._frames:
            self._timer(0.0)

    def _wait(self, seconds: float) -> str:
        """Until a bell rings, somebody asks for something else, or the time is over."""
        if self._frames:
            return "request"
        ready = self._ready([self._source, self._bell.fileno()], seconds)
        if self._bell.fileno() in ready:
            self._bell.drain()
            return "bell"
        return "request" if ready else "time"

    def _send(self, header: Mapping[str, Any], body: bytes = b"") -> None:
        rest = memoryview(frame(header, body))
        self._moved, self._sending = time.monotonic(), True
        while rest:
            rest = rest[os.write(self._sink, rest) :]
            self._moved = time.monotonic()
        self._sending = False


def main(given: Mapping[str, Any]) -> None:
    """Serve on this process's stdin and stdout; `given` is the first line the other side sent.

    The two descriptors are moved away: no child can eat a request, and no stray print can break a frame.
    """
    os.umask(0o077)
    source, sink = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    os.nice(int(given.get("nice", 0)))
    office = answer.Office(given["statedir"], given["workdir"])
    Agent(source, sink, office, float(given.get("idle", IDLE)), float(given.get("beat", BEAT))).serve()
