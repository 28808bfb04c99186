"""`sge` passes the suite every scheduler passes; its scripts, its commands, and words no recording has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farpoint.errors import BadResources
from farpoint.model import JobShape, QueueEntry, Resources
from farpoint.schedulers import base
from farpoint.schedulers import sge_words as words
from farpoint.schedulers.sge import Sge
from farpoint.testing.scheduler_suite import TOKEN, Recorded, Said, SchedulerSuite

PATHS = base.Paths("/s", "/w", "python3", "/s/r.zip")
TOP = "<?xml version='1.0'?>\n<job_info  xmlns:xsd=\"http://arc.liv.ac.uk/repos/darcs/sge/qstat.xsd\">\n"
END = "</job_info>\n"


def job(number: int, state: str, tasks: str = "", name: str = TOKEN) -> str:
    told = f"<tasks>{tasks}</tasks>" if tasks else ""
    return (
        f"<job_list state='pending'><JB_job_number>{number}</JB_job_number><JB_name>{name}</JB_name>"
        f"<state>{state}</state><slots>1</slots>{told}</job_list>\n"
    )


def look(*jobs: str) -> Said:
    return Said(0, f"{TOP}<queue_info>{''.join(jobs)}</queue_info><job_info></job_info>{END}")


class TestSge(SchedulerSuite):
    @pytest.fixture
    def scheduler(self) -> Sge:
        return Sge()

    @pytest.fixture
    def recorded(self) -> Recorded:
        entries = (
            QueueEntry("34", TOKEN, True, "r", member=0),
            QueueEntry("34", TOKEN, True, "hqw", None, True, 1, "hqw: held, or waits for another job"),
            QueueEntry("34", TOKEN, True, "hqw", None, True, 2, "hqw: held, or waits for another job"),
            QueueEntry("35", TOKEN, False, "Eqw", "launch failed", member=0),
        )
        return Recorded(
            accepted=(Said(0, f'Your job-array 34.1-3:1 ("{TOKEN}") has been submitted\n'), "34"),
            refused=Said(1, "", 'Unable to run job: unknown resource "nonsense"\nExiting.\n'),
            status=(
                look(job(34, "r", "1"), job(34, "hqw", "2-3:1"), job(35, "Eqw", "1"), job(9, "r", "", "x")),
                entries,
            ),
            empty=look(),
            down=(
                Said(1, "", "error: unable to contact qmaster using port 26444 on host"),
                Said(124, ""),
                Said(0, ""),
                Said(0, "<?xml version='1.0'?>\n<unknown_jobs >\n    <ST_name>999999</ST_name>\n</unknown_jobs>\n"),
            ),
            strange=(look(job(34, "N", "1")), "N"),
        )


def script(**changes: object) -> list[str]:
    shape = JobShape(**{"token": TOKEN, "pilots": 1, "resources": Resources(), "name": "s", **changes})
    return Sge().render(shape, PATHS).splitlines()


def directives(**changes: object) -> list[str]:
    return [line.removeprefix("#$ ") for line in script(**changes) if line.startswith("#$ ")]


IDENTITY = ["-S /bin/sh", f"-N {TOKEN}", "-cwd", "-j y", "-o sge-$JOB_ID.$TASK_ID.out", "-r y"]


def test_a_job_of_one_is_an_array_too() -> None:
    assert directives() == [*IDENTITY, "-t 1-1"]
    assert directives(pilots=8, running=2, after=("3", "5"), requeue=False) == [
        *IDENTITY[:-1], "-r n", "-t 1-8", "-tc 2", "-hold_jid 3,5",
    ]  # fmt: skip


def test_the_pilot_is_told_its_member_and_its_job() -> None:
    lines = script()
    assert lines[-2] == 'export FARPOINT_JOB_ID="$JOB_ID"'
    assert lines[-1].endswith(f'--token {TOKEN} --member "$((SGE_TASK_ID - 1))"')


def test_what_a_run_needs_becomes_requests() -> None:
    need = Resources(cpus=4, memory=(1 << 30) + 1, time=90, gpus=2, queue="a.q", account="p")
    assert directives(resources=need)[:6] == [
        "-pe smp 4", "-l h_vmem=257M", "-l h_rt=90", "-l gpu=2", "-q a.q", "-P p",
    ]  # fmt: skip
    assert directives(resources=Resources(tasks=8, nodes=2, cpus=2))[0] == "-pe mpi 16"


def test_a_header_says_how_a_site_asks() -> None:
    header = ("#$ -pe openmp {cpus}", "-l mem_free={memory},h_vmem={memory}", "-A mine", "-l gpu_a100={gpus}")
    need = Resources(cpus=2, memory=2 << 20, time=60)
    assert directives(resources=need, header=header)[:4] == [
        "-l h_rt=60", "-pe openmp 2", "-l mem_free=1M,h_vmem=1M", "-A mine",
    ]  # fmt: skip


@pytest.mark.parametrize("line", ["exec rm", "-l a\n#$ -b y", "#SBATCH --mem=1", ""])
def test_a_header_holds_options_only(line: str) -> None:
    with pytest.raises(BadResources, match="not an option of qsub"):
        directives(header=(line,))


def test_no_signal_is_asked_for_before_the_end() -> None:
    """With s_rt a job of 8.1.9 outlives its h_rt; -notify hides who ended it."""
    text = "\n".join(script(resources=Resources(time=600), warn=60))
    assert "s_rt" not in text
    assert "-notify" not in text


def test_the_commands() -> None:
    sge = Sge()
    assert sge.status_command({TOKEN: ["3"]}, PATHS) == ["qstat", "-xml", "-u", "$user", "-s", "prs"]
    assert sge.accounting_command({TOKEN: ()}, PATHS) == ["qacct", "-j", TOKEN]
    assert sge.accounting_command({"fpab": (), "fpaac": (), "fpaad": ()}, PATHS) == ["qacct", "-j", "fpa*"]
    assert sge.cancel_commands(["3", "4"], PATHS) == [["qdel", "3", "4"]]
    assert sge.hold_command(["3"], PATHS) == ["qhold", "3"]
    assert sge.release_command(["3"], PATHS) == ["qrls", "3"]
    assert sge.reasons_command(["3", "4"]) == ["qstat", "-xml", "-j", "3,4"]
    assert sge.output_name("34", 0) == "sge-34.1.out"


def test_reasons_of_several_queues_and_jobs() -> None:
    """Numbers stand in two forms of element, as 8.1.9 prints them."""

    def message(text: str, *jobs: int, each: str = "ulong_sublist") -> str:
        numbers = "".join(f"<{each}><ULNG_value>{job}</ULNG_value></{each}>" for job in jobs)
        listed = f"<MES_job_number_list>{numbers}</MES_job_number_list><MES_message_number>1</MES_message_number>"
        return f"<element>{listed}<MES_message>{text}</MES_message></element>"

    other = "cannot run in queue &quot;long.q&quot; because it is not contained in its hard queue list (-q)"
    full = "(-l h_rt=356400) cannot run in queue &quot;short.q&quot;\n because of cluster queue"
    said = [message(other, 3, 4), message(full, 3, each="element"), message(full, 3)]
    off = "<SME_global_message_list><element><MES_message>There are no messages available</MES_message></element>"
    lists = f"{off}</SME_global_message_list><SME_message_list>{''.join(said)}</SME_message_list>"
    text = f"<detailed_job_info><messages><element>{lists}</element></messages></detailed_job_info>"
    shown = other.replace("&quot;", '"')
    assert Sge().parse_reasons(0, text, "") == {
        "3": f'(-l h_rt=356400) cannot run in queue "short.q" because of cluster queue; {shown}',
        "4": shown,
    }
    assert Sge().parse_reasons(0, text[:-9], "") == Sge().parse_reasons(None, "", "") == {}
    assert isinstance(Sge(), base.Reasons)


def test_tasks_in_every_form() -> None:
    said = look(job(1, "qw", "2"), job(2, "qw", "1-7:3"), job(3, "qw", "1,4-5:1"), job(4, "qw"), job(5, "qw", "1-3..."))
    entries = Sge().parse_status(0, said.out, "") or ()
    assert [(entry.job_id, entry.member) for entry in entries] == [
        ("1", 1), ("2", 0), ("2", 3), ("2", 6), ("3", 0), ("3", 3), ("3", 4), ("4", None), ("5", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "said",
    [
        'Unable to run job: unable to send message to qmaster using port 26444 on host "vm": got send error\nExiting.',
        "Unable to run job: Error reading answer list from qmaster\nExiting.",
        "error: commlib error: got select error (Connection refused)\nUnable to run job: unable to contact qmaster",
        "Unable to run job: job rejected: only 2 jobs are allowed per user (current job count: 2)\nExiting.",
        "Unable to run job: Job temporarily rejected.\nExiting.",
        "Auftrag abgelehnt: die Ressource gibt es nicht",
    ],
)
def test_what_may_be_taken_later_is_no_refusal(said: str) -> None:
    assert Sge().parse_submit(1, "", said).kind == "unknown"


def test_before_any_job_has_ended_there_is_an_empty_account() -> None:
    said, why = (
        "no jobs running since startup\n",
        "/var/lib/gridengine/default/common/accounting: No such file or directory\n",
    )
    assert Sge().parse_accounting(1, said, why) == ()
    assert Sge().parse_accounting(1, "", why) is None


def test_a_terse_answer_has_the_id_too() -> None:
    assert Sge().parse_submit(0, "35.2-10:4\n", "").job_id == "35"
    assert Sge().parse_submit(0, "3\n", "").job_id == "3"


def record(**fields: str) -> str:
    given = {"jobname": TOKEN, "jobnumber": "5", "taskid": "1", "slots": "1", "failed": "0", "exit_status": "0"}
    lines = [f"{name:12} {value}" for name, value in {**given, **fields}.items()]
    return "=" * 62 + "\n" + "\n".join([*lines, f"category     {fields.get('category', 'NONE')}"]) + "\n"


@pytest.mark.parametrize(("maxvmem", "cause"), [("1.950GB", "out of memory"), ("9.000MB", "timeout")])
def test_a_job_killed_at_a_limit_was_full_or_late(maxvmem: str, cause: str) -> None:
    text = record(
        failed="37  : qmaster enforced", maxvmem=maxvmem, slots="2", category="-l h_rt=9,h_vmem=1024M -pe smp 2"
    )
    (entry,) = Sge().parse_accounting(0, text, "") or ()
    assert (entry.live, entry.cause) == (False, cause)


def test_a_failure_nobody_knows_is_kept() -> None:
    (entry,) = Sge().parse_accounting(0, record(failed="77  : a new one"), "") or ()
    assert (entry.live, entry.cause) == (None, None)
    assert "77 : a new one" in entry.raw


def test_the_last_record_of_a_member_counts() -> None:
    text = record(failed="25  : rescheduling", exit_status="99") + record(exit_status="3") + record(taskid="2")
    entries = Sge().parse_accounting(0, text, "") or ()
    assert [(entry.member, entry.cause) for entry in entries] == [(0, "exit code 3"), (1, None)]


def test_half_a_record_is_no_account() -> None:
    text = record() + record(taskid="2")
    for end in range(len(text) - len("category     NONE\n")):
        seen = Sge().parse_accounting(0, text[:end], "")
        assert seen is None or [entry.member for entry in seen] == [0]


@given(st.text(), st.text(), st.sampled_from([None, 0, 1, 2, 7, 14, -9]))
def test_no_text_makes_it_fall(out: str, err: str, code: int | None) -> None:
    sge = Sge()
    for given_out in (out, f"qname {out}", f"==={out}", f"{TOP}{out}{END}"):
        sge.parse_submit(code, given_out, err)
        sge.parse_status(code, given_out, err)
        sge.parse_accounting(code, given_out, err)
        sge.parse_queues(code, given_out, err)


@given(st.text(alphabet="".join(words.LETTERS) + "NXc", max_size=5))
def test_only_known_letters_mean_something(letters: str) -> None:
    meaning = words.state(letters)
    known = bool(letters) and set(letters) <= words.LETTERS.keys()
    assert (meaning.live is None) is not known


@pytest.mark.parametrize(("code", "out"), [(0, "what is this\n"), (127, ""), (None, "")])
def test_nothing_is_taken_for_a_project(code: int | None, out: str) -> None:
    assert isinstance(Sge(), base.Accounts)
    assert Sge().parse_accounts(code, out, "") is None
