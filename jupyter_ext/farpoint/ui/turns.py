"""Long work in one thread that lets short questions of another go first.

Knows threads only. Python's lock goes from one busy thread to the other once in 5 ms, and a question takes it dozens of
times: a reader that never rests makes an answer of 5 ms one of 300.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

BURST = 0.003  # seconds of long work in one go
BREATH = 0.001  # seconds in which a question that has just arrived can make itself known


class Turns:
    """`rest` is called by long work between its pieces, `first` stands around a question."""

    def __init__(self) -> None:
        self._asked = threading.Condition()
        self._going = 0
        self._rested = 0.0

    @contextmanager
    def first(self) -> Iterator[None]:
        """As long as this lasts, long work waits at its next rest. Nothing in it may wait for that work."""
        with self._asked:
            self._going += 1
        try:
            yield
        finally:
            with self._asked:
                self._going -= 1
                self._asked.notify_all()

    def rest(self) -> None:
        """Let others have a turn now and then, and wait while a question is being answered. One thread may call it."""
        if time.monotonic() - self._rested < BURST and not self._going:
            return
        with self._asked:
            self._asked.wait(BREATH)
            self._asked.wait_for(lambda: not self._going)
        self._rested = time.monotonic()
