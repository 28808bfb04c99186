"""The protocol under thousands of seeded histories: lost replies, dying nodes, late requeues, killed clients; mutants.

Each mutant has one defence switched off and must be caught, or these tests could not see anything.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from budget import budget
from farpoint import lifecycle
from farpoint.facts import Again, Decision, Facts, Fence, Verdict
from farpoint.model import State
from farpoint.testing.fakes import Defences, Faults

sys.path.insert(0, str(Path(__file__).parent))

from world import HARSH, Mutant, history

PARTS = 8


@pytest.mark.parametrize("part", range(PARTS))
def test_no_history_breaks_a_promise(part):
    broken = {}
    for seed in range(part, budget("model.runs"), PARTS):
        found = history(seed)
        if found:
            broken[seed] = found

    assert broken == {}


def test_in_a_perfect_world_every_run_is_executed_exactly_once():
    for seed in range(50):
        executions = []
        assert history(seed, faults=Faults(), check=lambda world, kept=executions: kept.append(world)) == []

        assert all(times == 1 for times in executions[0].machine.executions.values())


def test_the_faults_really_happen():
    worlds, states = [], set()

    def keep(world):
        worlds.append(world)
        states.update(row[4] for row in world.table())

    for seed in range(60):
        history(seed, check=keep)

    assert sum(world.crashes for world in worlds) > 30
    assert sum(world.machine.deaths for world in worlds) > 30
    assert any(len(world.machine.fars) > 1 for world in worlds), "no run was ever placed again"
    assert any(len(world.machine.jobs) > len(world.machine.fars) for world in worlds), "no token was submitted twice"
    assert State.CANCELLED in states
    assert any(world.machine.arrays for world in worlds)


def without_fence(facts: Facts) -> Decision:
    """The fence is believed, never made."""
    decision = lifecycle.decide(facts)
    if any(isinstance(action, Fence) and action.whole for action in decision.actions):
        return lifecycle.decide(replace(facts, job=replace(decision.job, fenced=True)))
    return decision


def without_members_fence(facts: Facts) -> Decision:
    """The fence of what one member had in hand is believed, never made."""
    decision = lifecycle.decide(facts)
    fences = [action for action in decision.actions if isinstance(action, Fence) and action.member]
    if not fences or facts.claims is None:
        return decision
    claims = {
        s: [*bodies, {"revoked": True}] if s in fences[0].slices else bodies for s, bodies in facts.claims.items()
    }
    return lifecycle.decide(replace(facts, claims=claims))


def one_member_is_the_array(facts: Facts) -> Decision:
    """Where one member that began is not in the queue, all of them are taken for gone."""
    listed = {(entry.job_id, entry.member) for entry in facts.queue or ()}
    missing = any((pilot.job_id, pilot.member) not in listed for pilot in facts.pilots if not pilot.settled)
    if facts.queue is None or not any(entry.member is not None for entry in facts.queue) or not missing:
        return lifecycle.decide(facts)
    return lifecycle.decide(replace(facts, queue=[], heard=()))


def absent_means_done(facts: Facts) -> Decision:
    """What is no longer in the queue is taken for finished."""
    decision = lifecycle.decide(facts)
    actions = [
        Verdict(action.index, State.COMPLETED, "")
        if isinstance(action, Verdict) and action.state is State.LOST
        else action
        for action in decision.actions
        if not (isinstance(action, Again) and action.new_attempt)
    ]
    return replace(decision, actions=tuple(actions))


MUTANTS = {
    "no-claim": Mutant(defences=Defences(claim=False)),
    "no-grace": Mutant(grace=0.0),
    "no-fence": Mutant(decide=without_fence),
    "fence-without-mark": Mutant(defences=Defences(fence_marks_started=False)),
    "no-look": Mutant(defences=Defences(look=False)),
    "no-abort": Mutant(defences=Defences(abort=False)),
    "record-after-submit": Mutant(accept_after_submit=True),
    "no-fence-of-members": Mutant(decide=without_members_fence),
    "one-member-is-the-array": Mutant(decide=one_member_is_the_array),
    "absent-means-done": Mutant(decide=absent_means_done),
    "two-writers": Mutant(defences=Defences(own_journal=False)),
    "cancel-the-duplicate-array": Mutant(cancel_duplicates=True),
}
WORSE = {"cancel-the-duplicate-array": replace(HARSH, delivered_late=0.6)}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_caught(name):
    faults = WORSE.get(name, HARSH)

    assert any(history(seed, MUTANTS[name], faults) for seed in range(2000)), (
        f"{name} broke no promise in 2,000 histories"
    )
