"""The one place a pilot waits: descriptors, timers and signals in one thread, by select and never by sleeping.

Knows nothing of what it waits for.
"""

import contextlib
import os
import selectors
import signal
import time
from typing import Any, Callable, List, Optional

STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2)


class Timer:
    """A call that is due at a time of the monotonic clock; `period` seconds later again where it has one."""

    def __init__(self, due: float, call: Callable[[], None], period: Optional[float]) -> None:
        self.due, self.call, self.period = due, call, period


class Loop:
    """Calls what is due and what is ready. `stopped` names the signal, or what else, asked this process to stop.

    >>> loop = Loop(); done = []
    >>> timer = loop.once(0.0, lambda: done.append(1)); loop.step(5.0); done
    [1]
    >>> loop.close()
    """

    def __init__(self) -> None:
        self.stopped = ""
        self._timers: List[Timer] = []
        self._selector = selectors.DefaultSelector()
        self._woken, self._waker = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._waker, False)
        self._before = [(number, signal.signal(number, self._stop)) for number in STOPS]
        # A handler of its own, or the wakeup descriptor is not written to.
        self._before.append((signal.SIGCHLD, signal.signal(signal.SIGCHLD, _nothing)))
        self._waker_before = signal.set_wakeup_fd(self._waker)
        self.add(self._woken, self._drain)

    def add(self, descriptor: int, call: Callable[[], None]) -> None:
        """Call `call` whenever the descriptor can be read."""
        self._selector.register(descriptor, selectors.EVENT_READ, call)

    def drop(self, descriptor: int) -> None:
        """No more of that; a descriptor that is not watched is no error."""
        with contextlib.suppress(KeyError):
            self._selector.unregister(descriptor)

    def once(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Call `call` once, so many seconds from now."""
        return self._add_timer(Timer(time.monotonic() + seconds, call, None))

    def every(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Call `call` every so many seconds; a late call is not made up for."""
        return self._add_timer(Timer(time.monotonic() + seconds, call, seconds))

    def cancel(self, timer: Timer) -> None:
        """The call is not due any more."""
        if timer in self._timers:
            self._timers.remove(timer)

    def step(self, seconds: float) -> None:
        """Wait until something is ready or due, at most so long; then make the calls."""
        due = min((timer.due - time.monotonic() for timer in self._timers), default=seconds)
        for key, _ in self._selector.select(max(0.0, min(seconds, due))):
            if key.fd in self._selector.get_map():  # a call before this one may have dropped it
                key.data()
        self.tick()

    def tick(self) -> None:
        """Make the calls that are due, without waiting: for whoever is busy for long."""
        now = time.monotonic()
        for timer in [timer for timer in self._timers if timer.due <= now]:
            if timer not in self._timers:
                continue
            if timer.period is None:
                self._timers.remove(timer)
            else:
                timer.due = now + timer.period
            timer.call()

    def wait(self, descriptor: int, seconds: float) -> None:
        """`step` until the descriptor can be read, a stop was asked for or so many seconds are over."""
        ready: List[int] = []
        until = time.monotonic() + seconds
        self.add(descriptor, lambda: ready.append(1))
        try:
            while not ready and not self.stopped and time.monotonic() < until:
                self.step(until - time.monotonic())
        finally:
            self.drop(descriptor)

    def close(self) -> None:
        """Signals do again what they did before."""
        signal.set_wakeup_fd(self._waker_before)
        for number, before in self._before:
            signal.signal(number, before)
        self._selector.close()
        os.close(self._woken)
        os.close(self._waker)

    def _add_timer(self, timer: Timer) -> Timer:
        self._timers.append(timer)
        return timer

    def _stop(self, number: int, frame: Any) -> None:
        self.stopped = self.stopped or signal.Signals(number).name

    def _drain(self) -> None:
        try:
            while os.read(self._woken, 4096):
                pass
        except BlockingIOError:
            pass


def _nothing(number: int, frame: Any) -> None:
    pass
