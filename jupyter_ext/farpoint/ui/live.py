"""Telling somebody that a project changed: at most five times a second, the last time for certain.

Knows the driver and the store's count of changes; not what is done with the news.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from farpoint.project import Project
from farpoint.verbs import watch

PERIOD = 0.2  # seconds between two tellings: Lab drops what comes faster than it can show
SHARE = 3  # times as long as a telling took is waited after it, so that the kernel has time for others
LONGEST = 1.0
QUIET = 30.0  # seconds after which it is looked whether anything is open still


class Pulse:
    """Calls `tell` whenever the store changed, from one thread that lives as long as a job of the project is open."""

    def __init__(self, project: Project, tell: Callable[[], object]) -> None:
        self._project = project
        self._tell = tell
        self._over = threading.Event()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """See that the thread runs; it ends by itself once nothing is open, after a last telling."""
        with self._guard:
            if self._over.is_set() or (self._thread is not None and self._thread.is_alive()):
                return
            self._thread = threading.Thread(target=self._beat, name="farpoint-pulse", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """No more of it; what was being told is told to its end before this returns."""
        self._over.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            watch.driver(self._project).nudge()
            thread.join()

    def _beat(self) -> None:
        seen = -1
        try:
            while not self._over.is_set():
                seen, begun = self._project.store.seq(), time.monotonic()
                self._tell()
                if not self._open():
                    return
                self._over.wait(min(max(PERIOD, SHARE * (time.monotonic() - begun)), LONGEST))
                self._wait_past(seen)
        finally:
            with self._guard:
                self._thread = None
            if not self._over.is_set() and self._project.store.seq() != seen:
                self._tell()
            self._project.store.release()

    def _open(self) -> bool:
        return bool(self._project.store.jobs(self._project.id, open_only=True))

    def _wait_past(self, seen: int) -> None:
        """Until something changed; the driver of this process makes the changes, or learns of them."""
        driver = watch.driver(self._project)
        driver.start()
        driver.wait(lambda: self._over.is_set() or self._project.store.seq() != seen, QUIET)
