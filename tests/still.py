"""A machine on which nothing happens until a test says so, and a notebook to scan."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from farpoint.machines.base import Wanted
from farpoint.model import JobFiles, JobShape, Limits, Observation, QueueEntry, Receipt, State
from farpoint.project import Project
from farpoint.runner import values
from farpoint.verbs import watch
from rows import encoded, notebook, png

SOURCES = {"parameters": "x = 1\ny = 2", "code": "print(x + y)"}


def write_notebook(path: Path, *, parameters: str | None = SOURCES["parameters"], code: str = SOURCES["code"]) -> Path:
    """A notebook of two cells, or one without a parameters cell."""
    cells = [{"cell_type": "code", "id": "b", "metadata": {}, "outputs": [], "execution_count": None, "source": code}]
    if parameters is not None:
        first = {**cells[0], "id": "a", "metadata": {"tags": ["parameters"]}, "source": parameters}
        cells.insert(0, first)
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path.write_text(json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}))
    return path


class StillMachine:
    """Takes every job, unless it is full, and runs none; `off` makes every call an error."""

    name = "local"

    def __init__(self) -> None:
        self.jobs: list[str] = []
        self.held: set[str] = set()
        self.off = False
        self.full = ""  # what it says when asked to take another job
        self._bell = threading.Event()

    def limits(self) -> Limits:
        return Limits(cpus=2, memory=None, gpus=0, grace=60.0, poll=5.0, pilots=2, why="two cores here")

    def script(self, shape: JobShape) -> str:
        return f"#!/bin/sh\n# {shape.token}\n"

    def _used(self) -> None:
        assert not self.off, "a machine was asked"

    def missing(self, digests: Iterable[str]) -> set[str]:
        self._used()
        return set(digests)

    def place(self, files: JobFiles) -> None:
        self._used()

    def submit(self, token: str, serial: int) -> Receipt:
        self._used()
        if self.full:
            return Receipt("later", None, self.full)
        self.jobs.append(token)
        return Receipt("accepted", f"j-{token}")

    def look_up(self, token: str) -> tuple[QueueEntry, ...]:
        return tuple(QueueEntry(f"j-{each}", each, live=True, pending=True) for each in self.jobs if each == token)

    def observe(
        self,
        cursors: Mapping[str, Mapping[str, int]],
        queue: bool = True,
        jobs: Mapping[str, Sequence[str]] | None = None,
        **_: Any,
    ) -> Observation:
        return Observation(queue=tuple(map(self._entry, self.jobs)))

    def _entry(self, token: str) -> QueueEntry:
        job_id = f"j-{token}"
        return QueueEntry(job_id, token, live=True, pending=True, waiting="held" if job_id in self.held else "")

    def fence(self, token: str, slices: Sequence[int], only_unclaimed: bool = False) -> dict[int, int | None]:
        return dict.fromkeys(slices, 0)

    def control(self, token: str, order: Mapping[str, Any]) -> None:
        self._used()

    def cancel(self, token: str, job_ids: Sequence[str]) -> None:
        self._used()

    def hold(self, token: str, job_ids: Sequence[str]) -> str:
        self._used()
        self.held.update(job_ids)
        return ""

    def release(self, token: str, job_ids: Sequence[str]) -> str:
        self._used()
        self.held.difference_update(job_ids)
        return ""

    def note(self, token: str, events: Sequence[Mapping[str, Any]]) -> None:
        self._used()

    def read(self, token: str, path: str, offset: int = 0, limit: int = 1 << 20) -> bytes:
        return b""

    def fetch(self, token: str, path: str, target: Path, size: int, digest: str) -> None:
        self._used()

    def fetch_many(self, token: str, wanted: Sequence[Wanted]) -> None:
        self._used()

    def tokens(self) -> list[str]:
        return list(self.jobs)

    def usage(self) -> dict[str, int]:
        return dict.fromkeys(self.jobs, 0)

    def remove(self, token: str) -> None:
        self._used()

    def wait(self, seconds: float) -> None:
        self._bell.wait(seconds)
        self._bell.clear()

    def close(self) -> None:
        self._bell.set()

    def ring(self) -> None:
        """Let whoever waits look again."""
        self._bell.set()


def rest(project: Project) -> None:
    """Let the driver of this project end now, not at its next poll."""
    driver = watch.driver(project)
    driver._stop.set()
    machine = project.machine("local")
    assert isinstance(machine, StillMachine)
    machine.ring()
    driver.stop()


def finish(project: Project, scan: str, number: int, state: str = "COMPLETED", **records: Any) -> None:
    """Let one run have ended so, as its journal would have told."""
    (found,) = project.store.runs(project.id, scan=scan, numbers=[number])
    error = {"type": "ValueError", "message": "no luck", "traceback": "Traceback\nValueError: no luck"}
    change = {
        "state": State(state),
        "decided": 0,
        "claim": 0,
        "started": 10.0,
        "ended": 12.0,
        "seconds": 2.0,
        "records": {name: values.encode(each) for name, each in records.items()},
        "error": error if state == "FAILED" else None,
        "reason": "exception" if state == "FAILED" else "",
    }
    with project.store.write() as writer:
        writer.update_attempt(found.run, found.attempt, change)
    machine = project.machine("local")
    assert isinstance(machine, StillMachine)
    machine.ring()


def place_picture(project: Project, number: int) -> None:
    """A figure in the executed notebook of a point of the scan `toy`, as if it had been fetched."""
    folder = project.folders.point_folder("toy", number)
    folder.mkdir(parents=True)
    (folder / "output.ipynb").write_text(json.dumps(notebook({"image/png": encoded(png())})))
    (found,) = project.store.runs(project.id, scan="toy", numbers=[number])
    with project.store.write() as writer:
        writer.update_attempt(found.run, found.attempt, {"fetched": 1})
