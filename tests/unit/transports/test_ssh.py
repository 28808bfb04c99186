"""ssh passes the suite every transport passes, and starts an agent under any login shell, however noisy."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusters.sshd import Sshd
from farpoint.testing.transport_suite import TransportSuite
from farpoint.transports.login import Login
from farpoint.transports.ssh import Ssh


@pytest.fixture
def transport(sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ssh:
    monkeypatch.setenv("PATH", sshd.path)
    login = Login("suite", sshd.alias, tmp_path / "ssh")
    yield Ssh(login)
    login.end()


class TestSsh(TransportSuite):
    @pytest.fixture
    def transport(self, transport: Ssh) -> Ssh:
        return transport

    @pytest.fixture
    def statedir(self) -> str:
        return "~/.farpoint"
