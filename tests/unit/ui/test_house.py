import json
from typing import Any

import pytest

from farpoint.errors import Unreachable
from farpoint.project import Project
from farpoint.ui import house
from farpoint.verbs.clean import Room
from still import StillMachine

Farpoint = Any

ROOMS = [
    Room("toy", "fpa", "local", 2_000, ""),
    Room("toy", "fpb", "local", 30_000, "2 results not fetched"),
    Room("toy", "fpc", "local", 400_000, "not finished"),
]


@pytest.fixture
def rooms(toy: Farpoint, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Tokens that were removed."""
    gone: list[str] = []

    def clean(_: Project, chosen: list[Room], *, force: bool) -> list[Room]:
        gone.extend(room.token for room in chosen)
        return chosen

    monkeypatch.setattr(house.cleaning, "usage", lambda *_: (5_000, ROOMS))
    monkeypatch.setattr(house.cleaning, "clean", clean)
    return gone


def test_room(toy: Farpoint, rooms: list[str], project: Project) -> None:
    lines = toy("du").stdout.splitlines()
    assert lines[0] == f"5.0 kB here, in {project.runs_folder}"
    assert lines[3].split("  ")[-2:] == [" 30 kB", "2 results not fetched"]
    assert f"in {project.folders.scan_folder('toy')}" in toy("du", "toy").stdout
    found = json.loads(toy("du", "--json").stdout)
    assert found["here"] == 5_000
    assert [each["kept"] for each in found["there"]] == [None, "2 results not fetched", "not finished"]


def test_clean_only_says_until_it_is_told(toy: Farpoint, rooms: list[str]) -> None:
    done = toy("clean")
    assert [line.split("  ")[0] for line in done.stdout.splitlines()] == ["would remove", "kept", "kept"]
    assert done.stderr == "2.0 kB would be freed; --yes does it\n"
    found = json.loads(toy("clean", "--json").stdout)
    assert (found["dry_run"], [each["job"] for each in found["would_remove"]]) == (True, ["fpa"])
    assert rooms == []


def test_clean(toy: Farpoint, rooms: list[str]) -> None:
    done = toy("clean", "--yes")
    assert done.stdout.startswith("removed  toy  fpa on local  2.0 kB\nkept  toy  fpb")
    assert rooms == ["fpa"]


def test_force_takes_what_was_not_fetched_but_nothing_unfinished(toy: Farpoint, rooms: list[str]) -> None:
    found = json.loads(toy("clean", "--yes", "--force", "--json").stdout)
    assert [each["job"] for each in found["removed"]] == rooms == ["fpa", "fpb"]


def test_recover(toy: Farpoint, project: Project) -> None:
    with project.store.write() as writer:
        writer.forget_scan(project.id, "toy")
    done = toy("recover")
    assert done.exit_code == 0
    assert done.stdout.startswith("toy: 1 job entered again\n")
    assert done.stdout.endswith(f"1 scan known in {project.runs_folder}\n")
    assert json.loads(toy("recover", "--json").stdout) == {"scans": ["toy"], "said": []}
    assert toy("recover", "tyo").exit_code == 4


def test_recover_says_what_it_could_not_reach(
    toy: Farpoint, machine: StillMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise Unreachable("no route")

    monkeypatch.setattr(machine, "tokens", away)
    done = toy("recover")
    assert done.exit_code == 3
    assert "local: could not be asked: no route" in done.stdout
