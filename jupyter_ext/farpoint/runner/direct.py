"""Jobs without a queue system: pilots started as detached processes of this computer, listed and ended.

Knows processes by identity, never by pid alone; must not know slices or runs.
"""

import argparse
import glob
import json
import os
import re
import select
import signal
import sys
import time
import traceback
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple

from . import bell, layout, process

PATIENCE = 5.0  # seconds between asking a job to end and ending it
LOOK = 0.5  # seconds after which a waiter looks again though nothing rang
OF_A_RUN = ("FARPOINT_RUN", "FARPOINT_SPEC", "FARPOINT_EVENTS", "FARPOINT_SEED", "FARPOINT_PARAMETERS")

_JOB_ID = re.compile(r"d[a-z0-9-]*-[0-9a-f]{8}\Z")

Member = Dict[str, Any]  # an identity, and which member of the job it is

Job = NamedTuple("Job", [("job_id", str), ("token", str), ("path", str), ("host", str), ("members", List[Member])])


def start(arguments: List[str]) -> int:
    """`start --statedir S --token T --pilots K`: start K pilots and print the job's id.

    Who they are is on the disk before any of them runs: a start that is cut off leaves either no pilot or a known one.
    """
    given = _parse("start", arguments, "token", "pilots")
    count = max(1, int(given.pilots))
    folder = layout.job_folder(os.path.abspath(given.statedir), given.token)
    layout.make_private(os.path.join(folder, "direct"))
    job_id = new_id()
    waiting, going = os.pipe()
    told, telling = os.pipe()
    for member in range(count):
        _fork_apart(lambda number=member: _become_pilot(folder, job_id, number, waiting, (going, told), telling))
    os.close(waiting)
    os.close(telling)
    members = _hear(told, count)
    document = {"format": layout.FORMAT, "job": job_id, "token": given.token, "host": process.host()["name"]}
    document.update(members=members, t=time.time())
    layout.put_json(os.path.join(folder, "direct", job_id + ".json"), document)
    os.write(going, b"g" * len(members))
    print(job_id, flush=True)
    return 0


def ps(arguments: List[str]) -> int:
    """`ps --statedir S [--token T]`: `<job id> <token> <alive> <dead> <unknown> <host>` of each, then `end <n>`.

    A job seen dead is shown once more and then only when its token is asked for.
    """
    given = _parse("ps", arguments)
    count = 0
    for job in jobs(os.path.abspath(given.statedir), given.token, ended=given.token is not None):
        states = [process.alive(member) for member in job.members]
        counts = (states.count(True), states.count(False), states.count(None))
        print("%s %s %d %d %d %s" % (job.job_id, job.token, counts[0], counts[1], counts[2], job.host))
        count += 1
        if counts[0] == counts[2] == 0 and job.path.endswith(".json"):
            os.rename(job.path, job.path[: -len("json")] + "done")
    print("end %d" % count, flush=True)
    return 0


def kill(arguments: List[str]) -> int:
    """`kill --statedir S <job id>…`: ask the pilots to end, and end after 5 s whatever is left of them.

    1, with a line on stderr, where a job's host is another one. A job that is not there is no error.
    """
    given = _parse("kill", arguments, ids=True)
    asked = [job for name in given.ids for job in _find(os.path.abspath(given.statedir), name)]
    elsewhere = [job for job in asked if any(process.alive(member) is None for member in job.members)]
    for job in elsewhere:
        print("job %s runs on %s: end it from there" % (job.job_id, job.host), file=sys.stderr)
    ours = [job for job in asked if job not in elsewhere]
    rung = bell.Bell(os.path.join(os.path.abspath(given.statedir), "bells"))
    try:
        for member in _members(ours):
            process.tell(member, signal.SIGTERM)
        _wait_for_end(list(_members(ours)), rung, PATIENCE)
        for job in ours:
            _end(job)
    finally:
        rung.close()
    return 1 if elsewhere else 0


def new_id() -> str:
    """An id no job had before: where it runs, and chance.

    >>> bool(_JOB_ID.match(new_id()))
    True
    """
    host = re.sub(r"[^a-z0-9]+", "-", process.host()["name"].split(".")[0].lower()).strip("-")
    return "d%s-%s" % (host, os.urandom(4).hex())


def jobs(statedir: str, token: Optional[str] = None, ended: bool = False) -> Iterator[Job]:
    """Every job that was started and is not known to be over; with `ended` those too."""
    pattern = os.path.join(glob.escape(statedir), "jobs", glob.escape(token or "") or "*", "direct", "d*")
    for path in sorted(glob.glob(pattern)):
        stem, ending = os.path.splitext(path)
        if not _JOB_ID.match(os.path.basename(stem)) or ending not in ((".json", ".done") if ended else (".json",)):
            continue
        try:
            document = layout.read_json(path)
        except FileNotFoundError:
            continue  # renamed since by another look
        yield Job(document["job"], document["token"], path, document["host"], document["members"])


def _parse(verb: str, arguments: List[str], *needed: str, ids: bool = False) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=verb)
    parser.add_argument("--statedir", required=True)
    for name in ("token", "pilots"):
        parser.add_argument("--" + name, required=name in needed)
    if ids:
        parser.add_argument("ids", nargs="*")
    return parser.parse_args(arguments)


def _fork_apart(become: Any) -> None:
    """Run `become` in a process that is nobody's child: the parent of its parent has forgotten it."""
    middle = os.fork()
    if middle:
        os.waitpid(middle, 0)
        return
    try:
        if os.fork() == 0:
            become()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def _become_pilot(folder: str, job_id: str, member: int, waiting: int, not_ours: Tuple[int, int], telling: int) -> None:
    """Leave everything of the starter behind, say who we are, and wait for its word: its end without it is ours."""
    os.setsid()
    for descriptor in not_ours:
        os.close(descriptor)
    _redirect(os.path.join(folder, "direct", "%s.%d.out" % (job_id, member)))
    os.write(telling, json.dumps(dict(process.identity(), member=member)).encode("ascii") + b"\n")
    os.close(telling)
    if os.read(waiting, 1) != b"g":
        os._exit(0)
    for number in (signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    environment = {name: value for name, value in os.environ.items() if name not in OF_A_RUN}
    environment.update(FARPOINT_MEMBER=str(member), FARPOINT_JOB_ID=job_id)
    os.chdir(folder)
    os.execve("/bin/sh", ["sh", os.path.join(folder, layout.SCRIPT)], environment)  # noqa: S606 -- it is the shell


def _redirect(path: str) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor, number in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(descriptor, number)
    os.close(nothing)
    os.close(output)


def _hear(told: int, count: int) -> List[Member]:
    """Who the pilots said they are, by member. OSError where one could not say."""
    with open(told, "rb") as file:
        members = [json.loads(line.decode("ascii")) for line in file]
    if len(members) != count:
        raise OSError("only %d of %d pilots could be started" % (len(members), count))
    return sorted(members, key=lambda member: int(member["member"]))


def _find(statedir: str, job_id: str) -> Iterator[Job]:
    if _JOB_ID.match(job_id):
        for path in glob.glob(os.path.join(glob.escape(statedir), "jobs", "*", "direct", job_id + ".json")):
            document = layout.read_json(path)
            yield Job(job_id, document["token"], path, document["host"], document["members"])


def _members(listed: Iterable[Job]) -> Iterator[Member]:
    return (member for job in listed for member in job.members)


def _wait_for_end(members: List[Member], rung: bell.Bell, seconds: float) -> None:
    """Until none of them lives, at most so long."""
    until = time.monotonic() + seconds
    while True:
        living = [member for member in members if process.alive(member)]
        left = until - time.monotonic()
        if not living or left <= 0:
            return
        watched = [descriptor for descriptor in map(process.watch, living) if descriptor is not None]
        try:
            select.select([rung.fileno(), *watched], [], [], left if len(watched) == len(living) else min(left, LOOK))
        finally:
            for descriptor in watched:
                os.close(descriptor)
        rung.drain()


def _end(job: Job) -> None:
    """Kill pilots that still live, and whatever carries the job's id: what they ran has sessions of its own."""
    for member in job.members:
        if process.alive(member):
            process.end_all(member, "FARPOINT_JOB_ID=" + job.job_id)
