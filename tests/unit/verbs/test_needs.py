"""What runs need on a machine: its account, and the capabilities that they require of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import farpoint as fp
from farpoint.api import far_cell
from farpoint.errors import BadResources
from farpoint.project import Project
from farpoint.ui import line as lines
from farpoint.ui.magics import asked_of
from still import StillMachine, finish, rest, write_notebook

MACHINES = """
[machines.local]
capabilities = ["internet"]
[machines.big]
capabilities = ["gpu", "internet"]
[machines.old]
"""


class Elsewhere(StillMachine):
    name = "old"


@pytest.fixture
def machines() -> dict[str, StillMachine]:
    return {"local": StillMachine(), "old": Elsewhere()}


@pytest.fixture
def project(tmp_path: Path, machines: dict[str, StillMachine], monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    root = tmp_path / "project"
    root.mkdir()
    (root / "farpoint.toml").write_text(MACHINES)
    write_notebook(root / "toy.ipynb")
    monkeypatch.chdir(root)
    made: dict[str, Any] = dict(machines)
    project = Project(root, state=tmp_path / "state", machines=made)
    yield project
    rest(project)
    project.close()


def one(x: int) -> int:
    return x


def by_notebook(project: Project, words: list[str]) -> None:
    fp.Scan("toy.ipynb", fp.grid(x=[1]), project=project).submit(requires=words)


def by_call(project: Project, words: list[str]) -> None:
    fp.remote(requires=words, project=project)(one).submit(1)


def by_cell(project: Project, words: list[str]) -> None:
    line = lines.read(" ".join(f"--requires {word}" for word in words))
    far_cell.send(project, "y = 1", {}, asked_of(line, line.words))


def by_profile(project: Project, words: list[str]) -> None:
    written = ", ".join(f'"{word}"' for word in words)
    with (project.root / "farpoint.toml").open("a") as file:
        file.write(f'[[profiles]]\nmatch = "toy"\nrequires = [{written}]\n')
    fp.Scan("toy.ipynb", fp.grid(x=[1]), project=project).submit()


WAYS = [by_notebook, by_call, by_cell, by_profile]


@pytest.mark.parametrize("way", WAYS)
def test_what_a_machine_lacks_is_refused_before_anything_is_sent(
    project: Project, machines: dict[str, StillMachine], way: Any
) -> None:
    said = r"requires 'internet', 'gpu', and machine 'local' has no 'gpu' \(its capabilities: internet\)"
    with pytest.raises(BadResources, match=rf"{said}\. Send it to big\."):
        way(project, ["internet", "gpu"])
    assert not project.store.runs(project.id)
    assert not machines["local"].jobs


@pytest.mark.parametrize("way", WAYS)
def test_what_a_machine_has_goes_there(project: Project, machines: dict[str, StillMachine], way: Any) -> None:
    way(project, ["internet"])
    assert len(machines["local"].jobs) == 1


def test_a_word_that_no_machine_has_is_told_the_nearest(project: Project) -> None:
    with pytest.raises(BadResources, match=r"Did you mean 'internet'\? No machine of farpoint\.toml has all of them"):
        by_notebook(project, ["intrnet"])
    with pytest.raises(BadResources, match=r"its capabilities: none"):
        fp.Scan("toy.ipynb", fp.grid(x=[1]), project=project).preview("old", requires="internet")


def test_a_retry_elsewhere_asks_again(project: Project, machines: dict[str, StillMachine]) -> None:
    scan = fp.Scan("toy.ipynb", fp.grid(x=[1]), project=project).submit(requires="internet")
    finish(project, "toy", 0, "FAILED")
    with pytest.raises(BadResources, match="machine 'old' has no 'internet'"):
        scan.failed.retry(on="old")
    scan.failed.retry()
    assert len(machines["local"].jobs) == 2
    assert "with internet" in repr(fp.Scan("toy.ipynb", fp.grid(x=[5]), project=project).preview(requires="internet"))
