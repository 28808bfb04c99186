"""Run: one execution of a task at a point, shaped like a future.

What it shows comes from the store; only `result`, `wait`, `notebook` and `fetch` wait or reach out to a machine.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from farpoint.api import outcome, pictures, show, waiting
from farpoint.errors import NotFinished, NotFound
from farpoint.model import RunRow, State
from farpoint.project import Project
from farpoint.table import recorded, value
from farpoint.verbs import cancel as cancelling
from farpoint.verbs import fetch, retry, submit, watch

_log = logging.getLogger("farpoint")


class Run:
    """One point's run: `result()`, `done()`, `cancel()`, `exception()`, `wait()`, and `await run`.

    Made by a scan (`scan[7]`) or by `attach`, never by hand.

    >>> [name for name in ("result", "done", "cancel", "exception") if callable(getattr(Run, name))]
    ['result', 'done', 'cancel', 'exception']
    """

    def __init__(self, project: Project, row: RunRow) -> None:
        self._project = project
        self._known = row

    @property
    def _row(self) -> RunRow:
        """The run as the store has it now."""
        if not self._known.run:  # a point that was not submitted yet
            return self._known
        rows = self._project.store.runs(self._project.id, scan=self._known.scan, run=self._known.run)
        if not rows:
            raise NotFound(f"run {self.id} of scan {self._known.scan!r} is not known any more: was the scan removed?")
        self._known = rows[0]
        return rows[0]

    @property
    def row(self) -> RunRow:
        """The run as the store has it now."""
        return self._row

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Run) and bool(self.id) and self.id == other.id)

    def __hash__(self) -> int:
        return hash(self.id) if self.id else id(self)

    # ------------------------------------------------------------------------------------------ standing
    @property
    def id(self) -> str:
        """What the run is known by: `r` and nine characters."""
        return self._known.run

    @property
    def number(self) -> int:
        """The number of its point in the scan."""
        return self._known.number

    @property
    def state(self) -> str:
        """NEW, QUEUED, RUNNING, COMPLETED, FAILED, CANCELLED or LOST."""
        return self._row.state.value

    @property
    def reason(self) -> str:
        """Why it ended as it did, in a word or two: `timeout`, `out of memory`, `exit code 3`, …"""
        return self._row.reason

    @property
    def error(self) -> dict[str, Any] | None:
        """Type, message and far traceback of what ended it, or None."""
        row = self._row
        return dict(row.error) if row.error else None

    @property
    def parameters(self) -> dict[str, Any]:
        """The values at this point."""
        return {name: value(each) for name, each in self._row.parameters.items()}

    @property
    def values(self) -> dict[str, Any]:
        """What it recorded so far; large values as handles with `.load()`."""
        return recorded(self._row, lambda row, typed: outcome.read_large(self._project, row, typed))

    @property
    def series(self) -> dict[str, list[tuple[Any, Any]]]:
        """What it recorded with `step=`: name → [(step, value), …]."""
        return {name: [(step, value(each)) for step, each in steps] for name, steps in self._row.series.items()}

    @property
    def seconds(self) -> float | None:
        """How long it ran."""
        return self._row.seconds

    @property
    def attempts(self) -> list[dict[str, Any]]:
        """Every attempt so far, oldest first: number, state, reason, seconds, machine."""
        names = ("attempt", "state", "reason", "seconds", "machine")
        rows = self._project.store.attempts(self._known.run) if self._known.run else []
        return [{name: getattr(row, name) for name in names} | {"state": row.state.value} for row in rows]

    # ------------------------------------------------------------------------------------------ files
    @property
    def folder(self) -> Path:
        """Where its results are, or will be once fetched."""
        return outcome.point_folder(self._project, self._known)

    @property
    def notebook(self) -> Path:
        """The executed notebook, fetched if it is not here yet. Raises NotFinished while the run goes on."""
        self.fetch()
        path = self.folder / "output.ipynb"
        if not path.is_file():
            raise NotFinished(f"point {self.number} of {self._known.scan} has no executed notebook: it is {self.state}")
        return path

    @property
    def stdout(self) -> str:
        """What it printed so far, stdout and stderr as they came."""
        kept = self.folder / "stdout.txt"
        text = fetch.output(self._project, self._row)
        return text or (kept.read_text(errors="replace") if kept.is_file() else "")

    def fetch(self) -> Path:
        """Bring its results here, all files; the point folder. Nothing is done while the run goes on."""
        fetch.fetch(self._project, [self._row], everything=True)
        return self.folder

    # ------------------------------------------------------------------------------------------ future
    def done(self) -> bool:
        """True once nothing more will happen by itself."""
        return self._row.state.final

    def running(self) -> bool:
        """True while it is being executed."""
        return self._row.state is State.RUNNING

    def cancelled(self) -> bool:
        """True if it was cancelled."""
        return self._row.state is State.CANCELLED

    def wait(self, timeout: float | None = None) -> Run:
        """Block until it has ended, at most `timeout` seconds; the run itself."""
        if self._known.run:
            waiting.wait_for(self._project, self.done, timeout)
        return self

    def result(self, timeout: float | None = None) -> Any:
        """What the function returned, or the values that the notebook recorded, waiting for its end.

        Raises the function's own exception with the far traceback as its cause, or RunFailed with the notebook's (as
        its built-in exception type too, where it has one), RunCancelled, RunLost, or NotFinished (a TimeoutError)
        after `timeout` seconds.
        """
        fault = self.exception(timeout)
        if fault is not None:
            raise fault
        return outcome.returned(self._project, self._known)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """What `result()` would raise, or None; waits as it does."""
        self.wait(timeout)
        row = self._row
        if not row.state.final:
            waited = f" after {timeout:g} s" if timeout else ""
            raise NotFinished(f"point {row.number} of {row.scan} is {row.state}{waited}. wait() for it first.")
        return outcome.exception_of(row, self._project)

    def cancel(self) -> bool:
        """Ask for its end; False if it had ended already. CANCELLED shows once it is certain."""
        asked = cancelling.cancel(self._project, [self._row])
        watch.hand_over(self._project)
        return asked > 0

    def retry(self, on: str | None = None, **resources: Any) -> Run:
        """Start a new attempt with the code as it is now; `memory="x2"` doubles what it had. The run itself."""
        submit.submit(self._project, retry.request(self._project, [self._row], machine=on, changes=resources))
        watch.hand_over(self._project)
        return self

    def add_done_callback(self, call: Callable[[Run], object]) -> None:
        """Call `call(run)` when it has ended, from another thread; at once if it has."""

        def safely() -> None:
            try:
                call(self)
            except Exception:  # noqa: BLE001 - as concurrent.futures: told, and the others are called
                _log.exception("a callback of point %s of %s failed", self.number, self._known.scan)

        waiting.when_ended(self._project, self._known, safely)

    def __await__(self) -> Generator[Any, None, Any]:
        yield from waiting.ended(self._project, self._known).__await__()
        return self.result(timeout=0)

    # ------------------------------------------------------------------------------------------ looks
    def __repr__(self) -> str:
        return show.run_text(self._row)

    def _repr_html_(self) -> str:
        found = pictures.figure_of(self.folder / "output.ipynb") if self._known.run else None
        return show.run_html(self._row, found.uri if found else None)
