"""What a queue says of a job that is held reaches its rows, in the queue system's words and in ours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import farpoint as fp
from farpoint.model import Observation, Phase, RunRow
from farpoint.project import Project
from farpoint.schedulers.slurm import COLUMNS, Slurm
from farpoint.verbs import hold, watch
from still import StillMachine, rest, write_notebook


class Told(StillMachine):
    """Its queue is an answer of squeue, in which every job is an array of two members."""

    word = "Resources"

    def observe(self, *_: Any, **__: Any) -> Observation:
        lines = [("JOBID", "NAME", "STATE", "EXIT_CODE", "REASON")]
        lines += [(f"7_{n}", token, "PENDING", "0", self.word) for token in self.jobs for n in (0, 1)]
        text = "".join("".join(w.ljust(c[1]) for w, c in zip(line, COLUMNS, strict=True)) + "\n" for line in lines)
        return Observation(queue=Slurm().parse_status(0, text, ""))

    def hold(self, token: str, job_ids: Any) -> str:
        self.word = "JobHeldUser"
        return super().hold(token, job_ids)

    def release(self, token: str, job_ids: Any) -> str:
        self.word = "None"
        return super().release(token, job_ids)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    write_notebook(tmp_path / "toy.ipynb")
    made = Project(tmp_path, state=tmp_path / "state", machines={"local": Told()})
    yield made
    rest(made)
    made.close()


def rows(project: Project) -> list[RunRow]:
    return project.store.runs(project.id, scan="toy")


def reasons(project: Project) -> set[str]:
    watch.tick(project)
    return {row.reason for row in rows(project)}


def test_the_word_for_held_reaches_the_rows_and_leaves_them(project: Project) -> None:
    fp.Scan(project.root / "toy.ipynb", fp.grid(x=[1, 2]), project=project).submit()
    assert reasons(project) == {"Resources: nothing is free yet"}
    assert hold.hold(project, rows(project)) == hold.Asked(1)
    assert reasons(project) == {"JobHeldUser: held by its user, so it never starts; release it"}
    assert hold.release(project, rows(project)) == hold.Asked(1)
    assert reasons(project) == {""}


def test_a_job_that_is_in_no_queue_yet_is_not_asked_about(project: Project) -> None:
    fp.Scan(project.root / "toy.ipynb", fp.grid(x=[1]), project=project).submit()
    rest(project)
    (job,) = project.store.jobs(project.id)
    with project.store.write() as writer:
        writer.put_job(replace(job, phase=Phase.INTENT))
    assert hold.hold(project, rows(project)) == hold.Asked(
        0, (f"job {job.token} of toy is not in the queue of local yet",)
    )
