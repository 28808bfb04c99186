"""The stand-in's qsub: what a script's directives ask for, and OpenPBS's refusals.

Knows options; how a job is run, and how it is shown, is elsewhere.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path
from typing import Any

from farpoint.testing.fake_pbs.server import MOST, Job, fail, id_of, reach, start_what_may, state_of

QUEUES: dict[str, dict[str, Any]] = {"workq": {}, "short": {"walltime": "00:10:00"}}
RESOURCES = {"select", "walltime", "ncpus", "mem", "place", "nodect"}
CORES = 8


def qsub(folder: Path, words: list[str]) -> None:
    file = Path(words[-1]) if words and not words[-1].startswith("-") else None
    if file is None or not file.exists():
        fail(1, "qsub: script file:: No such file or directory")
        return
    text = file.read_bytes()
    if b"\r\n" in text:
        fail(1, "qsub: script contains cr, lf")
    job = _options([*_directives(text.decode()), *words[:-1]])
    job |= {"name": job.get("name", file.name[:15]), "folder": str(Path.cwd()), "parts": {}}
    asked = (folder / "server").exists() and (folder / "server").read_text() == "stopped"
    if asked and os.fork() == 0:  # the request is with the server, whatever becomes of who made it
        os.setsid()
        reach(folder, "qsub", 162)
        _accept(folder, job, text)
        raise SystemExit(0)
    reach(folder, "qsub", 162)
    if not asked:
        sys.stdout.write(f"{_accept(folder, job, text)}\n")


def _accept(folder: Path, job: Job, text: bytes) -> str:
    with state_of(folder) as state:
        number = str(state["next"])
        state["next"] += 1
        (folder / "spool" / number).write_bytes(text)
        state["jobs"][number] = job
        start_what_may(folder, state)
        return id_of(number, job)


def _directives(text: str) -> list[str]:
    words = []
    for line in text.splitlines():
        if line.startswith("#PBS "):
            words += shlex.split(line.removeprefix("#PBS "))
        elif line.strip() and not line.startswith("#"):
            break
    return words


def _options(words: list[str]) -> Job:
    """What is asked for, or OpenPBS's refusal of it."""
    job: Job = {
        "queue": "workq",
        "hold": "",
        "array": False,
        "left": [0],
        "after": [],
        "walltime": None,
        "running": MOST,
    }
    pairs = iter(words)
    for word in pairs:
        value = "" if word == "-h" else next(pairs, "")
        if word == "-h":
            job["hold"] = "u"
        elif word == "-N":
            job["name"] = value
        elif word == "-q":
            job["queue"] = value
        elif word == "-J":
            job |= _array(value)
        elif word == "-l":
            _resources(job, value)
        elif word == "-W" and value.startswith("depend="):
            job["after"] = re.findall(r"[:]([0-9]+)", value)
    if job["queue"] not in QUEUES:
        fail(170, "qsub: Unknown queue")
    most = QUEUES[job["queue"]].get("walltime")
    if most and (job["walltime"] or 0) > seconds(most):
        fail(188, "qsub: Job violates queue and/or server resource limits")
    return job


def _array(value: str) -> Job:
    found = re.fullmatch(r"([0-9]+)-([0-9]+)(?:%([0-9]+))?", value)
    if found is None or int(found[1]) >= int(found[2]):
        fail(2, "qsub: illegal -J value")
        return {}
    if int(found[2]) - int(found[1]) >= MOST:
        fail(3, "qsub: Array job exceeds server or queue size limit")
    members = list(range(int(found[1]), int(found[2]) + 1))
    return {"array": True, "left": members, "running": int(found[3] or MOST)}


def _resources(job: Job, value: str) -> None:
    for each in value.split(","):
        name, _, amount = each.partition("=")
        if name not in RESOURCES:
            fail(187, f"qsub: Unknown resource Resource_List.{name}")
        if name == "walltime":
            if not re.fullmatch(r"[0-9]+(:[0-9]+){0,2}", amount):
                fail(166, "qsub: Illegal attribute or resource value Resource_List.walltime")
            job["walltime"] = seconds(amount)
        if name == "select" and int((re.findall(r"ncpus=([0-9]+)", amount) or ["1"])[0]) > CORES:
            job["never"] = f"Can Never Run: Insufficient amount of resource: ncpus (R: {amount} A: 8 T: 8)"
            job["hold"] = "never"


def seconds(text: str) -> int:
    total = 0
    for part in text.split(":"):
        total = total * 60 + int(part)
    return total
