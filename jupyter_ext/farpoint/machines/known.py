"""What a machine was when it last answered, kept on this side: so that work can be planned while it is away.

Knows a small file and how settings and facts become limits; asks nobody.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from farpoint.config import MachineConfig, QueueConfig
from farpoint.model import Limits, Queue
from farpoint.runner import layout
from farpoint.schedulers.base import Scheduler

POLL_HERE = 2.0  # seconds; a bell rings earlier here
POLL_QUEUE = 10.0
BEAT = 10.0  # seconds; a requeued pilot waits for six of them before it takes over
SHARED = 2  # cores taken by default where a queue system shares the computer
MEMORY_SHARE = 0.9
PILOTS = 100  # of one scan in a queue, where nothing else is set: enough to keep a cluster busy, and no burden to it
MOST = 1 << 30  # cores or gpus of a run, where only the queue's own limits count


class Known:
    """What was last heard of one machine. Without a `path` nothing is kept."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path

    def read(self) -> dict[str, Any]:
        """{"hello": …, "queues": [...]}, or {} where it never answered."""
        if self._path is None:
            return {}
        try:
            found = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) and found.get("format") == 1 else {}

    def keep(self, **news: Any) -> None:
        """Note what it said, where that is new."""
        before = self.read()
        after = {**before, **news, "format": 1}
        if self._path is not None and after != before:
            layout.make_private(str(self._path.parent))
            layout.put_json(str(self._path), after)


def limits(
    config: MachineConfig, scheduler: Scheduler, hello: Mapping[str, Any], queues: Sequence[Queue] = ()
) -> Limits:
    """What one run can have: what is configured, else what the computer has where runs stay on it, else its queues."""
    cpus, why = _cpus(config, hello)
    memory = int(hello["memory"] * MEMORY_SHARE) if hello.get("memory") else None
    gpus = hello.get("gpus", 0) if scheduler.here else MOST
    pilots = cpus if scheduler.here else PILOTS
    return Limits(
        cpus=cpus,
        memory=memory if config.memory is None else config.memory,
        gpus=gpus if config.gpus is None else config.gpus,
        grace=scheduler.grace if config.grace is None else config.grace,
        poll=(POLL_HERE if scheduler.here else POLL_QUEUE) if config.poll is None else config.poll,
        pilots=pilots if config.max_jobs is None else min(config.max_jobs, pilots if scheduler.here else MOST),
        why=why,
        queues=tuple(queues),
        array=config.max_array,
        running=config.max_running,
        slots=scheduler.here,
        together=config.max_jobs,
        header=config.header,
        launcher=config.launcher,
        beat=BEAT if config.beat is None else config.beat,
    )


def _cpus(config: MachineConfig, hello: Mapping[str, Any]) -> tuple[int, str]:
    most: int | None = hello.get("cpus")
    if config.cpus is not None:
        return min(config.cpus, most or config.cpus), ""
    if most is None:
        return MOST, ""
    queues = sorted(hello["programs"])
    if queues and most > SHARED:
        return SHARED, f"{queues[0]} is here, so others share this computer; set cpus = {most} to take it all"
    return most, ""


def configured(queues: Mapping[str, QueueConfig]) -> tuple[Queue, ...]:
    """The queues of farpoint.toml, in its order."""
    return tuple(
        Queue(name, one.cpus, one.memory, one.time, one.gpus, one.nodes, one.header) for name, one in queues.items()
    )


def as_json(queues: Sequence[Queue]) -> list[dict[str, Any]]:
    """Queues as `Known` keeps them."""
    return [{**asdict(queue), "header": list(queue.header)} for queue in queues]


def from_json(kept: Sequence[Mapping[str, Any]]) -> tuple[Queue, ...]:
    """Queues as they were kept."""
    return tuple(Queue(**{**one, "header": tuple(one["header"])}) for one in kept)
