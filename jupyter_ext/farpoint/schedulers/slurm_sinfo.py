"""Slurm's partitions as queues with limits, from the table that sinfo prints.

One table in, nouns out; knows no other command and no job.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from farpoint.model import Queue

FORMAT = "%P|%a|%l|%s|%D|%c|%m|%G"
HEADINGS = "PARTITION|AVAIL|TIMELIMIT|JOB_SIZE|NODES|CPUS|MEMORY|GRES"
OPEN = ("up", "down")  # "down" is for now; "drain" and "inact" take no jobs
MB = 1 << 20

_TIME = re.compile(r"(?:(?P<d>[0-9]+)-)?(?:(?P<h>[0-9]+):)?(?P<m>[0-9]+):(?P<s>[0-9]+)")
_GPUS = re.compile(r"gpu(?::[^:,(]+)?:([0-9]+)")


def queues(text: str) -> tuple[Queue, ...] | None:
    """The partitions that take jobs, the default one first; None where this is no whole table."""
    lines = text.splitlines()
    rows = [line.split("|") for line in lines]
    if not lines or lines[0] != HEADINGS or any(len(row) != len(rows[0]) for row in rows):
        return None
    found: dict[str, Queue] = {}
    default = ""
    for name, available, *limits in rows[1:]:
        if available in OPEN:
            plain = name.rstrip("*")
            default = plain if name.endswith("*") else default
            found[plain] = _larger(found.get(plain), _queue(plain, limits))
    return tuple(sorted(found.values(), key=lambda queue: queue.name != default))


def _queue(name: str, limits: Sequence[str]) -> Queue:
    time, size, count, cpus, memory, gres = limits
    most = size.rpartition("-")[2]
    there = _number(count)
    nodes = min(filter(None, [_number(most), there]), default=None)
    megabytes = _number(memory)
    gpus = sum(int(number) for number in _GPUS.findall(gres))
    return Queue(name, _number(cpus), megabytes and megabytes * MB, _seconds(time), gpus, nodes)


def _larger(one: Queue | None, other: Queue) -> Queue:
    if one is None:
        return other
    pairs: Iterator[tuple[int | None, int | None]] = (
        (getattr(one, key), getattr(other, key)) for key in ("cpus", "memory", "gpus")
    )
    cpus, memory, gpus = (max(filter(None, pair), default=pair[0]) for pair in pairs)
    nodes = (one.nodes or 0) + (other.nodes or 0)  # a job may have nodes of several kinds
    return Queue(one.name, cpus, memory, one.time, gpus, nodes or None)


def _number(text: str) -> int | None:
    """`4`, or the 4 of `4+`; None for `infinite` and `n/a`."""
    digits = text.rstrip("+")
    return int(digits) if digits.isdecimal() else None


def _seconds(text: str) -> int | None:
    """Slurm's `1-00:00:00` or `10:00`; None for `infinite`."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    d, h, m, s = (int(found[key] or 0) for key in "dhms")
    return ((d * 24 + h) * 60 + m) * 60 + s
