"""What is planned: queue, arrays, times, tokens; and that what was previewed is what is handed over."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from farpoint.api.scan import Scan
from farpoint.errors import BadResources
from farpoint.model import JobFiles, JobShape, Limits, Queue
from farpoint.points import grid
from farpoint.project import Project
from farpoint.schedulers.base import Paths
from farpoint.schedulers.slurm import Slurm
from farpoint.verbs import watch
from still import StillMachine, rest, write_notebook

QUEUES = (
    Queue("debug", cpus=16, time=3600, header=("--constraint=old",)),
    Queue("long", cpus=16, time=86400, gpus=0),
    Queue("fat", cpus=64, memory=1 << 40, time=86400),
)


class QueueMachine(StillMachine):
    """A cluster that takes every job and runs none; `placed` is what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.given = {"pilots": 100, "queues": QUEUES, "header": ("--mail-type=NONE",), "launcher": "srun"}
        self.placed: list[JobFiles] = []

    def limits(self) -> Limits:
        return Limits(cpus=1 << 20, memory=None, gpus=1 << 20, grace=60.0, poll=5.0, **self.given)

    def script(self, shape: JobShape) -> str:
        return Slurm().render(shape, Paths("/s", "/w", "python3", "/s/runner.zip"))

    def place(self, files: JobFiles) -> None:
        self.placed.append(files)


@pytest.fixture
def machine() -> QueueMachine:
    return QueueMachine()


@pytest.fixture
def project(tmp_path: Path, machine: QueueMachine) -> Iterator[Project]:
    root = tmp_path / "project"
    root.mkdir()
    write_notebook(root / "toy.ipynb")
    made = Project(root, state=tmp_path / "state", machines={"local": machine})
    yield made
    rest(made)
    made.close()


def toy(project: Project, points: int = 3) -> Scan:
    return Scan(project.root / "toy.ipynb", grid(x=range(points)), project=project)


def job_of(files: JobFiles) -> dict:
    return json.loads(files.job)


def test_the_previewed_script_is_the_one_that_is_handed_over(project: Project, machine: QueueMachine) -> None:
    words = {"cpus": 2, "time": "30m", "memory": "1GB", "account": "a1", "extra": ["--qos=high"]}
    shown = toy(project).preview(**words)
    again = Scan(project.root / "toy.ipynb", grid(x=range(3)), project=project).preview(**words)
    toy(project).submit(**words)
    assert [job.script for job in machine.placed] == [shown.script] == [again.script]
    options = (
        "--partition=debug", "--constraint=old", "--mail-type=NONE", "--array=0-2", "--account=a1",
        "--cpus-per-task=2", "--mem=1024M", "--time=0:32:00", "--signal=B:USR1@60", "--qos=high",
    )  # fmt: skip
    for option in options:
        assert f"#SBATCH {option}\n" in shown.script, option


def test_a_previewed_token_is_never_given_twice(project: Project, machine: QueueMachine) -> None:
    first = toy(project, 2).preview().plan.jobs[0].token
    toy(project, 2).submit()
    second = toy(project, 4).preview().plan.jobs[0].token
    toy(project, 4).submit()
    assert [job.token for job in machine.placed] == [first, second]
    assert first != second
    kept = toy(project, 5).preview().plan.jobs[0].token
    project.spend_tokens("toy")
    assert toy(project, 5).preview().plan.jobs[0].token != kept


def test_what_pilots_are_told(project: Project, machine: QueueMachine) -> None:
    toy(project).submit(time="2h", tasks=4, nodes=2, cpus=3, points_per_job=2)
    job = job_of(machine.placed[0])
    assert (job["walltime"], job["launcher"], job["pilots"]) == (2 * 7200 + 120, "srun", 2)
    assert job["asked"] == {"queue": None, "account": None, "extra": []}
    assert {(run["tasks"], run["nodes"], run["cpus"]) for run in job["runs"]} == {(4, 2, 3)}
    assert [json.loads(each)["runs"] for each in machine.placed[0].slices.values()] == [[0, 1], [2]]
    assert "#SBATCH --partition=long\n" in machine.placed[0].script


def test_an_array_is_split_and_every_point_is_in_one_job(project: Project, machine: QueueMachine) -> None:
    machine.given |= {"array": 10, "running": 5, "pilots": 25}
    shown = toy(project, 60).preview(time="10m")
    assert shown.pilots == (9, 8, 8)
    assert (shown.jobs, len(set(shown.scripts))) == (3, 3)
    assert "3 jobs: 9 pilots, 2 running; 8 pilots, 2 running; 8 pilots, 1 running of 0:32:00" in repr(shown)
    toy(project, 60).submit(time="10m")
    numbers = [run["number"] for job in machine.placed for run in job_of(job)["runs"]]
    assert sorted(numbers) == list(range(60))
    assert [job.script for job in machine.placed] == list(shown.scripts)
    assert all(len(job.slices) == len(job_of(job)["runs"]) for job in machine.placed)
    rows = project.store.runs(project.id, scan="toy")
    assert {row.token for row in rows} == {job.token for job in machine.placed}


def test_what_will_wait_is_said(project: Project, machine: QueueMachine, capsys: pytest.CaptureFixture) -> None:
    machine.given |= {"pilots": 5, "queues": QUEUES[:1]}
    shown = toy(project, 50).preview(time="10m")
    assert shown.waits == 50 - 5 * 5
    said = (
        "25 points wait here for room; they go out while a kernel, Lab or `farpoint watch` runs: 5 pilots of 1:00:00 "
        "(the most of queue debug) have time for 5 of 0:10:00 each"
    )
    assert said in shown.messages
    assert said in repr(shown)
    toy(project, 50).submit(time="10m")
    assert said in capsys.readouterr().out
    assert toy(project, 20).preview(time="10m").waits == 0
    machine.given["queues"] = QUEUES
    assert toy(project, 300).preview(time="10m").messages[-1].endswith("; queue long has time for all")


def test_the_queue_and_why(project: Project) -> None:
    shown = toy(project).preview(time="2h", cpus=8)
    assert (shown.queue, shown.why) == ("long", "8 cores unused; debug: time 1:00:00 at most")
    assert "queue long (8 cores unused; debug: time 1:00:00 at most)" in repr(shown)
    assert toy(project).preview(queue="f.*").queue == "fat"
    assert toy(project).preview(queue=["fat", "long"], cpus=2).queue == "long"
    assert shown.most_core_hours == 3 * 2 * 8
    with pytest.raises(BadResources, match=r"Did you mean 'debug'\?"):
        toy(project).preview(queue="debg")
    with pytest.raises(BadResources, match="debug: cpus 16 at most; long: cpus 16 at most; fat: cpus 64 at most"):
        toy(project).submit(cpus=100)
    assert project.folders.scans() == []


def test_a_pattern_needs_queues(project: Project, machine: QueueMachine) -> None:
    machine.given["queues"] = ()
    with pytest.raises(BadResources, match="no queues of machine 'local' are known"):
        toy(project).preview(queue="deb.*")
    assert "#SBATCH --partition=deb.q\n" in toy(project).preview(queue="deb.q").script


def test_a_retry_with_more_goes_where_there_is_more(project: Project, machine: QueueMachine) -> None:
    scan = toy(project, 1).submit(cpus=16, memory="20GB")
    scan.cancel()
    for token in [job.token for job in machine.placed]:
        with project.store.write() as writer:
            writer.update_attempt(scan[0].id, 1, {"state": "FAILED", "reason": "out of memory"})
        assert token
    machine.given["queues"] = (Queue("thin", cpus=16, memory=30 << 30), *QUEUES[2:])
    scan.retry(memory="x2")
    watch.tick(project)
    assert "#SBATCH --partition=fat\n" in machine.placed[-1].script
    assert "#SBATCH --mem=40960M\n" in machine.placed[-1].script


def test_the_preview_as_data(project: Project) -> None:
    told = toy(project).preview(time="30m", memory="1.5GB").as_json()
    assert told["resources"] | {"memory": 1610612736, "time": 1920, "queue": "debug"} == told["resources"]
    assert json.loads(json.dumps(told))["pilots"] == [3]


def test_a_profile_says_what_the_call_does_not(project: Project, tmp_path: Path) -> None:
    text = '[[profiles]]\nmatch = "project/toy.ipynb"\ncpus = 3\ntime = "2h"\npoints_per_job = 2\n'
    (project.root / "farpoint.toml").write_text(text)
    shown = toy(project).preview()
    assert (shown.plan.arranged.need.cpus, shown.queue, shown.plan.arranged.window.size) == (3, "long", 2)
    assert any(message.startswith("profile project/toy.ipynb (") for message in shown.messages)
    assert toy(project).preview(cpus=2, points_per_job=1).plan.arranged.need.cpus == 2


def test_the_machines_account_pays_where_no_other_is_named(project: Project, machine: QueueMachine) -> None:
    (project.root / "farpoint.toml").write_text('[machines.local]\nscheduler = "slurm"\naccount = "phys"\n')
    assert "#SBATCH --account=phys\n" in toy(project).preview().script
    assert "#SBATCH --account=chem\n" in toy(project).preview(account="chem").script
    toy(project).submit()
    assert job_of(machine.placed[0])["asked"]["account"] == "phys"
    document = project.folders.read_scan("toy")
    assert document
    assert document["resources"]["account"] is None, "a retry elsewhere is not charged to it"


def _calls(project: Project):
    def relax(x):
        return x

    return Scan(relax, grid(x=[1]), project=project).preview()


@pytest.mark.parametrize(
    ("key", "cpus"),
    [("test_plan.py::relax", 5), ("test_plan.py::_calls, verbs/test_plan.py::relax", 5), ("relax", 5), ("rela", 1)],
)
def test_a_profile_by_name_and_by_who_calls(project: Project, key: str, cpus: int) -> None:
    (project.root / "farpoint.toml").write_text(f'[[profiles]]\nmatch = "{key}"\ncpus = 5\n')
    assert _calls(project).plan.arranged.need.cpus == cpus


def test_a_scan_waits_here_until_the_machine_has_room(project: Project, machine: QueueMachine) -> None:
    machine.given |= {"pilots": 5, "together": 5}
    write_notebook(project.root / "other.ipynb")
    toy(project, 3).submit()
    other = Scan(project.root / "other.ipynb", grid(x=range(4)), project=project)
    assert other.preview().pilots == (2,), "two of five are left"
    toy(project, 9).submit()
    other.submit()
    watch.tick(project)
    assert [job_of(job)["pilots"] for job in machine.placed] == [3, 2]
    assert "4 points wait for room; they go out while a kernel, Lab or `farpoint watch` runs" in repr(other)
    with project.store.write() as writer:
        for row in project.store.runs(project.id, scan="toy"):
            writer.update_attempt(row.run, 1, {"state": "CANCELLED"})
    watch.tick(project)
    watch.tick(project)
    assert [job_of(job)["scan"] for job in machine.placed] == ["toy", "toy", "other"]
