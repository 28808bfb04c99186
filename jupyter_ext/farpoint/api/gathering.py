"""Waiting for several runs at once: all of them, the first, or each as it ends.

Knows futures by what they can do; runs, scans and futures of the standard library may be mixed.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Iterable, Iterator
from concurrent import futures
from typing import Any, NamedTuple

from farpoint.errors import BadInput, NotFinished

ALL = futures.ALL_COMPLETED
_WHEN = (futures.FIRST_COMPLETED, futures.FIRST_EXCEPTION, ALL)


class Waited(NamedTuple):
    """Those that have ended and those that have not."""

    done: set[Any]
    not_done: set[Any]


def as_completed(runs: Iterable[Any], timeout: float | None = None) -> Iterator[Any]:
    """Each run as it ends, those that have ended first; a run given twice comes once.

    `runs` are Runs, a Scan, or futures. Raises NotFinished (a TimeoutError) when not all have ended after `timeout`
    seconds from the call.

    >>> list(as_completed([]))
    []
    """
    waiting = _each_once(runs)
    ended = _listen(waiting)
    return _as_they_come(len(waiting), ended, None if timeout is None else time.monotonic() + timeout)


def _as_they_come(count: int, ended: queue.SimpleQueue[Any], until: float | None) -> Iterator[Any]:
    for come in range(count):
        try:
            yield ended.get(timeout=_left(until))
        except queue.Empty:
            raise NotFinished(f"{count - come} of {count} runs have not ended in the time given.") from None


def wait(runs: Iterable[Any], timeout: float | None = None, return_when: str = ALL) -> Waited:
    """Block until all runs have ended, or as `return_when` says; `(done, not_done)`, two sets.

    `return_when` is FIRST_COMPLETED, FIRST_EXCEPTION or ALL_COMPLETED, as in concurrent.futures. After `timeout`
    seconds it returns what there is.

    >>> wait([])
    Waited(done=set(), not_done=set())
    """
    if return_when not in _WHEN:
        raise BadInput(f"return_when={return_when!r} is none of {', '.join(_WHEN)}.")
    waiting = _each_once(runs)
    ended = _listen(waiting)
    until = None if timeout is None else time.monotonic() + timeout
    done: set[Any] = set()
    while len(done) < len(waiting):
        try:
            last = ended.get(timeout=_left(until))
        except queue.Empty:
            break
        done.add(last)
        if return_when == futures.FIRST_COMPLETED or (return_when == futures.FIRST_EXCEPTION and _failed(last)):
            break
    done |= {each for each in waiting if each.done()}
    return Waited(done, set(waiting) - done)


def _each_once(runs: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(runs))


def _listen(waiting: list[Any]) -> queue.SimpleQueue[Any]:
    ended: queue.SimpleQueue[Any] = queue.SimpleQueue()
    for each in sorted(waiting, key=lambda one: not one.done()):  # the ended ones are there at once
        each.add_done_callback(ended.put)
    return ended


def _left(until: float | None) -> float | None:
    return None if until is None else max(0.0, until - time.monotonic())


def _failed(run: Any) -> bool:
    return not run.cancelled() and run.exception(timeout=0) is not None
