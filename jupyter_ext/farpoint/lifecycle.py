"""All decisions about the state of runs and jobs, as pure functions: what is known → states and next actions.

Knows no disk, no network, no clock and no store: verbs gather the facts and carry out the answer.

The order of truth (docs/design.md): a valid outcome beats anything a scheduler says; then a live job means running;
then absence or a terminal word needs two well-formed looks, a grace period and the fence before any cause is believed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from farpoint import members
from farpoint.facts import LOOKS, Action, Control, Decision, Facts, Fence, Remove, Submit, Verdict
from farpoint.model import LEFT, NEVER_BEGAN, SYSTEM_FAULTS, JobRow, Phase, PilotRow, QueueEntry, Receipt, RunRow, State

RESUBMITS = 20  # submits under one token before we stop asking
PATIENT = "the queue is asked again by itself, and results come all the same"
AGAIN = "it is tried again by itself, until it is cancelled"


def wants(job: JobRow, pilots: Iterable[PilotRow], cancels: bool, now: float, grace: float) -> tuple[bool, bool]:
    """(whether the next decision may need the job's claims and runs, whether it may need the scheduler's account).

    Most rounds of a job that goes on need neither, however many runs it has.
    """
    account = job.phase is Phase.SUBMITTED and (
        members.due(job.looks, job.absent_since, now, grace)
        or any(members.due(p.looks, p.absent_since, now, grace) for p in pilots if not p.settled)
    )
    return account or cancels or job.fenced or job.phase is not Phase.SUBMITTED, account


def decide(facts: Facts) -> Decision:
    """What to do about one job, from everything known of it.

    Example: a job whose intent is on disk and that nobody asked for yet is submitted once.

    >>> job = JobRow("fp1", "p", "s", "local", Phase.INTENT)
    >>> decide(Facts(job, [], {}, None, None, now=0.0, grace=1.0)).actions
    ()
    """
    taken = any(members.held(bodies) for bodies in (facts.claims or {}).values())
    taken = taken or any(run.started is not None for run in facts.runs or ())  # a folder may be gone, claims and all
    job = replace(facts.job, started=facts.job.started or taken)
    if job.phase in (Phase.ACCEPTED, Phase.ENDED):
        return Decision(job)
    if not facts.unfinished or (facts.runs is not None and not facts.open):
        return Decision(replace(job, phase=Phase.ENDED, trouble="", waiting=""))
    answered, cancels = _cancel(facts) if facts.known else ([], [])
    if answered:
        return Decision(job, (*answered, *cancels))
    if job.phase is Phase.INTENT:
        return _hand_over(replace(facts, job=job), cancels)
    return _follow(replace(facts, job=job), cancels)


def _cancel(facts: Facts) -> tuple[list[Action], list[Action]]:
    """(verdicts that are certain now, requests still to be made) for runs somebody asked to end."""
    asked = [run for run in facts.open if run.cancel and run.index is not None]
    if not asked:
        return [], []
    verdicts: list[Action] = []
    fence: list[int] = []
    control: list[int] = []
    mates: dict[int, list[RunRow]] = {}
    for run in facts.runs or ():
        mates.setdefault(run.slice or 0, []).append(run)
    for run in asked:
        claims = (facts.claims or {}).get(run.slice or 0, ())
        if claims and claims[-1].get("revoked") and not members.held(claims):
            verdicts.append(Verdict(run.index or 0, State.CANCELLED, "cancelled"))
        elif run.cancel > 1:
            continue
        elif not claims and all(other.cancel or other.state.final for other in mates[run.slice or 0]):
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
    if receipt is not None and receipt.kind == "later":
        return _wait_for_room(facts, receipt, cancels)
    return _ask_again(replace(facts, job=not_yet(job, receipt)), cancels)


def not_yet(job: JobRow, receipt: Receipt | None) -> JobRow:
    """The job's row with what the scheduler said in place of an id, if it said anything."""
    said = _line(receipt.raw) if receipt else ""
    return replace(job, trouble=f"{said}; {AGAIN}") if said else job


def _line(text: str) -> str:
    """What a command printed, in one line."""
    return "; ".join(filter(None, map(str.strip, text.splitlines())))[:500]


def _accepted(job: JobRow, ids: Iterable[str]) -> JobRow:
    known = tuple(dict.fromkeys((*job.job_ids, *ids)))
    return replace(job, phase=Phase.SUBMITTED, job_ids=known, absent_since=None, looks=0, trouble="")


def _refused(facts: Facts, receipt: Receipt) -> Decision:
    """The scheduler said no. An earlier submit may still turn up, so the slices are fenced before anything FAILED."""
    mine = facts.open
    if not facts.job.fenced:
        return Decision(facts.job, (Fence(tuple(sorted({run.slice or 0 for run in mine}))),))
    reason = f"refused: {receipt.raw.strip()[:500]}" if receipt.raw.strip() else "refused"
    verdicts = tuple(Verdict(run.index or 0, State.FAILED, reason) for run in mine)
    return Decision(replace(facts.job, cause="refused"), verdicts)


def _wait_for_room(facts: Facts, receipt: Receipt, cancels: Sequence[Action]) -> Decision:
    """The scheduler has no room for another job of ours: asked again after the grace, for as long as that takes."""
    job = not_yet(facts.job, receipt)
    if job.asked is not None and facts.now - job.asked < facts.grace:
        return Decision(job, tuple(cancels))
    again = replace(job, serial=job.serial + 1, asked=facts.now, looks=0, absent_since=None)
    return Decision(again, (*cancels, Submit(again.serial)))


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
        trouble = f"the scheduler never showed the job, though asked {job.serial} times. Cancel it, then retry"
        return Decision(replace(job, trouble=trouble), tuple(cancels))
    again = replace(job, phase=Phase.INTENT, serial=job.serial + 1, asked=facts.now, looks=0, absent_since=None)
    return Decision(again, (*cancels, Submit(again.serial)))


def _follow(facts: Facts, cancels: Sequence[Action]) -> Decision:
    """SUBMITTED: the job lives, perhaps without some of its members, or seems gone."""
    queue = facts.queue
    if queue is None:
        said = _line(facts.trouble)
        return Decision(replace(facts.job, trouble=f"{said}; {PATIENT}") if said else facts.job, tuple(cancels))
    known = tuple(dict.fromkeys((*facts.job.job_ids, *(entry.job_id for entry in queue))))
    job = replace(facts.job, job_ids=known, waiting=_waiting(queue, facts.pilots), trouble="")
    pilots = members.look(facts, known)
    if facts.heard or any(entry.live for entry in queue):
        actions, pilots = members.see_to(facts, job, pilots)
        return Decision(replace(job, looks=0, absent_since=None, cause=""), (*cancels, *actions), tuple(pilots))
    if any(entry.live is None for entry in queue):
        return Decision(facts.job, tuple(cancels), tuple(pilots))
    job = replace(job, cause=_cause(queue) or job.cause)
    return _gone(replace(facts, job=job), cancels, pilots)


def _gone(facts: Facts, cancels: Sequence[Action], pilots: Sequence[PilotRow]) -> Decision:
    """No member of the job is to be seen: after looks, grace and fence each run is closed by its own pilot's cause."""
    job, believed = _absent(facts)
    if not believed or not facts.known:
        return Decision(job, tuple(cancels), tuple(pilots))
    if job.started and job.cause == NEVER_BEGAN:
        job = replace(job, cause="")  # an account that has not been told yet
    if not job.started and (not job.cause or job.cause in SYSTEM_FAULTS):
        return _ask_again(replace(facts, job=replace(job, looks=job.looks - 1)), cancels)
    if not job.fenced:
        slices = {run.slice for run in facts.open if run.slice is not None}
        return Decision(job, (Fence(tuple(sorted(slices))),), tuple(pilots))
    if not job.started:
        return Decision(job, (Remove(), *_never_ran(facts, job)), tuple(pilots))
    return Decision(job, tuple(members.close(facts, job, facts.open, pilots)), tuple(pilots))


def _never_ran(facts: Facts, job: JobRow) -> Iterable[Verdict]:
    """The job ended, or was ended, before its pilot took anything: another would end the same way."""
    for run in facts.open:
        if run.cancel or job.cause in ("cancelled", NEVER_BEGAN):
            reason = "cancelled" if run.cancel else "cancelled outside farpoint"
            yield Verdict(run.index or 0, State.CANCELLED, reason)
        else:
            yield Verdict(run.index or 0, State.FAILED, f"{job.cause}, before anything ran")


def _cause(queue: Sequence[QueueEntry]) -> str:
    """The cause of the job as a whole: what is said of all that is left of it, or of each member alike."""
    whole = {entry.cause or "" for entry in queue if entry.member is None}
    causes = whole or {entry.cause or "" for entry in queue}
    return causes.pop() if len(causes) == 1 else ""


def _waiting(queue: Sequence[QueueEntry], pilots: Sequence[PilotRow]) -> str:
    """Why nothing of a job runs yet, in the scheduler's words; once a part of it runs, the others wait for that."""
    live = [entry for entry in queue if entry.live is not False]
    if not live:
        return LEFT if pilots else ""
    if not all(entry.pending for entry in live):
        return ""
    return next((entry.waiting for entry in live if entry.waiting), "")


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


def queue_pause(looks: int, poll: float, *, here: bool, talking: bool) -> float:
    """Seconds to leave a queue alone after so many looks that showed nothing new: 2, 4, 8 … 3 times `poll`, or 30 times
    while `talking`.

    Pilots that write tell more than their queue does; one that falls silent ends that. Where runs are processes of the
    very computer that is asked (`here`), a look costs little and is made every 2 seconds.

    >>> [queue_pause(looks, 10.0, here=False, talking=False) for looks in (0, 2, 9)]
    [2.0, 8.0, 30.0]
    >>> queue_pause(9, 10.0, here=False, talking=True), queue_pause(9, 2.0, here=True, talking=True)
    (300.0, 2.0)
    """
    return 2.0 if here else min(poll * (30 if talking else 3), 2.0 ** min(looks + 1, 9))


def poll_pause(quiet: int, poll: float, *, here: bool) -> float:
    """Seconds until journals are read again though nothing rang, after so many rounds without news: never above 30.

    >>> [poll_pause(quiet, 10.0, here=False) for quiet in (0, 1, 9)], poll_pause(9, 2.0, here=True)
    ([10.0, 15.0, 30.0], 2.0)
    """
    return poll if here else max(poll, min(30.0, poll * 1.5 ** min(quiet, 20)))


def pause_for(failures: int) -> float:
    """Seconds to leave a machine alone after so many failures in a row: 1, 2, 4 … 300.

    >>> [pause_for(n) for n in (1, 3, 20)]
    [1.0, 4.0, 300.0]
    """
    return min(300.0, 2.0 ** max(0, failures - 1))
