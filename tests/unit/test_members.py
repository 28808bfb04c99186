"""Members of an array that go while others live: whose runs are closed, by which cause, and what is left alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from farpoint.facts import Again, Decision, Facts, Fence, Verdict
from farpoint.lifecycle import decide, wants
from farpoint.model import JobRow, Phase, PilotRow, QueueEntry, RunRow, State

JOB = JobRow("fp1", "p", "s", "m", Phase.SUBMITTED, serial=1, job_ids=("7",), started=True)
RUN = RunRow(
    run="r0", project="p", scan="s", number=0, parameters={}, seed=0, key="k", version=1, attempt=1,
    state=State.RUNNING, token="fp1", index=0, slice=0, current=1, started=50.0, claim=0,
)  # fmt: skip
OTHER = replace(RUN, run="r1", index=1, slice=1)
WAITS = replace(RUN, run="r2", index=2, slice=2, state=State.QUEUED, started=None, claim=None)
FENCED = {"revoked": True, "by": "us"}


def pilot(member: int, **changes) -> PilotRow:
    return replace(PilotRow(f"pilots/{member}.0/journal.jsonl", "7", member, 0, began=0.0, walltime=1000.0), **changes)


def claim(member: int) -> dict:
    return {"job": "7", "member": member, "start": 0}


def entry(member: int | None, live: bool | None = True, **changes) -> QueueEntry:
    return QueueEntry("7", "fp1", live, member=member, **changes)


GONE = {"looks": 5, "absent_since": 0.0}
CLAIMS = {0: [claim(0)], 1: [claim(1)]}


def judge(queue, *, pilots, claims=CLAIMS, runs=(RUN, OTHER, WAITS), job=JOB, heard=()) -> Decision:
    return decide(Facts(job, runs, claims, queue, None, 100.0, 10.0, pilots, heard))


def test_one_member_gone_is_fenced_with_what_it_had_in_hand_and_no_more():
    answer = judge([entry(1)], pilots=[pilot(0, **GONE), pilot(1)])

    assert answer.actions == (Fence((0,), member=True),)
    assert not answer.actions[0].whole
    assert not any(row.settled for row in answer.pilots)


def test_after_its_fence_its_run_is_closed_by_its_own_cause_and_the_others_go_on():
    queue = [entry(1), entry(0, live=False, cause="out of memory")]
    answer = judge(queue, pilots=[pilot(0, **GONE), pilot(1)], claims={**CLAIMS, 0: [claim(0), FENCED]})

    assert answer.actions == (Verdict(0, State.FAILED, "out of memory"),)
    assert {row.member: row.settled for row in answer.pilots} == {0: True, 1: False}


def test_a_member_gone_without_a_word_loses_its_run_which_starts_again():
    answer = judge([entry(1)], pilots=[pilot(0, **GONE), pilot(1)], claims={**CLAIMS, 0: [claim(0), FENCED]})

    assert answer.actions == (Verdict(0, State.LOST, "gone"), Again(0, new_attempt=True))


def test_one_absence_is_not_enough_and_the_looks_are_kept():
    answer = judge([entry(1)], pilots=[pilot(0), pilot(1)])

    assert answer.actions == ()
    assert [(row.looks, row.absent_since) for row in answer.pilots] == [(1, 100.0), (0, None)]


@pytest.mark.parametrize(
    "queue",
    [
        [entry(None)],  # the array as a whole is still there
        [entry(0), entry(1)],
        [entry(1), entry(0, live=None, raw="ODD")],
        [entry(1), entry(0, live=False), entry(0)],  # in two places of one answer
    ],
)
def test_a_member_that_may_live_is_left_alone(queue):
    assert judge(queue, pilots=[pilot(0, **GONE), pilot(1)]).actions == ()


def test_a_member_that_writes_is_alive_whatever_the_queue_says():
    gone = pilot(0, **GONE)
    answer = judge([entry(1)], pilots=[gone, pilot(1)], heard={gone.file})

    assert answer.actions == ()
    assert answer.pilots[0].looks == 0


def test_a_pilot_started_by_hand_is_never_looked_for_in_the_queue():
    stranger = pilot(0, job_id="by-hand-pc-1", **GONE)

    assert judge([entry(1)], pilots=[stranger, pilot(1)]).actions == ()


def test_a_member_with_nothing_in_hand_is_settled_and_not_looked_at_again():
    answer = judge([entry(1)], pilots=[pilot(0, **GONE), pilot(1)], runs=[OTHER, WAITS])

    assert answer.actions == ()
    assert answer.pilots[0].settled


def test_when_all_have_ended_each_run_has_its_own_members_cause_and_what_never_started_goes_out_again():
    job = replace(JOB, looks=5, absent_since=0.0, fenced=True)
    pilots = [pilot(0, cause="timeout", **GONE), pilot(1, cause="node failed", **GONE)]
    claims = {0: [claim(0), FENCED], 1: [claim(1), FENCED], 2: [FENCED]}
    answer = judge([], pilots=pilots, claims=claims, job=job)

    assert answer.actions == (
        Verdict(0, State.FAILED, "timeout"),
        Verdict(1, State.LOST, "node failed"),
        Again(1, new_attempt=True),
        Again(2, new_attempt=False),
    )


def test_a_member_cancelled_outside_takes_only_its_own_run_with_it():
    pilots = [pilot(0, cause="cancelled", **GONE), pilot(1)]
    claims = {**CLAIMS, 0: [claim(0), FENCED]}

    assert judge([entry(1)], pilots=pilots, claims=claims).actions == (
        Verdict(0, State.CANCELLED, "cancelled outside farpoint"),
    )


@pytest.mark.parametrize(
    "change, began, expected",
    [
        ({"cause": "timeout"}, 50.0, (Verdict(0, State.FAILED, "timeout"),)),  # it had all of its pilot's time
        ({"cause": "timeout"}, 700.0, (Verdict(0, State.LOST, "time is up"), Again(0, new_attempt=True))),
        ({"cause": "timeout", "walltime": None}, 700.0, (Verdict(0, State.FAILED, "timeout"),)),
    ],
)
def test_a_run_that_the_pilots_end_cut_is_at_fault_only_if_it_had_the_whole_time(change, began, expected):
    claims = {**CLAIMS, 0: [claim(0), FENCED]}
    runs = [replace(RUN, started=began), OTHER]

    assert (
        judge([entry(1)], pilots=[pilot(0, **GONE, **change), pilot(1)], claims=claims, runs=runs).actions == expected
    )


def test_a_run_whose_pilot_said_that_time_is_up_starts_again_and_counts_as_a_restart():
    claims = {**CLAIMS, 0: [claim(0), FENCED]}
    cut = replace(RUN, state=State.QUEUED, reason="time is up")

    assert judge([entry(1)], pilots=[pilot(0, **GONE), pilot(1)], claims=claims, runs=[cut, OTHER]).actions == (
        Verdict(0, State.LOST, "time is up"),
        Again(0, new_attempt=True),
    )


def test_without_claims_and_runs_nothing_is_concluded():
    answer = judge([entry(1)], pilots=[pilot(0, **GONE), pilot(1)], runs=None, claims=None)

    assert answer.actions == ()
    assert answer.job.phase is Phase.SUBMITTED


def test_claims_and_account_are_asked_for_only_when_something_may_be_concluded():
    assert wants(JOB, [pilot(0)], False, 100.0, 10.0) == (False, False)
    assert wants(JOB, [pilot(0, looks=1, absent_since=80.0)], False, 100.0, 10.0) == (True, True)
    assert wants(JOB, [pilot(0, looks=1, absent_since=95.0)], False, 100.0, 10.0) == (False, False)
    assert wants(JOB, [pilot(0, looks=1, absent_since=80.0, settled=True)], False, 100.0, 10.0) == (False, False)
    assert wants(JOB, [], True, 100.0, 10.0) == (True, False)


def test_what_waits_says_why_and_goes_on_waiting():
    held = entry(None, raw="PENDING", pending=True, waiting="JobHeldUser")
    answer = judge([held], pilots=[], runs=None, claims=None)
    running = judge([held, entry(0)], pilots=[pilot(0)], runs=None, claims=None)

    assert (answer.job.waiting, answer.job.phase, answer.actions) == ("JobHeldUser", Phase.SUBMITTED, ())
    assert running.job.waiting == ""
