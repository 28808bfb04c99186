"""A lock is held by one process at a time, and nobody holds it any more when its process has died."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from farpoint import filelock

HOLD = """
import os, sys
from pathlib import Path
from farpoint import filelock
with filelock.held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_it_is_held_by_one_at_a_time_and_by_none_that_died(tmp_path: Path):
    words = [sys.executable, "-c", HOLD, str(tmp_path / "lock")]
    with filelock.held(tmp_path / "lock"):
        other = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        with pytest.raises(subprocess.TimeoutExpired):  # it waits for us
            other.wait(timeout=1)
    with other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        other.kill()
        with filelock.held(tmp_path / "lock"):
            assert (tmp_path / "lock").stat().st_mode & 0o077 == 0
