"""A Python of this minor version for a machine that has none, by each of the ways there are: real uv, no network."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
import tarfile
from pathlib import Path

import pytest

from clusters.pythons import pretended
from farpoint.project import Project
from farpoint.verbs import interpreter, movable, uv

HERE = sys.version_info[:2]
VERSION = ".".join(map(str, sys.version_info[:3]))
WHY_NOT = movable.why_not(Path(sys.base_prefix).resolve(), HERE)


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """uv has no network, and none of the Pythons it may have brought to this computer."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def offered(tmp_path, monkeypatch):
    """offered(complaint="") → uv's own list of Pythons has only one, which says that."""

    def make(complaint=""):
        tree = pretended(tmp_path / f"offered{len(complaint)}", complaint)
        archive = tree.with_suffix(".tar.gz")
        with tarfile.open(archive, "w:gz") as packed:
            packed.add(tree, "python")
        libc = "gnu" if platform.libc_ver()[0] == "glibc" else "musl"
        kind = {
            "name": "cpython", "arch": {"family": platform.machine(), "variant": None}, "os": "linux", "libc": libc,
            "major": HERE[0], "minor": HERE[1], "patch": sys.version_info[2], "prerelease": "", "variant": None,
            "url": archive.as_uri(), "sha256": hashlib.sha256(archive.read_bytes()).hexdigest(), "build": "20260101",
        }  # fmt: skip
        listed = tree.with_suffix(".json")
        listed.write_text(json.dumps({f"cpython-{VERSION}-linux-{platform.machine()}-{libc}": kind}))
        monkeypatch.setenv("UV_PYTHON_DOWNLOADS_JSON_URL", str(listed))

    return make


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "project"
    root.mkdir()
    (root / "farpoint.toml").write_text(f'[machines.far]\ntransport = "pipe"\nstatedir = "{tmp_path}/far"\n')
    project = Project(root, state=tmp_path / "state")
    yield project
    project.close()


@pytest.fixture
def bring(project):
    """bring(fetch=…) → what came of it, and what was said meanwhile."""

    def ask(fetch):
        machine = project.machine("far")
        survey = machine.call("survey", programs=["uv"]).value
        said = []
        sent = uv.send(machine, survey, print)
        return interpreter.bring(project, machine, survey, sent, said.append, fetch=fetch), said

    return ask


def test_uv_there_fetches_one_into_our_folder_and_it_is_found_again(bring, offered, tmp_path):
    offered()
    found, said = bring(fetch=True)
    assert found.said.startswith(f"Python {VERSION} fetched there by uv, ")
    assert found.python["real"].startswith(f"{tmp_path}/far/pythons/fetched/cpython-{VERSION}")
    assert said == [f"no Python {HERE[0]}.{HERE[1]} there; uv looks for one"]
    again, said = bring(fetch=True)
    assert (again.said, said) == (f"Python {VERSION} that was brought before", [])
    assert [*(tmp_path / "home").rglob("*python*")] == []


def test_one_that_uv_has_here_goes_there_once(bring, offered, tmp_path):
    offered()
    found, said = bring(fetch=False)
    assert found.said.startswith(f"Python {VERSION} sent from {tmp_path}/state/pythons/cpython-{VERSION}")
    assert found.python["real"].startswith(f"{tmp_path}/far/pythons/{HERE[0]}.{HERE[1]}-")
    assert said[-1].endswith(" sent")
    again, said = bring(fetch=False)
    assert (again.python, said) == (found.python, [])


def test_this_kernels_own_goes_where_uv_has_none(bring, tmp_path):
    found, said = bring(fetch=True)
    assert said[:2] == [
        f"no Python {HERE[0]}.{HERE[1]} there; uv looks for one",
        "it cannot fetch one; one goes from here",
    ]
    if WHY_NOT:
        assert (found.python, found.said) == (None, f"this kernel's Python {VERSION} cannot go there: {WHY_NOT}")
        return
    assert found.said.startswith(f"Python {VERSION} sent from {os.path.realpath(sys.base_prefix)} here, ")
    assert found.python["version"] == list(sys.version_info[:3])
    assert found.python["prefix"].startswith(f"{tmp_path}/far/pythons/{HERE[0]}.{HERE[1]}-")


def test_one_that_does_not_run_there_is_told_with_the_reason(project, bring, offered):
    offered("version GLIBC_2.99 not found")
    machine = project.machine("far")
    survey = {**machine.call("survey", programs=[]).value}
    said = []
    managed = uv.managed(HERE, survey, project.state / "pythons")
    own = interpreter._Own(managed, "the one here")
    found = interpreter._send(machine, own, HERE, said.append)
    assert (found.python, found.said) == (None, "version GLIBC_2.99 not found")


def test_another_kind_of_computer_is_told(project, monkeypatch):
    machine = project.machine("far")
    survey = {**machine.call("survey", programs=[]).value, "machine": "riscv64"}
    found = interpreter.bring(project, machine, survey, None, print, fetch=False)
    assert (found.python, found.said) == (None, "none of here can go there: it is another kind, riscv64")
