"""How much of the time its scheduler gave a pilot is left, and what still fits into it.

Knows one clock and one length of time; must not know slices, signals' handlers or schedulers.
"""

import math
import time
from typing import Optional

from . import process

TIME_UP = "time is up"
EARLY = ("SIGUSR1", "SIGUSR2")  # signals that are sent because the end is near, some a minute early
WARNINGS = (TIME_UP, *EARLY)
ENDING = 20.0  # seconds before the end in which nothing goes on; a tenth of the time where that is less
WHOLE = 0.1  # a run that began in the first tenth had all of the time


class Allotment:
    """`walltime` seconds from this process's start, None for ever.

    >>> Allotment(None).fits(1e9), Allotment(1e9).fits(1e8), Allotment(1e9).fits(2e9)
    (True, True, False)
    """

    def __init__(self, walltime: Optional[float]) -> None:
        self.given = math.inf if walltime is None else max(1.0, float(walltime))
        # A job's script gives way to its pilot, so the process is as old as the job.
        self._began = time.monotonic() - process.age()

    @property
    def left(self) -> float:
        """Seconds until the scheduler ends this."""
        return self._began + self.given - time.monotonic()

    @property
    def work(self) -> float:
        """Seconds until everything must have been stopped from here."""
        return self.left - min(ENDING, 0.1 * self.given)

    def fits(self, seconds: float) -> bool:
        """Whether so much can still be done."""
        return seconds <= self.work

    def reason(self, stopped: str) -> str:
        """Why a pilot leaves that was `stopped` by a signal of this name, or by its own clock."""
        if math.isinf(self.given):
            return "stopped"
        return TIME_UP if stopped in WARNINGS or self.work <= 0 else "stopped"

    def was_whole(self, began: float) -> bool:
        """Whether a run that began at `began` of the monotonic clock had as much time as any pilot can give."""
        return began - self._began <= WHOLE * self.given
