"""Looking at a machine at the end of a pipe, with another home and the oldest Python; the entry that comes of it."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from farpoint.config import MachineConfig, load
from farpoint.errors import BadConfig, BadInput
from farpoint.machines.registry import build_machine
from farpoint.model import Queue
from farpoint.project import Project
from farpoint.schedulers.direct import Direct
from farpoint.verbs import add, entry_file

GB = 1 << 30
HERE = sys.version_info[:2]


def room(path, fstype="ext4", free=10 * GB, trouble="", links=True, purge=None):
    return {
        "path": path, "real": path, "fstype": fstype, "mount": "/", "free": free, "size": free, "inodes": 1000,
        "trouble": trouble, "links": links, "purge": purge,
    }  # fmt: skip


def python(version, *has, module=""):
    return {"path": f"/py{version}", "version": [3, version, 1], "prefix": "/", "has": has, "module": module}


class Queueing(Direct):
    """A queue system, as far as choosing goes."""

    name = "queueing"
    programs = ("qq",)


def found(*rooms, pythons=(), scheduler=None, **more):
    survey = {
        "host": "login1", "user": "ada", "home": "/home/ada", "python": "/usr/bin/python3", "version": [3, 6, 8],
        "programs": {"qq": "/opt/q/bin/qq"}, "folders": rooms,
    }  # fmt: skip
    return add.Found(survey, pythons, scheduler or Queueing(), **more)


def settings(seen, minor=(3, 11)):
    made = add.entry_for("hpc", MachineConfig(host="hpc"), seen, minor, "2026-01-02")
    return {each.key: each.value for each in made.settings if each.key}, made


def test_small_files_at_home_and_large_ones_where_room_is():
    values, made = settings(found(room("/home/ada", "nfs"), room("/scratch/ada", "lustre", 900 * GB), room("/tmp/x")))
    assert values["statedir"] == "/home/ada/.local/state/farpoint"
    assert values["workdir"] == "/scratch/ada/farpoint"
    assert values["python"] == "/usr/bin/python3"
    assert "also: /tmp/x" in made.text()


def test_a_disk_that_compute_nodes_may_not_see_is_not_taken():
    values, _ = settings(found(room("/home/ada", "nfs4"), room("/scratch/ada", "xfs", 900 * GB)))
    assert values["workdir"] == "/home/ada/.cache/farpoint"


def test_a_full_home_holds_nothing():
    law = {"days": 30, "said": "30 days", "by": "/scratch/README"}
    values, _ = settings(
        found(room("/home/ada", free=0, trouble="Disk quota exceeded"), room("/s", purge=law), room("/w", free=GB))
    )
    assert (values["statedir"], values["workdir"], values["purge"]) == ("/w/farpoint", "/s/farpoint", "30d")


def test_nowhere_to_write_is_said():
    with pytest.raises(BadInput, match=r"/home/ada: no hard links"):
        settings(found(room("/home/ada", links=False)))


@pytest.mark.parametrize(
    ("pythons", "environment"),
    [
        ([python(6), python(11)], "/py11"),
        ([python(6), python(12, *add.NOTEBOOK)], "/py12"),
        ([python(6), python(12)], None),
        ([python(10, *add.NOTEBOOK), python(11)], "/py11"),
        ([python(11), python(11, *add.NOTEBOOK, module="python/3.11")], "/py11"),
        ([], None),
    ],
)
def test_the_python_for_the_users_code(pythons, environment):
    values, made = settings(found(room("/home/ada"), pythons=pythons))
    assert values.get("environment") == environment
    if environment is None:
        assert "farpoint env hpc" in made.text()
    assert values.get("setup") == (["module load python/3.11"] if any(p["module"] for p in pythons) else None)


def test_queues_accounts_and_troubles_are_in_the_entry(tmp_path):
    queues = (Queue("short", 4, 8 * GB, 3600, 0, 2), Queue("all q"))
    _, made = settings(found(room("/home/ada"), queues=queues, accounts=("phys", "chem"), trouble="qq: no"))
    path = tmp_path / "farpoint.toml"
    add.write(path, made)
    read = load(user=path).machine("hpc")
    assert list(read.queues) == ["short", "all q"]
    assert (read.queues["short"].memory, read.queues["short"].time, read.queues["short"].nodes) == (8 * GB, 3600, 2)
    assert "phys, chem" in path.read_text()
    assert "could not be asked: qq: no" in path.read_text()


class Charging(Queueing):
    """A queue system with accounts."""

    accounts_are_open = True

    def accounts_command(self, user):
        return ["qq", user]

    def parse_accounts(self, code, out, err):
        return tuple(out.split()) if code == 0 else None


class Closed(Charging):
    """One that names accounts which others have."""

    accounts_are_open = False


@pytest.mark.parametrize(
    ("scheduler", "accounts", "account", "said"),
    [
        (Charging(), ("phys",), "phys", "your only one; account= of a run names another"),
        (Charging(), ("phys", "chem"), None, "accounts: phys, chem; phys unless something is said"),
        (Charging(), ("my group",), None, "accounts: my group (account = here"),
        (Closed(), ("phys",), None, "accounts: phys (account = here, or account= of a run)"),
        (Charging(), (), None, ""),
    ],
)
def test_the_account_is_written_where_there_is_only_one(tmp_path, scheduler, accounts, account, said):
    _, made = settings(found(room("/home/ada"), scheduler=scheduler, accounts=accounts))
    text = made.text().replace('scheduler = "queueing"', 'scheduler = "slurm"')
    path = tmp_path / "farpoint.toml"
    entry_file.replace(path, text)
    assert load(user=path).machine("hpc").account == account
    assert said in text
    assert ("account" in text) is bool(accounts)


@pytest.mark.parametrize(("program", "found"), [("echo phys", ("phys", "ada")), ("exit 1", ()), (None, ())])
def test_accounts_are_asked_for_and_need_not_be_there(far, tmp_path, monkeypatch, program, found):
    config, _ = far
    if program is not None:
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "qq").write_text(f"#!/bin/sh\n{program} $1\n".replace("exit 1 $1", "exit 1"))
        (tmp_path / "bin" / "qq").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    machine = build_machine("hpc", config, tmp_path / "state", "me", time.time)
    assert tuple(add._accounts(machine, Charging(), "ada")) == found
    machine.close()


def test_a_bad_entry_never_reaches_the_file(tmp_path):
    path = tmp_path / "farpoint.toml"
    path.write_text("[machines.a]\ncpus = 1\n")
    with pytest.raises(BadConfig):
        entry_file.replace(path, "[machines.a]\ncpus = 'many'\n")
    assert path.read_text() == "[machines.a]\ncpus = 1\n"
    assert os.listdir(tmp_path) == ["farpoint.toml"]


@pytest.fixture
def far(tmp_path):
    """A machine whose Python is the oldest here, with a home and a scratch folder of its own."""
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    oldest = [*map(str, versions.glob("3.6.*/bin/python")), sys.executable][0]
    home = tmp_path / "home"
    (home / "scratch").mkdir(parents=True)
    program = tmp_path / "python3"
    program.write_text(f'#!/bin/sh\nexport HOME={home} SCRATCH={home}/scratch\nexec {oldest} "$@"\n')
    program.chmod(0o755)
    return MachineConfig(transport="pipe", python=str(program), statedir=add.STATE), home


def test_a_real_look(far, tmp_path):
    config, home = far
    project = Project(tmp_path / "project", state=tmp_path / "state")
    seen = add.look(project, "hpc", config)
    values = {each.key: each.value for each in add.entry_for("hpc", config, seen, HERE, "today").settings}
    assert values["statedir"] == f"{home}/.local/state/farpoint"
    assert values["workdir"] == f"{home}/scratch/farpoint"
    assert any(tuple(each["version"][:2]) == HERE or each["version"][1] == 6 for each in seen.pythons)
    assert os.listdir(home / "scratch") == []
