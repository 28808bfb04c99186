"""`slurm` passes the suite every scheduler passes; its commands, its scripts, and every word of its tables."""

from __future__ import annotations

import pytest

from farpoint.errors import BadResources
from farpoint.model import JobShape, Queue, QueueEntry, Resources
from farpoint.schedulers import base
from farpoint.schedulers.slurm import COLUMNS, Slurm
from farpoint.testing.scheduler_suite import TOKEN, Recorded, Said, SchedulerSuite

PATHS = base.Paths("/s", "/w", "python3", "/s/runner/0a.zip")
HEADINGS = ("JOBID", "NAME", "STATE", "EXIT_CODE", "REASON")


def table(*rows: tuple[str, ...]) -> str:
    """What squeue prints for our columns."""
    widths = [width for _, width in COLUMNS]
    lines = ["".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (HEADINGS, *rows)]
    return "\n".join([*lines, ""])


LOOK = table(
    ("4_[2-3]", TOKEN, "PENDING", "0", "JobArrayTaskLimit"),
    ("4_0", TOKEN, "RUNNING", "0", "None"),
    ("4_1", TOKEN, "FAILED", "768", "NonZeroExitCode"),
    ("5", "somebody else's | job", "RUNNING", "0", "None"),
    ("6", TOKEN, "PENDING", "0", "PartitionTimeLimit"),
)


ACCOUNT = "\n".join(
    "\x1f".join(row)
    for row in (
        ("JobID", "JobName", "State", "ExitCode"),
        ("4_1", TOKEN, "REQUEUED", "0:0"),
        ("4_1", TOKEN, "CANCELLED by 0", "0:0"),
        ("5", TOKEN, "NODE_FAIL", "1:0"),
        ("6", "another|s", "COMPLETED", "0:0"),
        (),
    )
)
SINFO = """\
PARTITION|AVAIL|TIMELIMIT|JOB_SIZE|NODES|CPUS|MEMORY|GRES
long|up|14-00:00:00|1-infinite|3|16|64000|(null)
long|up|14-00:00:00|1-infinite|2|64+|256000|gpu:a100:4(S:0-1),gpu:k80:1,nvme:1
old|drain|10:00|1|3|4|4000|(null)
short*|down|30:00|1|3|4|4000|(null)
any|up|infinite|n/a|n/a|n/a|n/a|n/a
"""
MB = 1 << 20
QUEUES = (
    Queue("short", 4, 4000 * MB, 1800, 0, 1),
    Queue("long", 64, 256000 * MB, 14 * 86400, 5, 5),
    Queue("any", None, None, None, 0, None),
)


class TestSlurm(SchedulerSuite):
    @pytest.fixture
    def scheduler(self) -> Slurm:
        return Slurm()

    @pytest.fixture
    def recorded(self) -> Recorded:
        throttled = "JobArrayTaskLimit: as many members of its array run as may"
        never = "PartitionTimeLimit: asks for more time than the queue gives, so it never starts"
        entries = (
            QueueEntry("4", TOKEN, True, "PENDING JobArrayTaskLimit", pending=True, waiting=throttled),
            QueueEntry("4", TOKEN, True, "RUNNING", member=0),
            QueueEntry("4", TOKEN, False, "FAILED NonZeroExitCode", cause="exit code 3", member=1),
            QueueEntry("6", TOKEN, True, "PENDING PartitionTimeLimit", pending=True, waiting=never),
        )
        invalid = "sbatch: error: Batch job submission failed: Invalid partition name specified"
        unreachable = "slurm_load_jobs error: Unable to contact slurm controller (connect failure)"
        ended = (
            QueueEntry("4", TOKEN, False, "CANCELLED by 0", cause="cancelled", member=1),
            QueueEntry("5", TOKEN, False, "NODE_FAIL", cause="node failed"),
        )
        return Recorded(
            accepted=(Said(0, "Submitted batch job 418\n"), "418"),
            refused=Said(1, "", f"sbatch: error: invalid partition specified: nope\n{invalid}\n"),
            status=(Said(0, LOOK), entries),
            empty=Said(0, table()),
            down=(Said(1, "", unreachable), Said(0, ""), Said(0, LOOK.rstrip("\n")), Said(1, LOOK)),
            strange=(Said(0, table(("7", TOKEN, "FROBNICATING", "0", "None"))), "FROBNICATING"),
            members=(Said(0, table(*((f"8_{n}", TOKEN, "RUNNING", "0", "None") for n in (0, 3)))), (0, 3)),
            waiting=(Said(0, table(("9", TOKEN, "PENDING", "0", "JobHeldUser"))), "JobHeldUser"),
            account=(Said(0, ACCOUNT), ended),
            no_account=Said(1, "", "Slurm accounting storage is disabled\n"),
            queues=(Said(0, SINFO), QUEUES),
        )


def script(shape: JobShape) -> list[str]:
    lines = Slurm().render(shape, PATHS).splitlines()
    return [line.removeprefix("#SBATCH ") for line in lines if line.startswith("#SBATCH ")]


def test_a_script_asks_for_everything_in_slurms_own_units() -> None:
    need = Resources(
        cpus=8, memory=(3 << 30) + 1, time=90061, gpus=4, nodes=2, tasks=4, queue="gpu,long", account="proj-1",
        extra=("--qos=high",),
    )  # fmt: skip
    shape = JobShape(
        TOKEN, 10, need, "scan", header=("#SBATCH --constraint=haswell", "--mem=1G"), running=3, warn=120,
        after=("11", "12"), requeue=False,
    )  # fmt: skip
    assert script(shape) == [
        "--no-requeue",
        "--constraint=haswell", "--mem=1G",
        "--nodes=2", "--ntasks=4", "--cpus-per-task=8", "--mem=1537M", "--time=25:01:01", "--gres=gpu:2",
        "--partition=gpu,long", "--account=proj-1",
        "--qos=high",
        f"--job-name={TOKEN}", "--output=slurm-%A_%a.out", "--open-mode=append",
        "--array=0-9%3", "--signal=B:USR1@120", "--dependency=afterany:11:12",
    ]  # fmt: skip


def test_one_pilot_is_no_array_and_its_output_is_named_as_a_members() -> None:
    options = script(JobShape(TOKEN, 1, Resources(), "scan"))
    assert options == [
        "--requeue", "--nodes=1", "--cpus-per-task=1", f"--job-name={TOKEN}", "--output=slurm-%j_0.out",
        "--open-mode=append",
    ]  # fmt: skip
    assert Slurm().output_name("12", 0) == "slurm-12_0.out"


def test_the_pilot_hears_its_member_and_the_id_that_sbatch_printed() -> None:
    *_, named, last = Slurm().render(JobShape(TOKEN, 2, Resources(), "scan"), PATHS).splitlines()
    assert named == 'export FARPOINT_JOB_ID="${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}"'
    assert last.endswith('--member "${SLURM_ARRAY_TASK_ID:-0}"')


@pytest.mark.parametrize("line", ["rm -rf /", "#SBATCH", "# SBATCH --x", "--a\n--b", "--a\x1b[1m", "", "#PBS -q x"])
def test_a_header_is_one_option(line: str) -> None:
    with pytest.raises(BadResources, match="is not an option of sbatch"):
        script(JobShape(TOKEN, 1, Resources(), "scan", header=(line,)))
    with pytest.raises(BadResources, match="is not an option of sbatch"):
        script(JobShape(TOKEN, 1, Resources(extra=(line,)), "scan"))


def test_the_commands() -> None:
    slurm = Slurm()
    assert slurm.submit_command(TOKEN, "", PATHS) == ["sbatch", f"/s/jobs/{TOKEN}/script"]
    look = slurm.status_command({TOKEN: ("1",), "fp2": ()}, PATHS)
    assert look[:5] == ["squeue", "--me", "--array", "--states=all", f"--name={TOKEN},fp2"]
    assert slurm.cancel_commands(["1", "2"], PATHS) == [["scancel", "1", "2"]]
    assert slurm.hold_command(["1", "2"], PATHS) == ["scontrol", "uhold", "1,2"]
    assert slurm.release_command(["1"], PATHS) == ["scontrol", "release", "1"]
    by_id = slurm.accounting_command({TOKEN: ("1", "2")}, PATHS)
    by_name = slurm.accounting_command({TOKEN: ("1", "2"), "fp2": ()}, PATHS)
    assert by_id is not None
    assert by_name is not None
    assert by_id[-2:] == ["--jobs=1,2", f"--name={TOKEN}"]
    assert by_name[-2:] == ["--starttime=now-30days", f"--name={TOKEN},fp2"]


def test_thousands_of_jobs_are_listed_by_user() -> None:
    many = {f"fp{number:013d}": () for number in range(2001)}
    assert not any(word.startswith("--name") for word in Slurm().status_command(many, PATHS))


def test_half_a_table_of_queues_is_none() -> None:
    for bad in ("", "garbage\n", SINFO.replace("(null)\nlong", "long")):
        assert Slurm().parse_queues(0, bad, "") is None
    assert Slurm().parse_queues(1, SINFO, "slurm_load_partitions: Unable to contact slurm controller") is None


POLICY = "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, ...)\n"


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (f"sbatch: error: QOSMaxSubmitJobPerUserLimit\n{POLICY}", "later"),
        (f"sbatch: error: AssocMaxSubmitJobLimit\n{POLICY}", "later"),
        (POLICY, "later"),
        (f"sbatch: error: QOSMaxWallDurationPerJobLimit\n{POLICY}", "refused"),
        ("sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying\n", "later"),
        ("sbatch: error: Batch job submission failed: Socket timed out on send/recv operation\n", "unknown"),
        ("sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)", "unknown"),
        ("sbatch: error: Batch job submission failed: Zero Bytes were transmitted or received", "unknown"),
        ("sbatch: error: Batch job submission failed: Invalid account or account/partition combination", "refused"),
        ("sbatch: Fehler: Auftrag nicht angenommen", "unknown"),
    ],
)
def test_a_limit_is_no_refusal(said: str, kind: str) -> None:
    assert Slurm().parse_submit(1, "", said).kind == kind
    assert Slurm().parse_submit(None, "", said).kind == "unknown"


def test_where_there_is_no_sbatch_there_is_no_job() -> None:
    assert Slurm().parse_submit(127, "", "sbatch: No such file or directory").kind == "refused"


@pytest.mark.parametrize(
    ("code", "out", "found"),
    [(0, "|phys\n", ("phys",)), (0, "garbage\n", None), (127, "", None), (None, "", None)],
)
def test_accounts_that_were_never_recorded(code: int | None, out: str, found: tuple[str, ...] | None) -> None:
    assert isinstance(Slurm(), base.Accounts)
    assert Slurm().parse_accounts(code, out, "") == found
