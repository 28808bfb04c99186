"""Why a run should not go on: the orders this side left, a higher claim on its slice, a pilot asked to stop.

Knows the files that say so; must not know processes or how a run is ended.
"""

import os
import time
from typing import Any, List, Mapping, Set

from . import layout
from .claims import Claims, superseded
from .loop import Loop


class Orders:
    """What this side asked of a job's pilots so far: the runs to be `cancelled`, whether to `stop` altogether, and the
    slices somebody waits for and would have `first`, those asked for last before others.

    >>> import tempfile
    >>> folder = tempfile.mkdtemp(); os.mkdir(os.path.join(folder, "control"))
    >>> layout.put_json(os.path.join(folder, layout.control_name(0)), {"cancel": [3]})
    >>> orders = Orders(folder); orders.read(); orders.cancelled, orders.stop
    ({3}, False)
    """

    def __init__(self, job_folder: str) -> None:
        self._folder = job_folder
        self._next = 0
        self.cancelled: Set[int] = set()
        self.stop = False
        self.first: List[int] = []

    def read(self) -> None:
        """Take in the orders that are new."""
        while True:
            try:
                order: Any = layout.read_json(os.path.join(self._folder, layout.control_name(self._next)))
            except FileNotFoundError:
                return
            except ValueError:
                order = {}  # broken on the disk; the next one may be whole
            self._next += 1
            if isinstance(order, dict):
                self.cancelled.update(i for i in order.get("cancel", ()) if isinstance(i, int))
                self.stop = self.stop or bool(order.get("stop"))
                wished = [s for s in order.get("first", ()) if isinstance(s, int)]
                self.first = wished + [s for s in self.first if s not in wished]

    def cancels(self, i: int) -> bool:
        """Whether run `i` is to end."""
        return self.stop or i in self.cancelled


class Tenure:
    """A claim that is held by the pilot start `me`, and whether it still is."""

    def __init__(self, s: int, c: int, claims: Claims, orders: Orders, loop: Loop, me: Mapping[str, Any]) -> None:
        self.s, self.c = s, c
        self._me = me
        self._claims = claims
        self._orders = orders
        self._loop = loop
        self._lost = False

    def look(self) -> None:
        """See what is new on the disk."""
        self._lost = self._lost or superseded(self._claims.of(self.s), self.c)
        self._orders.read()

    def renew(self) -> bool:
        """Take the next claim too, for another execution; False where somebody else did, or the disk cannot hold it."""
        if self._lost:
            return False
        try:
            won = self._claims.link(self.s, self.c + 1, dict(self._me, t=round(time.time(), 6)))
        except OSError:
            return False
        self._lost = not won
        self.c += won
        return won

    def cause(self, i: int) -> str:
        """Why run `i` should not go on, as known since the last look: superseded, cancelled, stopped, or ""."""
        if self._lost:
            return "superseded"
        if self._orders.cancels(i):
            return "cancelled"
        return "stopped" if self._loop.stopped else ""
