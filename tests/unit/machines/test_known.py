"""What a machine said last is enough to plan for it while it is away; what it never said is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from farpoint.api.scan import Scan
from farpoint.config import MachineConfig
from farpoint.errors import Unreachable
from farpoint.machines import known
from farpoint.machines.batch import Machine
from farpoint.model import JobShape, Queue, Resources
from farpoint.points import grid
from farpoint.project import Project
from farpoint.schedulers.slurm import Slurm
from farpoint.transports.link import Link
from farpoint.transports.pipe import Pipe
from farpoint.verbs import watch
from still import write_notebook

CONFIG = MachineConfig(scheduler="slurm", queues={"short": known.QueueConfig(cpus=4, time=3600)})


def machine(folder: Path, *, away: bool = False) -> Machine:
    link = Link("hpc", Pipe("/no/python/there" if away else None), str(folder / "state"), str(folder / "work"))
    memory = known.Known(folder / "known" / "hpc.json")
    return Machine("hpc", link, Slurm(), "owner", lambda: 0.0, CONFIG, memory=memory)


def script(of: Machine) -> str:
    return of.script(JobShape("fpaaaaaaaaaaaaa", 2, Resources(), "scan"))


def test_a_machine_that_is_away_is_planned_for_as_it_was(tmp_path: Path) -> None:
    with pytest.raises(Unreachable):
        script(machine(tmp_path, away=True))
    there = machine(tmp_path)
    said = script(there)
    there.close()
    gone = machine(tmp_path, away=True)
    assert script(gone) == said
    assert [queue.name for queue in gone.limits().queues] == ["short"]


def test_queues_are_kept_as_they_were() -> None:
    queues = (Queue("a", 1, 2, 3, 4, 5, ("--x",)), Queue("b"))
    assert known.from_json(known.as_json(queues)) == queues


def test_work_for_a_machine_that_is_away_is_accepted(tmp_path: Path) -> None:
    there = machine(tmp_path)
    said = script(there)
    there.close()
    assert "state" in said
    root = tmp_path / "project"
    root.mkdir()
    write_notebook(root / "toy.ipynb")
    project = Project(root, state=tmp_path / "mine", machines={"hpc": machine(tmp_path, away=True)})
    try:
        scan = Scan(root / "toy.ipynb", grid(x=[1, 2]), project=project)
        shown = scan.preview("hpc", time="10m")
        assert (shown.queue, shown.lacking) == ("short", None)
        scan.submit("hpc", time="10m")
        watch.tick(project)
        assert scan.counts == {"NEW": 2}
        assert any(said.startswith("machine hpc is paused: machine 'hpc' did not answer") for said in scan.messages)
    finally:
        watch.driver(project).stop()
        project.close()
