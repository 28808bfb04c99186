"""Fixtures of the acceptance tests: real processes, real kernels, this computer."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from desk import Desk


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)
