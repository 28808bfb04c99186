"""`farpoint hold` and `release`, with a queue in which everything waits."""

import json
from typing import Any

from farpoint.project import Project
from still import finish

Farpoint = Any


def reasons(farpoint: Farpoint) -> list[str]:
    return [point["run_reason"] or "" for point in json.loads(farpoint("show", "toy", "--json").stdout)["points"]]


def test_what_is_held_says_so_until_it_is_released(toy: Farpoint) -> None:
    assert not any(reasons(toy))
    done = toy("hold", "toy")
    assert (done.exit_code, done.stdout) == (0, "1 job of toy asked to be held\n4 points QUEUED: held\n")
    assert reasons(toy) == ["held"] * 4
    assert toy("release", "toy").stdout == "1 job of toy asked to be released\n"
    assert not any(reasons(toy))


def test_as_json(toy: Farpoint) -> None:
    found = json.loads(toy("hold", "toy/2", "--json").stdout)
    assert (found["asked"], found["messages"]) == (1, [])
    assert [point["run_reason"] for point in found["points"]] == ["held"]


def test_what_has_ended_is_not_held(toy: Farpoint, project: Project) -> None:
    for number in range(4):
        finish(project, "toy", number)
    assert toy("hold", "toy").stderr == "nothing of toy is unfinished\n"
