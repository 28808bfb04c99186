"""The doctor with real agents and a real job: on this computer, and on one at the end of a pipe that lacks things."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from farpoint.project import Project
from farpoint.runner import layout, sight
from farpoint.verbs import doctor

TOKEN = "fpabcdefghijklm"


@pytest.fixture
def project(tmp_path):
    """project(settings of machine `far`) → the project that has it."""
    made = []

    def make(**settings) -> Project:
        root = tmp_path / "project"
        root.mkdir(exist_ok=True)
        lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
        (root / "farpoint.toml").write_text("\n".join(["[machines.far]", 'transport = "pipe"', *lines, ""]))
        made.append(Project(root, state=tmp_path / "state"))
        return made[-1]

    yield make
    for each in made:
        each.close()


def examined(project, name="far", **more):
    return {found.what: found for found in doctor.doctor(project, name, **more)}


def test_all_is_well_here(project, tmp_path):
    found = examined(project(), "local")
    assert {each.state for each in found.values()} == {"ok"}
    assert list(found) == [
        "reach", "agent", "login shell", "Python", "clock", "statedir", "workdir", "scheduler", "job",
        "statedir there", "workdir there", "functions", "notebooks",
    ]  # fmt: skip
    assert "its answer here, after" in found["workdir there"].said
    assert os.listdir(tmp_path / "state" / "machines" / "local" / "jobs") == []
    assert not (tmp_path / "project" / "farpoint_runs").exists()


def test_a_python_of_another_minor_version_is_told(project, tmp_path):
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    others = [*versions.glob("3.6.*/bin/python"), *versions.glob("3.8.*/bin/python")]
    if not others:
        pytest.skip("no other Python in pyenv")
    found = examined(project(statedir=str(tmp_path / "s"), python=str(others[0])))
    assert found["job"].state == "ok"
    assert (found["functions"].state, found["notebooks"].state) == ("note", "bad")
    assert "farpoint env far" in found["notebooks"].mend


def test_a_folder_nothing_can_be_put_in(project, tmp_path):
    found = examined(project(statedir=str(tmp_path / "s"), workdir="/proc/farpoint"))
    assert (found["workdir"].state, found["statedir"].state) == ("bad", "ok")
    assert "name another workdir" in found["workdir"].mend
    assert found["job"].said == "none was sent"


def test_a_machine_that_cannot_be_reached(project):
    found = examined(project(python="/no/such/python"))
    assert list(found) == ["reach"]
    assert "/no/such/python" in found["reach"].said


def test_an_environment_that_is_not_there_and_no_job(project, tmp_path):
    found = examined(project(statedir=str(tmp_path / "s"), environment="/no/such/python"), job=False)
    assert found["your code"].state == "bad"
    assert "job" not in found


def test_a_job_that_ends_without_a_word(project, tmp_path):
    found = examined(project(statedir=str(tmp_path / "s"), setup=["echo broken profile >&2; exit 3"]))
    assert found["job"].state == "bad"
    assert "broken profile" in found["job"].said


def test_pages_and_clocks():
    law = {"days": 30, "by": "/scratch/README", "said": "purged"}
    room = {"path": "/s", "trouble": "", "links": True, "inodes": 10**6, "free": 1 << 40, "fstype": "nfs", "purge": law}
    from farpoint.config import MachineConfig

    assert [each.state for each in doctor._folder("statedir", room, MachineConfig())] == ["ok", "bad"]
    assert [each.state for each in doctor._folder("workdir", room, MachineConfig())] == ["ok", "note"]
    assert [each.state for each in doctor._folder("workdir", room, MachineConfig(purge=9))] == ["ok", "ok"]
    full = {**room, "purge": None, "inodes": 10}
    assert [each.state for each in doctor._folder("workdir", full, MachineConfig())] == ["bad"]
    assert doctor._clock(4000.0, 100.0).said == "1:05:00 ahead of ours"
    assert doctor._clock(100.5, 100.0).state == "ok"


def test_a_job_that_sees_another_disk_says_which_folder(tmp_path):
    """The job's workdir is empty: as where a node has a disk of its own mounted there."""
    runner = tmp_path / "runner.zip"
    runner.write_bytes(layout.build_zip())
    here = sight.folders_of(str(tmp_path / "state"), str(tmp_path / "work"), TOKEN)
    assert sight.meet(here, 0) is None
    argv = [sys.executable, str(runner), "sight", "", "json", str(tmp_path / "state"), str(tmp_path / "elsewhere")]
    job = subprocess.Popen(argv, env={**os.environ, "FARPOINT_RUN": f"{TOKEN}/0"})
    met = sight.meet(here, 60)
    assert met["folders"] == {"statedir": "", "workdir": "is not there"}
    assert list(met["lag"]) == ["statedir"]
    assert len(met["lag"]["statedir"]) == sight.ROUNDS
    assert job.wait(60) == 0
    told = {each.what: each.state for each in doctor._sights(met)}
    assert told == {"statedir there": "ok", "workdir there": "bad"}
