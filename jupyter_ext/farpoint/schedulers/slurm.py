"""Slurm: sbatch, squeue, sacct, scancel, scontrol and sinfo, from 20.02 on, with or without accounting.

Text in, text out. A job's name is its token, so it is found by name; squeue is asked for finished jobs too, since
for some minutes it knows how they ended where nobody keeps an account.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from farpoint.errors import BadResources
from farpoint.model import JobShape, Queue, QueueEntry, Receipt
from farpoint.schedulers import base, slurm_sinfo
from farpoint.schedulers import slurm_words as words

MB = 1 << 20
FILTERED = 2000  # tokens in one command line; with more, all jobs of this user are listed
LOOK_BACK = "now-30days"  # how far back the account is searched for a job whose id was never learned
NO_PROGRAM = 127
NO_ACCOUNT = "accounting storage is disabled"
COLUMNS = (("JobArrayID", 60), ("Name", 40), ("State", 30), ("exit_code", 12), ("Reason", 200))  # of squeue
ACCOUNT = ("JobID", "JobName", "State", "ExitCode")  # of sacct
BETWEEN = "\x1f"  # stands in no name, where | may

_SUBMITTED = re.compile(r"^Submitted batch job ([0-9]+)(?: on cluster \S+)?\s*$", re.MULTILINE)
_PARSABLE = re.compile(r"([0-9]+)(?:;\S+)?")
_ID = re.compile(r"(?P<job>[0-9]+)(?:\+[0-9]+)?(?:_(?:(?P<member>[0-9]+)|\[.*\]?))?")
_OPTION = re.compile(r"(?:#SBATCH )?(-[A-Za-z-].*)")


class Slurm:
    """The language of Slurm."""

    name = "slurm"
    programs = ("sbatch", "squeue", "scancel")
    here = False
    grace = 60.0
    remembers = False
    accounts_are_open = True

    # ------------------------------------------------------------------------------------ the script

    def render(self, shape: JobShape, paths: base.Paths) -> str:
        """The job's script. Of two equal options sbatch takes the last, so what the job cannot do without stands last.

        >>> from farpoint.model import Resources
        >>> shape = JobShape("fpaaaaaaaaaaaaa", 3, Resources(cpus=2, memory=1 << 30, time=3600), "scan")
        >>> print("\\n".join(Slurm().render(shape, base.Paths("/s", "/w", "python3", "r")).splitlines()[1:6]))
        #SBATCH --requeue
        #SBATCH --nodes=1
        #SBATCH --cpus-per-task=2
        #SBATCH --mem=1024M
        #SBATCH --time=1:00:00
        """
        again = "--requeue" if shape.requeue else "--no-requeue"
        given, own = _options(shape.header), _options(shape.resources.extra)
        options = [again, *given, *_needs(shape), *own, *_identity(shape)]
        body = base.body(
            shape, paths, '"${SLURM_ARRAY_TASK_ID:-0}"', '"${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}"'
        )  # a member's own SLURM_JOB_ID differs from the id that sbatch printed
        return "\n".join([*base.head(shape, [f"#SBATCH {option}" for option in options]), *body])

    # ------------------------------------------------------------------------------------ submit

    def submit_command(self, token: str, script: str, paths: base.Paths) -> list[str]:
        """Run in the job's folder, which becomes the job's working directory; so no path stands in a directive."""
        return ["sbatch", f"{paths.statedir}/jobs/{token}/script"]

    def parse_submit(self, code: int | None, out: str, err: str) -> Receipt:
        """Refused is what sbatch will never accept. A controller that did not answer may have the job all the same.

        >>> Slurm().parse_submit(0, "Submitted batch job 12\\n", "").job_id
        '12'
        """
        said = (out + err).strip()
        found = _SUBMITTED.search(out) or _PARSABLE.fullmatch(out.strip())
        if found:
            return Receipt("accepted", found[1], said)
        return Receipt(_no_job(code, err), None, said)

    # ------------------------------------------------------------------------------------ look

    def status_command(self, jobs: Mapping[str, Sequence[str]], paths: base.Paths) -> list[str]:
        """By name and not by id: an id that squeue forgot makes it drop others silently, or fail."""
        columns = ",".join(f"{name}:{width}" for name, width in COLUMNS)
        named = [f"--name={','.join(jobs)}"] if 0 < len(jobs) <= FILTERED else []
        return ["squeue", "--me", "--array", "--states=all", *named, f"--Format={columns}"]

    def look_up_command(self, token: str, paths: base.Paths) -> list[str]:
        return self.status_command({token: ()}, paths)

    def parse_status(self, code: int | None, out: str, err: str) -> tuple[QueueEntry, ...] | None:
        """Columns of fixed width below their headings; without the headings nobody answered.

        >>> print(Slurm().parse_status(0, "", ""))
        None
        """
        lines = out.splitlines()
        if code != 0 or not out.endswith("\n") or not lines or not lines[0].startswith("JOBID "):
            return None
        rows = [_cut(line) for line in lines[1:]]
        return _entries((row[0], row[1], row[2], row[3], row[4]) for row in rows)

    # ------------------------------------------------------------------------------------ account

    def accounting_command(self, jobs: Mapping[str, Sequence[str]], paths: base.Paths) -> list[str] | None:
        """Jobs whose ids are known are found however old they are; the others by name among the last weeks'."""
        ids = [job_id for known in jobs.values() for job_id in known]
        found = [f"--jobs={','.join(ids)}"] if all(jobs.values()) and ids else [f"--starttime={LOOK_BACK}"]
        named = [f"--name={','.join(jobs)}"] if len(jobs) <= FILTERED else []
        shown = ["--allocations", "--parsable2", f"--delimiter={BETWEEN}", f"--format={','.join(ACCOUNT)}"]
        return ["sacct", *shown, *found, *named]

    def parse_accounting(self, code: int | None, out: str, err: str) -> tuple[QueueEntry, ...] | None:
        """The newest run of each job. Where Slurm keeps no account, the account is an empty one."""
        if NO_ACCOUNT in err + out:
            return ()
        lines = out.splitlines()
        if code != 0 or not out.endswith("\n") or not lines or lines[0] != BETWEEN.join(ACCOUNT):
            return None
        rows = [line.split(BETWEEN) for line in lines[1:]]
        if any(len(row) != len(ACCOUNT) for row in rows):
            return None
        entries = _entries((row[0], row[1], row[2], row[3], "") for row in rows)
        return None if entries is None else tuple({(e.job_id, e.member): e for e in entries}.values())

    # ------------------------------------------------------------------------------------ the rest

    def output_name(self, job_id: str, member: int) -> str:
        return f"slurm-{job_id}_{member}.out"

    def cancel_commands(self, job_ids: Sequence[str], paths: base.Paths) -> list[list[str]]:
        return [["scancel", *job_ids]]

    def hold_command(self, job_ids: Sequence[str], paths: base.Paths) -> list[str] | None:
        """The user's own hold, whoever asks: after `hold` by an operator only an operator may release, scontrol(1)."""
        return ["scontrol", "uhold", ",".join(job_ids)]

    def release_command(self, job_ids: Sequence[str], paths: base.Paths) -> list[str] | None:
        return ["scontrol", "release", ",".join(job_ids)]

    def queues_command(self, paths: base.Paths) -> list[str] | None:
        return ["sinfo", "--exact", f"--format={slurm_sinfo.FORMAT}"]

    def parse_queues(self, code: int | None, out: str, err: str) -> tuple[Queue, ...] | None:
        """One line for each partition and kind of node; of its kinds a partition gets the most of each.

        >>> heading = "PARTITION|AVAIL|TIMELIMIT|JOB_SIZE|NODES|CPUS|MEMORY|GRES"
        >>> queue, = Slurm().parse_queues(0, f"{heading}\\nshort*|up|10:00|1-2|3|4|4000|gpu:a100:2\\n", "")
        >>> queue.name, queue.time, queue.nodes, queue.cpus, queue.gpus
        ('short', 600, 2, 4, 2)
        """
        return slurm_sinfo.queues(out) if code == 0 else None

    def accounts_command(self, user: str) -> list[str]:
        shown = ["--noheader", "--parsable2", "--readonly", "show", "user"]
        return ["sacctmgr", *shown, f"name={user}", "withassoc", "format=DefaultAccount,Account"]

    def parse_accounts(self, code: int | None, out: str, err: str) -> tuple[str, ...] | None:
        r"""One line for each of the user's associations, of which there may be several with an account.

        >>> Slurm().parse_accounts(0, "chem|phys\nchem|chem\nchem|phys\n", "")
        ('chem', 'phys')
        """
        rows = [line.split("|") for line in out.splitlines()]
        if code != 0 or any(len(row) != 2 for row in rows):
            return None
        return tuple(dict.fromkeys(row[place] for place in (0, 1) for row in rows if row[place]))


# ------------------------------------------------------------------------------------ options


def _no_job(code: int | None, err: str) -> str:
    """What became of a submit that gave no id.

    >>> _no_job(1, "error: Invalid qos specification"), _no_job(1, "error: Socket timed out on send/recv operation")
    ('refused', 'unknown')
    """
    if code in (None, 0):
        return "unknown"
    if code == NO_PROGRAM or any(word in err for word in words.REFUSALS):
        return "refused"
    return "later" if any(word in err for word in words.FULL) else "unknown"


def _options(lines: Iterable[str]) -> list[str]:
    """Options as the machine's owner or a user wrote them: each a line of printable text that is one option."""
    found = [_OPTION.fullmatch(line.strip()) for line in lines]
    for line, match in zip(lines, found, strict=True):
        if match is None or not line.strip().isprintable():
            raise BadResources(
                f"{line!r} is not an option of sbatch. Write one option a line, as '--constraint=haswell' "
                "or '#SBATCH --constraint=haswell'."
            )
    return [match[1] for match in found if match]


def _needs(shape: JobShape) -> list[str]:
    """What each pilot asks for. Slurm counts memory and GPUs by the node, so a run's are shared out over its nodes."""
    need = shape.resources
    options = [f"--nodes={need.nodes}"]
    if need.tasks > 1:
        options.append(f"--ntasks={need.tasks}")
    options.append(f"--cpus-per-task={need.cpus}")
    if need.memory:
        options.append(f"--mem={_up(_up(need.memory, need.nodes), MB)}M")
    if need.time:
        options.append(f"--time={_clock(need.time)}")
    if need.gpus:
        options.append(f"--gres=gpu:{_up(need.gpus, need.nodes)}")  # --gpus needs select/cons_tres; this is older
    if need.queue:
        options.append(f"--partition={base.slug(need.queue, 'queue')}")
    if need.account:
        options.append(f"--account={base.slug(need.account, 'account')}")
    return options


def _identity(shape: JobShape) -> list[str]:
    """How the job is found and how it ends: nothing above may change these."""
    array = shape.pilots > 1
    options = [
        f"--job-name={shape.token}",
        f"--output=slurm-{'%A_%a' if array else '%j_0'}.out",  # in the job's folder, where it is submitted
        "--open-mode=append",  # a requeued job goes on in the file it began
    ]
    if array:
        options.append(f"--array=0-{shape.pilots - 1}" + (f"%{shape.running}" if shape.running else ""))
    if shape.warn:
        options.append(f"--signal=B:USR1@{shape.warn}")  # B: to the script itself, whose place the pilot takes
    if shape.after:
        options.append(f"--dependency=afterany:{':'.join(base.slug(job_id, 'after') for job_id in shape.after)}")
    return options


def _up(amount: int, unit: int) -> int:
    return -(-amount // unit)


def _clock(seconds: int) -> str:
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


# ------------------------------------------------------------------------------------ tables


def _cut(line: str) -> list[str]:
    """The columns of one line of squeue; the last takes what is left."""
    cells, at = [], 0
    for _, width in COLUMNS:
        cells.append(line[at : at + width].strip())
        at += width
    return cells


def _entries(rows: Iterable[tuple[str, str, str, str, str]]) -> tuple[QueueEntry, ...] | None:
    """Entries of (id, name, state, exit, reason), others' jobs left out; None where a row is none."""
    entries = []
    for job_id, name, state, ended, why in rows:
        found = _ID.fullmatch(job_id)
        if found is None or not state:
            return None
        if base.TOKEN.fullmatch(name):
            entries.append(_entry(found, name, state, ended, why))
    return tuple(entries)


def _entry(found: re.Match[str], token: str, state: str, ended: str, why: str) -> QueueEntry:
    member = int(found["member"]) if found["member"] else None
    raw = " ".join(filter(None, [state, why if why != "None" else ""]))
    word = state.split(maxsplit=1)[0]  # sacct says by whom: "CANCELLED by 1000"
    meaning = words.STATES.get(word)
    if meaning is None:
        return QueueEntry(found["job"], token, None, raw, member=member)
    if meaning.live:
        waiting = words.waiting(why) if meaning.pending and why else ""
        return QueueEntry(found["job"], token, True, raw, None, meaning.pending, member, waiting)
    return QueueEntry(found["job"], token, False, raw, words.cause(word, why, *_status(ended)), member=member)


def _status(text: str) -> tuple[int | None, int | None]:
    """(exit code, signal): sacct says `3:0`, squeue the number that wait(2) gave.

    >>> _status("3:0"), _status("768"), _status("9"), _status("")
    ((3, 0), (3, 0), (0, 9), (None, None))
    """
    code, colon, signal = text.partition(":")
    if not code.isdecimal() or (colon and not signal.isdecimal()):
        return None, None
    return (int(code), int(signal)) if colon else (int(code) >> 8, int(code) & 0x7F)
