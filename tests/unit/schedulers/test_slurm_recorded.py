"""Every recorded answer of a real Slurm goes through the parser it belongs to, and means what the tables here say.

The recordings were made with other columns than ours; `respelled` puts their words, unchanged, below our headings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farpoint.schedulers.slurm import ACCOUNT, BETWEEN, COLUMNS, Slurm
from farpoint.schedulers.slurm_sinfo import HEADINGS
from farpoint.testing.scheduler_suite import TOKEN

FOLDER = Path(__file__).parents[2] / "golden" / "slurm-22.05.8"
COMPACT = {"PD": "PENDING", "R": "RUNNING", "S": "SUSPENDED", "CG": "COMPLETING"}
Words = tuple[str, str, str]  # state, reason, exit
LINE = re.compile(r"\s*(?P<id>[0-9]\S*) +\S+ +\S+ +\S+ +(?P<state>[A-Z]+) +\S+ +[0-9]+ (?P<where>.*)")


@dataclass(frozen=True)
class Answer:
    name: str
    argv: tuple[str, ...]
    code: int
    out: str
    err: str


def answers() -> list[Answer]:
    found = {}
    for line in (FOLDER / "index.jsonl").read_text().splitlines():
        entry = json.loads(line)
        path = FOLDER / f"{entry['name']}.txt"
        if path.exists():
            error = FOLDER / f"{entry['name']}.stderr.txt"
            said = error.read_text() if error.exists() else ""
            found[entry["name"]] = Answer(entry["name"], tuple(entry["argv"]), entry["rc"], path.read_text(), said)
    confined = "c6_scontrol_job_oom_cgroup"  # its round was recorded without an index
    text = (FOLDER / f"{confined}.txt").read_text()
    return [*found.values(), Answer(confined, ("scontrol", "show", "job"), 0, text, "")]


ANSWERS = answers()


def of(program: str, *, ok: bool | None = None, verb: str = "") -> list[Answer]:
    return [
        answer
        for answer in ANSWERS
        if answer.argv[0] == program and ok in (None, answer.code == 0) and verb in " ".join(answer.argv)
    ]


def named(found: list[Answer]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("answer", found, ids=lambda answer: answer.name)


# ------------------------------------------------------------------------------------ submit

REFUSED = {
    "sbatch_err_partition", "sbatch_err_noshebang", "sbatch_err_dos", "sbatch_err_mem", "sbatch_err_gres",
    "sbatch_err_constraint", "sbatch_err_option",
}  # fmt: skip
UNKNOWN = {
    "sbatch_err_nofile",  # the folder is ours: if it cannot be read, a disk is at fault
    "down_ctld_sbatch",
    "stopped_ctld_sbatch",  # and its job ran afterwards
}


@named(of("sbatch"))
def test_a_submit(answer: Answer) -> None:
    receipt = Slurm().parse_submit(answer.code, answer.out, answer.err)
    if answer.code == 0:
        assert receipt.kind == "accepted"
        assert receipt.job_id == re.findall(r"[0-9]+", answer.out)[0]
    else:
        assert receipt.kind == ("refused" if answer.name in REFUSED else "unknown")
        assert answer.name in REFUSED | UNKNOWN
        assert receipt.raw == answer.err.strip()


# ------------------------------------------------------------------------------------ look


def squeue_rows(answer: Answer) -> Iterator[tuple[str, ...]]:
    """(id, state, reason, exit) of each line of one of the three forms of squeue's answers."""
    words = list(answer.argv)
    form = words[words.index("-o") + 1].split("|") if "-o" in words else None
    for line in answer.out.splitlines():
        if form and "|" in form[0] + line:
            cells = dict(zip(form, line.split("|"), strict=True))
            yield cells["%i"], cells["%T"], cells.get("%r", "None"), "0"
        elif found := LINE.fullmatch(line):
            where = found["where"].strip()
            reason = where[where.rindex("(") + 1 : -1] if where.endswith(")") else "None"
            yield found["id"], COMPACT[found["state"]], reason, "0"
        else:
            assert "JOBID" in line or form, line


def scontrol_rows(answer: Answer) -> Iterator[tuple[str, ...]]:
    """The same of each job of `scontrol show job`."""
    for job in re.split(r"(?m)^(?=JobId=)", answer.out):
        cells = dict(re.findall(r"(\S+?)=(\S*)", job))
        if cells:
            member = cells.get("ArrayTaskId")
            told = f"_{member}" if member and member.isdecimal() else f"_[{member}]" if member else ""
            reason = re.sub(r"^(Nodes.*|launch.*|job.*)$", lambda found: found[1].replace("_", " "), cells["Reason"])
            yield cells.get("ArrayJobId", cells["JobId"]) + told, cells["JobState"], reason, cells["ExitCode"]


def sacct_rows(answer: Answer) -> Iterator[tuple[str, ...]]:
    """The same of each job, not step, of a parsable answer of sacct."""
    words = list(answer.argv)
    between = BETWEEN if any("delimiter" in word for word in words) else "|"
    form = words[words.index("-o") + 1].split(",")
    whole = answer.out.replace("a|b=c\nd", "a b=c d")  # a comment with a newline: why none is asked for
    for line in whole.splitlines():
        parts = line.split(between)
        while len(parts) > len(form):  # a name with our delimiter in it: why it is not asked for with |
            parts[2:4] = [f"{parts[2]}|{parts[3]}"]
        cells = dict(zip(form, parts, strict=True))
        if cells["JobID"] != "JobID" and "." not in cells["JobID"]:
            yield cells["JobID"], cells["State"], cells.get("Reason", "None"), cells.get("ExitCode", "0:0")


LOOKS = [
    *((answer, squeue_rows) for answer in of("squeue", ok=True)),
    *((answer, scontrol_rows) for answer in of("scontrol", ok=True, verb="show job")),
]
PARSABLE = [answer for answer in of("sacct", ok=True) if "-P" in answer.argv]


def squeue_text(rows: list[tuple[str, ...]]) -> str:
    lines = [("JOBID", "NAME", "STATE", "EXIT_CODE", "REASON")]
    lines += [(job_id, TOKEN, state, ended, reason) for job_id, state, reason, ended in rows]
    widths = [width for _, width in COLUMNS]
    return "".join(
        "".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + "\n" for line in lines
    )


def sacct_text(rows: list[tuple[str, ...]]) -> str:
    lines = [ACCOUNT, *((job_id, TOKEN, state, ended) for job_id, state, _, ended in rows)]
    return "".join(BETWEEN.join(line) + "\n" for line in lines)


# (state, reason, exit) → (live, waits, cause). Everything that was ever recorded of a look is here.
MEANS: dict[Words, tuple[bool, bool, str | None]] = {
    ("CANCELLED", "BeginTime", "0"): (False, False, "cancelled"),
    ("CANCELLED", "BeginTime", "0:0"): (False, False, "cancelled"),
    ("CANCELLED", "DependencyNeverSatisfied", "0"): (False, False, "cancelled"),
    ("CANCELLED", "DependencyNeverSatisfied", "0:0"): (False, False, "cancelled"),
    ("CANCELLED", "JobHeldUser", "0"): (False, False, "cancelled"),
    ("CANCELLED", "JobHeldUser", "0:0"): (False, False, "cancelled"),
    ("CANCELLED", "None", "0"): (False, False, "cancelled"),
    ("CANCELLED", "None", "0:15"): (False, False, "cancelled"),
    ("CANCELLED", "PartitionTimeLimit", "0"): (False, False, "cancelled"),
    ("CANCELLED", "PartitionTimeLimit", "0:0"): (False, False, "cancelled"),
    ("COMPLETED", "None", "0"): (False, False, None),
    ("COMPLETED", "None", "0:0"): (False, False, None),
    ("COMPLETING", "None", "0"): (True, False, None),
    ("DEADLINE", "DeadLine", "0"): (False, False, "deadline"),
    ("DEADLINE", "DeadLine", "0:1"): (False, False, "deadline"),
    ("FAILED", "BadConstraints", "0"): (False, False, "bad constraints"),
    ("FAILED", "BadConstraints", "0:1"): (False, False, "bad constraints"),
    ("FAILED", "JobLaunchFailure", "0"): (False, False, "launch failed"),
    ("FAILED", "JobLaunchFailure", "0:11"): (False, False, "killed by signal 11"),
    ("FAILED", "JobLaunchFailure", "0:15"): (False, False, "killed by signal 15"),
    ("FAILED", "JobLaunchFailure", "0:53"): (False, False, "launch failed"),
    ("FAILED", "JobLaunchFailure", "0:9"): (False, False, "killed by signal 9"),
    ("FAILED", "NonZeroExitCode", "0"): (False, False, "failed"),
    ("FAILED", "NonZeroExitCode", "255:0"): (False, False, "exit code 255"),
    ("FAILED", "NonZeroExitCode", "2:0"): (False, False, "exit code 2"),
    ("FAILED", "NonZeroExitCode", "3:0"): (False, False, "exit code 3"),
    ("FAILED", "NonZeroExitCode", "5:0"): (False, False, "exit code 5"),
    ("FAILED", "NonZeroExitCode", "9:0"): (False, False, "exit code 9"),
    ("NODE_FAIL", "NodeDown", "0:0"): (False, False, "node failed"),
    ("OUT_OF_MEMORY", "OutOfMemory", "0:125"): (False, False, "out of memory"),
    ("PENDING", "BeginTime", "0"): (True, True, None),
    ("PENDING", "BeginTime", "0:0"): (True, True, None),
    ("PENDING", "Dependency", "0"): (True, True, None),
    ("PENDING", "Dependency", "0:0"): (True, True, None),
    ("PENDING", "DependencyNeverSatisfied", "0"): (True, True, None),
    ("PENDING", "DependencyNeverSatisfied", "0:0"): (True, True, None),
    ("PENDING", "JobArrayTaskLimit", "0"): (True, True, None),
    ("PENDING", "JobArrayTaskLimit", "0:0"): (True, True, None),
    ("PENDING", "JobHeldUser", "0"): (True, True, None),
    ("PENDING", "JobHeldUser", "0:0"): (True, True, None),
    ("PENDING", "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions", "0"): (
        True,
        True,
        None,
    ),
    ("PENDING", "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions", "0:0"): (
        True,
        True,
        None,
    ),
    ("PENDING", "NonZeroExitCode", "0"): (True, True, None),
    ("PENDING", "PartitionConfig", "0"): (True, True, None),
    ("PENDING", "PartitionConfig", "0:0"): (True, True, None),
    ("PENDING", "PartitionNodeLimit", "0"): (True, True, None),
    ("PENDING", "PartitionNodeLimit", "0:0"): (True, True, None),
    ("PENDING", "PartitionTimeLimit", "0"): (True, True, None),
    ("PENDING", "Priority", "0"): (True, True, None),
    ("PENDING", "Priority", "0:0"): (True, True, None),
    ("PENDING", "Resources", "0"): (True, True, None),
    ("PENDING", "Resources", "0:0"): (True, True, None),
    ("PENDING", "job requeued in held state", "0"): (True, True, None),
    ("PREEMPTED", "None", "0:15"): (False, False, "preempted"),
    ("RUNNING", "None", "0"): (True, False, None),
    ("RUNNING", "None", "0:0"): (True, False, None),
    ("SUSPENDED", "None", "0"): (True, False, None),
    ("TIMEOUT", "TimeLimit", "0"): (False, False, "timeout"),
    ("TIMEOUT", "TimeLimit", "0:0"): (False, False, "timeout"),
    ("TIMEOUT", "TimeLimit", "0:9"): (False, False, "timeout"),
    ("TIMEOUT", "TimeLimit", "7:0"): (False, False, "timeout"),
}
ACCOUNTS: dict[tuple[str, str], tuple[bool, str | None]] = {
    ("CANCELLED by 0", "0:0"): (False, "cancelled"),
    ("CANCELLED by 0", "9:0"): (False, "cancelled"),
    ("COMPLETED", "0:0"): (False, None),
    ("DEADLINE", "1:0"): (False, "deadline"),
    ("FAILED", "0:11"): (False, "killed by signal 11"),
    ("FAILED", "0:15"): (False, "killed by signal 15"),
    ("FAILED", "0:53"): (False, "launch failed"),
    ("FAILED", "0:9"): (False, "killed by signal 9"),
    ("FAILED", "127:0"): (False, "exit code 127"),
    ("FAILED", "1:0"): (False, "exit code 1"),
    ("FAILED", "2:0"): (False, "exit code 2"),
    ("FAILED", "3:0"): (False, "exit code 3"),
    ("FAILED", "5:0"): (False, "exit code 5"),
    ("NODE_FAIL", "0:0"): (False, "node failed"),
    ("PENDING", "0:0"): (True, None),
    ("PREEMPTED", "0:0"): (False, "preempted"),
    ("REQUEUED", "0:0"): (True, None),
    ("REQUEUED", "9:0"): (True, None),
    ("RUNNING", "0:0"): (True, None),
    ("TIMEOUT", "0:0"): (False, "timeout"),
}


@pytest.mark.parametrize(("answer", "rows"), LOOKS, ids=lambda value: getattr(value, "name", None))
def test_a_look(answer: Answer, rows) -> None:
    said = list(rows(answer))
    entries = Slurm().parse_status(0, squeue_text(said), "")
    assert entries is not None
    assert len(entries) == len(said)
    for entry, (job_id, state, reason, ended) in zip(entries, said, strict=True):
        assert (entry.live, entry.pending, entry.cause) == MEANS[state, reason, ended]
        assert entry.job_id == re.match("[0-9]+", job_id)[0]
        assert entry.member == (int(job_id.split("_")[1]) if re.fullmatch("[0-9]+_[0-9]+", job_id) else None)
        assert entry.raw == (state if reason == "None" else f"{state} {reason}")
        assert entry.waiting.startswith(reason if entry.pending and reason != "None" else "")


@named(PARSABLE)
def test_an_account(answer: Answer) -> None:
    said = list(sacct_rows(answer))
    entries = Slurm().parse_accounting(0, sacct_text(said), "")
    assert entries is not None
    newest = {job_id.partition("+")[0]: (state, ended) for job_id, state, _, ended in said}
    assert len(entries) == len(newest)
    for entry, (state, ended) in zip(entries, newest.values(), strict=True):
        assert (entry.live, entry.cause) == ACCOUNTS[state, ended]


def test_the_tables_here_say_nothing_that_was_not_recorded() -> None:
    seen = {(state, reason, ended) for answer, rows in LOOKS for _, state, reason, ended in rows(answer)}
    assert seen == MEANS.keys()
    assert {(state, ended) for answer in PARSABLE for _, state, _, ended in sacct_rows(answer)} == ACCOUNTS.keys()


@named([*of("squeue", ok=False), *of("scontrol", ok=False)])
def test_a_failed_look_says_nothing(answer: Answer) -> None:
    assert Slurm().parse_status(answer.code, answer.out, answer.err) is None


@named(of("sacct", ok=False))
def test_a_failed_account_says_nothing_unless_there_is_none(answer: Answer) -> None:
    expected = () if answer.name == "c3_sacct_disabled" else None
    assert Slurm().parse_accounting(answer.code, answer.out, answer.err) == expected


@named([*of("squeue", ok=True), *of("sacct", ok=True), *of("scontrol", ok=True), *of("scancel"), *of("sinfo")])
def test_no_answer_to_another_question_is_taken_for_one_to_ours(answer: Answer) -> None:
    assert Slurm().parse_status(answer.code, answer.out, answer.err) is None
    assert Slurm().parse_accounting(answer.code, answer.out, answer.err) is None
    assert Slurm().parse_queues(answer.code, answer.out, answer.err) is None
    assert Slurm().parse_submit(answer.code, answer.out, answer.err).kind == "unknown"


# ------------------------------------------------------------------------------------ what nobody recorded

GOOD = squeue_text([("1_0", "RUNNING", "None", "0"), ("1_[1-3]", "PENDING", "Priority", "0")])
GOOD_ACCOUNT = sacct_text([("1_0", "TIMEOUT", "", "0:0"), ("1_1", "CANCELLED by 0", "", "0:0")])
HEADS = st.sampled_from(["", GOOD, GOOD_ACCOUNT, GOOD.partition("\n")[0] + "\n", HEADINGS + "\n"])


@given(HEADS, st.text(), st.integers(0, 400), st.sampled_from([None, 0, 1, -9]))
def test_garbage_never_crashes_and_never_means_a_state_we_do_not_know(head: str, tail: str, cut: int, code) -> None:
    text = head[:cut] + tail
    slurm = Slurm()
    for entry in (*(slurm.parse_status(code, text, tail) or ()), *(slurm.parse_accounting(code, text, "") or ())):
        assert entry.token == TOKEN
    slurm.parse_queues(code, text, tail)
    slurm.parse_submit(code, text, tail)


@given(st.text(st.characters(categories=["Lu", "Pc"]), min_size=1, max_size=30))
def test_a_state_in_another_language_changes_nothing(word: str) -> None:
    from farpoint.schedulers.slurm_words import STATES

    entries = Slurm().parse_status(0, squeue_text([("1", word, "None", "0")]), "")
    assert entries is not None
    if word not in STATES:
        assert (entries[0].live, entries[0].raw) == (None, word)


# ------------------------------------------------------------------------------------ accounts

OF_USERS = {
    "sacctmgr_several": ("chem", "phys"),
    "sacctmgr_one": ("phys",),
    "sacctmgr_nobody": (),
    "sacctmgr_disabled": None,
    "down_dbd_sacctmgr": None,
}


@named(of("sacctmgr"))
def test_accounts_of_a_user(answer: Answer) -> None:
    user = next(word for word in answer.argv if word.startswith("name=")).removeprefix("name=")
    assert list(answer.argv) == Slurm().accounts_command(user)
    assert Slurm().parse_accounts(answer.code, answer.out, answer.err) == OF_USERS[answer.name]


def test_no_recorded_accounts_are_left_out() -> None:
    assert {answer.name for answer in of("sacctmgr")} == set(OF_USERS)
