"""The decisions: one table of situations, each with the one right answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from farpoint.facts import RESTARTS, Again, Control, Decision, Facts, Fence, Remove, Submit, Verdict
from farpoint.lifecycle import AGAIN, PATIENT, RESUBMITS, decide
from farpoint.model import NEVER_BEGAN, JobRow, Phase, QueueEntry, Receipt, RunRow, State

JOB = JobRow("fp1", "p", "s", "m", Phase.SUBMITTED, serial=1, job_ids=("7",))
RUN = RunRow(
    run="r0", project="p", scan="s", number=0, parameters={}, seed=0, key="k", version=1, attempt=1,
    state=State.QUEUED, token="fp1", index=0, slice=0, current=1,
)  # fmt: skip
MINE = {"job": "7", "member": 0, "start": 0}
FENCED = {"revoked": True, "by": "us"}
LIVE = QueueEntry("7", "fp1", live=True)


def facts(job=JOB, runs=(RUN,), claims=None, queue=(), receipt=None, now=100.0, grace=10.0) -> Facts:
    return Facts(job, list(runs), claims or {}, queue, receipt, now, grace)


def gone(**changes) -> JobRow:
    return replace(JOB, looks=5, absent_since=0.0, started=True, **changes)


def test_a_fresh_intent_is_submitted_once_and_the_wish_is_in_the_row_first():
    answer = decide(facts(replace(JOB, phase=Phase.INTENT, serial=0)))

    assert answer.actions == (Submit(1),)
    assert answer.job.serial == 1


def test_a_lost_reply_waits_for_two_looks_and_the_grace_then_asks_under_the_same_token():
    job = replace(JOB, phase=Phase.INTENT, asked=100.0, job_ids=())
    lost = Receipt("unknown")
    first = decide(facts(job, receipt=lost, now=101.0))
    early = decide(facts(first.job, receipt=lost, now=105.0))
    late = decide(facts(early.job, receipt=lost, now=112.0))

    assert first.actions == early.actions == ()
    assert late.actions == (Submit(2),)
    assert late.job.token == job.token


def test_what_a_submit_said_in_place_of_an_id_is_the_jobs_trouble_until_it_is_there():
    job = replace(JOB, phase=Phase.INTENT, job_ids=(), asked=100.0)
    away = Receipt("unknown", raw="error: Unable to contact\n  the controller\n")
    unseen = decide(facts(job, queue=None, receipt=away))
    again = decide(facts(unseen.job, receipt=Receipt("unknown")))
    there = decide(facts(again.job, queue=[LIVE]))

    assert unseen.job.trouble == again.job.trouble == f"error: Unable to contact; the controller; {AGAIN}"
    assert there.job.trouble == ""


def test_a_job_that_never_shows_up_is_left_to_its_user():
    job = replace(JOB, phase=Phase.INTENT, job_ids=(), serial=RESUBMITS, looks=5, absent_since=0.0)
    answer = decide(facts(job))

    assert answer.actions == ()
    assert "though asked 20 times. Cancel it, then retry" in answer.job.trouble


def test_what_a_queue_says_in_place_of_an_answer_is_told_and_changes_nothing_else():
    answer = decide(replace(facts(queue=None), trouble="error: Unable to contact\nthe controller"))

    assert answer.job == replace(JOB, trouble=f"error: Unable to contact; the controller; {PATIENT}")
    assert answer.actions == ()


def test_a_trouble_that_is_over_is_forgotten():
    job = replace(JOB, trouble="its folder could not be read")

    assert decide(facts(job, queue=None)).job.trouble == job.trouble
    assert decide(facts(job, queue=[LIVE])).job.trouble == ""


def test_a_lost_reply_is_healed_by_the_queue():
    job = replace(JOB, phase=Phase.INTENT, job_ids=())

    assert decide(facts(job, queue=[LIVE], receipt=Receipt("unknown"))).job.job_ids == ("7",)


def test_a_claim_proves_that_a_lost_submit_arrived():
    job = replace(JOB, phase=Phase.INTENT, job_ids=())
    answer = decide(facts(job, claims={0: [MINE]}, receipt=Receipt("unknown")))

    assert answer.job.phase is Phase.SUBMITTED


def test_a_run_that_began_proves_it_too_where_the_job_folder_is_gone_with_its_claims():
    answer = decide(facts(replace(gone(), started=False), runs=[replace(RUN, started=50.0)], queue=[]))

    assert answer.job.started
    assert answer.actions == (Fence((0,)),)


def test_a_queue_that_could_not_be_asked_changes_nothing():
    job = gone()

    assert decide(facts(job, queue=None)) == Decision(job)


def test_an_unknown_word_changes_nothing():
    assert decide(facts(gone(), queue=[QueueEntry("7", "fp1", live=None, raw="ODD")])).actions == ()


def test_a_live_job_resets_the_looks():
    answer = decide(facts(gone(), queue=[LIVE]))

    assert (answer.job.looks, answer.job.absent_since, answer.actions) == (0, None, ())


def test_a_pilot_that_writes_is_alive_whatever_the_queue_says():
    answer = decide(replace(facts(gone()), heard={"pilots/0.0/journal.jsonl"}))

    assert (answer.job.looks, answer.job.absent_since, answer.actions) == (0, None, ())


def test_absence_alone_is_not_an_end():
    answer = decide(facts(JOB, claims={0: [MINE]}))

    assert answer.actions == ()
    assert answer.job.looks == 1


def test_a_job_that_started_and_is_gone_is_fenced_before_anything_is_said():
    answer = decide(facts(gone(), runs=[replace(RUN, started=1.0, state=State.RUNNING)], claims={0: [MINE]}))

    assert answer.actions == (Fence((0,)),)
    assert not answer.job.fenced


def test_after_the_fence_an_interrupted_run_is_lost_and_starts_again_as_a_new_attempt():
    run = replace(RUN, started=1.0, state=State.RUNNING)
    answer = decide(facts(gone(fenced=True), runs=[run], claims={0: [MINE, FENCED]}))

    assert answer.actions == (Verdict(0, State.LOST, "gone"), Again(0, new_attempt=True))


def test_restarts_by_system_faults_come_to_an_end():
    run = replace(RUN, started=1.0, state=State.RUNNING, restarts=RESTARTS)
    answer = decide(facts(gone(fenced=True), runs=[run], claims={0: [MINE, FENCED]}))

    assert answer.actions == (Verdict(0, State.LOST, "gone"),)


def test_a_run_that_never_started_is_placed_again_and_uses_no_attempt():
    other = replace(RUN, run="r1", index=1, slice=1)
    started = replace(RUN, started=1.0, state=State.COMPLETED)
    answer = decide(facts(gone(fenced=True), runs=[started, other], claims={0: [MINE], 1: [FENCED]}))

    assert answer.actions == (Again(1, new_attempt=False),)


@pytest.mark.parametrize("cause", ["timeout", "out of memory"])
def test_the_jobs_own_limit_is_the_runs_failure(cause):
    run = replace(RUN, started=1.0, state=State.RUNNING)
    answer = decide(facts(gone(fenced=True, cause=cause), runs=[run], claims={0: [MINE, FENCED]}))

    assert answer.actions == (Verdict(0, State.FAILED, cause),)


def test_a_run_moved_elsewhere_is_no_longer_this_jobs_concern():
    moved = replace(RUN, token="fp2")

    assert decide(facts(gone(fenced=True), runs=[moved])).job.phase is Phase.ENDED


def test_all_outcomes_in_ends_the_job_whatever_the_queue_says():
    done = replace(RUN, state=State.COMPLETED)

    assert decide(facts(JOB, runs=[done], queue=[LIVE])).job.phase is Phase.ENDED


def test_cancelling_what_nobody_took_is_a_fence_then_a_verdict():
    run = replace(RUN, cancel=1)
    wish = decide(facts(JOB, runs=[run], queue=[LIVE]))
    answer = decide(facts(JOB, runs=[run], queue=[LIVE], claims={0: [FENCED]}))

    assert wish.actions == (Fence((0,), unclaimed=True),)
    assert answer.actions == (Verdict(0, State.CANCELLED, "cancelled"),)


def test_cancelling_what_runs_is_an_order_to_its_pilot_and_told_once():
    run = replace(RUN, cancel=1, state=State.RUNNING, started=1.0)
    wish = decide(facts(JOB, runs=[run], queue=[LIVE], claims={0: [MINE]}))
    told = decide(facts(JOB, runs=[replace(run, cancel=2)], queue=[LIVE], claims={0: [MINE]}))

    assert wish.actions == (Control((0,)),)
    assert told.actions == ()


def test_cancelling_one_run_of_a_shared_slice_never_fences_the_others():
    runs = [replace(RUN, cancel=1), replace(RUN, run="r1", index=1)]

    assert decide(facts(JOB, runs=runs, queue=[LIVE])).actions == (Control((0,)),)


def test_what_is_cancelled_before_its_submit_is_fenced_first():
    job = replace(JOB, phase=Phase.INTENT, serial=0)

    assert decide(facts(job, runs=[replace(RUN, cancel=1)])).actions == (Fence((0,), unclaimed=True),)


def test_a_refusal_is_fenced_before_it_is_a_failure():
    job = replace(JOB, phase=Phase.INTENT, job_ids=())
    no = Receipt("refused", raw="no such queue")
    first = decide(facts(job, receipt=no))
    second = decide(facts(replace(first.job, fenced=True), receipt=no))

    assert first.actions == (Fence((0,)),)
    assert second.actions == (Verdict(0, State.FAILED, "refused: no such queue"),)


def test_a_queue_that_is_full_is_asked_again_however_long_that_takes():
    job = replace(JOB, phase=Phase.INTENT, job_ids=(), asked=100.0, serial=99)
    full = Receipt("later", raw="QOSMaxSubmitJobPerUserLimit\n")
    early = decide(facts(job, receipt=full, now=109.0, grace=10.0))
    late = decide(facts(early.job, receipt=full, now=110.0, grace=10.0))

    assert (early.actions, early.job.trouble) == ((), f"QOSMaxSubmitJobPerUserLimit; {AGAIN}")
    assert late.actions == (Submit(100),)
    assert (late.job.phase, late.job.asked) == (Phase.INTENT, 110.0)
    assert decide(facts(late.job, queue=[LIVE], receipt=full)).job.phase is Phase.SUBMITTED


def test_a_job_cancelled_outside_is_cancelled_not_lost():
    job = gone(fenced=True, cause="cancelled")
    answer = decide(facts(job, claims={0: [FENCED]}))

    assert answer.actions == (Verdict(0, State.CANCELLED, "cancelled outside farpoint"),)


def unstarted(cause: str, **changes) -> JobRow:
    return replace(JOB, looks=5, absent_since=0.0, cause=cause, **changes)


@pytest.mark.parametrize("cause", ["", "node failed", "preempted"])
def test_a_job_that_vanished_for_nobodys_fault_is_asked_for_again(cause):
    assert decide(facts(unstarted(cause))).actions == (Submit(2),)


@pytest.mark.parametrize(
    ("cause", "state", "reason"),
    [
        (
            "launch failed: changing into working directory",
            State.FAILED,
            "launch failed: changing into working directory",
        ),
        ("exit code 127", State.FAILED, "exit code 127"),
        (NEVER_BEGAN, State.CANCELLED, "cancelled outside farpoint"),
        ("cancelled", State.CANCELLED, "cancelled outside farpoint"),
    ],
)
def test_a_job_that_ended_before_its_pilot_began_would_end_so_again(cause, state, reason):
    first = decide(facts(unstarted(cause)))
    then = decide(facts(unstarted(cause, fenced=True), claims={0: [FENCED]}))

    assert first.actions == (Fence((0,)),)
    remove, verdict = then.actions
    assert remove == Remove()
    assert (verdict.state, verdict.reason.removesuffix(", before anything ran")) == (state, reason)


def test_an_account_that_was_not_told_yet_of_a_job_that_began_says_nothing():
    job = gone(cause=NEVER_BEGAN, fenced=True)
    actions = decide(facts(job, [replace(RUN, started=5.0)], claims={0: [MINE, FENCED]})).actions

    assert actions[0] == Verdict(0, State.LOST, "gone")
