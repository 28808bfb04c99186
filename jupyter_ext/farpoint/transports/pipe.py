"""The stream to an agent on this computer: a child process, no network.

Knows which Python to start and what of a kernel's surroundings must not reach a run.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from farpoint.transports.base import Dead

# They tie a program to the kernel it was started from: its end, its interrupts, its figures, its being a run itself.
_KERNELS_OWN = (
    "JPY_PARENT_PID", "JPY_INTERRUPT_EVENT", "IPY_INTERRUPT_EVENT", "JPY_SESSION_NAME", "MPLBACKEND",
    "FARPOINT_RUN", "FARPOINT_SPEC", "FARPOINT_EVENTS", "FARPOINT_SEED", "FARPOINT_MEMBER", "FARPOINT_JOB_ID",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pipe:
    """Agents of this computer, run by `python`; None is the one that runs this.

    >>> Pipe("python3").argv("pass")
    ['python3', '-I', '-S', '-c', 'pass']
    """

    python: str | None = None
    nice: int = 0  # what is started through the agent would keep its niceness

    def argv(self, loader: str) -> list[str]:
        """The agent's command."""
        return [self.python or sys.executable, "-I", "-S", "-c", loader]

    def env(self) -> dict[str, str]:
        """This process's environment, without what belongs to the kernel alone."""
        return {name: value for name, value in os.environ.items() if name not in _KERNELS_OWN}

    def preamble(self, loader: str) -> bytes:
        """Nothing: the agent's Python is started by its own name."""
        return b""

    def ready(self) -> None:
        """There is no way to be opened."""

    def why(self, said: str) -> Dead | None:
        """What a program here says is all there is to know."""
        return None
