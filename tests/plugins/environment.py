"""Notebooks run as a pilot runs them: from the zip, in a session of their own, with a pipe for events."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import sysconfig
import threading
import time
import venv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import pytest

from farpoint.runner import journal, layout, values


def code(source: str, *tags: str) -> Any:
    return nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)} if tags else {})


def notebook(*cells: Any, language: str = "python", kernel: str = "python3") -> Any:
    made = nbformat.v4.new_notebook(cells=[code(cell) if isinstance(cell, str) else cell for cell in cells])
    made.metadata.kernelspec = {"name": kernel, "display_name": "Python 3 (ipykernel)", "language": language}
    made.metadata.language_info = {"name": language}
    for number, cell in enumerate(made.cells):
        cell.id = f"cell-{number}"
    return made


@dataclass
class Work:
    """One run of a notebook, under way or ended."""

    folder: Path
    process: subprocess.Popen[bytes]
    descriptor: int
    data: bytes = b""
    reader: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self) -> None:
        while (got := os.read(self.descriptor, 1 << 16)) != b"end":
            self.data += got

    def wait(self, timeout: float = 60) -> int:
        """Its exit code; all its events are read."""
        code = self.process.wait(timeout)
        os.write(self.descriptor, b"\n")
        while not self.data.endswith(b"\n\n"):
            time.sleep(0.01)
        os.write(self.descriptor, b"end")
        self.reader.join()
        os.close(self.descriptor)
        return code

    def until(self, seen: Callable[[Work], bool], timeout: float = 30) -> None:
        end = time.monotonic() + timeout
        while not seen(self):
            assert time.monotonic() < end, self.events
            time.sleep(0.02)

    @property
    def events(self) -> list[dict[str, Any]]:
        return journal.parse(self.data)[0]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["e"] == kind]

    @property
    def result(self) -> dict[str, Any]:
        *_, last = self.events
        assert last["e"] == "result"
        return last

    @property
    def text(self) -> str:
        return "".join(event["text"] for event in self.of("stream"))

    @property
    def output(self) -> Path:
        return self.folder / "run" / ".farpoint" / "output.ipynb"

    @property
    def notebook(self) -> Any:
        return nbformat.read(self.output, as_version=4)


Start = Callable[..., Work]


@pytest.fixture(scope="session")
def runner_zip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runner") / "runner.zip"
    path.write_bytes(layout.build_zip())
    return path


@pytest.fixture
def start(tmp_path: Path, runner_zip: Path) -> Iterator[Start]:
    """start(notebook, parameters, python=…, flags=…, name=…) → Work; what is still running at the end is killed."""
    started: list[Work] = []

    def begin(
        nb: Any,
        parameters: dict[str, Any] | None = None,
        python: str = sys.executable,
        flags: tuple[str, ...] = (),
        name: str = "x.ipynb",
        **more: Any,
    ) -> Work:
        folder = tmp_path / f"work{len(started)}"
        ours = folder / "run" / ".farpoint"
        ours.mkdir(parents=True)
        nbformat.write(nb, folder / name)
        os.mkfifo(ours / "events")
        spec = {
            "format": layout.FORMAT,
            "token": "fp0000000000000",
            "i": 0,
            "c": 0,
            "run": "r000000000",
            "number": 7,
            "attempt": 1,
            "scan": "s",
            "machine": "local",
            "seed": 42,
            "task": name,
            "input": str(folder / name),
            "output": str(ours / "output.ipynb"),
            "events": str(ours / "events"),
            "modules": str(folder / "modules"),
            "parameters": {key: values.encode(value) for key, value in (parameters or {}).items()},
            "cpus": 1,
            "kernel": None,
            **more,
        }
        (ours / "spec.json").write_text(json.dumps(spec))
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        environment |= {"FARPOINT_RUN": "fp0000000000000/0", "FARPOINT_SPEC": str(ours / "spec.json")}
        environment |= {"FARPOINT_EVENTS": spec["events"], "PYTHONPATH": spec["modules"]}
        descriptor = os.open(ours / "events", os.O_RDWR)
        process = subprocess.Popen(
            [python, *flags, str(runner_zip), "work_notebook", str(ours / "spec.json")],
            cwd=folder / "run",
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        started.append(Work(folder, process, descriptor))
        return started[-1]

    yield begin
    for work in started:
        if work.reader.is_alive():
            os.killpg(work.process.pid, signal.SIGKILL)
            work.wait()


@pytest.fixture(scope="session")
def bare_environment(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The Python of an environment with nbclient and ipykernel, but without farpoint."""
    return environment_without(tmp_path_factory.mktemp("bare"), "farpoint")


def environment_without(folder: Path, *packages: str) -> str:
    """The Python of a new environment with all that is here, but what has one of these words in its name."""
    venv.create(folder, symlinks=True)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        left = any(word in entry.name for word in packages) or entry.suffix == ".pth"
        if not left and not (site / entry.name).exists():
            (site / entry.name).symlink_to(entry)
    return str(folder / "bin" / "python")
