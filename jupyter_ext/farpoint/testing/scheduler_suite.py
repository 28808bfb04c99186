"""What every scheduler adapter must do: subclass `SchedulerSuite`, give it a scheduler and recorded answers.

Runs no command: an adapter is text in and text out, and that is held here too.
"""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass
from pathlib import Path

import pytest

from farpoint.errors import BadResources
from farpoint.model import JobShape, Queue, QueueEntry, Resources
from farpoint.schedulers.base import Paths, Scheduler

TOKEN = "fpabcdefghijklm"
IMPURE = {"asyncio", "os", "pathlib", "random", "socket", "subprocess", "threading", "time"}
GARBAGE = ("connection reset by peer", '{"half": ', "<html>login</html>", "\x00\x01\n", "Traceback (most recent call")


@dataclass(frozen=True)
class Said:
    """One recorded answer of the queue system: exit code and text; None where it did not end in time."""

    code: int | None
    out: str
    err: str = ""


@dataclass(frozen=True)
class Recorded:
    """Answers as the real programs give them, and what they mean."""

    accepted: tuple[Said, str]  # a submit and the job id it gave
    refused: Said  # a submit that was certainly refused
    status: tuple[Said, tuple[QueueEntry, ...]]  # a look, with the words of the real program in `raw`
    empty: Said  # a good look that shows no job at all
    down: tuple[Said, ...]  # looks while the queue system could not answer
    strange: tuple[Said, str]  # a look at one job with a word nobody knows, and the word
    # What not every queue system has:
    members: tuple[Said, tuple[int, ...]] | None = None  # a look at one array, and the members it shows one by one
    waiting: tuple[Said, str] | None = None  # a look at one job that waits, and the system's own word for why
    account: tuple[Said, tuple[QueueEntry, ...]] | None = None  # the account of jobs that ended
    no_account: Said | None = None  # what is said where the account is switched off
    queues: tuple[Said, tuple[Queue, ...]] | None = None  # the queues and their limits


class SchedulerSuite:
    """Override `scheduler` and `recorded`."""

    paths = Paths("/state dir", "/work", "/usr/bin/python3", "/state dir/r.zip", ("module load x",), {"A": "b c"})
    shape = JobShape(TOKEN, 3, Resources(cpus=2, memory=1 << 30, time=3600), "my scan")

    @pytest.fixture
    def scheduler(self) -> Scheduler:
        """The adapter under test."""
        raise NotImplementedError

    @pytest.fixture
    def recorded(self) -> Recorded:
        """What the queue system says."""
        raise NotImplementedError

    def test_the_script_says_all_and_ends_in_the_pilot(self, scheduler: Scheduler) -> None:
        script = scheduler.render(self.shape, self.paths)
        assert script == scheduler.render(self.shape, self.paths)
        lines = script.splitlines()
        assert lines[0].startswith("#!")
        assert lines[-1].startswith("exec ")
        for word in (TOKEN, "'/state dir'", "/usr/bin/python3"):
            assert word in lines[-1]
        assert lines.index("module load x") < lines.index("export A='b c'") < len(lines) - 1

    def test_no_word_of_a_user_becomes_a_directive(self, scheduler: Scheduler) -> None:
        for hostile in (Resources(queue="a\n#b"), Resources(account="a b"), Resources(queue="a'b")):
            shape = JobShape(TOKEN, 1, hostile, "x\n#y")
            try:
                script = scheduler.render(shape, self.paths)
            except BadResources:
                continue
            plain = scheduler.render(JobShape(TOKEN, 1, Resources(), "x"), self.paths)
            assert len(script.splitlines()) == len(plain.splitlines())

    def test_commands_are_words_and_not_shell(self, scheduler: Scheduler) -> None:
        script = scheduler.render(self.shape, self.paths)
        jobs = {TOKEN: ("1", "2")}
        commands = [
            scheduler.submit_command(TOKEN, script, self.paths),
            scheduler.status_command(jobs, self.paths),
            scheduler.status_command({TOKEN: ()}, self.paths),
            scheduler.look_up_command(TOKEN, self.paths),
            *scheduler.cancel_commands(["1", "2"], self.paths),
            scheduler.accounting_command(jobs, self.paths) or ["none"],
        ]
        asides = (scheduler.hold_command, scheduler.release_command)
        commands += [aside(["1", "2"], self.paths) or ["none"] for aside in asides]
        commands.append(scheduler.queues_command(self.paths) or ["none"])
        for argv in commands:
            assert argv
            assert not any("\n" in word for word in argv)
            assert argv[0] not in {"sh", "bash"}

    def test_a_submit_is_accepted_only_with_an_id(self, scheduler: Scheduler, recorded: Recorded) -> None:
        said, job_id = recorded.accepted
        receipt = scheduler.parse_submit(said.code, said.out, said.err)
        assert (receipt.kind, receipt.job_id) == ("accepted", job_id)
        refused = recorded.refused
        assert scheduler.parse_submit(refused.code, refused.out, refused.err).kind == "refused"
        for text in ("", *GARBAGE):
            assert scheduler.parse_submit(0, text, "").kind == "unknown"
            assert scheduler.parse_submit(None, text, "").kind == "unknown"

    def test_an_id_is_believed_before_an_exit_code(self, scheduler: Scheduler, recorded: Recorded) -> None:
        said, job_id = recorded.accepted
        for code in (1, -9, None):
            receipt = scheduler.parse_submit(code, said.out, "then it failed")
            assert (receipt.kind, receipt.job_id) == ("accepted", job_id)

    def test_a_look_shows_what_was_recorded(self, scheduler: Scheduler, recorded: Recorded) -> None:
        said, entries = recorded.status
        assert scheduler.parse_status(said.code, said.out, said.err) == entries
        empty = recorded.empty
        assert scheduler.parse_status(empty.code, empty.out, empty.err) == ()

    def test_nothing_is_concluded_from_a_bad_answer(self, scheduler: Scheduler, recorded: Recorded) -> None:
        for said in recorded.down:
            assert scheduler.parse_status(said.code, said.out, said.err) is None
        good, _ = recorded.status
        assert scheduler.parse_status(None, good.out, "") is None
        for text in GARBAGE:
            assert scheduler.parse_status(0, text, "") is None

    def test_half_an_answer_never_shows_more_than_the_whole(self, scheduler: Scheduler, recorded: Recorded) -> None:
        said, entries = recorded.status
        known = {(entry.job_id, entry.token, entry.live) for entry in entries}
        for end in range(len(said.out)):
            seen = scheduler.parse_status(said.code, said.out[:end], said.err)
            assert seen is None or {(entry.job_id, entry.token, entry.live) for entry in seen} <= known

    def test_an_unknown_word_is_kept_and_means_nothing(self, scheduler: Scheduler, recorded: Recorded) -> None:
        said, word = recorded.strange
        (entry,) = scheduler.parse_status(said.code, said.out, said.err) or ()
        assert entry.live is None
        assert word in entry.raw

    def test_what_holds_can_be_released(self, scheduler: Scheduler) -> None:
        hold, release = (each(["1"], self.paths) for each in (scheduler.hold_command, scheduler.release_command))
        assert (hold is None) == (release is None)
        assert hold is None or hold != release

    def test_each_member_of_an_array_prints_into_a_file_of_its_own(self, scheduler: Scheduler) -> None:
        names = [scheduler.output_name(job_id, member) for job_id in ("1", "2", "12") for member in range(12)]
        assert len(set(names)) == len(names)
        assert not any(name.startswith("/") or ".." in name for name in names)

    def test_members_are_told_apart(self, scheduler: Scheduler, recorded: Recorded) -> None:
        if recorded.members is None:
            return
        said, members = recorded.members
        entries = scheduler.parse_status(said.code, said.out, said.err) or ()
        assert tuple(entry.member for entry in entries if entry.member is not None) == members
        assert len({(entry.job_id, entry.token) for entry in entries}) == 1

    def test_why_a_job_waits_is_said(self, scheduler: Scheduler, recorded: Recorded) -> None:
        if recorded.waiting is None:
            return
        said, word = recorded.waiting
        (entry,) = scheduler.parse_status(said.code, said.out, said.err) or ()
        assert entry.live
        assert entry.pending
        assert word in entry.waiting

    def test_the_account_is_read_and_garbage_is_no_account(self, scheduler: Scheduler, recorded: Recorded) -> None:
        if recorded.account is not None:
            said, entries = recorded.account
            assert scheduler.parse_accounting(said.code, said.out, said.err) == entries
            assert scheduler.parse_accounting(None, said.out, said.err) is None
        if recorded.no_account is not None:
            said = recorded.no_account
            assert scheduler.parse_accounting(said.code, said.out, said.err) == ()
        for text in GARBAGE:
            assert not scheduler.parse_accounting(0, text, "")

    def test_queues_have_their_limits(self, scheduler: Scheduler, recorded: Recorded) -> None:
        if recorded.queues is not None:
            said, queues = recorded.queues
            assert scheduler.parse_queues(said.code, said.out, said.err) == queues
            assert scheduler.parse_queues(1, "", "no") is None
        for text in GARBAGE:
            assert not scheduler.parse_queues(0, text, "")

    def test_the_adapter_is_pure_text(self, scheduler: Scheduler) -> None:
        source = Path(inspect.getfile(type(scheduler))).read_text(encoding="utf-8")
        names: set[str] = set()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                names |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add((node.module or "").partition(".")[0])
        assert not names & IMPURE
