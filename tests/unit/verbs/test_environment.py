"""Environments on machines: what is in the lock, and a real one built at the end of a pipe without any network."""

from __future__ import annotations

import json
import os
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

from clusters.wheels import pack
from farpoint.errors import BadInput, MachineError
from farpoint.machines import batch
from farpoint.project import Project
from farpoint.verbs import environment, movable

HERE = sys.version_info[:2]


@pytest.fixture
def packages(tmp_path):
    """packages(name=version…) → distributions in a folder; each needs the next, one is local."""

    def make(local=(), needs=None, **versions):
        folder = tmp_path / "site"
        for name, version in versions.items():
            info = folder / f"{name}-{version}.dist-info"
            info.mkdir(parents=True)
            lines = [f"Name: {name}", f"Version: {version}"]
            lines += [f"Requires-Dist: {each}" for each in (needs or {}).get(name, ())]
            (info / "METADATA").write_text("\n".join(["Metadata-Version: 2.1", *lines, "", ""]))
            if name in local:
                (info / "direct_url.json").write_text(json.dumps({"url": "file:///home/me/mine", "dir_info": {}}))
        return distributions(path=[str(folder)])

    return make


def test_versions_are_as_here_and_local_things_stay_here(packages):
    made = environment.lock(packages(local=["mine"], numpy="2.0", Zope_Interface="1", mine="3", pip="9", farpoint="1"))
    assert made.requirements == ("numpy==2.0", "zope-interface==1")
    assert made.left_out == ("mine",)
    assert made.exact


def test_only_some_and_what_they_need(packages):
    needs = {"a": ["b>=1", "c; extra == 'more'", "d; python_version < '3'", "gone"], "b": ["a"]}
    found = list(packages(needs=needs, a="1", b="2", c="3", d="4", nbclient="5"))
    assert environment.lock(found, only=["A"]).requirements == ("a==1", "b==2", "nbclient==5")
    with pytest.raises(BadInput, match=r"nbclint: no such package here\. Did you mean 'nbclient'\?"):
        environment.lock(found, only=["nbclint"])


def test_another_minor_version_gets_names_alone(packages):
    made = environment.lock(packages(a="1"), python=(3, 6), only=["a"])
    assert made.requirements == ("a", "cloudpickle", "ipykernel", "nbclient", "nbformat")
    assert not made.exact


def test_the_key_changes_with_the_list_and_the_python():
    one = environment.Lock(("a==1",), (3, 11), True)
    others = [environment.Lock(("a==2",), (3, 11), True), environment.Lock(("a==1",), (3, 12), True)]
    assert len({one.key, *(other.key for other in others)}) == 3
    assert one.key == environment.Lock(("a==1",), (3, 11), True, ("mine",)).key


def test_wheels_for_an_older_library_fit_a_newer_one():
    tags = environment._tags((3, 11), "x86_64", "glibc 2.28")
    assert "--platform=manylinux_2_28_x86_64" in tags
    assert "--platform=manylinux_2_17_x86_64" in tags
    assert "--platform=manylinux_2_31_x86_64" not in tags


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """No index anywhere: pip here sees only a folder of wheels."""
    index = tmp_path / "index"
    index.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "none"))
    return index


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "project"
    root.mkdir()
    lines = ["[machines.far]", 'transport = "pipe"', f'statedir = "{tmp_path}/far"', "# mine"]
    (root / "farpoint.toml").write_text("\n".join(lines))
    project = Project(root, state=tmp_path / "state")
    yield project
    project.close()


def test_one_is_built_from_here_and_used_again(offline, project, tmp_path):
    pack(["click", *environment.BASIC], offline)
    said = []
    built = environment.build(project, "far", said.append, only=["click"])
    assert (built.how, built.lost) == ("from here", ())
    assert tuple(built.python["version"][:2]) == HERE
    assert set(environment.BASIC) <= set(built.python["has"])
    assert any("wheels go from here" in line for line in said)
    assert environment.build(project, "far", said.append, only=["click"]).how == "reused"

    file = environment.file_of(project, "far")
    environment.write(file, "far", built.python["path"])
    assert "# mine" in file.read_text()
    assert Project(project.root, state=project.state).config.machine("far").environment == built.python["path"]
    left = sorted(path.name for path in (tmp_path / "far" / "environments").iterdir())
    assert [name for name in left if not name.startswith("uv-")] == [built.lock.key]


def test_what_has_no_wheel_is_told(offline, project):
    pack(environment.BASIC, offline)
    built = environment.build(project, "far", print, wheels="here", only=["click"])
    assert [name.partition("==")[0] for name in built.lost] == ["click"]


def test_what_cannot_be_built_leaves_nothing(offline, project, tmp_path):
    with pytest.raises(MachineError, match="could not build it"):
        environment.build(project, "far", print, wheels="there", only=["click"])
    left = [path.name for path in (tmp_path / "far" / "environments").iterdir()]
    assert [name for name in left if not name.startswith("uv-")] == []


def test_one_is_built_on_a_python_of_here(offline, project, tmp_path):
    pack(["click", *environment.BASIC], offline)
    built = environment.build(project, "far", print, only=["click"], python="here")
    why_not = movable.why_not(Path(sys.base_prefix).resolve(), HERE)
    assert why_not in built.not_brought
    assert (tuple(built.python["version"][:2]), built.warning) == (HERE, "")
    home = Path(built.python["prefix"], "pyvenv.cfg").read_text().partition("home = ")[2].split("\n")[0]
    assert home.startswith(f"{tmp_path}/far/pythons/") is not bool(why_not)
    assert bool(built.brought) is not bool(why_not)
    again = environment.build(project, "far", print, only=["click"], python="here")
    assert (again.how, again.brought, again.python) == ("reused", "", built.python)


class Poorer(batch.Machine):
    """A machine of another kind, whose Python is of another minor version and which has uv."""

    def __init__(self, real):
        self.__dict__.update(real.__dict__)

    def call(self, verb, **given):
        answer = super().call(verb, **given)
        if verb == "survey":
            answer.value.update(machine="riscv64", programs={"uv": "/usr/bin/uv"})
        for each in answer.value if verb == "pythons" else ():
            each["version"] = [HERE[0], HERE[1] - 2, 9]
        return answer


def test_where_none_can_be_brought_the_nearest_is_taken_and_it_is_said(offline, project, tmp_path, monkeypatch):
    pack(environment.BASIC, offline)
    monkeypatch.setenv("PATH", f"{Path(sys.prefix, 'bin')}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("UV_FIND_LINKS", str(offline))
    poorer = Project(project.root, state=tmp_path / "other", machines={"far": Poorer(project.machine("far"))})
    said = []
    built = environment.build(poorer, "far", said.append, wheels="there", only=["nbclient"])
    poorer.close()
    assert built.not_brought == "none of here can go there: it is another kind, riscv64"
    assert f"{built.not_brought}. The nearest Python there is taken: {HERE[0]}.{HERE[1] - 2}.9 (" in said[-3]
    assert "functions and pickled values need the same minor version" in built.warning
    assert built.lock.key.startswith(f"py{HERE[0]}.{HERE[1] - 2}-")


def test_one_of_there_is_taken_where_that_is_asked_for(offline, project, tmp_path, monkeypatch):
    pack(environment.BASIC, offline)
    monkeypatch.setenv("PATH", f"{Path(sys.prefix, 'bin')}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("UV_FIND_LINKS", str(offline))
    poorer = Project(project.root, state=tmp_path / "other", machines={"far": Poorer(project.machine("far"))})
    built = environment.build(poorer, "far", print, wheels="there", only=["nbclient"], python="there")
    poorer.close()
    assert (built.brought, built.not_brought) == ("", "")
    assert built.warning
    assert not (tmp_path / "far" / "pythons").exists()
