"""A machine reached by ssh, without a queue, passes the suites every machine passes; its user is another one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clusters.sshd import FarHost, Sshd
from farpoint.config import MachineConfig
from farpoint.machines import batch
from farpoint.machines.registry import build_machine
from farpoint.testing.machine_suite import MachineSuite, RunsSuite


@pytest.fixture
def machine(sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[batch.Machine]:
    monkeypatch.setenv("PATH", sshd.path)
    config = MachineConfig(host=sshd.alias, statedir=f"~/{tmp_path.name}")
    machine = build_machine("far", config, tmp_path / "state", "me", lambda: 1000.0)
    assert isinstance(machine, batch.Machine)
    yield machine
    for token in machine.tokens():
        machine.cancel(token, [entry.job_id for entry in machine.look_up(token) or () if entry.live])
    machine.close()
    machine.login.end()


class TestVerbs(MachineSuite):
    @pytest.fixture
    def machine(self, machine: batch.Machine) -> batch.Machine:
        return machine


class TestRuns(RunsSuite):
    @pytest.fixture
    def machine(self, machine: batch.Machine) -> batch.Machine:
        return machine

    @pytest.fixture
    def python(self, far_host: FarHost) -> str:
        return str(far_host.environment)
