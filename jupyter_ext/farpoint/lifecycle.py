"""All decisions about the state of runs and jobs, as pure functions: what is known → states and next actions.

Knows no disk, no network, no clock and no store: verbs gather the facts and carry out the answer.

The order of truth (docs/design.md): a valid outcome beats anything a scheduler says; then a live job means running;
then absence or a terminal word needs two well-formed looks, a grace period and the fence before any cause is believed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from farpoint.model import SYSTEM_FAULTS, JobRow, Phase, QueueEntry, Receipt, RunRow, State

LOOKS = 2  # well-formed looks without a live job before absence is believed
RESTARTS = 3  # times a system fault may restart a run before it stays LOST
RESUBMITS = 20  # submits under one token before we stop asking


@dataclass(frozen=True, slots=True)
class Submit:
    """Ask the scheduler, as the serial-th submit under this token."""

    serial: int


@dataclass(frozen=True, slots=True)
class Fence:
    """Link the next claim of these slices as ours; `unclaimed` only those nobody took yet.

    Once a fence that is not `unclaimed` is confirmed, the job's row is stored with `fenced`, not before.
    """

    slices: tuple[int, ...]
    unclaimed: bool = False


@dataclass(frozen=True, slots=True)
class Control:
    """Tell the pilots to end these runs."""

    cancel: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """This side's word on a run that will get no outcome."""

    index: int
    state: State
    reason: str


@dataclass(frozen=True, slots=True)
class Again:
    """Place these runs in a new job: never started (same attempt) or interrupted by a system fault (a new attempt)."""

    index: int
    new_attempt: bool


Action = Submit | Fence | Control | Verdict | Again


@dataclass(frozen=True, slots=True)
class Facts:
    """What one tick knows of one job. `runs` by index; `claims` slice → bodies; `queue` None if not (well) answered;
    `heard` whether its journals grew since the last tick: a queue may be late, a pilot that writes is alive.
    """

    job: JobRow
    runs: Sequence[RunRow]
    claims: Mapping[int, Sequence[Mapping[str, Any]]]
    queue: Sequence[QueueEntry] | None
    receipt: Receipt | None
    now: float
    grace: float
    heard: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """The job's row as it stands now, and what is to be done."""

    job: JobRow
    actions: tuple[Action, ...] = ()


def decide(facts: Facts) -> Decision:
    """What to do about one job, from everything known of it.

    Example: a job whose intent is on disk and that nobody asked for yet is submitted once.

    >>> job = JobRow("fp1", "p", "s", "local", Phase.INTENT)
    >>> decide(Facts(job, [], {}, None, None, now=0.0, grace=1.0)).actions
    ()
    """
    job = replace(facts.job, started=facts.job.started or any(_held(c) for c in facts.claims.values()))
    if job.phase in (Phase.ACCEPTED, Phase.ENDED):
        return Decision(job)
    open_runs = [run for run in facts.runs if not run.state.final and run.token == job.token]
    if not open_runs:
        return Decision(replace(job, phase=Phase.ENDED, trouble=""))
    answered, cancels = _cancel(facts, open_runs)
    if answered:
        return Decision(job, (*answered, *cancels))
    if job.phase is Phase.INTENT:
        return _hand_over(replace(facts, job=job), cancels)
    return _follow(replace(facts, job=job), cancels, open_runs)


def _held(claims: Sequence[Mapping[str, Any]]) -> bool:
    return any(not claim.get("revoked") for claim in claims)


def _cancel(facts: Facts, open_runs: Iterable[RunRow]) -> tuple[list[Action], list[Action]]:
    """(verdicts that are certain now, requests still to be made) for runs somebody asked to end."""
    asked = [run for run in open_runs if run.cancel and run.index is not None]
    verdicts: list[Action] = []
    fence: list[int] = []
    control: list[int] = []
    members: dict[int, list[RunRow]] = {}
    for run in facts.runs:
        members.setdefault(run.slice or 0, []).append(run)
    for run in asked:
        claims = facts.claims.get(run.slice or 0, ())
        if claims and claims[-1].get("revoked") and not _held(claims):
            verdicts.append(Verdict(run.index or 0, State.CANCELLED, "cancelled"))
        elif run.cancel > 1:
            continue
        elif not claims and all(other.cancel or other.state.final for other in members[run.slice or 0]):
            fence.append(run.slice or 0)
        else:
            control.append(run.index or 0)
    requests: list[Action] = []
    if fence:
        requests.append(Fence(tuple(sorted(set(fence))), unclaimed=True))
    if control:
        requests.append(Control(tuple(control)))
    return verdicts, requests


def _hand_over(facts: Facts, cancels: Sequence[Action]) -> Decision:
    """INTENT: the scheduler has not been asked, or its answer never reached us."""
    job, receipt = facts.job, facts.receipt
    if job.serial == 0:
        if any(isinstance(action, Fence) for action in cancels):
            return Decision(job, tuple(cancels))  # fence first: what is cancelled must not be submitted
        return Decision(replace(job, serial=1, asked=facts.now), (Submit(1),))
    if receipt is not None and receipt.kind == "accepted" and receipt.job_id:
        return Decision(_accepted(job, [receipt.job_id]), tuple(cancels))
    if facts.queue:
        return Decision(_accepted(job, [entry.job_id for entry in facts.queue]), tuple(cancels))
    if job.started:
        return Decision(_accepted(job, []), tuple(cancels))
    if receipt is not None and receipt.kind == "refused":
        return _refused(facts, receipt)
    return _ask_again(facts, cancels)


def _accepted(job: JobRow, ids: Iterable[str]) -> JobRow:
    known = tuple(dict.fromkeys((*job.job_ids, *ids)))
    return replace(job, phase=Phase.SUBMITTED, job_ids=known, absent_since=None, looks=0, trouble="")


def _refused(facts: Facts, receipt: Receipt) -> Decision:
    """The scheduler said no. An earlier submit may still turn up, so the slices are fenced before anything FAILED."""
    mine = [run for run in facts.runs if not run.state.final and run.token == facts.job.token]
    if not facts.job.fenced:
        return Decision(facts.job, (Fence(tuple(sorted({run.slice or 0 for run in mine}))),))
    reason = f"refused: {receipt.raw.strip()[:500]}" if receipt.raw.strip() else "refused"
    verdicts = tuple(Verdict(run.index or 0, State.FAILED, reason) for run in mine)
    return Decision(replace(facts.job, cause="refused"), verdicts)


def _absent(facts: Facts) -> tuple[JobRow, bool]:
    """The job's row after one more well-formed look without a live job, and whether absence is believed now."""
    job = facts.job
    since = facts.now if job.absent_since is None else job.absent_since
    job = replace(job, looks=job.looks + 1, absent_since=since)
    return job, job.looks >= LOOKS and facts.now - since >= facts.grace


def _ask_again(facts: Facts, cancels: Sequence[Action]) -> Decision:
    """Nothing of this token was ever seen: after the grace, submit again under the same token."""
    if facts.queue is None:
        return Decision(facts.job, tuple(cancels))
    job, believed = _absent(facts)
    if not believed:
        return Decision(job, tuple(cancels))
    if job.serial >= RESUBMITS:
        trouble = f"the scheduler never showed the job, though asked {job.serial} times"
        return Decision(replace(job, trouble=trouble), tuple(cancels))
    again = replace(job, phase=Phase.INTENT, serial=job.serial + 1, asked=facts.now, looks=0, absent_since=None)
    return Decision(again, (*cancels, Submit(again.serial)))


def _follow(facts: Facts, cancels: Sequence[Action], open_runs: Sequence[RunRow]) -> Decision:
    """SUBMITTED: the job lives, or seems gone."""
    job, queue = facts.job, facts.queue
    if queue is None or any(entry.live is None for entry in queue):
        return Decision(job, tuple(cancels))
    known = tuple(dict.fromkeys((*job.job_ids, *(entry.job_id for entry in queue))))
    job = replace(job, job_ids=known, cause=_cause(queue) or job.cause)
    if facts.heard or any(entry.live for entry in queue):
        return Decision(replace(job, looks=0, absent_since=None), tuple(cancels))
    job, believed = _absent(replace(facts, job=job))
    if not believed:
        return Decision(job, tuple(cancels))
    if not job.started and job.cause != "cancelled":
        return _ask_again(replace(facts, job=replace(job, looks=job.looks - 1)), cancels)
    if not job.fenced:
        slices = {run.slice for run in open_runs if run.slice is not None}
        return Decision(job, (Fence(tuple(sorted(slices))),))
    return Decision(job, tuple(_close(facts, job, open_runs)))


def _cause(queue: Sequence[QueueEntry]) -> str:
    return next((entry.cause for entry in queue if entry.cause), "")


def _close(facts: Facts, job: JobRow, open_runs: Sequence[RunRow]) -> list[Action]:
    """The job is gone and fenced, and its journals were read after the fence: settle what is left."""
    begun = _begun(facts)
    actions: list[Action] = []
    for run in open_runs:
        index = run.index or 0
        if run.cancel or job.cause == "cancelled":
            reason = "cancelled" if run.cancel else "cancelled outside farpoint"
            actions.append(Verdict(index, State.CANCELLED, reason))
        elif index not in begun:
            actions.append(Again(index, new_attempt=False))
        elif job.cause and job.cause not in SYSTEM_FAULTS:
            actions.append(Verdict(index, State.FAILED, job.cause))
        else:
            actions.append(Verdict(index, State.LOST, job.cause or "gone"))
            if run.restarts < RESTARTS and run.current <= run.attempt:
                actions.append(Again(index, new_attempt=True))
    return actions


def _begun(facts: Facts) -> set[int]:
    """Indices of runs that may have taken effect: those with a `started` line, and, where a pilot took a slice and was
    never heard of again, the slice's first open run.
    """
    begun = {run.index or 0 for run in facts.runs if run.started is not None}
    members: dict[int, list[RunRow]] = {}
    for run in facts.runs:
        members.setdefault(run.slice or 0, []).append(run)
    for number, runs in members.items():
        if _held(facts.claims.get(number, ())) and not any(run.started is not None for run in runs):
            begun.add(runs[0].index or 0)
    return begun


def outcome_counts(decided: int | None, state: State, claim: int) -> bool:
    """Whether an outcome under `claim` is the one that stands: an outcome beats any verdict, the lowest claim counts.

    >>> outcome_counts(None, State.LOST, 0), outcome_counts(0, State.COMPLETED, 1), outcome_counts(2, State.FAILED, 1)
    (True, False, True)
    """
    del state  # whatever this side said before, a written outcome is never thrown away
    return decided is None or claim < decided


def start_counts(claim: int | None, decided: int | None, new: int) -> bool:
    """Whether a `started` line under claim `new` is the execution to show.

    >>> start_counts(0, None, 1), start_counts(1, None, 0), start_counts(0, 0, 1)
    (True, False, False)
    """
    return decided is None and (claim is None or new >= claim)


def pause_for(failures: int) -> float:
    """Seconds to leave a machine alone after so many failures in a row: 1, 2, 4 … 300.

    >>> [pause_for(n) for n in (1, 3, 20)]
    [1.0, 4.0, 300.0]
    """
    return min(300.0, 2.0 ** max(0, failures - 1))
