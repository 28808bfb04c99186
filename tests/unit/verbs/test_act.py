"""Carrying decisions out: what is on disk before what, and what beats what."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from farpoint.config import Config
from farpoint.errors import MachineError
from farpoint.model import Phase, PlannedRun, Receipt, Resources, State
from farpoint.project import Project
from farpoint.runner import journal, layout, ledger
from farpoint.testing.fakes import FakeClock, FakeMachine
from farpoint.verbs import accept, cancel, jobs, recover, watch

SCAN = "scan"


class Desk:
    """A project with one fake machine and a scan of a few runs."""

    def __init__(self, folder, machine=FakeMachine):
        self.clock = FakeClock()
        self.machine = machine(self.clock, random.Random(0), pilots=1, grace=10.0, longest=1)
        self.project = Project(folder, state=folder / "state", clock=self.clock, machines={"fake": self.machine})
        self.project.config = Config(machines={})
        self.token = self.more(SCAN)

    def more(self, scan, runs=2, names=("x",)):
        """Accept a scan; its token."""
        digest = layout.digest(b"{}")
        document = {
            "scan": scan, "kind": "notebook", "task": "x.ipynb", "created": 0.0, "names": list(names), "points": [],
            "versions": [], "jobs": [], "machine": "fake", "save": [], "files": {}, "format": 1,
        }  # fmt: skip
        body = {
            "scan": scan,
            "task": {"kind": "notebook", "name": "x.ipynb", "digest": digest},
            "files": [],
            "save": [],
        }
        planned = [
            PlannedRun(f"r{n}{scan[4:]}", n, 1, f"k{n}", dict.fromkeys(names, n), n, 1, Resources())
            for n in range(runs)
        ]
        arranged = jobs.arrange(self.machine.limits(), Resources(), runs, "fake", most=1)
        files = jobs.write_jobs(self.project, self.machine, body, planned, arranged, {digest: b"{}"})[0]
        accept.accept(self.project, {**document, "jobs": [files.token]}, [files])
        return files.token

    def go(self, steps, *, machine=True):
        for _ in range(steps):
            self.clock.now += 1
            if machine:
                self.machine.step()
            watch.tick(self.project)

    def states(self):
        return [row.state for row in self.project.store.runs(self.project.id, SCAN)]

    def job(self):
        return self.project.store.jobs(self.project.id)[0]


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def test_a_scan_runs_to_its_end(desk):
    desk.go(12)

    assert desk.states() == [State.COMPLETED, State.COMPLETED]
    assert desk.job().phase is Phase.ENDED


def test_an_outcome_that_could_only_be_printed_is_read_before_anything_is_called_lost(desk):
    desk.go(3)
    started = next(row for row in desk.project.store.runs(desk.project.id, SCAN) if row.started is not None)
    for pilot in desk.machine.jobs["1"].pilots:
        pilot.alive = False
    outcome = {
        "e": "outcome", "t": 9.0, "i": started.index, "s": started.slice, "c": 0, "state": "COMPLETED", "reason": "",
        "exit": 0, "error": None, "started": 1.0, "ended": 2.0, "seconds": 1.0, "memory": None, "host": "n",
    }  # fmt: skip
    desk.machine.printed[desk.token] = b"chatter\n" + ledger.PREFIX.encode() + journal.line(outcome)
    desk.go(60)

    again = desk.project.store.attempts(started.run)
    assert [(row.attempt, row.state) for row in again] == [(1, State.COMPLETED)]
    assert desk.machine.executions[started.run] == 1


def test_a_machine_that_does_not_answer_is_paused_with_its_reason_and_nothing_fails(desk):
    desk.machine.faults.unreachable = 1.0
    desk.go(5)
    why = desk.project.store.paused("fake")
    desk.machine.faults.unreachable = 0.0
    desk.go(40)

    assert why is not None
    assert "does not answer" in why[0]
    assert desk.project.store.paused("fake") is None
    assert desk.states() == [State.COMPLETED, State.COMPLETED]


def test_a_wish_to_cancel_survives_a_crash_before_anybody_acted_on_it(desk, tmp_path):
    cancel.cancel(desk.project, desk.project.store.runs(desk.project.id, SCAN, numbers=[1]))
    desk.project.close()
    for path in (tmp_path / "state").glob("store.sqlite*"):
        path.unlink()
    del desk.project.__dict__["store"]
    recover.recover(desk.project, SCAN)
    desk.go(15)

    assert desk.states() == [State.COMPLETED, State.CANCELLED]
    assert "r1" not in desk.machine.executions


def test_what_scan_json_accepted_is_entered_and_sent_by_whoever_comes_next(desk):
    with desk.project.store.write() as writer:
        writer.forget_scan(desk.project.id, SCAN)
    watch.catch_up(desk.project, SCAN)
    desk.go(12)

    assert desk.states() == [State.COMPLETED, State.COMPLETED]


def test_parameters_keep_the_order_they_were_given_in_though_job_folders_sort_them(desk):
    desk.more("other", names=("zeta", "alpha"))
    with desk.project.store.write() as writer:
        writer.forget_scan(desk.project.id, "other")
    watch.catch_up(desk.project, "other")

    assert list(desk.project.store.runs(desk.project.id, "other")[0].parameters) == ["zeta", "alpha"]


class Stubborn(FakeMachine):
    """A machine that has something against one job."""

    disliked = ""

    def submit(self, token, serial):
        if token == self.disliked:
            raise MachineError("this one not")
        return super().submit(token, serial)


def test_a_machine_that_was_taken_out_of_the_settings_is_paused_and_the_others_go_on(desk):
    job = desk.job()
    with desk.project.store.write() as writer:
        writer.put_job(replace(job, token="fp2", machine="all gone"))
    desk.go(12)

    assert "there is no machine 'all gone'" in desk.project.store.paused("all gone").why
    assert desk.states() == [State.COMPLETED, State.COMPLETED]


class Mute(FakeMachine):
    """A machine whose submit command fails, and says why, until it is `mended`."""

    mended = False

    def submit(self, token, serial):
        return super().submit(token, serial) if self.mended else Receipt("unknown", None, "no such user\nin the dark\n")


def test_what_a_submit_command_says_when_it_fails_is_kept_until_it_succeeds(tmp_path):
    desk = Desk(tmp_path, machine=Mute)
    desk.go(1)
    said = desk.job().trouble
    desk.go(30)
    later = desk.job()
    desk.machine.mended = True
    desk.go(30)

    assert said == later.trouble == "no such user; in the dark; it is tried again by itself, until it is cancelled"
    assert later.serial > 1
    assert (desk.job().trouble, set(desk.states())) == ("", {State.COMPLETED})


def test_one_jobs_trouble_does_not_stop_the_others(tmp_path):
    desk = Desk(tmp_path, machine=Stubborn)
    desk.machine.disliked = desk.token
    other = desk.more("other")
    desk.go(15)

    jobs = {job.token: job for job in desk.project.store.jobs(desk.project.id)}
    assert jobs[desk.token].trouble == "this one not"
    assert jobs[other].phase is Phase.ENDED
    assert desk.project.store.paused("fake") is None
