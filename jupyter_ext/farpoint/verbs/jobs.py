"""From chosen runs to job folders: which queue, how many pilots in how many jobs, what each carries, the script.

Writes nothing and chooses no runs; what is arithmetic is in `window` and `queues`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from farpoint._version import __version__
from farpoint.errors import BadResources
from farpoint.machines.base import Machine
from farpoint.model import JobFiles, JobShape, Limits, PlannedRun, Resources
from farpoint.project import Project
from farpoint.queues import Choice, choose, is_pattern, per_pilot
from farpoint.resources import show_memory, show_time
from farpoint.runner import layout, values
from farpoint.window import MARGIN, PerJob, Window, window

SILENCE = 6  # beats without a sign before a requeued pilot may take over
_OF_A_RUN = ("cpus", "memory", "time", "gpus", "tasks", "nodes", "retries")
PLACED = ("queue", "account", "extra")  # asked for a run, and needed again where it is placed anew


@dataclass(frozen=True, slots=True)
class Arrangement:
    """How runs that all need `need` are laid out on a machine."""

    limits: Limits
    need: Resources
    choice: Choice
    window: Window

    @property
    def pilot(self) -> Resources:
        """What each pilot asks for."""
        return per_pilot(self.need, self.choice, self.window.walltime)

    @property
    def header(self) -> tuple[str, ...]:
        """Directives of every job: the machine's, then the queue's."""
        return (*self.limits.header, *(self.choice.queue.header if self.choice.queue else ()))

    def words(self) -> list[str]:
        """Layout and queue, for people."""
        made, need, limits = self.window, self.need, self.limits
        asked = [f"{need.cpus} cpu{'s' * (need.cpus != 1)}"]
        asked += [f"{need.tasks} tasks"] if need.tasks > 1 else []
        asked += [f"{need.nodes} nodes"] if need.nodes > 1 else []
        asked += [show_memory(need.memory)] if need.memory else []
        asked += [f"{need.gpus} gpu{'s' * (need.gpus != 1)}"] if need.gpus else []
        asked += [f"at most {show_time(need.time)}"] if need.time else []
        asked += [f"with {', '.join(need.requires)}"] if need.requires else []
        asked += [f"tried again up to {need.retries} time{'s' * (need.retries != 1)}"] if need.retries else []
        why = f" ({limits.why})" if limits.why else ""
        lines = [f"each: {', '.join(asked)}; {sum(made.pilots)} at a time{why}"]
        if limits.slots:
            return lines
        arrays = [f"{count} pilots" + (f", {most} running" if most else "") for count, most in self._arrays()]
        time = f" of {show_time(made.walltime)}" if made.walltime else ""
        jobs = f"{len(made.pilots)} job{'s' * (len(made.pilots) != 1)}: {'; '.join(arrays)}{time}"
        lines.append(jobs + (f"; {made.size} points taken at a time" if made.size > 1 else ""))
        if self.choice.queue is not None:
            lines.append(f"queue {self.choice.queue.name}" + (f" ({self.choice.why})" if self.choice.why else ""))
        return lines

    def _arrays(self) -> list[tuple[int, int | None]]:
        return list(dict.fromkeys(zip(self.window.pilots, self.window.running, strict=True)))

    def shape(self, token: str, job: int, name: str) -> JobShape:
        """What the scheduler must know of one of the jobs."""
        return JobShape(
            token, self.window.pilots[job], self.pilot, name, self.limits.beat, header=self.header,
            running=self.window.running[job], warn=self.window.warn,
        )  # fmt: skip


def arrange(
    limits: Limits,
    need: Resources,
    runs: int,
    machine: str,
    *,
    per_job: PerJob = None,
    usual: float | None = None,
    taken: int = 0,
    most: int | None = None,
) -> Arrangement:
    """Choose a queue and lay the runs out; BadResources where the machine can never give one run what it needs.

    `usual` are the seconds an earlier point took, `taken` the pilots that are there for other jobs, `most` the pilots
    there may be besides what the machine allows.
    """
    fit(need, limits, machine)
    if need.queue and not limits.queues and is_pattern(need.queue):
        raise BadResources(
            f"queue={need.queue!r} is a pattern, and no queues of machine {machine!r} are known. Name one."
        )
    choice = choose(need, limits.queues, machine)
    room = min(limits.pilots, limits.cpus // need.cpus) if limits.slots else limits.pilots
    if limits.together is not None and taken < limits.together:  # where nothing is left, the job waits for all of it
        room = min(room, limits.together - taken)
    made = window(
        runs, limits, room=max(1, min(room, most or room)), time=need.time, per_job=per_job, usual=usual,
        longest=None if choice.queue is None else choice.queue.time,
    )  # fmt: skip
    return Arrangement(limits, need, choice, made)


def fit(need: Resources, limits: Limits, machine: str) -> Resources:
    """The same resources, if the machine can ever give them to one run; BadResources otherwise."""
    if need.cpus > limits.cpus:
        raise BadResources(f"cpus={need.cpus} is more than machine {machine!r} has ({limits.cpus}). Ask for fewer.")
    if need.memory and limits.memory and need.memory > limits.memory:
        has = show_memory(limits.memory)
        raise BadResources(
            f"memory={show_memory(need.memory)} is more than machine {machine!r} has ({has}). Ask for less."
        )
    if need.gpus > limits.gpus:
        raise BadResources(f"gpus={need.gpus} is more than machine {machine!r} has ({limits.gpus}). Ask for fewer.")
    return need


def write_jobs(
    project: Project,
    machine: Machine,
    body: Mapping[str, Any],
    runs: Sequence[PlannedRun],
    arranged: Arrangement,
    blobs: Mapping[str, Path | bytes],
    token: Callable[[int], str] | None = None,
) -> tuple[JobFiles, ...]:
    """Job folders for `runs`, each under a token of its own. `body` says task, environment, files and save.

    `token` names the n-th of them; without it, each gets a new one.
    """
    size = arranged.window.size
    cut = [range(start, min(start + size, len(runs))) for start in range(0, len(runs), size)]
    made = []
    for job, dealt in enumerate(arranged.window.deal(cut)):
        mine = [runs[i] for each in dealt for i in each]
        sizes = [len(each) for each in dealt]
        name = token(job) if token else project.new_token()
        made.append(
            _write(project, machine, body, mine, sizes, arranged.shape(name, job, str(body["scan"])), arranged, blobs)
        )
    return tuple(made)


def _write(
    project: Project,
    machine: Machine,
    body: Mapping[str, Any],
    runs: Sequence[PlannedRun],
    sizes: Sequence[int],
    shape: JobShape,
    arranged: Arrangement,
    blobs: Mapping[str, Path | bytes],
) -> JobFiles:
    limits, need = arranged.limits, arranged.need
    document = {
        "results_key": project.random.randbytes(32).hex(), **body, "format": layout.FORMAT, "token": shape.token,
        "farpoint": __version__, "created": project.clock(),
        "owner": project.owner, "project": project.id, "project_root": str(project.root), "machine": machine.name,
        "timing": {"beat": shape.beat, "silence": SILENCE * shape.beat}, "pilots": shape.pilots,
        "slots": {"cpus": limits.cpus, "memory": limits.memory, "gpus": limits.gpus} if limits.slots else None,
        "walltime": arranged.window.walltime, "launcher": limits.launcher,
        "asked": {word: value for word, value in asdict(need).items() if word in PLACED},
        "runs": [_run_entry(run) for run in runs],
    }  # fmt: skip
    slices, start = {}, 0
    for number, count in enumerate(sizes):
        members = list(range(start, start + count))
        slices[number] = layout.dump({"format": layout.FORMAT, "slice": number, "runs": members})
        start += count
    return JobFiles(shape.token, layout.dump(document), slices, machine.script(shape), dict(blobs))


def _run_entry(run: PlannedRun) -> dict[str, Any]:
    need = run.resources
    return {
        "run": run.run, "number": run.number, "attempt": run.attempt, "version": run.version, "key": run.key,
        "seed": run.seed, "parameters": {name: values.encode(value) for name, value in run.parameters.items()},
        "cpus": need.cpus, "memory": need.memory, "time": need.time, "gpus": need.gpus, "tasks": need.tasks,
        "nodes": need.nodes, "retries": need.retries,
    }  # fmt: skip


def needed(job: Mapping[str, Any], index: int) -> Resources:
    """What a run of a job that was written before needs."""
    entry, asked = job["runs"][index], dict(job.get("asked") or {})
    words = {word: entry[word] for word in _OF_A_RUN if word in entry}
    return Resources(**words, **{**asked, "extra": tuple(asked.get("extra") or ())})


def told(arranged: Arrangement) -> list[str]:
    """What is worth knowing before submitting: points that find no room in their pilots' time, and why."""
    made, time = arranged.window, arranged.need.time
    if not made.waits or not time:
        return []
    points = f"{made.waits:,} point{'s' * (made.waits != 1)}"
    each = max(1, ((made.walltime or 0) - MARGIN) // time)
    queue = f" of queue {arranged.choice.queue.name}" if arranged.choice.queue else ""
    said = f"{points} wait here for room; they go out while a kernel, Lab or `farpoint watch` runs: "
    said += f"{sum(made.pilots)} pilots of {show_time(made.walltime)} (the most{queue}) have time for {each} of "
    better = _roomier(arranged)
    return [f"{said}{show_time(time)} each" + (f"; queue {better} has time for all" if better else "")]


def _roomier(arranged: Arrangement) -> str | None:
    """A queue in which no point would wait."""
    made, need = arranged.window, arranged.need
    share = made.share * (need.time or 0) + MARGIN
    try:
        found = choose(replace(need, time=share, queue=None), arranged.limits.queues, "")
    except BadResources:
        return None
    return found.queue.name if found.queue else None
