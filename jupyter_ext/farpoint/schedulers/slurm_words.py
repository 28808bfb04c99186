"""Slurm's words and what they mean in ours: job states, reasons, refusals. docs/reference/schedulers.md shows them.

Only tables and the look into them; knows no command and no column.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class State:
    """One word of squeue's or sacct's STATE: does the job still live, does it wait, and what ended it."""

    live: bool
    says: str
    pending: bool = False
    cause: str | None = None


# Every state and state flag of slurm.h (22.05 to 25.05), as squeue(1) and sacct(1) print them under JOB STATE CODES.
STATES: Mapping[str, State] = {
    "PENDING": State(True, "waits for its turn", pending=True),
    "REQUEUED": State(True, "put back into the queue", pending=True),
    "REQUEUE_FED": State(True, "put back into the queue of a federation", pending=True),
    "REQUEUE_HOLD": State(True, "put back into the queue and held", pending=True),
    "RESV_DEL_HOLD": State(True, "held, since its reservation was deleted", pending=True),
    "SPECIAL_EXIT": State(True, "put back into the queue and held after a special exit", pending=True),
    "CONFIGURING": State(True, "has its nodes, which are getting ready"),
    "POWER_UP_NODE": State(True, "has its nodes, which are switched on"),
    "RUNNING": State(True, "runs"),
    "RESIZING": State(True, "changes its size"),
    "SIGNALING": State(True, "is being sent a signal"),
    "STAGE_OUT": State(True, "its files are brought out"),
    "STOPPED": State(True, "stopped, keeps its cores"),
    "SUSPENDED": State(True, "suspended, gave its cores to another"),
    "EXPEDITING": State(True, "its requeue is hurried", pending=True),
    "COMPLETING": State(True, "is ending; some of its processes may still run"),
    "UPDATE_DB": State(True, "is ending; the account is being told"),
    "COMPLETED": State(False, "ended with exit code 0"),
    "FAILED": State(False, "ended with another exit code, or by a signal", cause="failed"),
    "LAUNCH_FAILED": State(False, "could not be started on its node", cause="launch failed"),
    "TIMEOUT": State(False, "reached its time limit", cause="timeout"),
    "DEADLINE": State(False, "reached its deadline", cause="deadline"),
    "OUT_OF_MEMORY": State(False, "took more memory than it asked for", cause="out of memory"),
    "CANCELLED": State(False, "cancelled by its user or an administrator", cause="cancelled"),
    "PREEMPTED": State(False, "made room for a job of higher priority", cause="preempted"),
    "NODE_FAIL": State(False, "one of its nodes failed", cause="node failed"),
    "BOOT_FAIL": State(False, "one of its nodes did not start", cause="node failed"),
    "RECONFIG_FAIL": State(False, "its node could not be configured", cause="node failed"),
}
# REVOKED is left out on purpose: another cluster of a federation has the job then, and this one cannot say how it is.


@dataclass(frozen=True, slots=True)
class Reason:
    """One word of squeue's REASON. `never`: it does not start by itself; `cause`: what it adds to an ended job."""

    says: str
    never: bool = False
    cause: str | None = None


# Words of job_reason_string (22.05 and later); a star stands for the many limits of one family.
REASONS: Mapping[str, Reason] = {
    "None": Reason("no reason given"),
    "Priority": Reason("others come first"),
    "Resources": Reason("nothing is free yet"),
    "Licenses": Reason("a licence is not free yet"),
    "Dependency": Reason("waits for another job"),
    "DependencyNeverSatisfied": Reason("waits for a job that ended otherwise", never=True),
    "BeginTime": Reason("its earliest start has not come"),
    "Cleaning": Reason("its last attempt is being cleaned up"),
    "JobArrayTaskLimit": Reason("as many members of its array run as may"),
    "JobHeldUser": Reason("held by its user; release it", never=True),
    "JobHeldAdmin": Reason("held by an administrator; ask them", never=True),
    "Reservation": Reason("its reservation has not begun"),
    "ReservationDeleted": Reason("its reservation was deleted", never=True),
    "ReqNodeNotAvail*": Reason("the nodes it asks for are reserved or down"),
    "Nodes required for job are DOWN*": Reason("the nodes it needs are down or reserved"),
    "PartitionDown": Reason("the queue is down"),
    "PartitionInactive": Reason("the queue is switched off"),
    "PartitionConfig": Reason("asks for more than a node of the queue has", never=True),
    "PartitionNodeLimit": Reason("asks for more nodes than the queue gives", never=True),
    "PartitionTimeLimit": Reason("asks for more time than the queue gives", never=True),
    "MaxMemPerLimit": Reason("asks for more memory than the queue gives", never=True),
    "BadConstraints": Reason("no node has what it asks for", never=True, cause="bad constraints"),
    "AccountNotAllowed": Reason("its account may not use the queue", never=True),
    "InvalidAccount": Reason("its account is not known", never=True),
    "InvalidQOS": Reason("its QOS is not known", never=True),
    "QOSNotAllowed": Reason("its QOS may not be used in the queue", never=True),
    "AccountingPolicy": Reason("an accounting limit is reached"),
    "AssociationJobLimit": Reason("the account runs as many jobs as it may"),
    "AssociationResourceLimit": Reason("the account uses as much as it may"),
    "AssociationTimeLimit": Reason("the account's time is used up"),
    "Assoc*PerJob*": Reason("asks for more than its account gives one job", never=True),
    "AssocGrp*": Reason("the account uses as much as it may"),
    "AssocMax*": Reason("the account uses as much as it may"),
    "QOSJobLimit": Reason("the QOS runs as many jobs as it may"),
    "QOSResourceLimit": Reason("the QOS uses as much as it may"),
    "QOSTimeLimit": Reason("the QOS has no time left"),
    "QOSUsageThreshold": Reason("the account used too much for this QOS"),
    "QOSMin*": Reason("asks for less than its QOS wants", never=True),
    "QOS*PerJob*": Reason("asks for more than its QOS gives one job", never=True),
    "QOSGrp*": Reason("the QOS uses as much as it may"),
    "QOSMax*": Reason("this user has as much of the QOS as one may"),
    "FedJobLock": Reason("another cluster of the federation may take it"),
    "FrontEndDown": Reason("no front end is up"),
    "SchedDefer": Reason("the scheduler looks at it later"),
    "MaxPoweredUpNodes": Reason("as many nodes are switched on as may"),
    "PowerNotAvail": Reason("there is no power left"),
    "PowerReserved": Reason("the power is reserved"),
    "Prolog": Reason("its prologue runs"),
    "BurstBuffer*": Reason("its burst buffer is not ready"),
    "job requeued in held state": Reason("put back and held; release it", never=True),
    "launch failed requeued held": Reason("its start failed, put back and held; release it", never=True),
    "TimeLimit": Reason("reached its time limit", cause="timeout"),
    "DeadLine": Reason("reached its deadline", cause="deadline"),
    "InactiveLimit": Reason("was idle for too long", cause="timeout"),
    "OutOfMemory": Reason("took more memory than it asked for", cause="out of memory"),
    "NodeDown": Reason("a node it needs is down", cause="node failed"),
    "SystemFailure": Reason("Slurm, the file system or the network failed", cause="node failed"),
    "JobLaunchFailure": Reason("could not be started on its node", cause="launch failed"),
    "NonZeroExitCode": Reason("ended with an exit code other than 0"),
    "RaisedSignal*": Reason("ended by a signal"),
}

REAL_TIME = 32  # a "signal" from here on is Slurm's own number for a job that it could not launch

# What sbatch says when it certainly made no job and never will of this script.
REFUSALS = (
    "Access/permission denied",
    "Batch script contains DOS line breaks",
    "Invalid account",
    "Invalid feature specification",
    "Invalid generic resource",
    "Invalid job array specification",
    "Invalid job credential",
    "Invalid license specification",
    "Invalid partition name",
    "Invalid qos",
    "Invalid Trackable RESource",
    "Invalid wckey",
    "Job dependency problem",
    "Memory required by task is not available",
    "More processors requested than permitted",
    "Node count specification invalid",
    "PerJobLimit",
    "Requested node configuration is not available",
    "Requested partition configuration not available",
    "Requested reservation is invalid",
    "Requested time limit is invalid",
    "Time limit specification required",
    "This does not look like a batch script",
    "User's group not permitted",
    "invalid option",
    "unrecognized option",
)

# What sbatch says when it made no job now, but may make one of this script when others have ended.
FULL = (
    "SubmitJob",  # QOSMaxSubmitJobPerUserLimit, AssocMaxSubmitJobLimit, AssocGrpSubmitJobsLimit, …
    "Job violates accounting/QOS policy",
    "Slurm temporarily unable to accept job",
)

_FAMILIES = [
    (re.compile(".*".join(re.escape(part) for part in word.split("*")), re.DOTALL), reason)
    for word, reason in REASONS.items()
    if "*" in word
]


def reason(word: str) -> Reason | None:
    """What a word of REASON means; None where it is none of the table.

    >>> reason("QOSMaxCpuPerUserLimit").never, reason("QOSMaxWallDurationPerJobLimit").never
    (False, True)
    """
    if word in REASONS:
        return REASONS[word]
    return next((meaning for pattern, meaning in _FAMILIES if pattern.fullmatch(word)), None)


def waiting(word: str) -> str:
    """Why a job waits: Slurm's own word, and what it means where that is known.

    >>> waiting("PartitionTimeLimit")
    'PartitionTimeLimit: asks for more time than the queue gives, so it never starts'
    >>> waiting("JobHeldUser")
    'JobHeldUser: held by its user, so it never starts; release it'
    """
    meaning = reason(word)
    if meaning is None or word == "None":
        return "" if word == "None" else word
    says, then, mend = meaning.says.partition("; ")
    return f"{word}: {says}{', so it never starts' if meaning.never else ''}{then}{mend}"


def cause(state: str, why: str, code: int | None, signal: int | None) -> str | None:
    """What ended a job, in our words; `code` and `signal` are of its script, None where they are not told.

    >>> cause("FAILED", "NonZeroExitCode", 3, 0), cause("FAILED", "JobLaunchFailure", 0, 9), cause("TIMEOUT", "", 0, 0)
    ('exit code 3', 'killed by signal 9', 'timeout')
    """
    said = STATES[state].cause
    if said != "failed":
        return said
    if signal and signal < REAL_TIME and why in ("", "None", "NonZeroExitCode", "JobLaunchFailure"):
        return f"killed by signal {signal}"  # as a pilot says it of its runs
    meaning = reason(why)
    if meaning is not None and meaning.cause is not None:
        return meaning.cause
    if signal and signal >= REAL_TIME:
        return "launch failed"
    return f"exit code {code}" if code else said
