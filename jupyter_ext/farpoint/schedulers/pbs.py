"""PBS Professional from 14 on, and OpenPBS: qsub, qstat, qdel, qhold and qrls.

Text in, text out. A job's name is its token. qstat's exit code is read before its JSON, which looks the same for no
job, an unknown job and no server. The meaning of words is in `pbs_words`. Torque speaks another language.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from farpoint.model import JobShape, Queue, QueueEntry, Receipt
from farpoint.schedulers import base
from farpoint.schedulers import pbs_words as words

MARK = "#PBS"
MB = 1 << 20
CHUNK = "cpus memory gpus nodes tasks"  # what `-l select` says in one option
NO_HISTORY = "not configured to maintain job history"
UNKNOWN, HAS_FINISHED = 153, 35  # exit codes of qstat where some of the jobs asked for are not in the queue

_ID = re.compile(r"(?P<number>[0-9]+)(?P<array>\[(?P<member>[0-9]*)\])?(?P<server>\.[A-Za-z0-9._-]+)?")
_SUBMITTED = re.compile(r"^([0-9]+(?:\[\])?\.[A-Za-z0-9._-]+)\s*$", re.MULTILINE)
_GONE = re.compile(r"qstat: (?:Unknown Job Id \S+|\S+ Job has finished, use -x or -H .*)")
_SIZE = re.compile(r"([0-9]+)([kmgtp]?)(b|w)?", re.IGNORECASE)
_WORD = 8  # bytes


class Pbs:
    """The language of PBS."""

    name = "pbs"
    programs = ("qsub", "qstat", "pbsnodes")  # Grid Engine has the first two as well
    here = False
    grace = 60.0
    remembers = False

    # ------------------------------------------------------------------------------------ the script

    def render(self, shape: JobShape, paths: base.Paths) -> str:
        """The job's script. Of two equal options qsub takes the last, so what the job cannot do without stands last.

        PBS has no signal before the end of the time: the pilot's own clock stops it. What the pilot prints goes
        straight to its file, since PBS brings a job's output only when it has ended, and not from a dead node.

        >>> from farpoint.model import Resources
        >>> shape = JobShape("fpaaaaaaaaaaaaa", 3, Resources(memory=1 << 30, time=3600), "scan")
        >>> print("\\n".join(Pbs().render(shape, base.Paths("/s", "/w", "python3", "r")).splitlines()[1:4]))
        #PBS -l select=1:ncpus=1:mem=1024mb
        #PBS -l walltime=1:00:00
        #PBS -S /bin/sh
        """
        own, values = _needs(shape)
        given = base.options([*shape.header, *shape.resources.extra], MARK, "qsub", own, values)
        directives = [f"{MARK} {option}" for option in [*given, *_identity(shape)]]
        body = base.body(shape, paths, '"${PBS_ARRAY_INDEX:-0}"', '"$FARPOINT_JOB_ID"')
        return "\n".join([*base.head(shape, directives), *_place(shape, paths), *body])

    # ------------------------------------------------------------------------------------ submit

    def submit_command(self, token: str, script: str, paths: base.Paths) -> list[str]:
        """Run in the job's folder, where PBS brings what was printed before the script began."""
        return ["qsub", "script"]

    def parse_submit(self, code: int | None, out: str, err: str) -> Receipt:
        """Only what was certainly refused, and will be again, is refused. A server that did not answer may have it.

        >>> Pbs().parse_submit(0, "1030[].vm\\n", "").job_id
        '1030[].vm'
        """
        said = (out + err).strip()
        found = _SUBMITTED.search(out)
        if found:
            return Receipt("accepted", found[1], said)
        return Receipt("refused" if words.refused(code, said) else "unknown", None, said)

    # ------------------------------------------------------------------------------------ look

    def status_command(self, jobs: Mapping[str, Sequence[str]], paths: base.Paths) -> list[str]:
        """Jobs whose ids are known by their ids; where one is not, all there are, for qstat knows no names."""
        return ["qstat", "-t", "-f", "-F", "json", *_ids(jobs)]

    def look_up_command(self, token: str, paths: base.Paths) -> list[str]:
        """All jobs, the members of arrays left together: there may be many of others."""
        return ["qstat", "-f", "-F", "json"]

    def parse_status(self, code: int | None, out: str, err: str) -> tuple[QueueEntry, ...] | None:
        """Some of the jobs may be gone, which is an answer; every other failure is none.

        >>> Pbs().parse_status(153, '{"pbs_server": "vm"}', "qstat: Unknown Job Id 1001.vm"), Pbs().parse_status(255,
        ... '{"pbs_server": "vm"}', "qstat: cannot connect to server vm (errno=15010)")
        ((), None)
        """
        gone = code in (UNKNOWN, HAS_FINISHED) and all(_GONE.fullmatch(line) for line in err.splitlines())
        return _entries(out) if code == 0 or (gone and err.strip()) else None

    # ------------------------------------------------------------------------------------ account

    def accounting_command(self, jobs: Mapping[str, Sequence[str]], paths: base.Paths) -> list[str] | None:
        """The history of the server, where it keeps one."""
        return ["qstat", "-x", "-t", "-f", "-F", "json", *_ids(jobs)]

    def parse_accounting(self, code: int | None, out: str, err: str) -> tuple[QueueEntry, ...] | None:
        """Jobs that have ended. Without history, which is how PBS is delivered, the account is an empty one."""
        if code == 0 and NO_HISTORY in err:
            return ()
        entries = self.parse_status(code, out, err)
        return None if entries is None else tuple(entry for entry in entries if not entry.live)

    # ------------------------------------------------------------------------------------ the rest

    def output_name(self, job_id: str, member: int) -> str:
        found = _ID.fullmatch(job_id)
        return f"pbs-{found['number'] if found else job_id}.{member}.out"

    def cancel_commands(self, job_ids: Sequence[str], paths: base.Paths) -> list[list[str]]:
        """One id each: an unknown id beside one that waits has ended the server of 23.06."""
        return [["qdel", job_id] for job_id in job_ids]

    def hold_command(self, job_ids: Sequence[str], paths: base.Paths) -> list[str] | None:
        return ["qhold", *job_ids]

    def release_command(self, job_ids: Sequence[str], paths: base.Paths) -> list[str] | None:
        return ["qrls", *job_ids]

    def queues_command(self, paths: base.Paths) -> list[str] | None:
        return ["qstat", "-Q", "-f", "-F", "json"]

    def parse_queues(self, code: int | None, out: str, err: str) -> tuple[Queue, ...] | None:
        """Queues a user may submit to, in the server's order; which one is the default is not told here."""
        document = _document(out) if code == 0 else None
        queues = document.get("Queue", {}) if document else None
        if not isinstance(queues, dict):
            return None
        return tuple(_queue(name, about) for name, about in queues.items() if isinstance(about, dict) and _open(about))


# ------------------------------------------------------------------------------------ options


def _needs(shape: JobShape) -> tuple[dict[str, str], dict[str, str]]:
    """(options, values) by what they ask for. A run's cores, memory and GPUs are shared out over its nodes."""
    need = shape.resources
    ranks, gpus = base.up(need.tasks, need.nodes), base.up(need.gpus, need.nodes)
    values = {"nodes": str(need.nodes), "tasks": str(ranks), "cpus": str(need.cpus * ranks), "gpus": str(gpus)}
    chunk = f"{need.nodes}:ncpus={values['cpus']}"
    if need.tasks > 1:
        chunk += f":mpiprocs={ranks}"
    if need.memory:
        values["memory"] = f"{base.up(base.up(need.memory, need.nodes), MB)}mb"
        chunk += f":mem={values['memory']}"
    if gpus:
        chunk += f":ngpus={gpus}"
    own = {CHUNK: f"-l select={chunk}"}
    if need.time:
        values["time"] = _clock(need.time)
        own["time"] = f"-l walltime={values['time']}"
    if need.queue:
        values["queue"] = base.slug(need.queue, "queue")
        own["queue"] = f"-q {values['queue']}"
    if need.account:
        values["account"] = base.slug(need.account, "account")
        own["account"] = f"-A {values['account']}"
    return own, values


def _identity(shape: JobShape) -> list[str]:
    """How the job is found and how it is run: nothing above may change these. An array of one is refused by PBS."""
    options = ["-S /bin/sh", f"-N {shape.token}", "-j oe", f"-r {'y' if shape.requeue else 'n'}"]
    if shape.pilots > 1:
        options.append(f"-J 0-{shape.pilots - 1}" + (f"%{shape.running}" if shape.running else ""))
    if shape.after:
        options.append(f"-W depend=afterany:{':'.join(_plain(job_id) for job_id in shape.after)}")
    return options


def _plain(job_id: str) -> str:
    """A job's id, which may stand in a directive; an array's has brackets."""
    return job_id if _ID.fullmatch(job_id) else base.slug(job_id, "after")


def _place(shape: JobShape, paths: base.Paths) -> list[str]:
    """Shell lines before the body: the id as qsub gave it, which a member knows with its own number in the brackets."""
    return [
        "FARPOINT_JOB_ID=$(echo \"$PBS_JOBID\" | sed 's/\\[[0-9]*\\]/[]/')",
        f"cd {base.quote(f'{paths.statedir}/jobs/{shape.token}')} || exit 1",
        'exec >> "pbs-${PBS_JOBID%%[!0-9]*}.${PBS_ARRAY_INDEX:-0}.out" 2>&1',
    ]


def _clock(seconds: int) -> str:
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _ids(jobs: Mapping[str, Sequence[str]]) -> list[str]:
    return [job_id for known in jobs.values() for job_id in known] if all(jobs.values()) else []


# ------------------------------------------------------------------------------------ answers


def _document(text: str) -> dict[str, Any] | None:
    """The JSON PBS prints, which every answer begins with who answers; a user's variables may hold bare tabs."""
    try:
        found = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and "pbs_server" in found else None


def _entries(text: str) -> tuple[QueueEntry, ...] | None:
    document = _document(text)
    jobs = document.get("Jobs", {}) if document else None
    if not isinstance(jobs, dict):
        return None
    entries = [entry for job_id, about in jobs.items() for entry in [_entry(job_id, about)] if entry]
    told = {entry.job_id for entry in entries if entry.member is not None}
    return tuple(entry for entry in entries if entry.member is not None or entry.job_id not in told)


def _entry(job_id: str, about: object) -> QueueEntry | None:
    """One job or member. An array that is shown with its members is left out above: it says 0 whatever they did."""
    found = _ID.fullmatch(job_id)
    if found is None or not isinstance(about, dict):
        return None
    token, letter = about.get("Job_Name"), about.get("job_state")
    if not isinstance(token, str) or not base.TOKEN.fullmatch(token):
        return None
    whole = f"{found['number']}{'[]' if found['array'] else ''}{found['server'] or ''}"
    member = int(found["member"]) if found["member"] else None
    told = (f"{key} {about[key]}" for key in ("substate", "Exit_status") if about.get(key) is not None)
    raw = ", ".join(filter(None, [str(letter), *told, str(about.get("comment") or "")]))
    state = words.STATES.get(letter) if isinstance(letter, str) else None
    if state is None or state.live is None:
        return QueueEntry(whole, token, None, raw, member=member)
    if not state.live:
        array = found["array"] is not None and member is None
        return QueueEntry(whole, token, False, raw, None if array else words.cause(about), member=member)
    waiting = words.waiting(about) if state.pending else ""
    return QueueEntry(whole, token, True, raw, None, state.pending, member, waiting)


def _open(about: Mapping[str, Any]) -> bool:
    return about.get("enabled") == "True" and about.get("from_route_only") != "True"


def _queue(name: str, about: Mapping[str, Any]) -> Queue:
    most = about.get("resources_max")
    limits = most if isinstance(most, dict) else {}
    cpus, gpus, nodes = (_count(limits.get(key)) for key in ("ncpus", "ngpus", "nodect"))
    return Queue(name, cpus, _size(limits.get("mem")), _seconds(limits.get("walltime")), gpus, nodes)


def _count(value: object) -> int | None:
    return int(str(value)) if str(value).isascii() and str(value).isdecimal() else None


def _size(value: object) -> int | None:
    """Bytes of `4gb` or of `512mw`, which counts words."""
    found = _SIZE.fullmatch(str(value))
    if found is None:
        return None
    power = "kmgtp".index(found[2].lower()) + 1 if found[2] else 0
    return (int(found[1]) << 10 * power) * (_WORD if (found[3] or "").lower() == "w" else 1)


def _seconds(value: object) -> int | None:
    """Seconds of `00:10:00`, or of a number of them."""
    parts = str(value).split(":")
    if not all(part.isascii() and part.isdecimal() for part in parts) or len(parts) > len(("h", "m", "s")):
        return None
    total = 0
    for part in parts:
        total = total * 60 + int(part)
    return total
