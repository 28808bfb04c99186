"""Events of a run, sent to its pilot: whole journal lines through a pipe that many processes may write.

Knows the pipe and its lock; must not know what an event means.
"""

import contextlib
import fcntl
import os
import time
from typing import Any, Dict, List

from .journal import line
from .layout import write_all

results: List[str] = []  # the states this process told as its end


def send(path: str, event: Dict[str, Any]) -> bool:
    """Write one event into the pipe at `path`; False where nobody reads it. ValueError where it is too long.

    The pipe is opened for each event: descriptors and their locks are shared with forked children, which would then
    write into each other's lines.

    >>> send("/nowhere/events", {"e": "progress", "done": 0.5, "text": ""})
    False
    """
    if event.get("e") == "result":
        results.append(str(event.get("state")))
    stamped = {"t": round(time.time(), 6)}
    stamped.update(event)
    data = b"\n" + line(stamped)  # the newline ends what a killed writer may have left half written
    try:
        # Without a reader a blocking open would wait for ever.
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        os.set_blocking(descriptor, True)
        _lock(descriptor)
        write_all(descriptor, data)
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    with contextlib.suppress(OSError):  # a disk without locks: most lines are short enough to be written as one
        fcntl.flock(descriptor, fcntl.LOCK_EX)
