"""Which members of an array are gone, and what becomes of the runs they had in hand, as pure functions.

Knows one job's facts; must not know how a job is handed over, or what carries a decision out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from farpoint.facts import LOOKS, RESTARTS, Action, Again, Facts, Fence, Verdict
from farpoint.model import SYSTEM_FAULTS, JobRow, PilotRow, QueueEntry, RunRow, State

TIME_UP = "time is up"  # the pilot's time, not the run's
WHOLE = 0.1  # a run that began in the first tenth of its pilot's time had all of it

Body = Mapping[str, Any]


def due(looks: int, absent_since: float | None, now: float, grace: float) -> bool:
    """Whether one more look that finds nothing would be enough.

    >>> due(1, 0.0, 60.0, 60.0), due(1, 0.0, 59.0, 60.0), due(0, None, 99.0, 60.0)
    (True, False, False)
    """
    return absent_since is not None and looks + 1 >= LOOKS and now - absent_since >= grace


def look(facts: Facts, ids: Iterable[str]) -> list[PilotRow]:
    """The unsettled pilots of jobs in `ids` after this look at the queue, but those of which it says an unknown word.

    An entry of one member says all of it; one without a member speaks for those that have no entry of their own.
    """
    entries = _by_member(facts.queue or ())
    known = set(ids)
    seen = []
    for pilot in facts.pilots:
        if pilot.settled or pilot.job_id not in known:
            continue
        entry = entries.get((pilot.job_id, pilot.member)) or entries.get((pilot.job_id, None))
        if pilot.file in facts.heard or (entry is not None and entry.live):
            cause = (entry.cause or "") if entry is not None and entry.live else ""  # as while it is being deleted
            seen.append(replace(pilot, looks=0, absent_since=None, cause=cause))
        elif entry is None or entry.live is False:
            told = (entry.cause if entry else None) or pilot.cause
            cause = pilot.cause if pilot.cause == "cancelled" else told  # an account may only say that it was killed
            since = facts.now if pilot.absent_since is None else pilot.absent_since
            seen.append(replace(pilot, looks=pilot.looks + 1, absent_since=since, cause=cause))
    return seen


def _by_member(queue: Sequence[QueueEntry]) -> dict[tuple[str, int | None], QueueEntry]:
    """(job, member) → its entry, a live one before any other."""
    return {(entry.job_id, entry.member): entry for entry in sorted(queue, key=lambda entry: entry.live is True)}


def see_to(facts: Facts, job: JobRow, pilots: Sequence[PilotRow]) -> tuple[list[Action], list[PilotRow]]:
    """What to do about members that are gone while others live, and the pilots after that.

    First what they had in hand is fenced; with the fence seen, and the journals read after it, it is closed.
    """
    gone = {(p.job_id, p.member, p.start): p for p in pilots if _is_gone(p, facts)}
    if not gone or not facts.known:
        return [], list(pilots)
    in_hand: dict[tuple[Any, ...], list[RunRow]] = {}
    unfenced: set[int] = set()
    for run in facts.open:
        bodies = (facts.claims or {}).get(run.slice or 0, ())
        holder = _holder(bodies)
        if holder in gone:
            in_hand.setdefault(holder, []).append(run)
            if not bodies[-1].get("revoked"):
                unfenced.add(run.slice or 0)
    if unfenced:
        return [Fence(tuple(sorted(unfenced)), member=True)], list(pilots)
    actions = close(facts, replace(job, cause=""), [run for runs in in_hand.values() for run in runs], list(pilots))
    settled = [replace(p, settled=True) if (p.job_id, p.member, p.start) in gone else p for p in pilots]
    return actions, settled


def _is_gone(pilot: PilotRow, facts: Facts) -> bool:
    since = pilot.absent_since
    return pilot.looks >= LOOKS and since is not None and facts.now - since >= facts.grace


def held(claims: Sequence[Body]) -> bool:
    """Whether a pilot ever took the slice."""
    return any(not claim.get("revoked") for claim in claims)


def _holder(claims: Sequence[Body]) -> tuple[Any, ...] | None:
    """(job, member, start) of the last pilot that took the slice."""
    last = next((claim for claim in reversed(claims) if not claim.get("revoked")), None)
    return None if last is None else (last.get("job"), last.get("member"), last.get("start"))


def close(facts: Facts, job: JobRow, runs: Sequence[RunRow], pilots: Sequence[PilotRow]) -> list[Action]:
    """Settle `runs`, whose slices are fenced and whose journals were read after that: each by its own pilot's cause."""
    rows = {(p.job_id, p.member, p.start): p for p in (*facts.pilots, *pilots)}
    begun = _begun(facts)
    actions: list[Action] = []
    for run in runs:
        pilot = rows.get(_who_ran(run, facts) or ())
        cause = (pilot.cause if pilot else "") or job.cause
        actions += _settle(run, cause, pilot, begun=run.index in begun, cancelled=job.cause == "cancelled")
    return actions


def _settle(run: RunRow, cause: str, pilot: PilotRow | None, *, begun: bool, cancelled: bool) -> list[Action]:
    index = run.index or 0
    if run.cancel:
        return [Verdict(index, State.CANCELLED, "cancelled")]
    if cancelled or (begun and cause == "cancelled"):
        return [Verdict(index, State.CANCELLED, "cancelled outside farpoint")]
    if not begun:
        return [Again(index, new_attempt=False)]
    if run.reason == TIME_UP or (cause == "timeout" and _began_late(run, pilot)):
        cause = TIME_UP
    if cause and cause not in SYSTEM_FAULTS:
        return [Verdict(index, State.FAILED, cause)]
    again = [Again(index, new_attempt=True)] if run.restarts < RESTARTS and run.current <= run.attempt else []
    return [Verdict(index, State.LOST, cause or "gone"), *again]


def _began_late(run: RunRow, pilot: PilotRow | None) -> bool:
    """Whether other runs had used up much of the pilot's time before this one: then the end was not its own fault."""
    if pilot is None or pilot.walltime is None or pilot.began is None or run.started is None:
        return False
    return run.started - pilot.began > WHOLE * pilot.walltime


def _who_ran(run: RunRow, facts: Facts) -> tuple[Any, ...] | None:
    bodies = (facts.claims or {}).get(run.slice or 0, ())
    return _holder(bodies if run.claim is None else bodies[: run.claim + 1])


def _begun(facts: Facts) -> set[int | None]:
    """Indices of runs that may have taken effect: those with a `started` line, and, where a pilot took a slice and was
    never heard of again, the slice's first open run.
    """
    begun = {run.index for run in facts.runs or () if run.started is not None}
    by_slice: dict[int, list[RunRow]] = {}
    for run in facts.runs or ():
        by_slice.setdefault(run.slice or 0, []).append(run)
    for number, runs in by_slice.items():
        if held((facts.claims or {}).get(number, ())) and not any(run.started is not None for run in runs):
            begun.add(runs[0].index)
    return begun
