"""The nouns: frozen data that every layer above shares.

Knows no I/O, no clock, no scheduler and no format on disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple


class State(StrEnum):
    """What a run is, in seven words (DESIGN: `reason` and `raw` stand beside)."""

    NEW = "NEW"
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    LOST = "LOST"

    @property
    def final(self) -> bool:
        """True where nothing more will happen by itself.

        >>> State.FAILED.final, State.QUEUED.final
        (True, False)
        """
        return self in FINAL


FINAL = frozenset({State.COMPLETED, State.FAILED, State.CANCELLED, State.LOST})
NEVER_BEGAN = "never began"  # in no queue and in no account: whoever deletes a job that waits leaves no other trace
# Nobody's code is at fault.
LEFT = "its pilots have ended"  # why a run waits that nobody is left to take
SYSTEM_FAULTS = frozenset({"pilot died", "rebooted", "node failed", "preempted", "gone", "time is up"})


class Phase(StrEnum):
    """How far the hand-over of one job has come."""

    ACCEPTED = "ACCEPTED"  # written on this side; nothing there yet
    INTENT = "INTENT"  # job folder there, fsynced; the scheduler may or may not have been asked
    SUBMITTED = "SUBMITTED"  # the scheduler gave an id
    ENDED = "ENDED"  # nothing more will come of this token


@dataclass(frozen=True, slots=True)
class Resources:
    """What one run needs. memory in bytes, time in seconds; None means no limit asked for.

    `retries`: how often its pilot may execute it again where it failed.
    """

    cpus: int = 1
    memory: int | None = None
    time: int | None = None
    gpus: int = 0
    nodes: int = 1
    tasks: int = 1
    queue: str | None = None
    account: str | None = None
    extra: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()  # words its machine must have among its capabilities
    retries: int = 0


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file that travels: `path` is relative to the run's folder ('modules/…' for modules), `source` is here."""

    path: str
    digest: str
    size: int
    source: str
    kind: str = "file"  # "file" beside the run; "module" first on sys.path


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One run as a job carries it; `parameters` hold the real Python values."""

    run: str
    number: int
    attempt: int
    key: str
    parameters: Mapping[str, Any]
    seed: int
    version: int
    resources: Resources


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue; None: no limit known. cpus, memory and gpus are those of one node, `nodes` the most of one job.

    `header`: directives of all its jobs.
    """

    name: str
    cpus: int | None = None
    memory: int | None = None
    time: int | None = None
    gpus: int | None = None
    nodes: int | None = None
    header: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JobShape:
    """What a scheduler must know of a job: everything a script is made from.

    `resources` are what each pilot asks for, its `time` the pilot's wall time; `pilots` above 1 is an array of so many
    members, numbered from 0, `running` of them at once. `warn` seconds before its time is over a pilot is to get a
    signal. `header` are directive lines of the machine's owner; `after` job ids that must have ended before.
    """

    token: str
    pilots: int
    resources: Resources
    name: str
    beat: float = 10.0
    header: tuple[str, ...] = ()
    running: int | None = None
    warn: int = 0
    after: tuple[str, ...] = ()
    requeue: bool = True


@dataclass(frozen=True, slots=True)
class JobFiles:
    """All that is put into the far folder before a submit: bytes by name, blobs by digest."""

    token: str
    job: bytes
    slices: Mapping[int, bytes]
    script: str
    blobs: Mapping[str, Path | bytes]


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to one submit. `unknown`: the reply was lost, so the job may or may not exist. `later`: there is no
    job, as this user has as many as one may; the same script may be accepted when some of them have ended.
    """

    kind: str  # "accepted" | "refused" | "later" | "unknown"
    job_id: str | None = None
    raw: str = ""


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """One scheduler job of ours, or one member of its array, as one well-formed look at queue or accounting showed it.

    `member` is the pilot's number where the entry is of one member alone; `waiting` is why it still waits, in the
    scheduler's own words. `live` is None when the word is not understood: it then changes nothing. `cause` is a reason
    in our words ("timeout", "out of memory", "node failed", "cancelled", …) where the scheduler names one.
    """

    job_id: str
    token: str
    live: bool | None
    raw: str = ""
    cause: str | None = None
    pending: bool = False
    member: int | None = None
    waiting: str = ""


@dataclass(frozen=True, slots=True)
class PilotRow:
    """One start of one member of a job, as its journal told and as the queue shows that member since. Times as in runs.

    `settled`: nothing it took can be left unfinished, or what was left has been seen to.
    """

    file: str  # its journal, relative to the job folder
    job_id: str
    member: int
    start: int
    began: float | None = None
    walltime: float | None = None  # seconds it had from then on, None: no limit known
    settled: bool = False
    looks: int = 0  # as in jobs
    absent_since: float | None = None
    cause: str = ""  # what the scheduler said of this member's end, in our words


@dataclass(frozen=True, slots=True)
class Chunk:
    """New bytes of one journal or stream. `file` is relative to the job folder."""

    token: str
    file: str
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Observation:
    """One look at a machine. `queue` is None when the queue could not be asked or did not answer well."""

    chunks: tuple[Chunk, ...] = ()
    # Of the tokens they were asked for.
    claims: Mapping[str, Mapping[int, tuple[Mapping[str, Any], ...]]] = field(default_factory=dict)
    queue: tuple[QueueEntry, ...] | None = None
    trouble: str = ""


class Pause(NamedTuple):
    """A machine that is left alone: why, until when, after how many failures in a row, and since when. Unix seconds."""

    why: str
    again: float
    failures: int
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What a machine can give one run, and how patient to be with it. memory in bytes, grace in seconds.

    `pilots` are the most there may be at once in queue and running, `array` the most in one job, `running` the most
    that may run at once, `together` the most of all jobs there (None: no limit known). Where there are `queues`, one of
    them must fit. `header` are directives of every job, `launcher` starts the ranks of a run of several tasks.
    """

    cpus: int
    memory: int | None
    gpus: int
    grace: float
    poll: float
    pilots: int
    why: str = ""
    queues: tuple[Queue, ...] = ()
    array: int | None = None
    running: int | None = None
    slots: bool = False  # runs stay on that computer, where pilots share its cores by locks
    together: int | None = None
    header: tuple[str, ...] = ()
    launcher: str | None = None
    beat: float = 10.0  # seconds between two signs of life of a pilot


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A file in a run's far folder."""

    path: str
    size: int
    digest: str
    role: str = "saved"  # "notebook" | "saved" | "value"


@dataclass(frozen=True, slots=True)
class ScanRow:
    """A scan of a project, as the store holds it."""

    project: str
    scan: str
    kind: str
    task: str
    created: float
    columns: tuple[str, ...]
    machine: str
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run: one point of a scan, with the standing of one attempt. Times are unix seconds, memory bytes.

    `parameters`, `records` and `series` hold typed JSON as the job folder does; `runner.values.decode` reads it.
    """

    run: str
    project: str
    scan: str
    number: int
    parameters: Mapping[str, Any]
    seed: int
    key: str
    version: int
    attempt: int
    state: State
    reason: str = ""
    raw: str = ""
    error: Mapping[str, Any] | None = None
    exit_code: int | None = None
    submitted: float | None = None
    started: float | None = None
    ended: float | None = None
    seconds: float | None = None
    memory: int | None = None
    machine: str = ""
    host: str = ""
    job_id: str | None = None
    token: str | None = None
    index: int | None = None
    slice: int | None = None
    claim: int | None = None
    folder: str | None = None  # far folder of the execution, relative to the job's work folder
    records: Mapping[str, Any] = field(default_factory=dict)
    series: Mapping[str, Any] = field(default_factory=dict)
    progress: float | None = None
    progress_text: str = ""
    files: tuple[FileInfo, ...] = ()
    fetched: bool = False
    cancel: int = 0  # 1: somebody asked for its end, 2: the pilots were told
    current: int = 0  # the run's newest attempt; this row may be of an older one
    restarts: int = 0  # attempts of this run that a system fault ended
    warning: str = ""
    seq: int = 0


class Standing(NamedTuple):
    """How one run stands, and nothing else of it: of 100,000 this is read where a RunRow would be too much."""

    number: int
    state: State
    reason: str = ""
    seconds: float | None = None
    started: float | None = None
    ended: float | None = None
    progress: float | None = None
    warning: str = ""


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job: one token, and how far its hand-over and its life have come."""

    token: str
    project: str
    scan: str
    machine: str
    phase: Phase
    serial: int = 0  # submits asked for so far
    job_ids: tuple[str, ...] = ()
    created: float = 0.0
    asked: float | None = None  # when the last submit was asked
    absent_since: float | None = None
    looks: int = 0  # well-formed looks in a row without a live job
    started: bool = False  # some slice was claimed
    fenced: bool = False  # every unfinished slice carries our mark
    cause: str = ""  # what the scheduler said of its end, in our words
    trouble: str = ""  # why it cannot be handed over or looked at, and what becomes of it then
    waiting: str = ""  # why none of it runs yet, in the scheduler's words
    seq: int = 0
