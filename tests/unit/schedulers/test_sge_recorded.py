"""Every recorded answer of a real Grid Engine 8.1.9 that an adapter reads, and what it means."""

from __future__ import annotations

import re

import pytest

from farpoint.model import QueueEntry
from farpoint.schedulers.sge import Sge
from recordings import recorded, token

SAID = recorded("sge-8.1.9")
REFUSED = {"account", "array", "array0", "nofile", "opt", "pe", "queue", "res"}
ENDS = {
    "array_terse": {1: None, 5: None, 9: None},
    "badcwd": {None: "launch failed: changing into working directory"},
    "badinterp": {None: None},  # the shell ran it: without -S the line #! counts for nothing
    "dep": {None: None},
    "exit137": {None: "exit code 137"},
    "exit99": {None: "preempted"},
    "h_rt": {None: "timeout"},
    "kill9": {None: "killed by signal 9"},
    "name": {0: None, 1: None, 2: "exit code 5", 3: "killed by signal 11", 4: None},
    "rerun": {None: "preempted"},
    "segv": {None: "killed by signal 11"},
    "sleep": {None: "killed by signal 9"},  # deleted while it ran: the account does not say by whom it was killed
    "suspend": {None: None},
    "task": {2: "exit code 5"},
}
NEVER_STARTED = {"begin", "big_rt", "held"}
STILL_RUNNING = {"notify", "s_rt"}


def names(prefix: str) -> list[str]:
    return sorted(name for name in SAID if name.startswith(prefix))


def ours(text: str) -> str:
    """The same jobs under tokens."""
    text = re.sub(
        r"(<JB_job_number>(\d+)</JB_job_number>.*?<JB_name>)[^<]*",
        lambda found: found[1] + token(found[2]),
        text,
        flags=re.DOTALL,
    )
    return re.sub(
        r"(jobname +)\S+(.*?jobnumber +(\d+))",
        lambda found: found[1] + token(found[3]) + found[2],
        text,
        flags=re.DOTALL,
    )


@pytest.mark.parametrize("name", names("qsub_"))
def test_submits(name: str) -> None:
    said = SAID[name]
    receipt = Sge().parse_submit(said.code, said.out, said.err)
    if name.removeprefix("qsub_err_") in REFUSED:
        assert receipt.kind == "refused"
        assert said.err.splitlines()[0] in receipt.raw
    else:
        found = re.search(r"[0-9]+", said.out)
        assert found is not None
        assert (receipt.kind, receipt.job_id) == ("accepted", found[0])


@pytest.mark.parametrize("name", names("qacct_"))
def test_accounts(name: str) -> None:
    said = SAID[name]
    entries = Sge().parse_accounting(said.code, ours(said.out), said.err)
    short = name.removeprefix("qacct_")
    if short in NEVER_STARTED | STILL_RUNNING:
        assert entries == ()
        return
    assert entries is not None
    assert {entry.member: entry.cause for entry in entries} == ENDS[short]
    assert not any(entry.live for entry in entries)


def test_no_recorded_account_is_left_out() -> None:
    assert {name.removeprefix("qacct_") for name in names("qacct_")} == ENDS.keys() | NEVER_STARTED | STILL_RUNNING


def test_a_killed_job_keeps_its_words() -> None:
    said = SAID["qacct_kill9"]
    (entry,) = Sge().parse_accounting(said.code, ours(said.out), said.err) or ()
    assert entry.raw == "failed 100 : assumedly after job, exit_status 137 (Killed)"


def look(name: str) -> dict[tuple[str, int | None], QueueEntry]:
    said = SAID[name]
    entries = Sge().parse_status(said.code, ours(said.out), said.err)
    assert entries is not None
    return {(entry.job_id, entry.member): entry for entry in entries}


@pytest.mark.parametrize("name", ["qstat_f_mixed_xml", "qstat_ext_xml"])
def test_a_look_at_many(name: str) -> None:
    seen = look(name)
    said = {key: (entry.live, entry.pending, entry.raw) for key, entry in seen.items()}
    running = {(number, None): (True, False, "r") for number in ("27", "28", "29", "30")}
    pending = {(number, None): (True, True, "qw") for number in ("19", "26", "33")}
    held = {(number, None): (True, True, "hqw") for number in ("31", "32")}
    failed = {(number, None): (False, False, "Eqw") for number in ("8", "11", "12")}
    array = {("34", member): (True, member > 1, "r" if member < 2 else "qw") for member in range(8)}
    again = {("7", None): (True, True, "Rq")}
    assert said == {**running, **pending, **held, **failed, **array, **again}
    assert {seen[key].cause for key in failed} == {"launch failed"}
    assert {seen[key].waiting for key in held} == {"hqw: held, or waits for another job"}


def test_a_look_while_jobs_are_deleted() -> None:
    seen = look("qstat_after_qdel_xml")
    assert {key for key, entry in seen.items() if entry.cause == "cancelled"} == {("29", None), ("30", None)}
    assert seen["7", None].raw == "Rt"
    assert all(entry.live for entry in seen.values())


def test_jobs_that_have_ended() -> None:
    seen = look("qstat_s_z_xml")
    assert len(seen) > 10
    assert not any(entry.live for entry in seen.values())


@pytest.mark.parametrize("name", ["qstat_xml_empty", "qstat_f_xml_empty"])
def test_an_empty_queue(name: str) -> None:
    assert look(name) == {}


@pytest.mark.parametrize("name", ["qstat_j_unknown_xml", "qstat_j_several_xml", "qstat_j_sleep_xml"])
def test_another_form_is_no_look(name: str) -> None:
    assert Sge().parse_status(SAID[name].code, SAID[name].out, SAID[name].err) is None


def test_why_jobs_wait() -> None:
    said = SAID["qstat_j_several_xml"]
    assert Sge().parse_reasons(said.code, said.out, said.err) == {"31": "Job is in hold state"}


@pytest.mark.parametrize("name", ["qstat_j_unknown_xml", "qstat_j_sleep_xml", "qstat_xml_empty", "qsub_ok"])
def test_no_reason_is_no_fault(name: str) -> None:
    said = SAID[name]
    assert Sge().parse_reasons(said.code, said.out, said.err) == {}


def test_the_limits_of_a_queue() -> None:
    said = SAID["qconf_sq_short"]
    (queue,) = Sge().parse_queues(said.code, said.out, said.err) or ()
    assert (queue.name, queue.cpus, queue.time, queue.memory) == ("short.q", 8, 600, None)


@pytest.mark.parametrize(
    ("name", "found"),
    [("qconf_sprjl", ("fusion", "plasma")), ("qconf_sprjl_none", ()), ("qconf_sprjl_down", None)],
)
def test_projects(name: str, found: tuple[str, ...] | None) -> None:
    said = SAID[name]
    assert Sge().parse_accounts(said.code, said.out, said.err) == found
