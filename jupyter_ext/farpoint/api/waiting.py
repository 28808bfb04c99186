"""Waiting for runs: with a progress bar, quietly, from a coroutine, or by being called back.

Knows rows and the driver; not what a result is. Nothing here sleeps: the driver tells when something changed.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import warnings
import weakref
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

from farpoint.api.summary import counts, span
from farpoint.api.tally import Tally
from farpoint.api.troubles import Changes
from farpoint.model import RunRow
from farpoint.project import Project
from farpoint.verbs import watch


def wait_for(project: Project, done: Callable[[], bool], timeout: float | None = None) -> bool:
    """Drive the project's work until `done()`; False after `timeout` seconds."""
    if done():
        return True
    driver = watch.driver(project)
    driver.start()
    return driver.wait(done, timeout)


def someone_watches() -> bool:
    """True in a terminal and in a notebook, where a progress bar is looked at."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return hasattr(shell, "kernel") or sys.stderr.isatty()


class Bar:
    """A progress bar of rows; without somebody who looks it draws nothing."""

    def __init__(self, title: str) -> None:
        self._bar: Any = None
        if someone_watches():
            tqdm = _tqdm()
            self._bar = tqdm(total=100, desc=title, unit="", bar_format=_format(tqdm), dynamic_ncols=_has_width())
        self.told = ("", -1)
        self._lines = Changes()

    @property
    def drawn(self) -> bool:
        """True where somebody sees it."""
        return self._bar is not None

    def show(self, rows: list[RunRow], now: float) -> None:
        """Draw how the rows stand."""
        words = [f"{count:,} {state}" for state, count in counts(rows).items()]
        tally = Tally(enumerate(rows))
        left = None if tally.over else tally.seconds_left(now)
        words += [f"~{span(left)} left"] if left is not None else []
        self.say(" · ".join(words), 100 * tally.fraction(now))

    def say(self, words: str, percent: float = 100.0) -> None:
        """Draw so much of the bar, with these words behind it."""
        if self._bar is None or (words, int(percent)) == self.told:
            return
        self.told = (words, int(percent))
        self._bar.n = int(percent)
        self._bar.unit = words  # what tqdm calls the postfix begins with a comma
        self._bar.refresh()

    def tell(self, lines: Iterable[str]) -> None:
        """Print each of the lines that was not among those of the last time, on stderr; the bar stays whole."""
        for line in self._lines.new(lines):
            with type(self._bar).external_write_mode() if self._bar is not None else nullcontext():
                print(line, file=sys.stderr, flush=True)  # noqa: T201

    def close(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.close()


def _format(tqdm: type) -> str:
    """In a notebook tqdm puts a widget where it finds `{bar}`; in a terminal it draws that many characters."""
    if any(base.__module__ == "tqdm.notebook" for base in tqdm.__mro__):
        return "{desc}: {bar}{percentage:3.0f}% {unit}"
    return "{desc}: {percentage:3.0f}% |{bar:24}| {unit}"


def _has_width() -> bool:
    """Whether a bar can be cut to the width of its terminal; some say that theirs is 0."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns > 0
    except (OSError, ValueError, AttributeError):
        return False


def _tqdm() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # without ipywidgets it warns and draws text, which is fine
        from tqdm.auto import tqdm
    return tqdm


@contextmanager
def bar(title: str) -> Generator[Bar, None, None]:
    """A progress bar that is closed whatever happens."""
    made = Bar(title)
    try:
        yield made
    finally:
        made.close()


class Bells:
    """Who is to be called when a point ends. One thread serves a whole project, for as long as somebody waits."""

    def __init__(self) -> None:
        self._guard = threading.RLock()
        self._waiting: dict[tuple[str, int], list[Callable[[], object]]] = {}
        self._thread: threading.Thread | None = None

    def add(self, project: Project, row: RunRow, call: Callable[[], object]) -> None:
        """Call `call` once the run has ended: now if it has, else from a thread of our own."""
        with self._guard:
            self._waiting.setdefault((row.scan, row.number), []).append(call)
        if self._ring(project):
            return
        with self._guard:
            if self._thread is None:
                self._thread = threading.Thread(target=self._wait, args=(project,), name="farpoint-bells", daemon=True)
                self._thread.start()

    def _wait(self, project: Project) -> None:
        finished = False
        while not finished:
            left: list[list[Callable[[], object]]] = []
            try:
                rung = wait_for(project, lambda: self._ring(project))
            except Exception:  # noqa: BLE001 - whoever waits meets the same fault when it asks for the result
                rung = False
            with self._guard:
                if not rung:
                    left = list(self._waiting.values())
                    self._waiting.clear()
                finished = not self._waiting
                if finished:
                    self._thread = None
            for call in (each for calls in left for each in calls):
                call()

    def _ring(self, project: Project) -> bool:
        """Call those whose run has ended; True when nobody waits any more."""
        with self._guard:
            wanted = set(self._waiting)
        for scan in {name for name, _ in wanted}:
            states = project.store.states(project.id, scan)
            for number in (number for name, number in wanted if name == scan):
                if number in states and states[number].final:
                    with self._guard:
                        calls = self._waiting.pop((scan, number), [])
                    for call in calls:
                        call()
        with self._guard:
            return not self._waiting


_bells: weakref.WeakKeyDictionary[Project, Bells] = weakref.WeakKeyDictionary()
_guard = threading.Lock()


def when_ended(project: Project, row: RunRow, call: Callable[[], object]) -> None:
    """Call `call` once the run of `row` has ended."""
    with _guard:
        bells = _bells.setdefault(project, Bells())
    bells.add(project, row, call)


async def ended(project: Project, row: RunRow) -> None:
    """Come back when the run of `row` has ended; the event loop goes on meanwhile."""
    loop = asyncio.get_running_loop()
    came: asyncio.Future[None] = loop.create_future()

    def tell() -> None:
        if not came.done():
            came.set_result(None)

    def ring() -> None:
        # The loop may have been closed while the run went on.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(tell)

    when_ended(project, row, ring)
    await came
