"""Executor: the standard library's way to call functions elsewhere, on this house.

Knows futures and how calls are sent; has no thread but while calls wait for `max_workers`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent import futures
from functools import partial
from typing import Any

from farpoint.api import outcome
from farpoint.api.remote import Function, check_options
from farpoint.api.run import Run
from farpoint.api.scan import refuse_inside
from farpoint.errors import BadInput, RunCancelled
from farpoint.functions import walk
from farpoint.functions.calls import COUNT, Parcels, column_shape_of
from farpoint.runner import values
from farpoint.verbs.function import name_of


class Call(futures.Future[Any]):
    """A future whose call runs elsewhere. `run` is its Run once it was handed over."""

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        super().__init__()
        self.function = function
        self.arguments = arguments
        self.named = named
        self.run: Run | None = None
        self._ending = threading.RLock()

    def cancel(self) -> bool:
        """Ask for its end; False where it runs or has ended, as for any future."""
        run = self.run
        if run is not None and not self.cancelled():
            if run.running() or run.done() or self.done():
                return False
            run.cancel()
        return self._give_up()

    def _give_up(self) -> bool:
        """Be cancelled, once: by whoever asked for it, or because the run came back so. False where it has ended."""
        with self._ending:
            if not self.cancelled() and super().cancel():
                self.set_running_or_notify_cancel()
            return self.cancelled()

    def running(self) -> bool:
        """True while it is being executed."""
        return self.run is not None and not self.done() and self.run.running()

    def result(self, timeout: float | None = None) -> Any:
        """What the call returned; raises what it raised."""
        fault = self.exception(timeout)
        if fault is not None:
            raise fault
        return super().result() if self.run is None else self.run.result()

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """What the call raised, or None."""
        fault = super().exception(timeout)
        return fault if self.run is None or fault is None else self.run.exception()

    def sent(self, run: Run) -> None:
        """It was handed over: what it was given is not held here any longer."""
        self.run = run
        self.function, self.arguments, self.named = len, (), {}

    def ended(self, run: Run) -> None:
        """Take over how its run ended. What it returned or raised is read when it is asked for."""
        fault = outcome.exception_of(run.row)
        if isinstance(fault, RunCancelled):
            self._give_up()
            return
        with self._ending:
            if self.done() or not self.set_running_or_notify_cancel():
                return
        if fault is None:
            self.set_result(None)
        else:
            self.set_exception(fault)


class Executor(futures.Executor):
    """Calls functions on a machine, as any executor of `concurrent.futures` does; its futures know their `run`.

    `on` names the machine; `max_workers` is how many calls may be under way at once (None: as many as there is room
    for); `options` are resources of one call, and `files save environment project` as a Scan has them. A call that an
    earlier session made with the same code is found again; equal calls of one executor each run. Raises BadInput and
    BadResources.

    >>> with Executor(cpus=1) as executor:
    ...     list(executor.map(abs, []))
    []
    """

    def __init__(self, on: str | None = None, *, max_workers: int | None = None, **options: Any) -> None:
        if max_workers is not None and (type(max_workers) is not int or max_workers <= 0):
            raise BadInput(f"max_workers must be greater than 0, a whole number or None, and is {max_workers!r}.")
        check_options(options)
        self._on = on
        self._options = options
        self._room = max_workers
        self._guard = threading.RLock()
        self._sending = threading.Lock()
        self._waiting: list[Call] = []
        self._going: set[Call] = set()
        self._seen: dict[tuple[str, str], int] = {}
        self._closed = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Call:
        """Call `fn` elsewhere. RuntimeError after `shutdown`."""
        return self._submit([Call(fn, args, kwargs)])[0]

    def map(
        self, fn: Callable[..., Any], *iterables: Iterable[Any], timeout: float | None = None, chunksize: int = 1,
        **_: Any,
    ) -> Iterator[Any]:  # fmt: skip
        """The results of `fn` for the items, in their order; all calls are handed over together, at once."""
        if chunksize < 1:
            raise ValueError("chunksize must be >= 1.")
        until = None if timeout is None else time.monotonic() + timeout
        calls = self._submit([Call(fn, each, {}) for each in zip(*iterables, strict=False)])
        return _results(calls, until)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; wait for those there are, or cancel those that have not begun."""
        with self._guard:
            self._closed = True
            calls = [*self._waiting, *self._going]
        if cancel_futures:
            for call in calls:
                call.cancel()
            with self._guard:
                self._waiting = [call for call in self._waiting if not call.cancelled()]
        if wait:
            futures.wait(calls)

    def _submit(self, calls: list[Call]) -> list[Call]:
        refuse_inside("a call")
        with self._guard:
            if self._closed:
                raise RuntimeError("cannot schedule new futures after shutdown")
            if not threading.main_thread().is_alive():  # its future could not be waited for
                raise RuntimeError("cannot schedule new futures after interpreter shutdown")
            self._waiting += calls
        self._send()
        return calls

    def _send(self) -> None:
        """Hand over the calls there is room for, those of one function together."""
        with self._sending:
            with self._guard:
                room = len(self._waiting) if self._room is None else max(0, self._room - len(self._going))
                chosen = [call for call in self._waiting if not call.cancelled()][:room]
                self._waiting = [call for call in self._waiting if call not in set(chosen) and not call.cancelled()]
                self._going.update(chosen)
            for function, calls in _by_function(chosen):
                self._hand_over(function, calls)

    def _hand_over(self, function: Callable[..., Any], calls: list[Call]) -> None:
        try:
            shape = column_shape_of(function)
            code = walk.same(function, name_of(function))[:8]
        except Exception as fault:  # noqa: BLE001 - as a process pool: the future says why it could not be sent
            self._refuse(calls, fault)
            return
        place = Function(function, self._on, {**self._options, "name": f"{name_of(function)}-{code}"})
        parcels, bound = Parcels(), dict[Call, dict[str, Any]]()
        for call in calls:
            try:
                bound[call] = self._apart(place.name, parcels.pack_call(shape.bind(call.arguments, call.named)))
            except Exception as fault:  # noqa: BLE001 - this call's alone
                self._refuse([call], fault)
        try:
            runs = list(place.send(list(bound.values()), parcels, shape, quiet=True)) if bound else []
        except Exception as fault:  # noqa: BLE001 - told by each future
            self._refuse(list(bound), fault)
            return
        for call, run in zip(bound, runs, strict=True):
            call.sent(run)
            run.add_done_callback(partial(self._ended, call))

    def _apart(self, scan: str, call: dict[str, Any]) -> dict[str, Any]:
        """The second of two equal calls is a replicate of the first: both run."""
        key = scan, values.canonical(call)
        count = self._seen.get(key, 0)
        self._seen[key] = count + 1
        return {**call, COUNT: count} if count else call

    def _refuse(self, calls: Iterable[Call], fault: Exception) -> None:
        for call in calls:
            with self._guard:
                self._going.discard(call)
            if not call.done() and call.set_running_or_notify_cancel():
                call.set_exception(fault)

    def _ended(self, call: Call, run: Run) -> None:
        with self._guard:
            self._going.discard(call)
            more = bool(self._waiting)
        call.ended(run)
        if more:  # this is whoever watches the runs: it must not be kept
            threading.Thread(target=self._send, name="farpoint-executor").start()


def _by_function(calls: list[Call]) -> list[tuple[Callable[..., Any], list[Call]]]:
    found: dict[int, tuple[Callable[..., Any], list[Call]]] = {}
    for call in calls:
        found.setdefault(id(call.function), (call.function, []))[1].append(call)
    return list(found.values())


def _results(calls: list[Call], until: float | None) -> Iterator[Any]:
    """Results in order; what is left when nobody asks any more is cancelled, as the standard library does."""
    calls.reverse()
    try:
        while calls:
            yield calls.pop().result(None if until is None else until - time.monotonic())
    finally:
        for call in calls:
            call.cancel()
