"""Keeps the suite apart from the person running it: their state folder and settings are neither read nor written."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("house", deadline=None)  # a loaded computer is not a failing test
settings.load_profile("house")

APART = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    # A shell's background job ignores interrupts, and so would every process the tests start and interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="farpoint-tests-"))
    config.stash[APART] = folder
    os.environ["FARPOINT_STATE"] = str(folder / "state")
    os.environ["XDG_CONFIG_HOME"] = str(folder / "config")
    os.environ["IPYTHONDIR"] = str(folder / "ipython")


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash[APART], ignore_errors=True)
