"""`farpoint machines`: what can be sent to, how it stands there, and where settings come from."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from farpoint.errors import Unreachable
from farpoint.project import Project
from farpoint.ui import machines
from still import StillMachine, finish, rest

Farpoint = Any

HEAD = ["machine", "scheduler", "where", "cpus", "memory", "gpus", "jobs", "waiting", "running", "state"]


def away(*_: object, **__: object) -> None:
    raise Unreachable("no route.")


def test_what_is_there_and_how_it_stands(toy: Farpoint, project: Project) -> None:
    finish(project, "toy", 0, "RUNNING")
    finish(project, "toy", 1)
    head, line = toy("machines").stdout.splitlines()
    assert head.split() == HEAD
    assert line.split()[:11] == ["local", "*", "direct", "here", "2", "-", "0", "1", "2", "1", "answers"]
    assert line.endswith("two cores here")
    (found,) = json.loads(toy("machines", "--json").stdout)
    assert (found["machine"], found["default"], found["cpus"], found["trouble"]) == ("local", True, 2, "")
    assert (found["state"], found["jobs"], found["waiting"], found["running"]) == ("answers", 1, 2, 1)


def test_how_each_is_reached(farpoint: Farpoint, project: Project) -> None:
    (project.root / "farpoint.toml").write_text('[machines.hpc]\nhost = "login.example"\n')
    done = farpoint("machines", "--offline")
    lines = [line.split("  ")[-1].strip() for line in done.stdout.splitlines()]
    assert (done.exit_code, lines[1:]) == (0, ["not asked", "not asked"])
    assert "ssh login.example" in done.stdout
    assert "None" not in done.output
    found = json.loads(farpoint("machines", "--offline", "--json").stdout)
    assert [(each["transport"], each["host"]) for each in found] == [("pipe", None), ("ssh", "login.example")]
    assert not project.runs_folder.exists(), "looking makes no project"


def test_a_pause_is_told_with_its_reason_and_since_when_until_it_is_over(
    toy: Farpoint, project: Project, machine: StillMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    rest(project)
    now = project.clock()
    with project.store.write() as writer:
        writer.pause("local", "the cable is out.", now + 100, 3, now - 7200)
    done = toy("machines")
    assert done.exit_code == 3
    assert done.stdout.splitlines()[1].endswith("paused")
    assert done.stderr.startswith(f"local is paused since {machines.when(now - 7200, now)} (2 h), after 3 tries: ")
    assert done.stderr.endswith(" the cable is out. Next try in 2 min.\n")
    (found,) = json.loads(toy("machines", "--json").stdout)
    assert (found["state"], found["trouble"], found["jobs"]) == ("paused", "the cable is out.", 1)
    assert found["paused_since"] is not None
    with project.store.write() as writer:
        writer.pause("local", "the cable is out.", now - 1, 4, now)
    assert toy("machines", "--offline").stderr.endswith("Next try at the next look.\n")
    assert toy("machines").exit_code == 0, "it was asked again, and answers"


def test_one_that_has_nothing_to_do_goes_on_as_well(farpoint: Farpoint, project: Project) -> None:
    with project.store.write() as writer:
        writer.pause("local", "the cable is out", 0.0, 3, 0.0)
    assert farpoint("machines").stdout.splitlines()[1].split()[-4:] == ["answers", "two", "cores", "here"]
    assert project.store.paused("local") is None


def test_one_that_does_not_answer(farpoint: Farpoint, machine: StillMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "observe", away)
    done = farpoint("machines")
    assert done.exit_code == 3
    assert done.stdout.splitlines()[1].endswith("away")
    assert done.stderr == "local: no route.\n"


def test_work_on_a_machine_that_was_taken_out_of_the_settings_is_shown(toy: Farpoint, project: Project) -> None:
    rest(project)
    (job,) = project.store.jobs(project.id)
    with project.store.write() as writer:
        writer.put_job(replace(job, machine="gone"))
        for row in project.store.runs(project.id):
            writer.update_attempt(row.run, row.attempt, {"machine": "gone"})
    done = toy("machines")
    assert done.exit_code == 3
    assert done.stdout.splitlines()[2].split() == ["gone", *"-----", "1", "4", "0", "paused"]
    assert "there is no machine 'gone' (machines: local)" in done.stderr


def test_a_job_that_cannot_be_handed_over_is_told(farpoint: Farpoint, machine: StillMachine) -> None:
    machine.full = "quota reached"
    farpoint("run", "toy.ipynb", "-p", "x=1,2", "--detach")
    done = farpoint("machines")
    assert (done.exit_code, done.stderr.count("1 job of toy cannot be handed over to local: quota reached")) == (0, 1)


def test_where_a_setting_comes_from(farpoint: Farpoint, project: Project) -> None:
    (project.root / "farpoint.toml").write_text('[machines.local]\ncpus = 1\nsetup = ["a", "b"]\n')
    lines = [line.split() for line in farpoint("machines", "--explain", "local").stdout.splitlines()]
    assert ["cpus", "1", str(project.root / "farpoint.toml")] in lines
    assert ["setup", "a;", "b", str(project.root / "farpoint.toml")] in lines
    assert ["gpus", "the", "machine", "decides", "built", "in"] in lines
    found = json.loads(farpoint("machines", "--explain", "local", "--json").stdout)
    assert found["cpus"] == {"value": 1, "set_by": str(project.root / "farpoint.toml")}
    assert farpoint("machines", "--explain", "locl").exit_code == 4
