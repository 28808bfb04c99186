"""The stand-in's server, which is no process: one file under a lock, and a process for each job that runs.

Whoever ends a job starts the next. Knows jobs and processes; no option and no form of text.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

PACKAGE = "farpoint.testing.fake_pbs"
SERVER = "fake"
MOST = 10000  # members of an array
KILL_DELAY = 2.0  # seconds between TERM and KILL; PBS has 10
Job = dict[str, Any]


@contextmanager
def state_of(folder: Path) -> Iterator[dict[str, Any]]:
    """The state, read and written back by one at a time."""
    with (folder / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        file = folder / "state.json"
        state = json.loads(file.read_text())
        yield state
        fresh = folder / "state.new"
        fresh.write_text(json.dumps(state))
        fresh.replace(file)


def reach(folder: Path, program: str, code: int) -> None:
    """Wait while the server is stopped; leave with `code` while it is down."""
    file = folder / "server"
    while file.exists() and file.read_text() == "stopped":
        time.sleep(0.05)
    if file.exists() and file.read_text() == "down":
        fail(code, "Connection refused", f"{program}: cannot connect to server {SERVER} (errno=15010)")


def fail(code: int, *lines: str) -> None:
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    raise SystemExit(code)


def start_what_may(folder: Path, state: dict[str, Any]) -> None:
    """Begin jobs that wait while there are slots: each under a process of its own, which outlives this one."""
    for number, job in state["jobs"].items():
        while job["left"] and not job["hold"] and not _waits_for(state, job):
            parts = [part for each in state["jobs"].values() for part in each["parts"].values()]
            busy = sum(part["state"] in "RE" for part in parts)
            mine = sum(part["state"] in "RE" for part in job["parts"].values())
            if busy >= state["slots"] or mine >= job["running"]:
                break
            index = job["left"].pop(0)
            job["parts"][str(index)] = {"state": "R", "substate": 41, "began": time.time()}
            subprocess.Popen(
                [sys.executable, "-I", "-m", PACKAGE, "run", str(folder), number, str(index)],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip


def _waits_for(state: dict[str, Any], job: Job) -> bool:
    return any(number in state["jobs"] and not state["jobs"][number].get("over") for number in job["after"])


def settle(state: dict[str, Any], number: str) -> None:
    """A job all of whose parts have ended is over; without history it is forgotten."""
    job = state["jobs"][number]
    if not job["left"] and all(part["state"] == "X" for part in job["parts"].values()):
        job["over"] = True
        if not state["history"]:
            del state["jobs"][number]


def tell(part: Job, number: signal.Signals) -> None:
    if part.get("pid") and part["state"] in "RE":
        with suppress(ProcessLookupError):
            os.killpg(part["pid"], number)


def run(folder: Path, number: str, index: str) -> None:
    """Run one script to its end, within its time."""
    with state_of(folder) as state:
        job = state["jobs"][number]
        name = id_of(number, job, index)
        env = {
            "PATH": os.environ.get("PATH", ""), "HOME": os.environ.get("HOME", "/"), "PBS_JOBID": name,
            "PBS_JOBNAME": job["name"], "PBS_QUEUE": job["queue"], "PBS_O_WORKDIR": job["folder"],
            "PBS_ENVIRONMENT": "PBS_BATCH",
        }  # fmt: skip
        if job["array"]:
            env |= {"PBS_ARRAY_INDEX": index, "PBS_ARRAY_ID": id_of(number, job)}
        out = Path(job["folder"]) / (f"{job['name']}.o{number}" + (f".{index}" if job["array"] else ""))
        with out.open("wb") as printed:
            child = subprocess.Popen(
                ["/bin/sh", str(folder / "spool" / number)], cwd=env["HOME"], env=env, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=printed, stderr=subprocess.STDOUT,
            )  # fmt: skip
        part = job["parts"][index]
        part |= {"pid": child.pid, "substate": 42}
    late = False
    try:
        status = child.wait(job["walltime"])
    except subprocess.TimeoutExpired:
        late = True
        status = _end(child)
    with state_of(folder) as state:
        job = state["jobs"].get(number)
        if job is None:
            return
        part = job["parts"][index]
        exit_status = 271 if part.get("deleted") else -29 if late else 128 - status if status < 0 else status
        substate = 91 if part.get("deleted") else 93 if exit_status else 92
        part |= {"state": "X", "substate": substate, "exit": exit_status}
        settle(state, number)
        start_what_may(folder, state)


def _end(child: subprocess.Popen[bytes]) -> int:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
    try:
        return child.wait(KILL_DELAY)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        return child.wait()


def kill_later(part: Job) -> None:
    """What does not end when it is asked to is ended."""
    subprocess.Popen(
        ["sh", "-c", f"sleep {KILL_DELAY}; kill -9 -{part['pid']}"], start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def id_of(number: str, job: Job, index: str | None = None) -> str:
    if not job["array"]:
        return f"{number}.{SERVER}"
    return f"{number}[{index or ''}].{SERVER}"


def parse(word: str) -> tuple[str, str | None]:
    found = re.match(r"([0-9]+)(?:\[([0-9]*)\])?", word)
    return (found[1], found[2] or None) if found else ("", None)
