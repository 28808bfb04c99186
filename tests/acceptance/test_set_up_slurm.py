"""Setting up on a computer whose own queue system is a real Slurm: found with its queues, and a job meets us there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from clusters.slurm import Slurm
from farpoint.config import MachineConfig
from farpoint.project import Project
from farpoint.resources import resources
from farpoint.verbs import add, doctor

pytestmark = [pytest.mark.xdist_group("slurm"), pytest.mark.timeout(400)]


@pytest.fixture
def here(slurm: Slurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name, value in slurm.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "project").mkdir()
    project = Project(tmp_path / "project", state=tmp_path / "state")
    found = add.look(project, "here", MachineConfig(statedir=add.STATE))
    made = add.entry_for("here", MachineConfig(), found, (0, 0), "today")
    add.write(tmp_path / "project" / "farpoint.toml", made)
    yield made.text(), Project(tmp_path / "project", state=tmp_path / "state")
    project.close()


def test_it_is_found_and_a_job_goes_through_it(here) -> None:
    text, project = here
    config = project.config.machine("here")
    assert config.scheduler == "slurm", text
    assert list(config.queues) == ["short", "long", "scavenge"]
    assert config.queues["short"].time == 600
    assert config.queues["short"].cpus == 4
    found = {each.what: each for each in doctor.doctor(project, "here")}
    assert {name for name, each in found.items() if each.state == "bad"} <= {"notebooks"}, found
    assert found["job"].state == "ok"
    assert "after" in found["workdir there"].said
    assert "queues short, long, scavenge" in found["scheduler"].said
    assert not os.listdir(f"{config.statedir}/jobs")
    project.close()


def test_the_only_account_is_written_and_pays(
    accounted_slurm: Slurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in accounted_slurm.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "project").mkdir()
    project = Project(tmp_path / "project", state=tmp_path / "state")
    found = add.look(project, "here", MachineConfig(statedir=add.STATE))
    project.close()
    assert len(found.accounts) == 1, found.accounts
    made = add.entry_for("here", MachineConfig(), found, (0, 0), "today")
    add.write(tmp_path / "project" / "farpoint.toml", made)
    assert f'account = "{found.accounts[0]}"' in made.text()
    project = Project(tmp_path / "project", state=tmp_path / "state")
    seen = {each.what: each for each in doctor.doctor(project, "here")}
    project.close()
    assert seen["job"].state == "ok", seen


def test_a_job_that_may_not_go_says_what_was_said(here) -> None:
    _, project = here
    found = {each.what: each for each in doctor.doctor(project, "here", resources(queue="no_such", time=60), 60)}
    assert found["job"].state == "bad"
    assert "partition" in found["job"].said
    project.close()
