"""key= and ignore= of notebooks and functions: which runs are found again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import farpoint as fp
from farpoint.errors import BadInput, BadPoints
from farpoint.model import State
from farpoint.project import Project
from still import StillMachine, finish, write_notebook

LOUD = False


def fit(x: int, *, verbose: bool = False) -> int:
    return x if verbose or LOUD else -x


def numbers(scan: fp.Scan) -> list[tuple[int, int, bool]]:
    """(number, attempt, whether it has a result) of each point."""
    return [(row.number, row.attempt, row.state is State.COMPLETED) for row in scan._rows()]


def test_an_ignored_parameter_leads_to_the_same_run(project: Project, machine: StillMachine) -> None:
    quiet = fp.Scan(fit, fp.grid(x=[1, 2], verbose=[False]), project=project, ignore="verbose").submit()
    finish(project, quiet.name, 0, result=-1)
    loud = fp.Scan(fit, fp.grid(x=[1, 2], verbose=[True]), project=project, ignore="verbose").submit()
    assert numbers(loud) == numbers(quiet) == [(0, 1, True), (1, 1, False)]
    assert project.folders.read_scan("fit")["ignore"] == ["verbose"]  # type: ignore[index]


def test_without_it_the_two_differ(project: Project) -> None:
    fp.Scan(fit, fp.grid(x=[1], verbose=[False]), project=project).submit()
    loud = fp.Scan(fit, fp.grid(x=[1], verbose=[True]), project=project).submit()
    assert numbers(loud) == [(1, 1, False)]


def test_an_ignored_global_may_change(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    first = fp.remote(ignore=["LOUD"], project=project)(fit).submit(1)
    finish(project, "fit", 0)
    monkeypatch.setitem(fit.__globals__, "LOUD", True)
    again = fp.remote(ignore=["LOUD"], project=project)(fit).submit(1)
    assert (again.id, len(again.attempts)) == (first.id, 1)
    counting = fp.remote(project=project)(fit).submit(1)
    assert len(counting.attempts) == 2


def test_a_text_stands_for_the_code_of_a_function(project: Project) -> None:
    def make(plus: int) -> Any:
        def judge(x: int) -> int:
            return x + plus

        return judge

    fp.Scan(make(1), fp.grid(x=[1]), project=project, key="v1").submit()
    finish(project, "judge", 0)
    assert numbers(fp.Scan(make(2), fp.grid(x=[1]), project=project, key="v1").submit()) == [(0, 1, True)]
    assert numbers(fp.Scan(make(2), fp.grid(x=[1]), project=project, key="v2").submit()) == [(0, 2, False)]


def test_a_function_adds_what_farpoint_cannot_see(project: Project, tmp_path: Path) -> None:
    data = tmp_path / "data.txt"
    data.write_text("old")

    def size(path: str) -> int:
        return len(Path(path).read_text())

    asked: dict[str, Any] = {"project": project, "key": lambda path: Path(path).read_text()}
    fp.Scan(size, fp.grid(path=[str(data)]), **asked).submit()
    finish(project, "size", 0)
    assert numbers(fp.Scan(size, fp.grid(path=[str(data)]), **asked).submit()) == [(0, 1, True)]
    data.write_text("new")
    assert numbers(fp.Scan(size, fp.grid(path=[str(data)]), **asked).submit()) == [(0, 2, False)]


@pytest.mark.parametrize("task", ["notebook", "function"])
def test_a_retry_has_the_answers_though_not_the_function(project: Project, tmp_path: Path, task: str) -> None:
    data = tmp_path / "data.txt"
    data.write_text("old")
    given = {"notebook": project.root / "toy.ipynb", "function": fit}[task]

    def scan(text: str) -> fp.Scan:
        data.write_text(text)
        return fp.Scan(given, fp.grid(x=[1, 2]), name="s", project=project, key=lambda x: data.read_text() * x)

    scan("old").submit()
    finish(project, "s", 0, "FAILED")
    finish(project, "s", 1)
    fp.attach("s", project=project).failed.retry()
    finish(project, "s", 0)
    assert numbers(scan("old").submit()) == [(0, 2, True), (1, 1, True)]
    assert numbers(scan("new").submit()) == [(0, 3, False), (1, 2, False)]
    without = fp.Scan(given, fp.grid(x=[1, 2]), name="s", project=project)
    finish(project, "s", 0)
    finish(project, "s", 1)
    without.submit()
    assert "answer" not in str(project.folders.read_scan("s"))


def test_notebooks(project: Project) -> None:
    where = project.root / "toy.ipynb"
    first = fp.Scan(where, fp.grid(x=[1, 2]), ignore="y", key="v1").submit()
    finish(project, "toy", 0)
    write_notebook(where, parameters="x = 1\ny = 7", code="print(x - y)")
    again = fp.Scan(where, fp.grid(x=[1, 2], y=[5]), ignore="y", key="v1").submit()
    assert numbers(again) == numbers(first) == [(0, 1, True), (1, 1, False)]
    assert numbers(fp.Scan(where, fp.grid(x=[1], y=[5]), ignore="y").submit()) == [(0, 2, False)]


def test_the_default_of_an_ignored_parameter_makes_no_difference(project: Project) -> None:
    where = project.root / "toy.ipynb"
    fp.Scan(where, fp.grid(x=[1]), ignore="y").submit()
    finish(project, "toy", 0)
    write_notebook(where, parameters="x = 1\ny = 7")
    assert numbers(fp.Scan(where, fp.grid(x=[1]), ignore="y").submit()) == [(0, 1, True)]
    assert numbers(fp.Scan(where, fp.grid(x=[1])).submit()) == [(0, 2, False)]


def test_a_retry_keeps_to_what_was_said(project: Project) -> None:
    scan = fp.Scan(fit, fp.grid(x=[1], verbose=[False]), project=project, ignore="verbose", key="v1").submit()
    finish(project, "fit", 0, "FAILED")
    fp.attach("fit", project=project).failed.retry()
    finish(project, "fit", 0)
    loud = fp.Scan(fit, fp.grid(x=[1], verbose=[True]), project=project, ignore="verbose", key="v1").submit()
    assert numbers(loud) == numbers(scan) == [(0, 2, True)]


def test_slips_are_told_before_anything_is_sent(project: Project, machine: StillMachine) -> None:
    with pytest.raises(BadInput, match=r"ignore='verbos': fit has no .*Did you mean 'verbose'"):
        fp.Scan(fit, fp.grid(x=[1]), project=project, ignore="verbos").submit()
    with pytest.raises(BadInput, match=r"ignore='z': toy.ipynb has no .*\(it has: x, y\)"):
        fp.Scan(project.root / "toy.ipynb", ignore="z").submit()
    with pytest.raises(BadInput, match="neither a text nor a function"):
        fp.remote(key=3)
    with pytest.raises(BadPoints, match=r"points 0 and 1 differ only in what ignore= leaves out \(verbose\)"):
        fp.Scan(fit, fp.grid(x=[1], verbose=[True, False]), project=project, ignore="verbose").submit()
    assert not machine.jobs
