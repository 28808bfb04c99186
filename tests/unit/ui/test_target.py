import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from farpoint.errors import BadInput, NotFound
from farpoint.project import Project
from farpoint.ui import target as targets


def numbers(text: str) -> list[int]:
    return [row.number for row in targets.find(text).rows()]


@pytest.mark.parametrize(
    "text, found",
    [
        ("toy", [0, 1, 2, 3]),
        ("toy/", [0, 1, 2, 3]),
        ("toy.ipynb", [0, 1, 2, 3]),
        ("toy/2", [2]),
        ("toy/1:3", [1, 2]),
        ("toy/2:", [2, 3]),
        ("toy/:2", [0, 1]),
        ("farpoint_runs/toy", [0, 1, 2, 3]),
        ("farpoint_runs/toy/3", [3]),
    ],
)
def test_what_is_meant(toy: Any, text: str, found: list[int]) -> None:
    assert numbers(text) == found


def test_a_run_by_its_id_and_by_its_folder(toy: Any, project: Project) -> None:
    row = project.store.runs(project.id, scan="toy")[2]
    found = targets.find(row.run)
    assert (found.scan, found.part, str(found)) == ("toy", 2, "toy/2")
    folder = project.folders.point_folder("toy", 2)
    folder.mkdir(parents=True)
    (folder / "point.json").write_text('{"number": 2}')
    assert numbers(str(folder)) == [2]


def test_from_another_folder(toy: Any, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotFound, match=r"no scans yet.*some in project: say --project project"):
        targets.find("toy")
    assert not (tmp_path / "farpoint_runs").exists(), "looking made a folder"
    assert [row.number for row in targets.find("toy", Path("project")).rows()] == [0, 1, 2, 3]
    assert numbers("project/farpoint_runs/toy/1") == [1]


@pytest.mark.parametrize(
    "text, message",
    [
        ("tyo", r"no scan or run 'tyo'.*\(scans: toy\)\. Did you mean 'toy'"),
        ("toy/9", r"no point 9 \(points: 0 to 3\)"),
        ("raaaaaaaaa", "no scan or run 'raaaaaaaaa'"),
        ("toy/x", "no scan or run 'toy/x'"),
    ],
)
def test_what_is_not_there(toy: Any, text: str, message: str) -> None:
    with pytest.raises(NotFound, match=message):
        targets.find(text)


def test_one_run_of_several(toy: Any) -> None:
    with pytest.raises(BadInput, match=r"toy/1:3 has 2 points\. Say which: toy/1"):
        targets.find("toy/1:3").run()
    assert targets.find("toy/3:").run().number == 3


def test_a_part_is_held_as_python_holds_it(toy: Any) -> None:
    assert targets.find("toy/1:3").view().numbers == (1, 2)
    assert targets.find("toy/3").view().numbers == (3,)


def test_scans_are_found_after_the_index_was_lost(toy: Any, project: Project) -> None:
    with project.store.write() as writer:
        writer.forget_scan(project.id, "toy")
    assert numbers("toy") == [0, 1, 2, 3]
    shutil.rmtree(project.folders.scan_folder("toy"))


def test_offline_asks_nobody(toy: Any, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Project] = []
    monkeypatch.setattr(targets.watch, "tick", asked.append)
    assert targets.refresh(project, offline=True) == []
    assert asked == []
    targets.refresh(project)
    assert asked == [project]


def test_a_machine_that_was_taken_away_is_paused(toy: Any, project: Project) -> None:
    (job,) = project.store.jobs(project.id)
    with project.store.write() as writer:
        writer.put_job(replace(job, token="fp2", machine="hpc"))
    (said,) = targets.refresh(project)
    assert said.startswith("machine hpc is paused: there is no machine 'hpc'")
