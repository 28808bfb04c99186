"""Why jobs wait, where their scheduler says so only to whoever asks: asked once in a while, and added to a look.

Knows an adapter and what runs its commands; must not know how a machine is reached or what a reason is for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from farpoint.model import QueueEntry
from farpoint.schedulers.base import Reasons, Scheduler

PAUSE = 60.0  # seconds after which it is asked again
MANY = 200  # jobs in one question

Run = Callable[[list[str]], Mapping[str, Any]]


class Why:
    """The reasons of one machine's jobs, as last heard."""

    def __init__(self, scheduler: Scheduler, clock: Callable[[], float]) -> None:
        self._scheduler = scheduler
        self._clock = clock
        self._asked = 0.0
        self._known: dict[str, str] = {}

    def told(self, entries: tuple[QueueEntry, ...], ours: Collection[str], run: Run) -> tuple[QueueEntry, ...]:
        """A look at the queue, with why the jobs of the tokens in `ours` wait; `run` does one command there."""
        if not isinstance(self._scheduler, Reasons):
            return entries
        waiting = {each.job_id for each in entries if each.pending and not each.waiting and each.token in ours}
        if waiting and (self._clock() - self._asked >= PAUSE or not waiting <= self._known.keys()):
            done = run(self._scheduler.reasons_command(sorted(waiting)[:MANY]))
            said = self._scheduler.parse_reasons(done["exit"], done["stdout"], done["stderr"])
            self._asked, self._known = self._clock(), {**dict.fromkeys(waiting, ""), **said}
        return tuple(
            replace(each, waiting=self._known[each.job_id]) if each.job_id in waiting and not each.waiting else each
            for each in entries
        )
