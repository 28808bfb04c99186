"""What this computer has for runs: cores, memory, GPUs, programs. Containers' limits count, not only the hardware's.

Knows no configuration and no queue: it looks, others decide.
"""

import glob
import os
import shutil
from typing import Dict, Iterable, List, Optional

QUOTA = ("/sys/fs/cgroup/cpu.max", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
PERIOD = "/sys/fs/cgroup/cpu/cpu.cfs_period_us"
MEMORY = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def cpus() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count() or 1
    quota = _quota()
    return max(1, min(allowed, int(quota + 0.5))) if quota else allowed


def memory() -> Optional[int]:
    """Bytes this computer, or the container it is, has; None where nobody says."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return None
    limits = [int(words[0]) for words in map(_words, MEMORY) if words and words[0].isdigit()]
    return min([total] + [limit for limit in limits if limit > 0])


def gpus() -> int:
    """GPUs with a device file of their own."""
    return len(glob.glob("/dev/nvidia[0-9]*"))


def programs(names: Iterable[str], path: Optional[str] = None) -> Dict[str, str]:
    """Those of the programs that are on the PATH, or on `path`, with their paths.

    >>> sorted(programs(["sh", "no-such-program"]))
    ['sh']
    """
    found = ((name, shutil.which(name, path=path)) for name in names)
    return {name: where for name, where in found if where}


def _quota() -> Optional[float]:
    """Cores' worth of time this container may use, or None where it may use all."""
    words = _words(QUOTA[0])
    if not words:
        words = _words(QUOTA[1]) + _words(PERIOD)
    if len(words) != 2 or not (words[0].isdigit() and words[1].isdigit()):
        return None
    return int(words[0]) / int(words[1])


def _words(path: str) -> List[str]:
    try:
        with open(path) as file:
            return file.read().split()
    except OSError:
        return []
