"""The stand-in's qstat, qselect and pbsnodes: jobs in OpenPBS's words.

Only looks.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from farpoint.testing.fake_pbs.server import SERVER, Job, id_of, parse, reach, state_of
from farpoint.testing.fake_pbs.submitting import QUEUES

RUNNING = "Job run at {} on (fake:ncpus=1)"


def _about(job: Job, part: Job | None, *, whole: bool = False) -> Job:
    """The attributes of a job, or of a member (`part` None: it waits)."""
    told = {"Job_Name": job["name"], "Job_Owner": f"me@{SERVER}", "queue": job["queue"], "server": SERVER}
    if whole and job["array"]:
        began = bool(job["parts"])
        letter = "F" if job.get("over") else "H" if job["hold"] else "B" if began else "Q"
        substate = 92 if job.get("over") else 70 if began else 10
        return {**told, "job_state": letter, "substate": substate, "Exit_status": 0,
                "Hold_Types": job["hold"] or "n", "array": "True"}  # fmt: skip
    if part is None:
        if job.get("never"):
            return {**told, "job_state": "Q", "substate": 10, "Hold_Types": "n", "comment": job["never"]}
        letter = "H" if job["hold"] else "Q"
        return {**told, "job_state": letter, "substate": 20 if letter == "H" else 10, "Hold_Types": job["hold"] or "n",
                "comment": "Not Running: Not enough free nodes available"}  # fmt: skip
    comment = RUNNING.format(time.strftime("%a %b %d at %H:%M", time.localtime(part.get("began", 0))))
    if part["state"] != "X":
        return {**told, "job_state": part["state"], "substate": part["substate"], "comment": comment}
    ends = {91: "terminated by me@fake", 92: "finished", 93: "failed"}
    said = "exceeded resource walltime" if part.get("exit") == -29 else ends[part["substate"]]
    ended = {**told, "job_state": "X" if job["array"] and not job.get("over") else "F", "substate": part["substate"]}
    if part.get("unborn"):
        return {**ended, "comment": "Subjob finished", **({"Exit_status": 0} if job["array"] else {})}
    return {**ended, "Exit_status": part["exit"], "comment": f"{comment} and {said}"}


def _shown(
    state: dict[str, Any], *, members: bool, past: bool, number: str, index: str | None = None
) -> dict[str, Job]:
    job = state["jobs"][number]
    if job.get("over") and not past:
        return {}
    if not job["array"]:
        return {id_of(number, job): _about(job, job["parts"].get("0"))}
    told = {} if index else {id_of(number, job): _about(job, None, whole=True)}
    every = sorted([*map(int, job["parts"]), *job["left"]]) if members or index else []
    for each in every:
        if index in (None, str(each)):
            part = job["parts"].get(str(each))
            about = _about(job, part)
            if part is not None and part["state"] == "X" and not state["history"]:
                about |= {"substate": 70, "Exit_status": 0, "comment": "Subjob finished"}
            told[id_of(number, job, str(each))] = about
    return told


def qstat(folder: Path, words: list[str]) -> None:
    top = {"timestamp": int(time.time()), "pbs_version": "23.06.06", "pbs_server": SERVER}
    json_wanted = "json" in words
    flags = {word for word in words if word.startswith("-")}
    ids = [word for word in words if word[0].isdecimal()]
    try:
        reach(folder, "qstat", 255)
    except SystemExit:
        _show(top, json_wanted)
        raise
    if "-Q" in flags:
        told = {
            name: {"queue_type": "Execution", "enabled": "True", "resources_max": most} for name, most in QUEUES.items()
        }
        _show({**top, "Queue": told}, json_wanted)
        return
    with state_of(folder) as state:
        pass
    if "-x" in flags and not state["history"]:
        _show(top, json_wanted)
        sys.stderr.writelines(f"qstat: PBS is not configured to maintain job history {each}\n" for each in ids or [""])
        return
    code, jobs = _look(state, ids, members="-t" in flags, past="-x" in flags)
    _show({**top, **({"Jobs": jobs} if jobs else {})}, json_wanted)
    raise SystemExit(code)


def _look(state: dict[str, Any], ids: list[str], *, members: bool, past: bool) -> tuple[int, dict[str, Job]]:
    code, jobs = 0, dict[str, Job]()
    for each in ids or list(state["jobs"]):
        number, index = parse(each)
        job = state["jobs"].get(number)
        if job is None or (ids and job["array"] != ("[" in each)):
            named = each if "." in each else f"{each}.{SERVER}"
            sys.stderr.write(f"qstat: Unknown Job Id {named}\n")
            code = 153
        elif job.get("over") and not past and ids:
            sys.stderr.write(f"qstat: {each} Job has finished, use -x or -H to obtain historical job information\n")
            code = 35
        else:
            jobs |= _shown(state, members=members, past=past, number=number, index=index)
    return code, jobs


def _show(document: dict[str, Any], json_wanted: bool) -> None:
    if json_wanted:
        sys.stdout.write(json.dumps(document, indent="\t", separators=(",", ":\t")) + "\n")
        return
    jobs = document.get("Jobs", {})
    if jobs:
        sys.stdout.write("Job id            Name             User              Time Use S Queue\n")
        sys.stdout.write("----------------  ---------------- ----------------  -------- - -----\n")
    for name, about in jobs.items():
        line = f"{name:<17} {about['Job_Name']:<16} {'me':<16} {'0':>9} {about['job_state']} {about['queue']:<16}\n"
        sys.stdout.write(line)


def qselect(folder: Path, words: list[str]) -> None:
    reach(folder, "qselect", 255)
    with state_of(folder) as state:
        wanted = words[words.index("-N") + 1] if "-N" in words else None
        for number, job in state["jobs"].items():
            if not job.get("over") and wanted in (None, job["name"]):
                sys.stdout.write(f"{id_of(number, job)}\n")


def pbsnodes(folder: Path, _: list[str]) -> None:
    reach(folder, "pbsnodes", 255)
    sys.stdout.write(f"{SERVER}\n     state = free\n")
