from __future__ import annotations

from typing import Any

import farpoint as fp
from farpoint.project import Project
from farpoint.ui import waits
from still import finish


def line(project: Project, scan: str, number: int, **change: Any) -> str:
    (row,) = project.store.runs(project.id, scan=scan, numbers=[number])
    if change:
        with project.store.write() as writer:
            writer.update_attempt(row.run, row.attempt, change)
        (row,) = project.store.runs(project.id, scan=scan, numbers=[number])
    return waits.words(project, row)


def submitted(project: Project, name: str, count: int, **resources: Any) -> None:
    fp.Scan("toy.ipynb", fp.grid(x=range(count)), name=name, project=project).submit(**resources)


def test_place_and_reason(project: Project) -> None:
    submitted(project, "first", 2)
    submitted(project, "second", 2, cpus=2)
    assert line(project, "first", 0) == "queued on local: waiting for 1 free core"
    assert line(project, "second", 1) == "queued on local: 3 runs of yours before it, waiting for 2 free cores"
    finish(project, "first", 0)
    assert line(project, "second", 0) == "queued on local: 1 run of yours before it, waiting for 2 free cores"
    assert line(project, "second", 0, reason="quota reached").endswith("1 run of yours before it, quota reached")


def test_a_pause_is_the_reason(project: Project) -> None:
    submitted(project, "first", 1)
    with project.store.write() as writer:
        writer.pause("local", "the cable is out", 0.0, 1)
    assert line(project, "first", 0) == "local is paused: the cable is out"
