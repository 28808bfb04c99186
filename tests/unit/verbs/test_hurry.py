from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from farpoint.api.scan import Scan
from farpoint.errors import Unreachable
from farpoint.points import grid
from farpoint.project import Project
from farpoint.verbs import hurry
from still import StillMachine, finish, rest, write_notebook


class Listening(StillMachine):
    """Keeps the orders it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.orders: list[Mapping[str, Any]] = []

    def control(self, token: str, order: Mapping[str, Any]) -> None:
        if self.off:
            raise Unreachable("away")
        self.orders.append(order)


@pytest.fixture
def machine() -> Listening:
    return Listening()


@pytest.fixture
def scan(tmp_path: Path, machine: Listening, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scan]:
    monkeypatch.setenv("FARPOINT_STATE", str(tmp_path / "state"))
    path = write_notebook(tmp_path / "toy.ipynb")
    project = Project(tmp_path, state=tmp_path / "state", machines={"local": machine})
    yield Scan(path, grid(x=[1, 2, 3, 4]), project=project).submit()
    rest(project)
    project.close()


def test_only_what_waits_is_hurried(scan: Scan, machine: Listening) -> None:
    finish(scan.project, scan.name, 1)
    rows = scan.rows()
    assert hurry.hurry(scan.project, rows[1:3]) == 1
    assert machine.orders == [{"first": [2]}]


def test_a_machine_that_is_away_is_let_be(scan: Scan, machine: Listening) -> None:
    machine.off = True
    assert hurry.hurry(scan.project, scan.rows()) == 0
    assert all(row.state == "QUEUED" for row in scan.rows())
