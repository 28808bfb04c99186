"""One process at a time: a lock on a file, which the system takes back from a process that dies.

Knows files of this computer only; far away, locks are exclusive links (runner.claims).
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def held(path: Path, mode: int = 0o600, *, needed: bool = True) -> Iterator[None]:
    """Hold the lock of a file, made with `mode`, and wait for whoever has it. Not re-entrant.

    Some network disks know no locks: OSError where the lock is `needed`, else it goes on without one.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, held(Path(folder, "lock")):
    ...     sorted(path.name for path in Path(folder).iterdir())
    ['lock']
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, mode)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError:
            if needed:
                raise
        yield
    finally:
        os.close(handle)
