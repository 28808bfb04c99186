"""The pipe passes the suite every transport passes, and keeps a kernel's own surroundings from the far side."""

from __future__ import annotations

import pytest

from farpoint.testing.transport_suite import TransportSuite
from farpoint.transports.pipe import Pipe


class TestPipe(TransportSuite):
    @pytest.fixture
    def transport(self) -> Pipe:
        return Pipe()


def test_what_ties_a_program_to_its_kernel_does_not_reach_the_far_side(monkeypatch) -> None:
    monkeypatch.setenv("JPY_PARENT_PID", "1")
    monkeypatch.setenv("FARPOINT_RUN", "x/1")
    monkeypatch.setenv("MY_OWN", "kept")
    env = Pipe().env()
    assert "JPY_PARENT_PID" not in env
    assert "FARPOINT_RUN" not in env
    assert env["MY_OWN"] == "kept"
