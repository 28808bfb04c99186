"""PBS's words and what they mean in ours: states, substates, exit statuses. docs/reference/schedulers.md shows them.

Only tables and the look into them; knows no command and no form of text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NOT_STARTED = "launch failed"


@dataclass(frozen=True, slots=True)
class State:
    """A letter of `job_state`: does the job still live, and does it wait. `live` None: PBS itself cannot say."""

    says: str
    live: bool | None = True
    pending: bool = False


# Every letter of qstat(1B), "Job States".
STATES: Mapping[str, State] = {
    "Q": State("waits for its turn", pending=True),
    "H": State("held", pending=True),
    "W": State("waits for its hour", pending=True),
    "T": State("is being moved", pending=True),
    "R": State("runs"),
    "B": State("an array of which a member began"),
    "E": State("is ending"),
    "S": State("suspended, made room for another"),
    "U": State("suspended while somebody sits at its computer"),
    "M": State("was moved to another server, which knows how it is", live=None),
    "X": State("a member of an array that has ended", live=False),
    "F": State("has ended", live=False),
}

# Letters of `Hold_Types`: who may let a held job go.
HOLDS: Mapping[str, str] = {
    "u": "held by its user; release it",
    "o": "held by an operator; ask them",
    "s": "held by the system, or waits for another job",
    "p": "held, since a password is wrong",
}

# Substates of a job that ended (job.h of OpenPBS).
TERMINATED, FINISHED, FAILED = 91, 92, 93

# Exit statuses below 0: PBS's own (job.h of OpenPBS), with what ended the job in our words.
STATUSES: Mapping[int, tuple[str, str]] = {
    -1: ("could not be run, before its files were there", NOT_STARTED),
    -2: ("could not be run, after its files were there", NOT_STARTED),
    -3: ("could not be run now; to be tried again", NOT_STARTED),
    -4: ("ended when its node started anew", "node failed"),
    -5: ("ended when its node started anew, from a checkpoint", "node failed"),
    -6: ("ended when its node started anew, from a moved checkpoint", "node failed"),
    -7: ("could not be started from its checkpoint", NOT_STARTED),
    -10: ("its user is not known on the node", NOT_STARTED),
    -11: ("ended to be run again", "preempted"),
    -12: ("ended with a checkpoint", "preempted"),
    -13: ("a password is wrong", NOT_STARTED),
    -14: ("ended with its first node, to be run again", "node failed"),
    -15: ("ended when its node started anew", "node failed"),
    -16: ("a hook of the site ended it, to be run again", NOT_STARTED),
    -17: ("a hook of the site deleted it", NOT_STARTED),
    -18: ("a hook of the site failed; to be run again", NOT_STARTED),
    -19: ("a hook of the site failed; deleted", NOT_STARTED),
    -20: ("ended with its first node, to be run again", "node failed"),
    -21: ("a matter of security", NOT_STARTED),
    -22: ("a hook of the site failed", NOT_STARTED),
    -23: ("a Kerberos ticket was missing", NOT_STARTED),
    -24: ("used more cores at once than it asked for", "too many cores"),
    -25: ("used more cores than it asked for", "too many cores"),
    -26: ("took more virtual memory than it asked for", "out of memory"),
    -27: ("took more memory than it asked for", "out of memory"),
    -28: ("used more processor time than it asked for", "timeout"),
    -29: ("ran longer than it asked for", "timeout"),
}
_SIGNALS = 65  # one more than the last signal's number
_TOLD = 256  # PBS adds it to the signal that ended the job's first process; a shell adds 128


def waiting(job: Mapping[str, Any]) -> str:
    """Why a job waits: who holds it, and PBS's own comment.

    >>> waiting({"job_state": "Q", "comment": "Not Running: Not enough free nodes available"})
    'Not Running: Not enough free nodes available'
    >>> waiting({"job_state": "H", "Hold_Types": "u"})
    'H: held by its user; release it'
    """
    letter, comment = str(job.get("job_state")), str(job.get("comment") or "")
    held = [says for hold, says in HOLDS.items() if hold in str(job.get("Hold_Types", ""))] if letter == "H" else []
    if held:
        return f"H: {', '.join(held)}{f' ({comment})' if comment else ''}"
    return comment or ("" if letter == "Q" else f"{letter}: {STATES[letter].says}")


def cause(job: Mapping[str, Any]) -> str | None:
    """What ended a job, in our words; None where it ended well, or where nothing is told.

    >>> cause({"substate": 93, "Exit_status": -29}), cause({"substate": 91, "Exit_status": 271})
    ('timeout', 'cancelled')
    >>> cause({"substate": 93, "Exit_status": 3}), cause({"substate": 93, "Exit_status": 137})
    ('exit code 3', 'killed by signal 9')
    """
    status, substate = job.get("Exit_status"), job.get("substate")
    if substate == TERMINATED:
        return NOT_STARTED if "too many failed attempts" in str(job.get("comment")) else "cancelled"
    if substate == FAILED and status == 0:
        return "cancelled"  # a member deleted while it waited shows its array's Exit_status
    if substate == FINISHED and status is None:
        return "dependency"  # what it waited for can never be: it ended without a start
    ended = substate in (FINISHED, FAILED)  # else a member of a running array, without history: its array's fields
    return _exit(status) if ended and isinstance(status, int) else None


def _exit(status: int) -> str | None:
    if status < 0:
        return STATUSES[status][1] if status in STATUSES else f"PBS status {status}"
    for above in (_TOLD, 128):
        if 0 < status - above < _SIGNALS:
            return f"killed by signal {status - above}"
    return f"exit code {status}" if status else None


# What qsub says when it made no job and never will of this script.
REFUSALS = (
    "Access from host not allowed",
    "Array job exceeds server or queue size limit",
    "Illegal attribute or resource value",
    "Invalid account",
    "Job name is too long",
    "Job violates queue and/or server resource limits",
    "No such file or directory",
    "Unauthorized Request",
    "Unknown queue",
    "Unknown resource",
    "cannot set attribute, read only",
    "illegal -",
    "invalid option",
    "script contains cr, lf",
)
_NO_PROGRAM = (126, 127)


def refused(code: int | None, said: str) -> bool:
    """Whether qsub certainly made no job.

    >>> refused(170, "qsub: Unknown queue"), refused(162, "qsub: cannot connect to server vm (errno=15010)")
    (True, False)
    """
    return code in _NO_PROGRAM or (code not in (None, 0) and any(word in said for word in REFUSALS))
