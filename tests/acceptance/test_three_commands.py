"""From an empty HOME and an ssh alias to the first result in three commands.

The computer far away has an old Python, no network, and no queue: clients without daemons are none.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from desk import notebook

from clusters.daemons import require
from clusters.sshd import FarHost, Sshd
from clusters.wheels import pack
from farpoint.verbs import movable
from farpoint.verbs.environment import BASIC

pytestmark = pytest.mark.timeout(900)

PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
Farpoint = Callable[..., str]


@pytest.fixture(scope="module")
def nowhere() -> Iterator[tuple[str, ...]]:
    """Words before a program that is to have a network of its own that leads nowhere."""
    require(["ip"])
    if os.geteuid() != 0:
        pytest.skip("a network namespace needs root")
    name = f"fpset{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        yield ("ip", "netns", "exec", name)
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False)


@pytest.fixture(scope="module")
def alone(far_host: FarHost, nowhere: tuple[str, ...]) -> Sshd:
    """An sshd without a network; the ssh beside it goes in there."""
    return far_host.sshd(prefix=nowhere)


@pytest.fixture(scope="module")
def without(far_host: FarHost, nowhere: tuple[str, ...]) -> Sshd:
    """The same, and no Python of this minor version is there: the system's is covered where there is another."""
    covered = [path for folder in ("/usr/bin", "/usr/local/bin") if (path := Path(folder, PYTHON)).exists()]
    if far_host.python.resolve() in [path.resolve() for path in covered]:
        covered = []  # it is the only one that this computer has
    cover = far_host.folder / "without"
    lines = [f"mount --bind /dev/null {path.resolve()}" for path in covered]
    cover.write_text("\n".join(["#!/bin/sh", "set -e", *lines, 'exec "$@"', ""]))
    cover.chmod(0o755)
    return far_host.sshd(prefix=(*nowhere, str(cover)))  # whose mounts are its own: ip-netns(8)


@pytest.fixture
def newcomer(alone: Sshd, far_host: FarHost, tmp_path: Path) -> Iterator[Farpoint]:
    """farpoint(words…) as a user with an empty home here, for whom a Python of this minor version is there."""
    python = far_host.environment.resolve()  # in a place of the user's there
    far_host.user.run(f"mkdir -p .local/bin && ln -sf {python} .local/bin/{PYTHON}")
    with visitor(alone, tmp_path) as farpoint:
        yield farpoint
    far_host.user.run(f"rm .local/bin/{PYTHON}")


@contextmanager
def visitor(sshd: Sshd, folder: Path) -> Iterator[Farpoint]:
    """farpoint(words…) as a user with an empty home here, whose packages come from a folder."""
    for name in ("home", "work", "index"):
        (folder / name).mkdir()
    pack(["click", "pluggy", *BASIC], folder / "index")
    kept = {name: os.environ[name] for name in ("LANG", "TMPDIR") if name in os.environ}
    env = {
        **kept, "HOME": str(folder / "home"), "PATH": sshd.path, "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null",
        "PIP_FIND_LINKS": str(folder / "index"),
    }  # fmt: skip

    def farpoint(*words: str, program: Sequence[str] = ("-m", "farpoint")) -> str:
        argv = [sys.executable, *program, *words]
        done = subprocess.run(argv, cwd=folder / "work", env=env, capture_output=True, text=True, timeout=800)
        assert done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}"
        return done.stdout

    try:
        yield farpoint
    finally:
        farpoint("disconnect", sshd.alias)


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


CALL = """
import farpoint as fp

class Lens:
    def __init__(self, power):
        self.power = power

@fp.remote
def look(lens, x):
    import sys
    return lens.power * x, sys.version_info[:2], sys.base_prefix

print(look.on("far").submit(Lens(3), 7).result(timeout=300))
"""


def test_a_function_and_its_values_run_where_no_python_of_this_minor_version_is(
    without: Sshd, far_host: FarHost, tmp_path: Path
) -> None:
    with visitor(without, tmp_path) as farpoint:
        farpoint("add", without.alias, "--scheduler", "direct", "--yes")
        only_one = far_host.python.resolve().name == PYTHON
        words = ["env", without.alias, "--yes", "--json", *(["--python", "here"] * only_one), "--package"]
        first = json.loads(farpoint(*words, "click"))
        why_not = movable.why_not(Path(sys.base_prefix).resolve(), sys.version_info[:2])
        if not first["brought"]:
            assert why_not
            assert why_not in first["not_brought"]
            assert bool(first["warning"]) is not only_one
            return
        assert (first["warning"], first["not_brought"]) == ("", "")
        assert "sent from" in first["brought"]
        pythons = f"{far_host.user.home}/.local/state/farpoint/pythons/"
        result = farpoint(CALL, program=["-c"])
        assert result.startswith(f"(21, {tuple(sys.version_info[:2])}, '{pythons}")
        assert json.loads(farpoint(*words, "click"))["how"] == "reused"
        other = json.loads(farpoint(*words, "pluggy"))  # which no other test here builds
        assert other["brought"].endswith(" that was brought before")
