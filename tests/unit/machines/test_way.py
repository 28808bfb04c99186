"""How a machine is reached, as its settings say."""

from __future__ import annotations

from pathlib import Path

import pytest

from farpoint.config import MachineConfig
from farpoint.errors import BadConfig
from farpoint.machines import way
from farpoint.machines.base import Place
from farpoint.machines.registry import build_machine


def place(folder: Path, **settings) -> Place:
    return Place("hpc", MachineConfig(**settings), folder / "machines" / "hpc", "me", lambda: 0.0)


def test_machines_of_one_host_share_a_sign_in(tmp_path: Path) -> None:
    first = way.login_of(place(tmp_path, host="alias", keep_login=60.0))
    second = way.login_of(Place("other", MachineConfig(host="alias"), tmp_path / "machines" / "other", "me", float))
    assert first is not None
    assert second is not None
    assert first.socket == second.socket
    assert (first.keep, second.keep) == (60.0, 8 * 3600.0)
    assert way.login_of(place(tmp_path)) is None


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"transport": "ssh"}, "is reached by ssh, but has no host"),
        ({"host": "-oProxyCommand=x"}, "cannot be given to ssh"),
        ({"transport": "shh", "host": "x"}, "there is no transport 'shh' .* Did you mean 'ssh'"),
    ],
)
def test_settings_that_lead_nowhere(tmp_path: Path, settings, message) -> None:
    with pytest.raises(BadConfig, match=message):
        build_machine("hpc", MachineConfig(**settings), tmp_path, "me", lambda: 0.0)


def test_without_a_resident_agent_every_call_has_one_of_its_own(tmp_path: Path) -> None:
    link = way.link_to(place(tmp_path, agent="off"), here=True)
    pids = {link.call("hello").value["pid"] for _ in range(2)}
    assert len(pids) == 2
    with link.together():
        assert link.call("hello").value["pid"] == link.call("hello").value["pid"]
    assert link._connection is None
    assert link.wait(0.05) == "time"
