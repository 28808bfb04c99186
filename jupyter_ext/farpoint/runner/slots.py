"""This computer's cores, memory and GPUs, shared by all of a user's pilots through file locks; no daemon, no queue.

Knows locks and whose turn it is; must not know runs or jobs.
"""

import fcntl
import os
import re
import select
from typing import Callable, Dict, List, Mapping, Optional

from . import bell, layout, process

CHUNK = 256 << 20  # bytes of one memory slot
MOST_CHUNKS = 512  # more of them would be more open files than a process may have
SAFETY = 1.0  # seconds after which a waiter looks again though no bell rang

Wake = Callable[[int, float], bool]

_TICKET = re.compile(r"turn\.([1-9][0-9]*)\Z")


def folder(statedir: str) -> str:
    """Where the locks of this computer lie, for as long as it is not restarted."""
    here = process.host()
    name = re.sub(r"[^A-Za-z0-9_.-]", "-", "%s-%s" % (here["name"], here["boot"]))
    return os.path.join(statedir, "slots", name)


def patient(descriptor: int, seconds: float) -> bool:
    """Wait until the descriptor can be read, at most so long; True: go on."""
    select.select([descriptor], [], [], seconds)
    return True


class Held:
    """Slots that are held until `release`, or until this process ends, however it ends.

    Children do not have the descriptors, so whatever a run leaves behind holds nothing.
    """

    def __init__(self, bells: str) -> None:
        self._bells = bells
        self._descriptors: List[int] = []
        self.numbers: Dict[str, List[int]] = {"cpu": [], "mem": [], "gpu": []}

    @property
    def gpus(self) -> List[int]:
        """Indices of the GPUs that are held."""
        return sorted(self.numbers["gpu"])

    def add(self, kind: str, number: int, descriptor: int) -> None:
        """One more slot."""
        self._descriptors.append(descriptor)
        self.numbers[kind].append(number)

    def release(self) -> None:
        """Let go and tell those who wait; asked again, nothing happens."""
        if self._descriptors:
            for descriptor in self._descriptors:
                os.close(descriptor)
            self._descriptors = []
            bell.ring(self._bells)


class Slots:
    """The slots below `folder`: `cpus` cores, `memory` bytes (None: not counted) and `gpus` GPUs.

    >>> import tempfile
    >>> slots = Slots(tempfile.mkdtemp(), cpus=2, memory=1 << 30, gpus=1)
    >>> held = slots.acquire(2, 300 << 20, 1)
    >>> held.numbers
    {'cpu': [0, 1], 'mem': [0, 1], 'gpu': [0]}
    >>> slots.acquire(1, None, 0, lambda descriptor, seconds: False) is None
    True
    >>> held.release()
    """

    def __init__(self, folder: str, cpus: int, memory: Optional[int], gpus: int) -> None:
        layout.make_private(folder)
        self._folder = folder
        self._bells = os.path.join(folder, "bells")
        self._chunk = CHUNK
        while (memory or 0) > self._chunk * MOST_CHUNKS:
            self._chunk *= 2
        self._there = {"cpu": max(1, cpus), "mem": (memory or 0) // self._chunk, "gpu": gpus}

    def acquire(self, cpus: int, memory: Optional[int], gpus: int, wake: Wake = patient) -> Optional[Held]:
        """Hold so many; waits for them in turn, first come first served. More than there are means all there are.

        `wake(descriptor, seconds)` waits for the descriptor, at most so long; where it answers False, nothing is taken.
        """
        asked = {"cpu": cpus, "mem": -(-(memory or 0) // self._chunk), "gpu": gpus}
        needs = {kind: min(count, self._there[kind]) for kind, count in asked.items()}
        held = Held(self._bells)
        rung = bell.Bell(self._bells)
        turn = _Turn(self._folder)
        try:
            while not (turn.has_come() and self._fill(held, needs)):
                if not wake(rung.fileno(), SAFETY):
                    held.release()
                    return None
                rung.drain()
        except BaseException:
            held.release()
            raise
        finally:
            turn.leave()
            rung.close()
            bell.ring(self._bells)
        return held

    def _fill(self, held: Held, needs: Mapping[str, int]) -> bool:
        """Take what is free of what is still missing; True when nothing is. Only whose turn it is takes anything."""
        for kind, count in needs.items():
            for number in range(self._there[kind]):
                if len(held.numbers[kind]) >= count:
                    break
                if number not in held.numbers[kind]:
                    descriptor = _lock(os.path.join(self._folder, "%s.%d" % (kind, number)))
                    if descriptor is not None:
                        held.add(kind, number, descriptor)
        return all(len(held.numbers[kind]) >= count for kind, count in needs.items())


class _Turn:
    """A place in the row of those who want slots. Whoever is first has the lock `turn`, takes slots as they come free.

    Without a turn a run that needs several slots starves beside runs that need one; without numbers the turn itself
    goes to whoever is quickest. A number is a locked file, so that of a dead process is known to be nobody's.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._turn: Optional[int] = None
        beside = os.path.join(folder, ".turn.%d.%s" % (os.getpid(), os.urandom(4).hex()))
        self._ticket = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._ticket, fcntl.LOCK_EX)
        try:
            self._number = max(self._numbers(), default=0) + 1
            while not self._link(beside):
                self._number += 1
        finally:
            os.unlink(beside)

    def has_come(self) -> bool:
        """Whether it is our turn; once it is, it is until `leave`."""
        if self._turn is None and not any(self._taken(number) for number in self._numbers() if number < self._number):
            self._turn = _lock(os.path.join(self._folder, "turn"))
        return self._turn is not None

    def leave(self) -> None:
        """Out of the row, whether we had our turn or not."""
        os.unlink(self._path(self._number))
        os.close(self._ticket)
        if self._turn is not None:
            os.close(self._turn)

    def _path(self, number: int) -> str:
        return os.path.join(self._folder, "turn.%d" % number)

    def _numbers(self) -> List[int]:
        matches = (_TICKET.match(name) for name in os.listdir(self._folder))
        return sorted(int(match.group(1)) for match in matches if match)

    def _link(self, beside: str) -> bool:
        try:
            os.link(beside, self._path(self._number))
        except FileExistsError:
            return False
        return True

    def _taken(self, number: int) -> bool:
        """Whether a living process has this number; a dead one's is given up."""
        try:
            descriptor = os.open(self._path(number), os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), os.stat(self._path(number))):
                os.unlink(self._path(number))
            return False
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)


def _lock(path: str) -> Optional[int]:
    """A descriptor with the lock of this file, or None where another has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
