"""Place and resources from profiles, for everything that can be sent: one notebook, function, call or cell each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import farpoint as fp
from farpoint.api import far_cell
from farpoint.api.far_cell import Asked
from farpoint.api.placing import Said
from farpoint.errors import BadInput
from farpoint.points import grid
from farpoint.project import Project
from farpoint.ui import line as lines
from farpoint.ui.magics import asked_of

PROFILES = """
[[profiles]]
name = "wide"
machine = "local"
cpus = 2
time = "1h"
points_per_job = 3
environment = "/opt/py/bin/python"

[[profiles]]
match = ["studies/*.ipynb", "sim"]
memory = "2GB"
"""


def one(x: int = 1) -> int:
    return x


@pytest.fixture(autouse=True)
def profiles(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    (project.root / "farpoint.toml").write_text(PROFILES)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)


def sent(project: Project, text: str, names: dict[str, Any] | None = None) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What was asked for a cell with this line above it, and what was said."""
    line = lines.read(text)
    found = far_cell.send(project, "y = 2", dict(names or {}), asked_of(line, line.words))
    return {**(project.folders.read_scan(found.scan) or {})}, found.messages


def by_scan(project: Project) -> str:
    return fp.Scan("toy.ipynb", grid(x=[1]), project=project).submit(profile="wide").name


def by_function(project: Project) -> str:
    return fp.Scan(fp.remote(profile="wide")(one), grid(x=[1]), project=project).submit().name


def by_call(project: Project) -> str:
    fp.remote(profile="wide", project=project)(one).submit(1)
    return "one"


def by_map(project: Project) -> str:
    return fp.remote(project=project)(one).on(profile="wide").map([1]).name


def by_cell(project: Project) -> str:
    return str(sent(project, "--profile wide")[0]["scan"])


def by_cell_scan(project: Project) -> str:
    line = lines.read("--profile wide")
    return far_cell.send(project, "y = x", {}, asked_of(line, [], points=grid(x=[1, 2]))).scan


@pytest.mark.parametrize("way", [by_scan, by_function, by_call, by_map, by_cell, by_cell_scan])
def test_a_profile_by_name_reaches_everything_that_can_be_sent(project: Project, way: Any) -> None:
    document = project.folders.read_scan(way(project))
    assert document is not None
    assert (document["resources"]["cpus"], document["resources"]["time"]) == (2, 3600)
    assert document["environment"] == "/opt/py/bin/python"
    assert project.folders.read_job(document["scan"], document["jobs"][0]).job.count(b"/opt/py/bin/python") == 1


def test_what_is_said_wins_over_the_profile_that_is_named(project: Project) -> None:
    document, said = sent(project, "--profile wide --cpus 1 --environment /usr/bin/python3")
    assert (document["resources"]["cpus"], document["resources"]["time"]) == (1, 3600)
    assert document["environment"] == "/usr/bin/python3"
    assert said[0].startswith("profile wide (")
    assert said[0].endswith(": on local, cpus=2, time=1h, environment=/opt/py/bin/python, points_per_job=3")
    shown = fp.Scan(fp.remote(cpus=1)(one), grid(x=[1]), project=project).preview(profile="wide")
    assert (shown.plan.arranged.need.cpus, shown.plan.arranged.need.time) == (1, 3600)


@pytest.mark.parametrize("given", ["vscode", "jupyter", "other"])
def test_a_cell_gets_the_profile_of_its_notebook(project: Project, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    path = "/home/me/studies/tokamak.ipynb"
    monkeypatch.setenv("JPY_SESSION_NAME", {"jupyter": path, "other": "/home/me/console-1"}.get(given, ""))
    names = {"__vsc_ipynb_file__": path} if given == "vscode" else {}
    document, said = sent(project, "", names)
    assert document["resources"]["memory"] == (None if given == "other" else 2 << 30)
    assert bool(said) is (given != "other")


def test_a_cell_gets_the_profile_of_the_name_it_is_given(project: Project) -> None:
    assert sent(project, "--as sim")[0]["resources"]["memory"] == 2 << 30
    assert sent(project, "--as sims")[0]["resources"]["memory"] is None


def test_a_function_gets_the_profile_of_the_notebook_it_is_sent_from(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "studies/tokamak.ipynb")
    assert fp.Scan(one, grid(x=[1]), project=project).preview().plan.arranged.need.memory == 2 << 30
    shown = fp.Scan(Path("toy.ipynb"), grid(x=[1]), project=project).preview()
    assert shown.plan.arranged.need.memory is None, "a notebook has a path of its own"


@pytest.mark.parametrize("way", ["cell", "scan", "call"])
def test_an_unknown_profile_is_refused_with_the_nearest(project: Project, way: str) -> None:
    with pytest.raises(BadInput, match=r"no profile 'wdie' \(profiles with a name: wide\)\. Did you mean 'wide'"):
        if way == "cell":
            far_cell.send(project, "y = 2", {}, Asked(Said(profile="wdie")))
        elif way == "scan":
            fp.Scan("toy.ipynb", project=project).submit(profile="wdie")
        else:
            fp.remote(profile="wdie", project=project)(one).submit(1)
    assert not project.store.runs(project.id)
