"""One run as several ranks under a launcher such as mpirun: how it is started, what each rank does, what is merged.

Rank 0 is the run: its values and its word count. Of the others the output is kept, behind their number, and a failure.
"""

import importlib
import os
import shlex
import sys
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from . import events, journal, layout, speakers

LAUNCHER = "mpirun"
NUMBERED = ("OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "MV2_COMM_WORLD_RANK", "SLURM_PROCID")

Event = Dict[str, Any]
Left = NamedTuple("Left", [("events", List[Event]), ("failure", Optional[Event])])


def launch(launcher: Optional[str], tasks: int) -> List[str]:
    """The words that start what follows them so many times; `{tasks}` says where the number goes.

    >>> launch(None, 4), launch("srun --mpi=pmix --ntasks={tasks}", 2)
    (['mpirun', '-n', '4'], ['srun', '--mpi=pmix', '--ntasks=2'])
    """
    words = shlex.split(launcher or LAUNCHER)
    if not any("{tasks}" in word for word in words):
        words += ["-n", "{tasks}"]
    return [word.replace("{tasks}", str(tasks)) for word in words]


def main(arguments: List[str]) -> int:
    """`work_rank <verb> <spec.json>`: this rank's part. A failure is its exit code, on which launchers end the rest."""
    verb, path = arguments
    spec = layout.read_json(path)
    rank = number(os.environ)
    os.environ.update(spec["environment"])  # a launcher need not bring it to other computers
    if spec["modules"] not in sys.path:
        sys.path.insert(0, spec["modules"])
    if rank > 0 or os.uname().nodename != spec["host"]:
        path = _of_its_own(spec, path, rank)
    speaking = speakers.start("[rank %d] " % rank if rank > 0 else "")
    work = importlib.import_module("%s.%s" % (__package__, verb))
    try:
        code = work.main([path])
    finally:
        speakers.stop(speaking)
    return int(code or any(state != "COMPLETED" for state in events.results))


def number(environment: Mapping[str, str]) -> int:
    """Which rank this is, as any of the usual launchers says it.

    >>> number({"PMI_RANK": "3"}), number({})
    (3, 0)
    """
    return next((int(environment[name]) for name in NUMBERED if environment.get(name, "").isdigit()), 0)


def left(ours: str, tasks: int) -> Left:
    """What ranks that could not reach the pilot's pipe wrote into files: rank 0's events, and the first failure."""
    told: List[Event] = []
    failure: Optional[Event] = None
    for rank in range(tasks):
        for event in _read(os.path.join(ours, "rank.%d" % rank, "events")):
            failed = event.get("e") == "result" and event.get("state") != "COMPLETED"
            if rank == 0:
                told.append(event)
            elif failed and failure is None:
                failure = _named(event, rank)
    return Left(told, failure)


def _named(event: Event, rank: int) -> Event:
    error = event.get("error")
    if isinstance(error, dict):
        error = dict(error, message="rank %d: %s" % (rank, error.get("message")))
    return dict(event, error=error)


def _of_its_own(spec: Mapping[str, Any], path: str, rank: int) -> str:
    """A spec whose events go to a file: a pipe works on one computer only, and only rank 0 has a say in it."""
    ours = os.path.dirname(os.path.abspath(path))
    folder = os.path.join(ours, "rank.%d" % rank)
    os.makedirs(folder, exist_ok=True)
    told = os.path.join(folder, "events")
    with open(told, "ab"):
        pass
    mine = dict(spec, events=told, checkpoint=spec.get("checkpoint") or _checkpoint(ours, spec))
    # Large values lie beside the spec: those of rank 0 where they are looked for, those of the others apart.
    own = os.path.join(ours, "spec.0.json") if rank == 0 else os.path.join(folder, "spec.json")
    with open(own, "wb") as file:
        file.write(layout.dump(mine))
    os.environ.update(FARPOINT_SPEC=own, FARPOINT_EVENTS=told)
    return own


def _checkpoint(ours: str, spec: Mapping[str, Any]) -> str:
    run = os.path.dirname(ours)
    return os.path.join(os.path.dirname(os.path.dirname(run)), "checkpoints", str(spec["i"]))


def _read(path: str) -> List[Event]:
    try:
        with open(path, "rb") as file:
            return journal.parse(file.read() + b"\n")[0]
    except OSError:
        return []
