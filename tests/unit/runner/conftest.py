"""A far side in a temporary folder: jobs of small scripts, real pilots from the real zip, and what they wrote."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from farpoint.runner import bell, claims, journal, layout

TOKEN = "fpaaaaaaaaaaaaa"


class Far:
    """One statedir and workdir with one job in it."""

    def __init__(self, folder: Path, zip_file: Path) -> None:
        self.statedir, self.workdir, self.zip = folder / "state", folder / "work", zip_file
        self.job = Path(layout.job_folder(str(self.statedir), TOKEN))
        self.work = Path(layout.work_folder(str(self.workdir), TOKEN))
        self.pilots: list[subprocess.Popen[bytes]] = []

    def place(
        self, script: str | Sequence[str], runs: int | Sequence[Mapping[str, Any]] = 1, *, per_slice: int = 1,
        inputs: Mapping[str, bytes] | None = None, silence: float = 0.5, beat: float = 0.2, **changes: Any,
    ) -> None:  # fmt: skip
        """A job whose runs are `script`: Python source, or an argv."""
        argv = [sys.executable, "-c", script] if isinstance(script, str) else list(script)
        given = [{}] * runs if isinstance(runs, int) else runs
        entries = [
            {"run": f"r{i}", "number": i, "attempt": 1, "version": 1, "key": "k", "seed": i, "parameters": {"x": i},
             "cpus": 1, "memory": None, "time": None, "gpus": 0, **run}
            for i, run in enumerate(given)
        ]  # fmt: skip
        files = []
        for path, data in (inputs or {}).items():
            blob = self.work / "inputs" / path
            blob.parent.mkdir(parents=True, exist_ok=True)
            blob.write_bytes(data)
            blob.chmod(0o400)
            files.append({"path": path, "digest": layout.digest(data), "size": len(data), "kind": "file"})
        document = {
            "format": 1, "token": TOKEN, "farpoint": "0", "created": 0.0, "owner": "o", "project": "p",
            "project_root": "/", "scan": "s", "machine": "m", "task": {"kind": "script", "argv": argv},
            "environment": {"python": None}, "files": files, "save": [], "slots": None,
            "timing": {"beat": beat, "silence": silence}, "runs": entries, **changes,
        }  # fmt: skip
        for part in ("bells", "claims", "control", "pilots", "slices"):
            layout.make_private(str(self.job / part))
        layout.make_private(str(self.work / "runs"))
        numbers = list(range(len(entries)))
        for s, first in enumerate(numbers[::per_slice]):
            body = {"format": 1, "slice": s, "runs": numbers[first : first + per_slice]}
            layout.put_json(str(self.job / layout.slice_name(s)), body)
        layout.put_json(str(self.job / layout.JOB), document)

    def argv(self, member: int = 0, python: str = sys.executable) -> list[str]:
        where = ["--statedir", str(self.statedir), "--workdir", str(self.workdir), "--token", TOKEN]
        return [python, "-I", "-S", str(self.zip), "pilot", *where, "--member", str(member)]

    def pilot(
        self, member: int = 0, job_id: str = "d1", python: str = sys.executable, **env: str
    ) -> subprocess.Popen[bytes]:
        """Start a pilot."""
        environment = {**os.environ, "FARPOINT_JOB_ID": job_id, **env}
        process = subprocess.Popen(
            self.argv(member, python), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.pilots.append(process)
        return process

    def run(self, members: int = 1, seconds: float = 60.0, **options: Any) -> None:
        """Start pilots and wait for their end, which must be a good one."""
        started = [self.pilot(member, **options) for member in range(members)]
        for process in started:
            out, err = process.communicate(timeout=seconds)
            assert (process.returncode, out, err) == (0, b"", b"")

    def events(self, kind: str | None = None, file: str = layout.JOURNAL) -> list[dict[str, Any]]:
        """All events of all pilots' files, or those of one kind."""
        found = []
        for path in sorted(self.job.glob(f"pilots/*/{file}")):
            found += journal.parse(path.read_bytes())[0]
        return [event for event in found if kind in (None, event["e"])]

    def standing(self) -> dict[int, Mapping[str, Any]]:
        """The outcome that counts, of each run that has one."""
        by_run: dict[int, list[Mapping[str, Any]]] = {}
        for event in self.events("outcome"):
            by_run.setdefault(event["i"], []).append(event)
        return {i: found for i, listed in by_run.items() if (found := claims.standing(listed))}

    def one(self, kind: str = "outcome") -> dict[str, Any]:
        """The only event of a kind."""
        (event,) = self.events(kind)
        return event

    def printed(self, name: str = "stdout") -> str:
        return "".join(e["text"] for e in self.events("stream", layout.STREAM) if e["name"] == name)

    def order(self, order: Mapping[str, Any]) -> None:
        """Leave an order as the agent does."""
        number = len(list((self.job / "control").iterdir()))
        layout.put_json(str(self.job / layout.control_name(number)), order)
        bell.ring(str(self.job / "bells"))

    def until(self, condition: Callable[[], Any], seconds: float = 30.0) -> Any:
        """Wait for something to be written, by the bell that says so."""
        rung = bell.Bell(str(self.statedir / "bells"))
        end = time.monotonic() + seconds
        try:
            while not (found := condition()):
                assert time.monotonic() < end, f"not within {seconds} s; there is {json.dumps(self.events(), indent=1)}"
                select.select([rung.fileno()], [], [], 0.05)
                rung.drain()
        finally:
            rung.close()
        return found

    def close(self) -> None:
        for process in self.pilots:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.communicate()


@pytest.fixture(scope="session")
def runner_zip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runner") / "runner.zip"
    path.write_bytes(layout.build_zip())
    return path


@pytest.fixture(scope="session")
def old_python() -> str:
    """The oldest Python from 3.6 on that is here."""
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    for minor in range(6, sys.version_info.minor):
        for path in versions.glob(f"3.{minor}.*/bin/python"):
            return str(path)
    return sys.executable


@pytest.fixture
def far(tmp_path: Path, runner_zip: Path) -> Iterator[Far]:
    there = Far(tmp_path, runner_zip)
    yield there
    there.close()
