"""Which queue of a machine a run goes to: one that fits and leaves least unused, the first listed where several do.

Pure: knows the queues' limits and what is asked, no machine, no scheduler's words and nobody's account.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from farpoint.errors import BadResources, nearest
from farpoint.model import Queue, Resources
from farpoint.resources import show_memory, show_time

_PLAIN = re.compile(r"[A-Za-z0-9_@+,:/.-]+")  # reads as a name: only names that are there can be meant by it


@dataclass(frozen=True, slots=True)
class Ask:
    """What one run wants of a queue. cores, memory (bytes) and gpus are of the whole run; time in seconds.

    Without `nodes`, as many as `cores` need. `part`: it need not have its nodes alone. `exact`: where it has them
    alone, no core may be left over. The cores are of `tasks`, none of which spans nodes.
    """

    cores: int | None = None
    nodes: int | None = None
    memory: int | None = None
    time: int | None = None
    gpus: int = 0
    part: bool = True
    exact: bool = False
    tasks: int = 1


@dataclass(frozen=True, slots=True)
class Fit:
    """A queue that fits: the nodes there, the cores got, and what of the nodes nobody asked for."""

    queue: Queue
    nodes: int
    cores: int
    unused: tuple[int, int]  # gpus, cores
    unsure: bool = False  # whether it has the gpus asked for is not known

    @property
    def why(self) -> str:
        """What of the nodes stays unused, in words; '' where nothing is known to."""
        gpus, cores = self.unused
        words = [f"{count} {what}{'s' * (count != 1)}" for count, what in ((gpus, "gpu"), (cores, "core")) if count]
        return f"{' and '.join(words)} unused" if words else ""


@dataclass(frozen=True, slots=True)
class Choice:
    """The queue chosen (None: the machine names none, the scheduler has its own) and why, in words."""

    queue: Queue | None
    why: str = ""


def choose(need: Resources, queues: Sequence[Queue], machine: str) -> Choice:
    """The queue for a run that needs this; BadResources says what every queue lacks, or which queues there are.

    `need.queue` is a name, or a pattern that must match a whole name ("deb.*").

    >>> queues = [Queue("short", cpus=16, time=3600), Queue("long", cpus=16), Queue("fat", cpus=64)]
    >>> choose(Resources(cpus=4, time=1800), queues, "hpc").queue.name
    'short'
    >>> choose(Resources(cpus=4, time=7200), queues, "hpc").why
    '12 cores unused; short: time 1:00:00 at most'
    """
    if not queues:
        return Choice(None)
    ask = Ask(need.cpus * need.tasks, need.nodes, need.memory, need.time, need.gpus, tasks=need.tasks)
    named = matching(need.queue, queues, machine)
    fits, lacks = sort_out(ask, named)
    if not fits:
        asked = shown(need)
        told = "; ".join(f"{name}: {what}" for name, what in lacks.items())
        raise BadResources(f"no queue of machine {machine!r} fits {asked} ({told}). Ask for less.")
    best = fits[0]
    skipped = [f"{queue.name}: {lacks[queue.name]}" for queue in named if queue.name in lacks]
    return Choice(best.queue, "; ".join([*([best.why] if best.why else []), *skipped]))


def matching(wanted: str | None, queues: Sequence[Queue], machine: str) -> list[Queue]:
    """The queues that are meant by a name or a pattern; BadResources lists those there are."""
    if wanted is None:
        return list(queues)
    exact = [queue for queue in queues if queue.name == wanted]
    if exact:
        return exact
    try:
        found = [queue for queue in queues if re.fullmatch(wanted, queue.name)]
    except re.error as fault:
        raise BadResources(f"queue={wanted!r} is neither a queue's name nor a pattern: {fault}.") from fault
    if not found:
        names = [queue.name for queue in queues]
        hint = nearest(wanted, names)
        raise BadResources(f"queue {wanted!r} is not on machine {machine!r} (queues: {', '.join(names)}).{hint}")
    return found


def is_pattern(wanted: str) -> bool:
    """Whether it can only be a pattern, which a machine without known queues can do nothing with.

    >>> is_pattern("deb.*"), is_pattern("node16_1,node16_2"), is_pattern("all.q")
    (True, False, False)
    """
    return _PLAIN.fullmatch(wanted) is None


def sort_out(ask: Ask, queues: Iterable[Queue]) -> tuple[list[Fit], Mapping[str, str]]:
    """(queues that fit, best first; queue → what it lacks)."""
    fits: list[Fit] = []
    lacks: dict[str, str] = {}
    for queue in queues:
        wanting = _lacks(ask, queue)
        if wanting:
            lacks[queue.name] = ", ".join(wanting)
        else:
            fits.append(_fit(ask, queue))
    return sorted(fits, key=lambda fit: (fit.unsure, fit.unused)), lacks


def _nodes(ask: Ask, queue: Queue) -> int:
    if ask.nodes is not None or ask.cores is None or queue.cpus is None:
        return ask.nodes or 1
    return -(-ask.cores // queue.cpus)


def _fit(ask: Ask, queue: Queue) -> Fit:
    nodes = _nodes(ask, queue)
    whole = nodes * queue.cpus if queue.cpus is not None else None
    cores = ask.cores if ask.cores is not None else whole or nodes
    # Who names nodes and no cores takes them as they are: nothing is unused.
    unused = whole - cores if whole is not None and ask.cores is not None else 0
    gpus = max(0, nodes * (queue.gpus or 0) - ask.gpus)
    unsure = ask.gpus > 0 and queue.gpus is None
    return Fit(queue, nodes, cores if ask.part or whole is None else whole, (gpus, unused), unsure)


def _lacks(ask: Ask, queue: Queue) -> list[str]:
    nodes = _nodes(ask, queue)
    per = f" on {nodes} nodes" if nodes > 1 else ""
    found = []
    if queue.cpus is not None and ask.cores is not None:
        if ask.cores > nodes * queue.cpus:
            found.append(f"cpus {queue.cpus * nodes} at most{per}")
        elif ask.cores // ask.tasks * -(-ask.tasks // nodes) > queue.cpus and ask.nodes is not None:
            here = ask.cores // ask.tasks * -(-ask.tasks // nodes)
            found.append(f"cpus {queue.cpus} a node at most, and {here} asked there")
        elif ask.exact and not ask.part and ask.cores % queue.cpus:
            found.append(f"cpus not a multiple of {queue.cpus}")
    if queue.memory is not None and ask.memory is not None and ask.memory > nodes * queue.memory:
        found.append(f"memory {show_memory(nodes * queue.memory)} at most{per}")
    if queue.time is not None and ask.time is not None and ask.time > queue.time:
        found.append(f"time {show_time(queue.time)} at most")
    if queue.gpus is not None and ask.gpus > nodes * queue.gpus:
        found.append(f"gpus {nodes * queue.gpus} at most{per}")
    if queue.nodes is not None and nodes > queue.nodes:
        found.append(f"nodes {queue.nodes} at most")
    return found


def shown(need: Resources) -> str:
    """What is asked, as it was understood: every value in the form that can be written again."""
    words = [f"cpus={need.cpus}"]
    words += [f"tasks={need.tasks}"] if need.tasks > 1 else []
    words += [f"nodes={need.nodes}"] if need.nodes > 1 else []
    words += [f"memory={show_memory(need.memory)}"] if need.memory else []
    words += [f"time={show_time(need.time)}"] if need.time else []
    words += [f"gpus={need.gpus}"] if need.gpus else []
    words += [f"queue={need.queue}"] if need.queue else []
    return " ".join(words)


def per_pilot(need: Resources, choice: Choice, walltime: int | None) -> Resources:
    """What a pilot asks for: what one run needs, in the queue chosen, for its own time."""
    queue = choice.queue.name if choice.queue is not None else need.queue
    return replace(need, queue=queue, time=walltime)
