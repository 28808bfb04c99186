"""Bringing results: small files of many points together; one that is not as promised is its own point's matter."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from farpoint.api.scan import Scan
from farpoint.errors import MachineError
from farpoint.machines.base import Wanted
from farpoint.model import FileInfo, RunRow
from farpoint.points import grid
from farpoint.project import Project
from farpoint.runner import layout
from farpoint.verbs import fetch
from still import StillMachine, finish, rest, write_notebook


class Shelf(StillMachine):
    """Has files to bring, and keeps count of how it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, bytes] = {}
        self.together: list[int] = []
        self.single: list[str] = []

    def fetch(self, token: str, path: str, target: Path, size: int, digest: str) -> None:
        self.single.append(path)
        self._put(Wanted(path, target, size, digest))

    def fetch_many(self, token: str, wanted: Sequence[Wanted]) -> None:
        self.together.append(len(wanted))
        for one in wanted:
            self._put(one)

    def _put(self, one: Wanted) -> None:
        data = self.files[one.path]
        if layout.digest(data) != one.digest:
            raise MachineError(f"{one.path} was changed")
        one.target.write_bytes(data)


@pytest.fixture
def machine() -> Shelf:
    return Shelf()


@pytest.fixture
def project(tmp_path: Path, machine: Shelf, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.setenv("FARPOINT_STATE", str(tmp_path / "state"))
    made = Project(tmp_path, state=tmp_path / "state", machines={"local": machine})
    Scan(write_notebook(tmp_path / "toy.ipynb"), grid(x=[1, 2, 3, 4]), project=made).submit()
    yield made
    rest(made)
    made.close()


def ended(project: Project, machine: Shelf, size: int = 100) -> list[RunRow]:
    """The four runs, each with a small file of its own and one of `size` bytes."""
    rows = []
    for number in range(4):
        finish(project, "toy", number)
        (row,) = project.store.runs(project.id, scan="toy", numbers=[number])
        folder = f"runs/{number}.0"
        files = []
        for name, data in (("a.txt", b"%d" % number), ("sub/b.txt", bytes([number]) * size)):
            machine.files[f"{folder}/{name}"] = data
            files.append(FileInfo(name, len(data), layout.digest(data)))
        rows.append(dataclasses.replace(row, folder=folder, files=tuple(files)))
    return rows


def test_small_files_of_all_points_come_together(project: Project, machine: Shelf) -> None:
    told: list[int] = []
    folders = fetch.fetch(project, ended(project, machine), told=lambda run: told.append(run.number))
    assert sum(machine.together) == 8
    assert machine.single == []
    assert told == [0, 1, 2, 3]
    assert [(folder / "a.txt").read_text() for folder in folders] == ["0", "1", "2", "3"]
    assert [(folder / "sub/b.txt").read_bytes()[0] for folder in folders] == [0, 1, 2, 3]
    assert not list(folders[0].parent.glob(".fetch/*"))


def test_larger_ones_come_one_by_one(project: Project, machine: Shelf) -> None:
    folders = fetch.fetch(project, ended(project, machine, fetch.LITTLE + 1))
    assert sum(machine.together) == 4
    assert machine.single == [f"runs/{number}.0/sub/b.txt" for number in range(4)]
    assert [(folder / "sub/b.txt").stat().st_size for folder in folders] == [fetch.LITTLE + 1] * 4


def test_a_changed_file_stops_at_its_own_point_and_those_before_it_are_here(project: Project, machine: Shelf) -> None:
    rows = ended(project, machine)
    machine.files["runs/2.0/a.txt"] = b"changed"
    with pytest.raises(MachineError, match=r"runs/2\.0/a\.txt was changed"):
        fetch.fetch(project, rows)
    here = [project.folders.point_folder("toy", number) for number in range(4)]
    assert [folder.is_dir() for folder in here] == [True, True, False, False]
    assert not list(here[0].parent.glob(".fetch/*"))
