"""A pilot's own journal, kept writable on a full disk, and the bells that say it has grown.

Knows lines and when they must be on the disk; must not know runs or claims.
"""

import os
import time
from typing import Any, Callable, Dict, List

from . import bell, journal, layout
from .loop import Loop

RESERVE = 1 << 20  # bytes kept aside for the last lines on a full disk
QUIET = 0.2  # seconds between rings for what is only progress
MOST_KEPT = 20000  # lines kept in memory while the disk is full
PREFIX = "farpoint-journal "  # begins a line that could only be said on the job's own output

Event = Dict[str, Any]


class Ledger:
    """Appends events to `<folder>/journal.jsonl`. No event is given up because the disk is full: it is written later.

    Where even the reserve does not help, an outcome and all before it go to standard output, the job's own log.
    """

    def __init__(self, folder: str, loop: Loop, bells: str) -> None:
        self._loop = loop
        self._bells = bells
        self._rang = 0.0
        self._ringing = False
        self._waiting: List[Event] = []
        self._unsynced: List[Event] = []
        self._reserve = os.path.join(folder, "reserve")
        _fill(self._reserve)
        self._journal = journal.Journal(os.path.join(folder, layout.JOURNAL))

    def write(self, event: Event, sync: bool = False, keep: bool = True) -> None:
        """Append one event, on the disk when this returns if `sync`; one that need not be kept may be lost."""
        if not self._waiting or keep:
            self._waiting.append(dict(_fitting(event), t=round(time.time(), 6)))
        written = self._flush(sync)
        if not written and self._free_reserve():
            written = self._flush(sync)
        if not written and sync:
            self._say()
        del self._waiting[:-MOST_KEPT]

    def ring(self) -> None:
        """Wake whoever watches, now."""
        self._rang = time.monotonic()
        bell.ring(self._bells)

    def ring_soon(self) -> None:
        """Wake whoever watches, but not more than every so often; the last ring is never left out."""
        if self._ringing:
            return
        left = self._rang + QUIET - time.monotonic()
        if left <= 0:
            self.ring()
        else:
            self._ringing = True
            self._loop.once(left, self._ring_late)

    def close(self) -> None:
        """Nothing follows; the reserve is given back."""
        self._journal.close()
        self._free_reserve()

    def _ring_late(self) -> None:
        self._ringing = False
        self.ring()

    def _flush(self, sync: bool) -> bool:
        """Whether all that waits is written."""
        try:
            while self._waiting:
                self._journal.write(self._waiting[0])
                self._unsynced.append(self._waiting.pop(0))
            if sync:
                self._sync()
        except OSError:
            return False
        del self._unsynced[:-MOST_KEPT]
        return True

    def _sync(self) -> None:
        """A network disk may say only now that it is full, and then keeps nothing: all is to be written again."""
        try:
            self._journal.sync()
            self._unsynced = []
        except OSError:
            self._waiting, self._unsynced = self._unsynced, []
            raise

    def _free_reserve(self) -> bool:
        try:
            os.unlink(self._reserve)
        except OSError:
            return False
        return True

    def _say(self) -> None:
        for event in self._waiting:
            try:
                print(PREFIX + journal.line(event).decode("ascii").rstrip("\n"), flush=True)
            except OSError:
                return  # the same disk, most likely: what is left is tried again with the next line
        self._waiting = []


def cut(text: str, most: int) -> str:
    """The end of a text, where it is longer than `most` characters.

    >>> cut("abcdef", 4), cut("abc", 4)
    ('…def', 'abc')
    """
    return text if len(text) <= most else "…" + text[1 - most :]


def _fitting(event: Event) -> Event:
    """The event, with long texts of its error cut or its value left out where it would not be a line."""
    if _fits(event):
        return event
    if isinstance(event.get("error"), dict):
        for most in (20000, 5000, 500):
            error = {key: cut(str(value), most) for key, value in event["error"].items()}
            if _fits(dict(event, error=error)):
                return dict(event, error=error)
    return dict(event, value=None, warn="%s: too large to be recorded" % cut(str(event.get("name")), 100))


def _fits(event: Event) -> bool:
    try:
        journal.line(dict(event, t=0.123456789012))
    except ValueError:
        return False
    return True


def _fill(path: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        layout.write_all(descriptor, os.urandom(RESERVE))  # not zeros: some disks keep none of those
        os.fsync(descriptor)
    except OSError:
        pass  # a disk that is full already: the job's own output is left
    finally:
        os.close(descriptor)


class Stream:
    """What one run prints, into the pilot's stream file: its head as it comes, its tail at the end, the loss between.

    >>> said = []
    >>> stream = Stream(said.append, 1, 0, most=4)
    >>> stream.add("stdout", "abcdef"); stream.add("stdout", "ghijkl"); stream.close()
    >>> [(event["e"], event.get("text", event.get("bytes"))) for event in said]
    [('stream', 'abcd'), ('lost', 4), ('stream', 'ijkl')]
    """

    PIECE = 5000  # characters of one line, twelve bytes each at worst

    def __init__(self, write: Callable[[Event], None], i: int, c: int, most: int = 256 << 10) -> None:
        self._write = write
        self._about = {"i": i, "c": c}
        self._room = most
        self._most = most
        self._tail: List[List[str]] = []
        self._kept = 0
        self._lost = 0

    def add(self, name: str, text: str) -> None:
        """Something was printed on stdout or stderr."""
        for start in range(0, len(text), self.PIECE):
            piece = text[start : start + self.PIECE]
            head, rest = _split(piece, self._room)
            if head:
                self._room -= _size(head)
                self._write(dict(self._about, e="stream", name=name, text=head))
            if rest:
                self._room = 0
                self._keep(name, rest)

    def close(self) -> None:
        """The run is over: the tail, and how much is missing before it."""
        if self._lost:
            self._write(dict(self._about, e="lost", bytes=self._lost))
        for name, text in self._tail:
            self._write(dict(self._about, e="stream", name=name, text=text))
        self._tail = []

    def _keep(self, name: str, text: str) -> None:
        self._tail.append([name, text])
        self._kept += _size(text)
        while self._kept > self._most:
            first = self._tail[0]
            gone, first[1] = _split(first[1], self._kept - self._most)
            gone, first[1] = (gone, first[1]) if gone else (first[1][:1], first[1][1:])
            self._kept -= _size(gone)
            self._lost += _size(gone)
            if not first[1]:
                del self._tail[0]


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _split(text: str, size: int) -> List[str]:
    """The longest beginning that is no more than `size` bytes, and the rest."""
    if len(text) <= size // 4:
        return [text, ""]
    head = text.encode("utf-8", "replace")[:size].decode("utf-8", "ignore")
    return [head, text[len(head) :]]
