"""How many pilots take how many points for how long, in how many jobs: arithmetic that needs nobody awake.

Pure: knows counts, seconds and limits; no points, no queue system, no machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from farpoint.errors import BadInput
from farpoint.model import Limits

MARGIN = 120  # seconds a pilot has besides its runs: to start, to write, and for disks that take their time
WARN = 60  # seconds before its end a pilot is told, at most
WARN_PART = 10  # and never more than this part of its time
CHUNK = 600.0  # seconds of work that points_per_job="auto" gives one slice

PerJob = int | Literal["auto"] | None


@dataclass(frozen=True, slots=True)
class Window:
    """`pilots` and `running` (None: all of them) of each job, `size` runs a slice, `walltime` seconds of a pilot.

    `waits` runs find no room in that time, as it was declared: they go out later, by somebody who is awake.
    """

    pilots: tuple[int, ...]
    running: tuple[int | None, ...]
    size: int
    walltime: int | None
    waits: int = 0
    share: int = 1  # runs of each pilot, if all do as many

    @property
    def warn(self) -> int:
        """Seconds before its end a pilot gets a signal."""
        return min(WARN, self.walltime // WARN_PART) if self.walltime else 0

    def deal(self, slices: Sequence[Sequence[int]]) -> list[list[Sequence[int]]]:
        """The slices of each job, dealt out like cards in proportion to its pilots.

        >>> Window((2, 1), (None, None), 1, None).deal([[0], [1], [2], [3], [4]])
        [[[0], [1], [3], [4]], [[2]]]
        """
        row = [job for job, count in enumerate(self.pilots) for _ in range(count)]
        dealt: list[list[Sequence[int]]] = [[] for _ in self.pilots]
        for place, each in enumerate(slices):
            dealt[row[place % len(row)]].append(each)
        return dealt


def read_per_job(given: object) -> PerJob:
    """points_per_job as it was given: a whole number, "auto" or None.

    >>> read_per_job("20"), read_per_job("auto")
    (20, 'auto')
    """
    if given is None or given == "auto":
        return given
    if isinstance(given, str) and given.strip().isdecimal():
        given = int(given)
    if not isinstance(given, int) or isinstance(given, bool) or given < 1:
        raise BadInput(f'points_per_job={given!r} is neither "auto" nor a whole number of at least 1.')
    return given


def window(
    runs: int,
    limits: Limits,
    *,
    room: int,
    time: int | None,
    longest: int | None,
    per_job: PerJob = None,
    usual: float | None = None,
) -> Window:
    """Pilots for `runs` runs of at most `time` seconds each, where a job may last `longest`; None: not known.

    There is `room` for so many pilots. `usual` are the seconds an earlier point took. Of `limits`, those on arrays
    count.

    >>> limits = Limits(cpus=64, memory=None, gpus=0, grace=60, poll=10, pilots=5)
    >>> window(2000, limits, room=5, time=60, longest=None).walltime // 60  # 400 runs each, and the margin
    402
    >>> window(2000, limits, room=5, time=60, longest=3600).waits
    1710
    """
    if limits.running and limits.array:  # of every job one pilot has to be able to run
        room = min(room, limits.running * limits.array)
    fits = max(1, (longest - MARGIN) // time) if time and longest else None  # a pilot always begins one run
    size = _size(runs, room, per_job, usual or time, fits)
    slices = -(-runs // size)
    pilots = min(slices, room)
    share = -(-slices // pilots) * size
    if not time:
        walltime, waits = longest, 0
    else:
        wanted = share * time + MARGIN
        walltime = wanted if longest is None else min(wanted, longest)
        waits = max(0, runs - pilots * fits) if fits and fits < share else 0
    counts = _split(pilots, limits.array)
    return Window(counts, _running(counts, limits.running), size, walltime, waits, share)


def _size(runs: int, room: int, per_job: PerJob, seconds: float | None, fits: int | None) -> int:
    """Runs of a slice. One slice is done by one pilot, so it is never longer than a pilot lives."""
    if per_job is None or (per_job == "auto" and not seconds):
        return 1
    size = min(max(1, int(CHUNK // max(seconds or 1.0, 0.01))), -(-runs // room)) if per_job == "auto" else per_job
    return max(1, min(size, runs, fits or size))


def _split(pilots: int, most: int | None) -> tuple[int, ...]:
    """As few jobs as the site's limit on an array allows, about equally large.

    >>> _split(25, 10)
    (9, 8, 8)
    """
    jobs = -(-pilots // most) if most else 1
    return tuple(pilots // jobs + (place < pilots % jobs) for place in range(jobs))


def _running(counts: Sequence[int], most: int | None) -> tuple[int | None, ...]:
    """The site's limit on running pilots shared out over the jobs; None where it does not bind."""
    if most is None or sum(counts) <= most:
        return (None,) * len(counts)
    shares = [most // len(counts) + (place < most % len(counts)) for place in range(len(counts))]
    return tuple(share if share < count else None for share, count in zip(shares, counts, strict=True))
