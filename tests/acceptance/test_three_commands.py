"""From an empty HOME and an ssh alias to the first result in three commands.

The computer far away has an old Python, no network, and no queue: clients without daemons are none.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk import notebook

from clusters.daemons import require
from clusters.sshd import FarHost, Sshd
from clusters.wheels import pack
from farpoint.verbs.environment import BASIC

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def alone(far_host: FarHost) -> Iterator[Sshd]:
    """An sshd in a network of its own that leads nowhere; the ssh beside it goes in there."""
    require(["ip"])
    if os.geteuid() != 0:
        pytest.skip("a network namespace needs root")
    name = f"fpset{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        yield far_host.sshd(prefix=("ip", "netns", "exec", name))
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False)


@pytest.fixture
def newcomer(alone: Sshd, far_host: FarHost, tmp_path: Path):
    """farpoint(words…) as a user with an empty home here, whose packages come from a folder."""
    python = far_host.environment.resolve()  # this kernel's minor version, in a place of the user's there
    far_host.user.run(f"mkdir -p .local/bin && ln -sf {python} .local/bin/python3.{sys.version_info.minor}")
    (tmp_path / "home").mkdir()
    (tmp_path / "work").mkdir()
    (tmp_path / "index").mkdir()
    pack(BASIC, tmp_path / "index")
    kept = {name: os.environ[name] for name in ("LANG", "TMPDIR") if name in os.environ}
    env = {
        **kept, "HOME": str(tmp_path / "home"), "PATH": alone.path, "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null",
        "PIP_FIND_LINKS": str(tmp_path / "index"),
    }  # fmt: skip

    def farpoint(*words: str) -> str:
        argv = [sys.executable, "-m", "farpoint", *words]
        done = subprocess.run(argv, cwd=tmp_path / "work", env=env, capture_output=True, text=True, timeout=800)
        assert done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}"
        return done.stdout

    yield farpoint
    farpoint("disconnect", "far")


def test_three_commands_to_the_first_result(newcomer, alone: Sshd, far_host: FarHost, tmp_path: Path) -> None:
    task = notebook(
        "x = 1",
        """
        import socket, sys
        import farpoint as fp
        fp.record(y=x * 2, minor=sys.version_info[1])
        try:
            socket.create_connection(("192.0.2.1", 80), timeout=5)
        except OSError as fault:
            fp.record(network=fault.errno)
        """,
    )
    (tmp_path / "work" / "task.ipynb").write_text(json.dumps(task))

    entry = newcomer("add", alone.alias, "--scheduler", "direct", "--yes")
    newcomer("env", alone.alias, "--yes", "--package", "nbclient")
    newcomer("run", "task.ipynb", "-p", "x=1,2,3", "--on", alone.alias)

    assert f'python = "{far_host.python}"' in entry
    table = json.loads(newcomer("table", "task", "--json"))
    table = table if isinstance(table, list) else table["rows"]
    assert sorted(row["y"] for row in table) == [2, 4, 6]
    assert {row["minor"] for row in table} == {sys.version_info.minor}
    assert {row["network"] for row in table} == {101}  # network is unreachable
    assert (tmp_path / "home" / ".config" / "farpoint" / "farpoint.toml").exists()


def test_the_doctor_finds_it_well(newcomer, alone: Sshd) -> None:
    newcomer("add", alone.alias, "--scheduler", "direct", "--yes")
    newcomer("env", alone.alias, "--yes", "--package", "nbclient")
    said = json.loads(newcomer("doctor", alone.alias, "--json"))
    assert said["ok"], said
    assert [each["what"] for each in said["findings"]][-1] == "notebooks"


def test_a_machine_that_is_not_there_but_that_ssh_knows_says_what_to_do(newcomer, alone: Sshd, tmp_path: Path) -> None:
    (tmp_path / "work" / "task.ipynb").write_text(json.dumps(notebook("x = 1")))
    with pytest.raises(AssertionError, match=f"ssh knows it: farpoint add {alone.alias}"):
        newcomer("run", "task.ipynb", "--on", alone.alias)
    newcomer("add", alone.alias, "--scheduler", "direct", "--yes")
