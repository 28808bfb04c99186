"""Whether a machine is fit for work: everything tried once, each finding ok or with what to do about it.

Tries by way of the agent and of one job that is taken away again; no run, scan or store is touched.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from farpoint import config as settings
from farpoint._version import __version__
from farpoint.errors import BadInput, FarpointError, Unreachable
from farpoint.machines import batch
from farpoint.model import JobFiles, JobShape, Resources
from farpoint.project import Project
from farpoint.resources import show_memory, show_time
from farpoint.runner import layout
from farpoint.verbs import needs

NEEDS = ("nbclient", "ipykernel", "nbformat", "cloudpickle")
NOTEBOOK = NEEDS[:3]
CALLS = 5
ROOM = 256 << 20  # bytes that should be free
FILES = 10_000  # files that should be free: a run makes some dozens
SKEW = 120.0  # seconds a clock may differ before times in the table mislead
SLOW = 3.0  # seconds a shell may take to start
PIECE = 5.0  # seconds of one question whether the job has begun
DEADLINE = 120.0
LIMIT = 600  # seconds the job may run
TASK = b"farpoint doctor\n"
_UNMET = "look at statedir = first: compute nodes must see it. A longer wait is --wait, another queue --queue"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line. `state` is "ok", "note" (worth knowing) or "bad"; `mend` what to do where it is not ok."""

    what: str
    state: str
    said: str
    mend: str = ""


def doctor(
    project: Project, name: str, need: Resources | None = None, wait: float = LIMIT, job: bool = True
) -> Iterator[Finding]:
    """Every finding, as it is found. With `job`, one goes through the queue, asking for `need`, for `wait` seconds."""
    machine = project.machine(name)
    if not isinstance(machine, batch.Machine):
        raise BadInput(f"machine {name!r} has no agent: there is nothing to examine.")
    given = project.config.machines.get(name) or settings.MachineConfig()
    began = time.monotonic()
    try:
        hello = machine.call("hello", programs=machine.scheduler.programs).value
    except Unreachable as fault:
        yield Finding("reach", "bad", str(fault), _how_to_reach(name, given))
        return
    yield Finding("reach", "ok", f"{_by(given)} {hello['host']}, {time.monotonic() - began:.1f} s to begin")
    yield _round_trip(machine)
    python = given.environment or hello["python"]
    seen = machine.call("examine", python=python, names=NEEDS, deadline=DEADLINE).value
    found = [_shell(seen["shell"]), _python(hello), _clock(seen["time"], project.clock())]
    for what, room in zip(("statedir", "workdir"), seen["folders"], strict=True):
        found += _folder(what, room, given)
    found += _scheduler(machine, hello)
    yield from found
    if job and any(each.state == "bad" for each in found):
        yield Finding("job", "note", "none was sent", "mend the above first")
    elif job:
        yield from _through_a_job(
            project, machine, given, needs.there(project.config, name, need or Resources(time=LIMIT)), wait
        )
        return
    yield from _environment(seen["python"], name, python)


def _by(given: settings.MachineConfig) -> str:
    return f"ssh {given.host} is" if given.host else "this computer,"


def _how_to_reach(name: str, given: settings.MachineConfig) -> str:
    return f"try `farpoint connect {name}`, then `ssh {given.host}` by hand" if given.host else "mend its python ="


def _round_trip(machine: batch.Machine) -> Finding:
    times = []
    for _ in range(CALLS):
        began = time.monotonic()
        machine.call("missing", digests=[])
        times.append(time.monotonic() - began)
    return Finding("agent", "ok", f"answers in {1000 * sorted(times)[CALLS // 2]:.0f} ms")


def _shell(shell: Mapping[str, Any]) -> Finding:
    said = f"{shell['path']}, {shell['seconds']:.1f} s to start"
    if shell["exit"] != 0:
        return Finding("login shell", "bad", f"{said}, and ends with {shell['exit']}", "mend its start-up files")
    if shell["noise"]:
        first = shell["noise"].strip().splitlines()[0][:60]
        return Finding("login shell", "note", f"{said}; prints {first!r}", "harmless here; other programs may mind")
    if shell["seconds"] > SLOW:
        return Finding("login shell", "note", said, "its start-up files take long; every sign-in waits for them")
    return Finding("login shell", "ok", said)


def _python(hello: Mapping[str, Any]) -> Finding:
    version = ".".join(map(str, hello["version"]))
    return Finding("Python", "ok", f"{version}, {hello['python']} (runs agent and pilots)")


def _clock(there: float, here: float) -> Finding:
    ahead = there - here
    if abs(ahead) < SKEW:
        return Finding("clock", "ok", "as here" if abs(ahead) < 2 else f"{abs(ahead):.0f} s apart from ours")
    said = f"{show_time(int(abs(ahead)))} {'ahead of' if ahead > 0 else 'behind'} ours"
    return Finding("clock", "note", said, "times in tables are by its clock; ask for NTP there, or mend it here")


def _folder(what: str, room: Mapping[str, Any], given: settings.MachineConfig) -> Iterator[Finding]:
    path = room["path"]
    if room["trouble"]:
        yield Finding(what, "bad", f"{path}: {room['trouble']}", f"name another {what} = in {settings.FILE}")
        return
    if not room["links"]:
        yield Finding(what, "bad", f"{path}: no exclusive hard links ({room['fstype']})", f"name another {what} =")
        return
    files = "" if room["inodes"] is None else f" and {room['inodes']:,} files"
    said = f"{path}: writable, links are exclusive, {show_memory(room['free'])}{files} free ({room['fstype']})"
    if room["free"] < ROOM or (room["inodes"] or FILES) < FILES:
        yield Finding(what, "bad", said, "make room there, or name another")
    else:
        yield Finding(what, "ok", said)
    yield from _age(what, room.get("purge"), given)


def _age(what: str, law: Mapping[str, Any] | None, given: settings.MachineConfig) -> Iterator[Finding]:
    if not law:
        return
    said = f"files may go after {law['days']} days ({law['by']}: {law['said']})"
    if what == "statedir":
        yield Finding(f"{what} age", "bad", said, "name a statedir = where nothing is purged: it holds who ran what")
    elif given.purge is None:
        yield Finding(f"{what} age", "note", said, f'write purge = "{law["days"]}d", and you are warned in time')
    else:
        yield Finding(f"{what} age", "ok", said)


def _scheduler(machine: batch.Machine, hello: Mapping[str, Any]) -> Iterator[Finding]:
    scheduler = machine.scheduler
    missing = [program for program in scheduler.programs if program not in hello["programs"]]
    if missing:
        mend = "name another scheduler =, or put its programs on the PATH of your login shell there"
        yield Finding("scheduler", "bad", f"{scheduler.name}: no {', '.join(missing)}", mend)
        return
    commands = {"its list": (scheduler.status_command({}, machine.paths()), scheduler.parse_status)}
    queues = scheduler.queues_command(machine.paths())
    parts = [scheduler.name]
    for what, (argv, parse) in commands.items():
        done = _run(machine, argv)
        if parse(done["exit"], done["stdout"], done["stderr"]) is None:
            yield Finding("scheduler", "bad", f"{what} cannot be read: {_last(done)}", f"try `{' '.join(argv)}` there")
            return
    if queues:
        done = _run(machine, queues)
        found = scheduler.parse_queues(done["exit"], done["stdout"], done["stderr"])
        if found is None:
            yield Finding("queues", "note", f"cannot be read: {_last(done)}", f"try `{' '.join(queues)}` there")
        else:
            parts.append(f"queues {', '.join(queue.name for queue in found[:8]) or 'none'}")
    yield Finding("scheduler", "ok", "; ".join(parts))


def _run(machine: batch.Machine, argv: Sequence[str]) -> Mapping[str, Any]:
    done: Mapping[str, Any] = machine.call("run", argv=list(argv), timeout=60.0, deadline=DEADLINE).value
    return done


def _last(done: Mapping[str, Any]) -> str:
    lines = (done["stderr"] or done["stdout"]).strip().splitlines()
    return lines[-1][:200] if lines else f"exit code {done['exit']}"


def _environment(python: Mapping[str, Any] | None, name: str, path: str) -> Iterator[Finding]:
    """What the user's code can do there."""
    if python is None:
        yield Finding("your code", "bad", f"{path} does not run there", f"`farpoint env {name}`, or set environment =")
        return
    version = ".".join(map(str, python["version"]))
    here = ".".join(map(str, sys.version_info[:2]))
    lacks = [each for each in NOTEBOOK if each not in python["has"]]
    same = python["version"][:2] == list(sys.version_info[:2])
    mend = f"`farpoint env {name}` builds one like this kernel's"
    if same:
        yield Finding("functions", "ok", f"Python {version} ({python['path']}): values and functions of any kind")
    else:
        said = f"Python {version} there, {here} here: only plain data goes between them"
        yield Finding("functions", "note", said, mend)
    if lacks:
        yield Finding("notebooks", "bad", f"Python {version} ({python['path']}) has no {', '.join(lacks)}", mend)
    else:
        yield Finding("notebooks", "ok", f"Python {version} has nbclient and ipykernel")


# ---------------------------------------------------------------------------------------------- a job


def _through_a_job(
    project: Project, machine: batch.Machine, given: settings.MachineConfig, need: Resources, wait: float
) -> Iterator[Finding]:
    """A job of one run that meets the agent in both folders."""
    token = project.new_token()
    began = time.monotonic()
    job_ids: list[str] = []
    try:
        machine.place(_job(project, machine, given, need, token))
        machine.call("meet", token=token, seconds=0)  # makes the two places where they meet
        receipt = machine.submit(token, 1)
        if receipt.job_id is None:
            mend = "mend header = or say --queue and --account" if receipt.kind == "refused" else "look again later"
            yield Finding("job", "bad", f"the submit was {receipt.kind}: {receipt.raw[-300:]}", mend)
            return
        job_ids = [receipt.job_id]
        met = _meet(machine, token, job_ids, wait)
        if isinstance(met, str):
            yield Finding("job", "bad", f"job {receipt.job_id}: {met}", _UNMET)
            return
        yield Finding(
            "job", "ok", f"job {receipt.job_id} ran on {met['host']}, {time.monotonic() - began:.0f} s in all"
        )
        yield from _sights(met)
        yield from _environment(met["python"], machine.name, given.environment or machine.paths().python)
    except FarpointError as fault:
        yield Finding("job", "bad", str(fault), "mend what it says, and look again")
    finally:
        _take_away(machine, token, job_ids)


def _meet(machine: batch.Machine, token: str, job_ids: Sequence[str], wait: float) -> Mapping[str, Any] | str:
    """What the job found, or why it was not met."""
    until = time.monotonic() + wait
    gone = 0
    waiting = ""
    while time.monotonic() < until:
        met: Mapping[str, Any] | None = machine.call("meet", token=token, seconds=PIECE, deadline=DEADLINE).value
        if met is not None:
            return met
        queue = machine.observe({token: {}}, jobs={token: job_ids}).queue
        live = [entry for entry in queue or () if entry.token == token and entry.live is not False]
        gone = gone + 1 if queue is not None and not live else 0
        if gone > 2:
            printed = machine.output(token, job_ids, 1).decode("utf-8", "replace").strip().splitlines()
            return f"it ended without a word{': ' + printed[-1][:300] if printed else ''}"
        waiting = next((entry.waiting or entry.raw for entry in live), waiting)
    return f"it had not begun after {show_time(int(wait))}{f' ({waiting})' if waiting else ''}"


def _sights(met: Mapping[str, Any]) -> Iterator[Finding]:
    for what, trouble in met["folders"].items():
        lag = met["lag"].get(what)
        if trouble:
            yield Finding(f"{what} there", "bad", f"on {met['host']} it {trouble}", f"name a {what} = that jobs see")
        elif lag is None:
            said = f"what is written here was not seen on {met['host']} within a minute"
            yield Finding(f"{what} there", "bad", said, f"name a {what} = on a disk that is shared")
        else:
            said = f"a file is seen there, and its answer here, after {max(lag):.2f} s"
            yield Finding(f"{what} there", "ok", said)


def _take_away(machine: batch.Machine, token: str, job_ids: Sequence[str]) -> None:
    """The job's end and its folders; on a machine that went away meanwhile they stay, and harm nothing."""
    try:
        machine.cancel(token, job_ids)
        machine.remove(token)
    except FarpointError:
        return


def _job(
    project: Project, machine: batch.Machine, given: settings.MachineConfig, need: Resources, token: str
) -> JobFiles:
    paths = machine.paths()
    environment = given.environment or paths.python
    argv = [
        paths.python,
        "-I",
        "-S",
        paths.runner,
        "sight",
        environment,
        ",".join(NEEDS),
        paths.statedir,
        paths.workdir,
    ]
    digest = layout.digest(TASK)
    limits = machine.limits()
    document = {
        "format": layout.FORMAT, "token": token, "farpoint": __version__, "created": project.clock(),
        "owner": project.owner, "project": "doctor", "project_root": str(project.root), "scan": "doctor",
        "machine": machine.name, "pilots": 1, "save": [], "files": [], "environment": {"python": None},
        "task": {"kind": "script", "name": "doctor", "path": "doctor", "digest": digest, "argv": argv, "names": []},
        "timing": {"beat": 10.0, "silence": 60.0}, "results_key": "",
        "slots": {"cpus": limits.cpus, "memory": limits.memory, "gpus": limits.gpus} if limits.slots else None,
        "runs": [
            {"run": project.new_run_id(), "number": 0, "attempt": 1, "version": 1, "key": "doctor", "seed": 0,
             "parameters": {}, "cpus": need.cpus, "memory": need.memory, "time": need.time, "gpus": need.gpus}
        ],
    }  # fmt: skip
    shape = JobShape(token, 1, need, "farpoint doctor", header=given.header, requeue=False)
    piece = layout.dump({"format": layout.FORMAT, "slice": 0, "runs": [0]})
    return JobFiles(token, layout.dump(document), {0: piece}, machine.script(shape), {digest: TASK})
