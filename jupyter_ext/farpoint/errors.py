"""The one tree of errors a user of farpoint can meet, drawn below.

Knows nothing of the rest: a message names the thing, the value and the mend, and is made where the fault is found.

    FarpointError
    ├── BadInput            something given to farpoint cannot be used; nothing was sent
    │   ├── BadPoints       parameter names, values or their composition
    │   ├── BadResources    time, memory, cpus … or no place that has them
    │   ├── BadConfig       farpoint.toml
    │   └── BadTask         the notebook, script or function itself, or its files
    ├── NotFound            no such scan, run, machine or folder
    ├── CodeChanged         completed points were made by other code; says what to answer
    ├── InsideRun           submitting from inside a run without nested=True
    ├── Unreachable         a machine, its disk or its scheduler does not answer; work is paused, not failed
    │   └── SignInNeeded    … because somebody must sign in there first
    ├── MachineError        a machine answered, but not with anything that can be used
    ├── StoreError          the local index cannot be used
    ├── NotFinished         a result was asked for before there is one
    │   └── Detached        somebody stopped waiting for a cell; it goes on
    └── RunFailed           a run ended without a result
        ├── RemoteError     an exception that cannot be made again here; of others, the cause
        ├── RunCancelled
        └── RunLost
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class FarpointError(Exception):
    """Base of every error farpoint raises on purpose."""


class BadInput(FarpointError, ValueError):
    """Something given to farpoint cannot be used; nothing was sent."""


class BadPoints(BadInput):
    """A parameter name, a value or the way points were put together cannot be used."""


class BadResources(BadInput):
    """A time, memory or core count is unreadable, or no place has it."""


class BadConfig(BadInput):
    """A setting in farpoint.toml cannot be used."""


class BadTask(BadInput):
    """The notebook or one of its files cannot be used."""


class NotFound(FarpointError, LookupError):
    """There is no scan, run, machine or folder of that name."""


class CodeChanged(FarpointError):
    """Completed points were made by other code and repeating them costs much: say changed="rerun" or "keep"."""


class InsideRun(FarpointError):
    """A run tried to submit work of its own without nested=True."""


class Unreachable(FarpointError):
    """A machine, its disk or its scheduler does not answer; its work is paused."""


class SignInNeeded(Unreachable):
    """A machine is reached by a sign-in that only its user can make: `farpoint connect` asks for what it needs."""


class MachineError(FarpointError):
    """A machine answered with something that cannot be used."""


class StoreError(FarpointError):
    """The local index cannot be used."""


class NotFinished(FarpointError, TimeoutError):
    """A result was asked for before the run has one."""


class Detached(NotFinished):
    """Somebody stopped waiting for a cell, which goes on where it is; its names are not set yet."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows instead of a traceback: nothing went wrong."""
        return [str(self)]


class RunFailed(FarpointError):
    """A run ended without a result; the far traceback is in the message."""


class RemoteError(RunFailed):
    """What happened at the far end, with its traceback: the cause of an exception, or in place of it."""


class RunCancelled(RunFailed):
    """The run was cancelled before it had a result."""


class RunLost(RunFailed):
    """The run is gone, without a result and without a cause anyone can name."""


def nearest(name: str, known: Iterable[str]) -> str:
    """The hint that ends a message about an unknown name.

    >>> nearest("feeed", ["feed", "kill"])
    " Did you mean 'feed'?"
    >>> nearest("zzz", ["feed", "kill"])
    ''
    """
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""
