"""Carrying out what `lifecycle` decided about one job: each intention is on disk before it is acted upon.

Takes no decision: gathers the facts of a job, asks, stores the answer, does the actions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from farpoint import lifecycle
from farpoint.errors import MachineError
from farpoint.facts import Again, Control, Decision, Facts, Fence, Remove, Submit, Verdict
from farpoint.machines.base import Machine
from farpoint.model import Chunk, JobRow, Observation, Phase, PlannedRun, Receipt, RunRow, State
from farpoint.project import Project
from farpoint.runner import layout, ledger
from farpoint.verbs import accept, jobs, plan, read

PRINTED = f"pilots/printed/{layout.JOURNAL}"  # where the copy of printed lines is kept
Decide = Callable[[Facts], Decision]


@dataclass(frozen=True, slots=True)
class Desk:
    """Where one machine's jobs are settled: the project, the machine, the decision in force, and whether its queue is
    asked this time.
    """

    project: Project
    machine: Machine
    decide: Decide = lifecycle.decide
    ask: bool = True


def place(desk: Desk, job: JobRow) -> JobRow:
    """Put an accepted job's folder on the machine; from then on its intent is there too."""
    desk.machine.place(desk.project.folders.read_job(job.scan, job.token))
    placed = replace(job, phase=Phase.INTENT, trouble="")
    _store(desk, placed)
    return placed


def settle(desk: Desk, job: JobRow, seen: Observation, heard: Collection[str] = ()) -> None:
    """Decide about one job and carry the decision out. `heard`: which of its journals grew since the last look."""
    facts = replace(gather(desk, job, seen), heard=heard)
    decision = desk.decide(facts)
    if _ends_badly(decision) and _hear_output(desk, job):
        facts = replace(facts, runs=desk.project.store.placed(job.token))
        decision = desk.decide(facts)
    if decision.job.phase is Phase.ENDED:
        _end(desk, decision.job)
    if decision.job != job:
        _store(desk, decision.job, job)
    _carry_out(desk, decision, facts)
    _remember(desk, job.token, facts, decision)


def _remember(desk: Desk, token: str, facts: Facts, decision: Decision) -> None:
    """What is now known of the pilots: last, as a pilot that is settled is never looked at again."""
    changed = [row for row in decision.pilots if row not in facts.pilots]
    if changed:
        with desk.project.store.write() as writer:
            for row in changed:
                writer.put_pilot(token, row)


def _ends_badly(decision: Decision) -> bool:
    return any(isinstance(action, Verdict) and action.state is not State.CANCELLED for action in decision.actions)


def _hear_output(desk: Desk, job: JobRow) -> bool:
    """Read what pilots could only print, their disk being full; True if there was any."""
    body = json.loads(desk.project.folders.read_job(job.scan, job.token).job)
    said = desk.machine.output(job.token, job.job_ids, int(body["pilots"]))
    prefix = ledger.PREFIX.encode()
    lines = [line[len(prefix) :] for line in said.splitlines() if line.startswith(prefix)]
    if not lines:
        return False
    data = b"\n".join([*lines, b""])
    desk.project.folders.copy_journal(job.scan, job.token, PRINTED, 0, data)
    with desk.project.store.write() as writer:
        read.apply_chunk(writer, Chunk(job.token, PRINTED, 0, data))
    return True


def trouble(desk: Desk, token: str, why: str) -> None:
    """Note why a job cannot be settled. A folder that somebody removed can take no claim any more: that is a fence."""
    job = desk.project.store.job(token)
    if job is not None and job.phase is not Phase.ENDED:
        _store(desk, replace(job, trouble=why, fenced=job.fenced or token not in desk.machine.tokens()), job)


def gather(desk: Desk, job: JobRow, seen: Observation, receipt: Receipt | None = None) -> Facts:
    """Everything known of one job now. A job whose submit was never answered is looked up by its token."""
    queue: Sequence[Any] | None = None
    if seen.queue is not None:
        queue = [entry for entry in seen.queue if entry.token == job.token]
    if job.phase is Phase.INTENT and job.serial > 0 and receipt is None:
        receipt = desk.machine.submit(job.token, job.serial)
        queue = desk.machine.look_up(job.token)
    store, asked = desk.project.store, job.token in seen.claims
    return Facts(
        job=job,
        runs=store.placed(job.token) if asked else None,
        claims=seen.claims[job.token] if asked else None,
        queue=queue,
        receipt=receipt,
        now=desk.project.clock(),
        grace=desk.machine.limits().grace,
        pilots=store.pilots(job.token),
        unfinished=store.unfinished(job.token)[0],
        trouble=seen.trouble,
    )


def _store(desk: Desk, job: JobRow, before: JobRow | None = None) -> None:
    """Renew a job's row; where it was just handed over, or waits for another reason than `before`, its runs' too."""
    with desk.project.store.write() as writer:
        writer.put_job(job)
        known = before is not None and before.phase is Phase.SUBMITTED and before.waiting == job.waiting
        if job.phase is Phase.SUBMITTED and not known:
            writer.queue_runs(job.token, job.job_ids[0] if job.job_ids else None, job.waiting)


def _carry_out(desk: Desk, decision: Decision, facts: Facts) -> None:
    job = decision.job
    for action in decision.actions:
        if isinstance(action, Submit):
            job = _submit(desk, job, action, facts)
        elif isinstance(action, Fence):
            job = _fence(desk, job, action)
        elif isinstance(action, Control):
            _control(desk, job, action, facts)
        elif isinstance(action, Remove):
            desk.machine.cancel(job.token, job.job_ids)
    _conclude(desk, job, facts, [a for a in decision.actions if isinstance(a, Verdict | Again)])


def _submit(desk: Desk, job: JobRow, action: Submit, facts: Facts) -> JobRow:
    """The job's row, intent included, was stored before this; the reply may still be lost."""
    receipt = desk.machine.submit(job.token, action.serial)
    if receipt.kind == "unknown":
        told = lifecycle.not_yet(job, receipt)
        _store(desk, told)
        return told
    again = replace(facts, job=job, receipt=receipt, queue=None, now=desk.project.clock())
    decision = desk.decide(again)
    _store(desk, decision.job)
    for fence in decision.actions:
        if isinstance(fence, Fence):
            return _fence(desk, decision.job, fence)
    return decision.job


def _fence(desk: Desk, job: JobRow, action: Fence) -> JobRow:
    marks = desk.machine.fence(job.token, action.slices, only_unclaimed=action.unclaimed)
    events = [{"e": "fenced", "t": desk.project.clock(), "s": s, "c": c} for s, c in marks.items() if c is not None]
    _tell(desk, job, events)
    if not action.whole:
        return job
    fenced = replace(job, fenced=True)
    _store(desk, fenced, job)
    return fenced


def _control(desk: Desk, job: JobRow, action: Control, facts: Facts) -> None:
    desk.machine.control(job.token, {"cancel": list(action.cancel)})
    told = [run for run in facts.runs or () if run.index in action.cancel]
    with desk.project.store.write() as writer:
        for run in told:
            writer.update_attempt(run.run, run.attempt, {"cancel": 2})


def _conclude(desk: Desk, job: JobRow, facts: Facts, actions: Sequence[Verdict | Again]) -> None:
    """Verdicts and re-placements: told in the job folder first, then one transaction, so neither stands alone."""
    verdicts = [action for action in actions if isinstance(action, Verdict)]
    again = [action for action in actions if isinstance(action, Again)]
    if not verdicts and not again:
        return
    now = desk.project.clock()
    by_index = {run.index: run for run in facts.runs or ()}
    said = (
        {"i": v.index, "attempt": by_index[v.index].attempt, "state": v.state.value, "reason": v.reason}
        for v in verdicts
    )
    _tell(desk, job, [{"e": "verdict", "t": now, **each} for each in said])
    if again:
        _replace_runs(desk, job, [(by_index[action.index], action.new_attempt) for action in again])
    with desk.project.store.write() as writer:
        for verdict in verdicts:
            run = by_index[verdict.index]
            change = {"state": verdict.state, "reason": verdict.reason, "ended": now}
            if run.started is None:
                change["job_id"] = None  # no scheduler job ever ran it
            writer.update_attempt(run.run, run.attempt, change)


def _replace_runs(desk: Desk, job: JobRow, runs: Sequence[tuple[RunRow, bool]]) -> None:
    """A new job, with a new token, for runs this one will not finish."""
    project = desk.project
    old = project.folders.read_job(job.scan, job.token)
    body = json.loads(old.job)
    planned = [_planned(body, run, new_attempt=fresh) for run, fresh in runs]
    most = int(body.get("pilots", 1))
    arranged = jobs.arrange(desk.machine.limits(), planned[0].resources, len(planned), desk.machine.name, most=most)
    made = jobs.write_jobs(project, desk.machine, body, planned, arranged, old.blobs)
    document = dict(project.folders.read_scan(job.scan) or {})
    document["jobs"] = [*document["jobs"], *(each.token for each in made)]
    accept.accept(project, document, made)


def _planned(body: dict[str, Any], run: RunRow, *, new_attempt: bool) -> PlannedRun:
    index = run.index or 0
    need = jobs.needed(body, index)
    used = run.attempt - body["runs"][index]["attempt"]  # by its pilot, within this job
    need = replace(need, retries=max(0, need.retries - used))
    parameters = plan.values_of(body["runs"][index]["parameters"])
    attempt = run.attempt + 1 if new_attempt else run.attempt
    return PlannedRun(run.run, run.number, attempt, run.key, parameters, run.seed, run.version, need)


def _tell(desk: Desk, job: JobRow, events: Sequence[dict[str, Any]]) -> None:
    if events:
        accept.tell(desk.project, job.scan, job.token, events)
        with suppress(MachineError):  # its folder there may have been removed; the line here counts as well
            desk.machine.note(job.token, events)


def _end(desk: Desk, job: JobRow) -> None:
    """Nothing more will come: the journals are copied whole beside scan.json, then the end is noted."""
    copy_journals(desk, job)
    if not any(event["e"] == "ended" for event in accept.told(desk.project, job.scan, job.token)):
        _tell(desk, job, [{"e": "ended", "t": desk.project.clock()}])


def copy_journals(desk: Desk, job: JobRow) -> None:
    """Bring the rest of every journal and stream of a job here."""
    folder = desk.project.folders.job_folder(job.scan, job.token)
    have = {
        str(path.relative_to(folder)): path.stat().st_size
        for name in (layout.JOURNAL, layout.STREAM)
        for path in folder.glob(f"pilots/*/{name}")
    }
    while True:
        seen = desk.machine.observe({job.token: have}, queue=False, claims=())
        fresh = [chunk for chunk in seen.chunks if chunk.data]
        if not fresh:
            return
        for chunk in fresh:
            desk.project.folders.copy_journal(job.scan, job.token, chunk.file, chunk.offset, chunk.data)
            have[chunk.file] = chunk.offset + len(chunk.data)
