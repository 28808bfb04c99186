"""The two ends of a kernel's life: remember where the user's begins, and end it as Python would, but at once.

Runs inside the kernel; must not know runs, pilots or Jupyter's messages.
"""

import atexit
import contextlib
import gc
import io
import os
import sys
import threading
import time
from typing import Any

WAITING = 100000  # messages of a kernel that may wait to be sent or read


def enter() -> None:
    """Called before the first cell: hooks registered from now on are the notebook's own."""
    atexit.register(_end)
    with contextlib.suppress(Exception):  # a kernel built otherwise than IPython's says less, and works all the same
        _say_all(sys.modules["IPython"].get_ipython().kernel.iopub_thread)


def leave(patience: float = 5.0) -> None:
    """Called after the last cell; does not return.

    A kernel that is killed loses what its open files still hold, and one that is asked to stop may take seconds.
    So: threads are waited for, the notebook's exit hooks run, its objects go, files are written out; then the end.
    Hooks run last in, first out, and `_end` was there before the notebook's, so the kernel's own never run.
    """
    _join(patience)
    atexit._run_exitfuncs()  # noqa: SLF001 -- no public name ends a Python as it would end


def _say_all(thread: Any) -> None:
    """Let messages wait: past a thousand of them ZMQ drops, without a word, what a busy notebook prints."""
    import zmq

    thread.schedule(lambda: thread.socket.setsockopt(zmq.SNDHWM, WAITING))  # in the thread the socket belongs to


def _end() -> None:
    main = sys.modules["__main__"].__dict__
    for name in [name for name in main if not name.startswith("__")]:
        main.pop(name, None)
    gc.collect()
    for thing in gc.get_objects():
        _flush(thing)
    os._exit(0)


def _join(patience: float) -> None:
    until = time.monotonic() + patience
    for thread in threading.enumerate():
        if not thread.daemon and thread not in (threading.main_thread(), threading.current_thread()):
            thread.join(max(0.0, until - time.monotonic()))


def _flush(thing: object) -> None:
    try:
        if isinstance(thing, io.IOBase) and not thing.closed:
            thing.flush()
    except Exception:
        pass  # one broken file must not keep the others from being written
