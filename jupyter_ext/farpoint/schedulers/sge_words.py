"""Grid Engine's words and what they mean in ours: states, failures, refusals. docs/reference/schedulers.md shows them.

Only tables and the look into them; knows no command and no column.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

NOT_STARTED = "launch failed"


@dataclass(frozen=True, slots=True)
class State:
    """What the letters of qstat's `state` say together."""

    live: bool | None
    pending: bool = False
    cause: str | None = None
    waiting: str = ""


# The letters of a state, sge_status(5). Several stand together: `hRwq` waits, held, after it was put back.
LETTERS: Mapping[str, str] = {
    "q": "queued",
    "w": "waits",
    "h": "held, or waits for another job",
    "t": "is being handed to its node",
    "r": "runs",
    "R": "was put back into the queue once",
    "s": "suspended",
    "S": "suspended with its queue",
    "T": "suspended while its node has too much to do",
    "P": "suspended, made room for another",
    "d": "is being deleted",
    "E": "could not be started, and stays so until somebody deletes or clears it",
    "z": "has ended",
}


def state(letters: str) -> State:
    """What a state means; live is None where a letter is not known.

    >>> state("hqw").waiting, state("dr").cause, state("Eqw").live, state("!").live
    ('hqw: held, or waits for another job', 'cancelled', False, None)
    """
    if not letters or set(letters) - LETTERS.keys():
        return State(None)
    if "z" in letters:
        return State(False)
    if "E" in letters:
        return State(False, cause=NOT_STARTED)
    if "d" in letters:
        return State(True, cause="cancelled")
    if "q" not in letters and "w" not in letters:
        return State(True)
    return State(True, pending=True, waiting=f"{letters}: {LETTERS['h']}" if "h" in letters else "")


@dataclass(frozen=True, slots=True)
class Failure:
    """A number of qacct's `failed`: what it says, and what ended the job in our words (None: see its exit status)."""

    says: str
    cause: str | None = None


# The numbers of sge_status(5), with its words for them.
FAILURES: Mapping[int, Failure] = {
    0: Failure("ran and ended by itself"),
    1: Failure("assumedly before job", NOT_STARTED),
    3: Failure("before writing config", NOT_STARTED),
    4: Failure("before writing PID", NOT_STARTED),
    6: Failure("setting processor set", NOT_STARTED),
    7: Failure("before prolog", NOT_STARTED),
    8: Failure("in prolog", NOT_STARTED),
    9: Failure("before pestart", NOT_STARTED),
    10: Failure("in pestart", NOT_STARTED),
    11: Failure("before job", NOT_STARTED),
    12: Failure("before pestop"),
    13: Failure("in pestop"),
    14: Failure("before epilog"),
    15: Failure("in epilog"),
    16: Failure("releasing processor set"),
    17: Failure("through signal"),
    18: Failure("shepherd returned error", "node failed"),
    19: Failure("before writing exit_status", "node failed"),
    20: Failure("found unexpected error file", "node failed"),
    21: Failure("in recognizing job", "node failed"),
    24: Failure("migrating (checkpointing jobs)", "preempted"),
    25: Failure("rescheduling", "preempted"),
    26: Failure("opening output file", NOT_STARTED),
    27: Failure("searching requested shell", NOT_STARTED),
    28: Failure("changing to working directory", NOT_STARTED),
    29: Failure("AFS setup", NOT_STARTED),
    30: Failure("application error returned"),
    31: Failure("accessing sgepasswd file", NOT_STARTED),
    32: Failure("entry is missing in password file", NOT_STARTED),
    33: Failure("wrong password", NOT_STARTED),
    34: Failure("communicating with Grid Engine Helper Service", NOT_STARTED),
    35: Failure("before job in Grid Engine Helper Service", NOT_STARTED),
    36: Failure("checking configured daemons", NOT_STARTED),
    37: Failure("qmaster enforced h_rt, h_cpu, or h_vmem limit", "timeout"),
    38: Failure("adding supplementary group", NOT_STARTED),
    100: Failure("assumedly after job"),
}

_NUMBER = re.compile(r"\s*([0-9]+)(?:\s|$)")
_FAILED = re.compile(r"\s*([0-9]+)\s*(?::\s*(.*))?")
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)([kmgtKMGT]?)B?")
_POWERS = "kmgt"
_REQUESTED = re.compile(r"\bh_vmem=([^,\s]+)")
FULL = 0.9  # of h_vmem: the master looks now and then, and kills before the last of it is taken


def end(record: Mapping[str, str]) -> tuple[bool | None, str | None]:
    """(live, cause) of a record of qacct: live is None for a number that is not known.

    >>> end({"failed": "0", "exit_status": "3"}), end({"failed": "100 : assumedly …", "exit_status": "137 (Killed)"})
    ((False, 'exit code 3'), (False, 'killed by signal 9'))
    """
    failed, status = _FAILED.match(record["failed"]), _NUMBER.match(record["exit_status"])
    failure = FAILURES.get(int(failed[1])) if failed else None
    if failed is None or failure is None or status is None:
        return None, None
    if failed[1] == "37":
        return False, "out of memory" if _was_full(record) else failure.cause
    if failure.cause == NOT_STARTED:
        return False, f"{NOT_STARTED}: {(failed[2] or failure.says).strip()}"
    return False, failure.cause or _exit(int(failed[1]), int(status[1]))


def _exit(failed: int, status: int) -> str | None:
    if failed in (17, 100) and status > 128:
        return f"killed by signal {status - 128}"
    if status:
        return f"exit code {status}"
    return "failed" if failed else None


def _was_full(record: Mapping[str, str]) -> bool:
    """Whether the job that was killed at a limit had taken the memory it asked for; else it was the time."""
    asked = _REQUESTED.search(record.get("category", ""))
    limit, taken = size(asked[1]) if asked else None, size(record.get("maxvmem", ""))
    return limit is not None and taken is not None and taken >= FULL * limit * (count(record.get("slots", "")) or 1)


# What qsub says when it made no job and never will of this script …
REFUSALS = (
    "Numerical value invalid",
    "Unable to read script file",
    "does not exist",
    "invalid option argument",
    "is no submit host",
    "job rejected",
    "Job was rejected",
    "neither submit nor admin host",
    "unknown resource",
    "Unknown option",
)
# … and what it says beside it where the same script may be taken later, or was taken.
LATER = (
    "allowed per cluster",
    "allowed per user",
    "answer list",
    "commlib error",
    "got send error",
    "temporarily",
    "unable to contact qmaster",
    "unable to send message to qmaster",
)
_NO_PROGRAM = (126, 127)


def refused(code: int | None, said: str) -> bool:
    """Whether qsub certainly made no job.

    >>> refused(1, 'Unable to run job: unknown resource "x"'), refused(1, "Unable to run job: got send error")
    (True, False)
    """
    if code in _NO_PROGRAM:
        return True
    certain = any(word in said for word in REFUSALS) and not any(word in said for word in LATER)
    return code not in (None, 0) and certain


def count(text: str) -> int | None:
    """A number of slots."""
    return int(text) if text.strip().isdecimal() else None


def size(text: str) -> int | None:
    """Bytes of `8G`, of `300M` in thousands as `300m`, or of qacct's `5.316MB`; None for INFINITY.

    >>> size("8G"), size("1m"), size("INFINITY")
    (8589934592, 1000000, None)
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        return None
    power = _POWERS.find(found[2].lower()) + 1 if found[2] else 0
    return int(float(found[1]) * (1000 if found[2].islower() else 1024) ** power)


def seconds(text: str) -> int | None:
    """Seconds of `0:10:0` or `600`; None for INFINITY.

    >>> seconds("0:10:0"), seconds("600"), seconds("INFINITY")
    (600, 600, None)
    """
    parts = text.strip().split(":")
    if not all(part.isdecimal() for part in parts) or len(parts) not in (1, 3):
        return None
    total = 0
    for part in parts:
        total = total * 60 + int(part)
    return total
