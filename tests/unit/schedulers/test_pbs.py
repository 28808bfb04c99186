"""`pbs` passes the suite every scheduler passes; its scripts, its commands, and words no recording has."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farpoint.model import JobShape, Queue, QueueEntry, Resources
from farpoint.schedulers import base
from farpoint.schedulers import pbs_words as words
from farpoint.schedulers.pbs import Pbs
from farpoint.testing.scheduler_suite import TOKEN, Recorded, Said, SchedulerSuite

PATHS = base.Paths("/s", "/w", "python3", "/s/r.zip")
NOTHING = {"timestamp": 1795199550, "pbs_version": "23.06.06", "pbs_server": "vm"}


def job(state: str, **fields: Any) -> dict[str, Any]:
    return {"Job_Name": TOKEN, "job_state": state, **fields}


def look(code: int = 0, err: str = "", **jobs: dict[str, Any]) -> Said:
    told = {"Jobs": {name.replace("_", "."): about for name, about in jobs.items()}} if jobs else {}
    return Said(code, json.dumps({**NOTHING, **told}, indent="\t"), err)


ARRAY = {
    "34[]_vm": job("B", substate=70, Exit_status=0),
    "34[0]_vm": job("X", substate=93, Exit_status=3, comment="Job run at Fri and failed"),
    "34[1]_vm": job("R", substate=42),
    "34[2]_vm": job("Q", substate=10),
}
ENDED = {"35_vm": job("F", substate=93, Exit_status=-29)}
QUEUES = {
    "workq": {"queue_type": "Execution", "enabled": "True"},
    "short": {"enabled": "True", "resources_max": {"walltime": "00:10:00", "mem": "4gb", "ncpus": 16, "nodect": "2"}},
    "shut": {"enabled": "False"},
    "inner": {"enabled": "True", "from_route_only": "True"},
}


class TestPbs(SchedulerSuite):
    @pytest.fixture
    def scheduler(self) -> Pbs:
        return Pbs()

    @pytest.fixture
    def recorded(self) -> Recorded:
        failed = QueueEntry(
            "34[].vm", TOKEN, False, "X, substate 93, Exit_status 3, Job run at Fri and failed", "exit code 3"
        )
        members = (
            QueueEntry(failed.job_id, TOKEN, False, failed.raw, failed.cause, member=0),
            QueueEntry("34[].vm", TOKEN, True, "R, substate 42", member=1),
            QueueEntry("34[].vm", TOKEN, True, "Q, substate 10", None, True, 2),
        )
        late = QueueEntry("35.vm", TOKEN, False, "F, substate 93, Exit_status -29", "timeout")
        other = {"Job_Name": "somebody's", "job_state": "R"}
        unknown = "qstat: Unknown Job Id 9.vm\n"
        return Recorded(
            accepted=(Said(0, "34[].vm\n"), "34[].vm"),
            refused=Said(170, "", "qsub: Unknown queue\n"),
            status=(look(153, unknown, **ARRAY, **{"36_vm": other}), members),
            empty=look(153, unknown),
            down=(
                look(255, "Connection refused\nqstat: cannot connect to server vm (errno=15010)\n"),
                look(153),
                look(1, unknown),
                Said(0, ""),
            ),
            strange=(look(**{"7_vm": job("Y")}), "Y"),
            members=(look(**ARRAY), (0, 1, 2)),
            waiting=(
                look(**{"7_vm": job("Q", comment="Can Never Run: Insufficient amount of resource")}),
                "Can Never Run",
            ),
            account=(look(**ENDED, **ARRAY), (late, members[0])),
            no_account=look(0, "qstat: PBS is not configured to maintain job history 1000.vm\n"),
            queues=(
                Said(0, json.dumps({**NOTHING, "Queue": QUEUES})),
                (Queue("workq"), Queue("short", 16, 4 << 30, 600, None, 2)),
            ),
        )


def script(**changes: object) -> list[str]:
    shape = JobShape(**{"token": TOKEN, "pilots": 1, "resources": Resources(), "name": "s", **changes})
    return Pbs().render(shape, PATHS).splitlines()


def directives(**changes: object) -> list[str]:
    return [line.removeprefix("#PBS ") for line in script(**changes) if line.startswith("#PBS ")]


IDENTITY = ["-S /bin/sh", f"-N {TOKEN}", "-j oe", "-r y"]


def test_a_job_of_one_is_no_array() -> None:
    assert directives() == ["-l select=1:ncpus=1", *IDENTITY]
    assert directives(pilots=8, running=2, after=("3[].vm", "5.vm"), requeue=False)[-3:] == [
        "-r n", "-J 0-7%2", "-W depend=afterany:3[].vm:5.vm",
    ]  # fmt: skip


def test_what_a_run_needs_becomes_requests() -> None:
    need = Resources(cpus=4, memory=(1 << 30) + 1, time=3690, gpus=2, queue="workq", account="p")
    assert directives(resources=need)[:4] == [
        "-l select=1:ncpus=4:mem=1025mb:ngpus=2", "-l walltime=1:01:30", "-q workq", "-A p",
    ]  # fmt: skip
    ranks = Resources(tasks=8, nodes=2, cpus=2, memory=4 << 30, gpus=2)
    assert directives(resources=ranks)[0] == "-l select=2:ncpus=8:mpiprocs=4:mem=2048mb:ngpus=1"


def test_a_header_says_how_a_site_asks() -> None:
    header = ("#PBS -l select={nodes}:ncpus={cpus}:mem={memory}:cpu_type=rome", "-P {account}", "-l place=scatter")
    need = Resources(cpus=2, memory=2 << 20, account="p")
    filled = ["-l select=1:ncpus=2:mem=2mb:cpu_type=rome", "-P p", "-l place=scatter"]
    assert directives(resources=need, header=header) == [*filled, *IDENTITY]
    assert directives(header=header) == ["-l select=1:ncpus=1", "-l place=scatter", *IDENTITY]


def run_script(lines: list[str], folder: str, **env: str) -> str:
    """What the shell makes of a script whose last line is replaced."""
    text = "\n".join([*lines[:-1], 'echo "$FARPOINT_JOB_ID ${PBS_ARRAY_INDEX:-0}"'])
    done = subprocess.run(["sh", "-c", text], env={"PATH": "/usr/bin:/bin", **env}, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    return folder


@pytest.mark.parametrize(
    ("env", "file", "said"),
    [
        ({"PBS_JOBID": "34.vm"}, "pbs-34.0.out", "34.vm 0"),
        ({"PBS_JOBID": "34[5].vm.site-1", "PBS_ARRAY_INDEX": "5"}, "pbs-34.5.out", "34[].vm.site-1 5"),
    ],
)
def test_a_member_knows_its_job_and_prints_into_its_file(tmp_path, env, file, said) -> None:
    paths = base.Paths(f"{tmp_path}/state dir", "/w", "python3", "/s/r.zip")
    folder = tmp_path / "state dir" / "jobs" / TOKEN
    folder.mkdir(parents=True)
    shape = JobShape(TOKEN, 8, Resources(), "s")
    run_script(Pbs().render(shape, paths).splitlines(), str(folder), **env)
    assert (folder / file).read_text() == f"{said}\n"
    job_id, _, member = said.partition(" ")
    assert Pbs().output_name(job_id, int(member)) == file


def test_the_commands() -> None:
    pbs = Pbs()
    known = {TOKEN: ["3[].vm"], "fp2": ["5.vm", "6.vm"]}
    asked = ["-t", "-f", "-F", "json"]
    assert pbs.status_command(known, PATHS) == ["qstat", *asked, "3[].vm", "5.vm", "6.vm"]
    assert pbs.status_command({**known, "fp3": []}, PATHS) == ["qstat", *asked]
    assert pbs.accounting_command(known, PATHS) == ["qstat", "-x", *asked, "3[].vm", "5.vm", "6.vm"]
    assert pbs.look_up_command(TOKEN, PATHS) == ["qstat", "-f", "-F", "json"]
    assert pbs.cancel_commands(["3[].vm", "5.vm"], PATHS) == [["qdel", "3[].vm"], ["qdel", "5.vm"]]
    assert pbs.hold_command(["3.vm"], PATHS) == ["qhold", "3.vm"]
    assert pbs.release_command(["3.vm"], PATHS) == ["qrls", "3.vm"]


@pytest.mark.parametrize(
    "said",
    [
        "qsub: cannot connect to server vm (errno=15010)",
        "qsub: would exceed queue workq's per-user limit",
        "qsub: Fehler",
    ],
)
def test_what_may_be_taken_later_is_no_refusal(said: str) -> None:
    assert Pbs().parse_submit(162, "", said).kind == "unknown"


@pytest.mark.parametrize("status", words.STATUSES)
def test_every_status_of_pbs_has_a_cause(status: int) -> None:
    assert words.cause({"substate": 93, "Exit_status": status}) == words.STATUSES[status][1]


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (0, None), (1, "exit code 1"),
        (128, "exit code 128"), (129, "killed by signal 1"), (192, "killed by signal 64"),
        (193, "exit code 193"), (255, "exit code 255"), (256, "exit code 256"), (265, "killed by signal 9"),
        (-99, "PBS status -99"),
    ],
)  # fmt: skip
def test_statuses_of_the_job_itself(status: int, cause: str | None) -> None:
    assert words.cause({"substate": 92, "Exit_status": status}) == cause


def test_too_many_failed_attempts_are_no_wish_of_anybody() -> None:
    comment = "job held, too many failed attempts to run and terminated"
    assert words.cause({"substate": 91, "comment": comment}) == "launch failed"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["Job_Name", "job_state"]), inner),
)


@given(JSON, JSON, st.text(), st.sampled_from([None, 0, 35, 153, 255]))
def test_no_answer_makes_it_fall(one: object, other: object, text: str, code: int | None) -> None:
    pbs = Pbs()
    about = {"Job_Name": TOKEN, "job_state": other, "comment": one, "Exit_status": other, "substate": one}
    whole = {**NOTHING, "Jobs": {"1.vm": about, "2.vm": one, "3[4].vm": {**about, "job_state": "F"}, text: other}}
    for out in (text, json.dumps(one), json.dumps({**NOTHING, "Jobs": one, "Queue": {text: other}}), json.dumps(whole)):
        pbs.parse_submit(code, out, text)
        pbs.parse_status(code, out, text)
        pbs.parse_accounting(code, out, text)
        pbs.parse_queues(code, out, text)


def test_a_tab_in_a_variable_spoils_nothing() -> None:
    out = look(**ARRAY).out.replace('"substate"', '"Variable_List": {"R": "x\ty;\\\\"}, "substate"')
    assert len(Pbs().parse_status(0, out, "") or ()) == 3
