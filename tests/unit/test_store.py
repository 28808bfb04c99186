"""The index: rows in and out, `seq`, concurrency, and refusal of what it cannot read."""

from __future__ import annotations

import multiprocessing
import sqlite3
import stat
from contextlib import closing
from dataclasses import replace

import pytest

from farpoint.errors import StoreError
from farpoint.model import FileInfo, JobRow, Phase, RunRow, ScanRow, State
from farpoint.store import APPLICATION, SCHEMA, Store

RUN = RunRow(
    run="r0", project="p", scan="s", number=0, parameters={"x": 1}, seed=5, key="k", version=1, attempt=1,
    state=State.NEW, machine="local", token="fp1", index=0, slice=0, submitted=1.0,
)  # fmt: skip
JOB = JobRow("fp1", "p", "s", "local", Phase.ACCEPTED, created=1.0)


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "state" / "store.sqlite")
    yield made
    made.close()


def fill(store, count=1):
    with store.write() as writer:
        writer.put_job(JOB)
        for n in range(count):
            writer.place_run(replace(RUN, run=f"r{n}", number=n, index=n, slice=n))


def test_what_is_put_in_comes_out(store):
    fill(store)
    with store.write() as writer:
        writer.update_attempt(
            "r0", 1, {"state": State.COMPLETED, "records": {"y": 2}, "files": [{"path": "a", "size": 1, "digest": "d"}]}
        )

    row = store.runs("p")[0]

    assert (row.state, row.parameters, row.records) == (State.COMPLETED, {"x": 1}, {"y": 2})
    assert row.files == (FileInfo("a", 1, "d"),)


def test_seq_grows_with_every_change_and_only_then(store):
    before = store.seq()
    with store.write():
        pass
    still = store.seq()
    fill(store)

    assert (before, still, store.seq()) == (0, 0, 1)


def test_a_change_that_fails_leaves_nothing(store):
    with pytest.raises(ZeroDivisionError), store.write() as writer:
        writer.put_job(JOB)
        raise ZeroDivisionError

    assert store.jobs("p") == []


def test_a_newer_attempt_is_the_one_shown_and_the_older_is_kept(store):
    fill(store)
    with store.write() as writer:
        writer.update_attempt("r0", 1, {"state": State.LOST, "reason": "gone"})
        writer.place_run(replace(RUN, attempt=2, token="fp2"))

    assert [(row.attempt, row.state, row.restarts) for row in store.runs("p")] == [(2, State.NEW, 1)]
    assert [row.state for row in store.attempts("r0")] == [State.LOST, State.NEW]


def test_a_run_placed_again_is_known_in_both_jobs_by_each_ones_index(store):
    fill(store, 2)
    with store.write() as writer:
        writer.update_attempt("r1", 1, {"state": State.QUEUED})
        writer.place_run(replace(RUN, run="r1", number=1, token="fp2", index=0, slice=0))

    old, new = store.placed("fp1")[1], store.placed("fp2")[0]

    assert (old.run, old.index, old.token) == ("r1", 1, "fp2")
    assert (new.run, new.index, new.state) == ("r1", 0, State.NEW)


def test_a_finished_attempt_is_never_set_back_by_a_second_entry(store):
    fill(store)
    with store.write() as writer:
        writer.update_attempt("r0", 1, {"state": State.COMPLETED, "records": {"y": 1}})
    fill(store)

    assert store.runs("p")[0].state is State.COMPLETED


def test_only_this_user_may_read_it(store):
    fill(store)

    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700


def test_a_newer_index_is_refused_with_the_mend(tmp_path):
    path = tmp_path / "store.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version=99")
    connection.close()

    with pytest.raises(StoreError, match=r"newer farpoint.*Upgrade"):
        Store(path)


def test_what_is_not_an_index_is_refused_with_the_mend(tmp_path):
    path = tmp_path / "store.sqlite"
    path.write_bytes(b"not a database, whatever it says" * 100)

    with pytest.raises(StoreError, match="farpoint recover"):
        Store(path)


def count_up(path, times):
    store = Store(path)
    for _ in range(times):
        with store.write() as writer:
            row = writer.attempt_at("fp1", 0)
            writer.update_attempt("r0", 1, {"memory": (row["memory"] or 0) + 1})
    store.close()


def test_twelve_processes_writing_at_once_lose_nothing(store):
    fill(store)
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=count_up, args=(store.path, 20)) for _ in range(12)]
    for process in writers:
        process.start()
    for process in writers:
        process.join()

    assert store.runs("p")[0].memory == 240
    assert store.check() == "ok"


def open_new_ones(folder, meet):
    for number in range(150):
        meet.wait()
        Store(folder / str(number)).close()


def test_processes_that_start_at_once_may_all_open_a_new_index(tmp_path):
    context = multiprocessing.get_context("spawn")
    meet = context.Barrier(4, timeout=20)
    users = [context.Process(target=open_new_ones, args=(tmp_path, meet)) for _ in range(4)]
    for process in users:
        process.start()
    for process in users:
        process.join()

    assert [process.exitcode for process in users] == [0, 0, 0, 0]


def test_scans_come_back_and_can_be_forgotten(store):
    fill(store)
    row = ScanRow("p", "s", "notebook", "a.ipynb", 1.0, ("x",), "local", {"points": []})
    with store.write() as writer:
        writer.put_scan(row)
    known = store.scan("p", "s")
    with store.write() as writer:
        writer.forget_scan("p", "s")

    assert known == row
    assert (store.scans("p"), store.runs("p"), store.jobs("p")) == ([], [], [])


def test_what_has_not_ended_is_counted_by_machine_and_state(store):
    fill(store, 3)
    with store.write() as writer:
        writer.update_attempt("r0", 1, {"state": State.RUNNING})
        writer.update_attempt("r1", 1, {"state": State.COMPLETED})
        writer.place_run(replace(RUN, run="r9", scan="t", machine="hpc"))

    assert store.going_on("p") == {"local": {State.RUNNING: 1, State.NEW: 1}, "hpc": {State.NEW: 1}}
    assert store.going_on("q") == {}


def test_a_paused_machine_says_why_until_it_goes_on(store):
    for failures, now in ((1, 10.0), (2, 30.0)):
        with store.write() as writer:
            writer.pause("hpc", "does not answer", 60.0, failures, now)
    paused = store.paused("hpc")
    with store.write() as writer:
        writer.pause("hpc", "", 0.0, 0)
    between = store.paused("hpc")
    with store.write() as writer:
        writer.pause("hpc", "the disk is full", 90.0, 1, 70.0)

    assert paused == ("does not answer", 60.0, 2, 10.0)
    assert between is None
    assert store.paused("hpc").since == 70.0


def test_an_index_of_the_first_form_is_kept_beside_and_goes_on(tmp_path):
    path = tmp_path / "store.sqlite"
    with closing(sqlite3.connect(path)) as old:
        for statement in (*SCHEMA.split(";"), f"PRAGMA application_id={APPLICATION}", "PRAGMA user_version=1"):
            old.execute(statement)
        old.execute("INSERT INTO job (token, project, phase, job_ids) VALUES ('fp1', 'p', 'SUBMITTED', '[\"7\"]')")
        old.execute("INSERT INTO machine VALUES ('hpc', 'away', 60.0, 2)")
        old.execute("INSERT INTO cursor VALUES ('fp1', 'pilots/0.1/journal.jsonl', 100, '7', 'node')")
        old.commit()
    store = Store(path)

    (pilot,) = store.pilots("fp1")
    assert (pilot.job_id, pilot.member, pilot.start, pilot.settled) == ("7", 0, 1, False)
    assert store.job("fp1").waiting == ""
    assert store.paused("hpc") == ("away", 60.0, 2, None)
    with closing(sqlite3.connect(tmp_path / "store.sqlite.1")) as kept:
        assert kept.execute("PRAGMA user_version").fetchone() == (1,)
    assert (tmp_path / "store.sqlite.1").stat().st_mode & 0o077 == 0
