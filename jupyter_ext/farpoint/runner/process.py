"""Who a process is, across pid reuse, reboots, containers and hosts; whether it lives, and what belongs to it.

Knows /proc, and `ps` where there is none; must not know jobs, pilots or runs.
"""

import hashlib
import os
import signal
import subprocess
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Set

PROC = os.path.exists("/proc/self/stat")
CGROUPS = "/sys/fs/cgroup"
PAGE = os.sysconf("SC_PAGE_SIZE")

Identity = Dict[str, Any]

Row = NamedTuple("Row", [("parent", int), ("session", int), ("began", str), ("rss", int), ("dead", bool)])

_here: Dict[str, str] = {}


def host() -> Dict[str, str]:
    """This computer now: name, id (the same after a reboot), boot, and the pid namespace `ns`.

    The id is a digest of the machine id and the name: cloned disks share the first, laptops the second.

    >>> sorted(host())
    ['boot', 'id', 'name', 'ns']
    """
    if not _here:
        name = os.uname().nodename
        machine = _text("/etc/machine-id") or _text("/var/lib/dbus/machine-id")
        _here["name"] = name
        _here["id"] = hashlib.sha256(("farpoint %s %s" % (machine, name)).encode("utf-8")).hexdigest()[:16]
        _here["boot"] = _text("/proc/sys/kernel/random/boot_id") or _ask("sysctl", "-n", "kern.bootsessionuuid")
        _here["ns"] = _link("/proc/self/ns/pid")
    return dict(_here)


def identity(pid: Optional[int] = None) -> Identity:
    """Who process `pid` (this one if not given) is: its host, its pid and when it began. Lookup errors mean it is gone.

    >>> alive(identity())
    True
    """
    number = os.getpid() if pid is None else pid
    row = look(number)
    if row is None:
        raise ProcessLookupError("there is no process %d" % number)
    known: Identity = dict(host())
    known.update(pid=number, began=row.began)
    return known


def age() -> float:
    """Seconds since this process began, also as another program before it called exec; 0 where that cannot be known.

    >>> 0 <= age() < 1e6
    True
    """
    row = look(os.getpid()) if PROC else None
    up = _text("/proc/uptime").split()
    if row is None or not up:
        return 0.0
    return max(0.0, float(up[0]) - int(row.began) / os.sysconf("SC_CLK_TCK"))


def alive(known: Mapping[str, Any]) -> Optional[bool]:
    """Whether the process of this identity lives; None where that cannot be seen from here (another host or container).

    >>> alive(dict(identity(), began="0"))
    False
    >>> alive(dict(identity(), id="elsewhere")) is None
    True
    """
    now = host()
    if known.get("id") != now["id"]:
        return None
    if known.get("boot") != now["boot"]:
        return False
    if known.get("ns") != now["ns"]:
        return None
    row = look(int(known["pid"]))
    return row is not None and not row.dead and row.began == known["began"]


def tell(known: Mapping[str, Any], number: int) -> bool:
    """Send a signal to the process of this identity and to no other; False where it is not there."""
    watched = watch(known)
    try:
        if alive(known) is not True:
            return False
        if watched is not None and hasattr(signal, "pidfd_send_signal"):
            signal.pidfd_send_signal(watched, number)
        else:
            os.kill(int(known["pid"]), number)
        return True
    except (ProcessLookupError, PermissionError):
        return False
    finally:
        if watched is not None:
            os.close(watched)


def watch(known: Mapping[str, Any]) -> Optional[int]:
    """A descriptor that becomes readable when the process ends; None where the system cannot give one."""
    try:
        return int(getattr(os, "pidfd_open")(int(known["pid"])))  # noqa: B009 -- not in the Python this must run on
    except (AttributeError, OSError):
        return None


def look(pid: int) -> Optional[Row]:
    """What is known of one process, or None."""
    if not PROC:
        return table([pid]).get(pid)
    try:
        with open("/proc/%d/stat" % pid, "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        # Counted from the state, which is field 3 of proc(5).
        dead = fields[0] in (b"Z", b"X")
        return Row(int(fields[1]), int(fields[3]), fields[19].decode(), int(fields[21]) * PAGE, dead)
    except (OSError, IndexError, ValueError):
        return None


def table(only: Optional[Iterable[int]] = None) -> Dict[int, Row]:
    """pid → row of all processes that can be seen, or of `only` those.

    >>> os.getpid() in table()
    True
    """
    if PROC:
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()] if only is None else only
        rows = ((pid, look(pid)) for pid in pids)
        return {pid: row for pid, row in rows if row is not None}
    which = ["-A"] if only is None else ["-p", ",".join(map(str, only))]
    lines = _ask("ps", *which, "-o", "pid=,ppid=,pgid=,rss=,state=,lstart=").splitlines()
    found = {}
    for words in (line.split(None, 5) for line in lines):
        if len(words) == 6:  # no session ids there: the group is the nearest
            row = Row(int(words[1]), int(words[2]), words[5], int(words[3]) * 1024, words[4].startswith("Z"))
            found[int(words[0])] = row
    return found


def family(rows: Mapping[int, Row], root: int) -> Set[int]:
    """The pids in the session that `root` leads, and all that descend from it or from them.

    >>> rows = {7: Row(1, 7, "", 0, False), 8: Row(1, 7, "", 0, False), 9: Row(8, 9, "", 0, False)}
    >>> sorted(family(rows, 7))
    [7, 8, 9]
    """
    children: Dict[int, List[int]] = {}
    for pid, row in rows.items():
        children.setdefault(row.parent, []).append(pid)
    found: Set[int] = set()
    waiting = [pid for pid, row in rows.items() if root in (pid, row.session)]
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting.extend(children.get(pid, ()))
    return found


def marked(rows: Iterable[int], mark: str) -> Set[int]:
    """Those of the pids whose environment, as they were started, holds `mark` ("NAME=value"): also strays that left."""
    wanted = os.fsencode(mark)
    return {pid for pid in rows if wanted in _bytes("/proc/%d/environ" % pid).split(b"\0")}


def memory(rows: Mapping[int, Row], pids: Iterable[int], limit: Optional[int] = None) -> int:
    """Bytes in memory of these processes together. Above `limit`, pages they share are counted once: slow but fair."""
    listed = list(pids)
    total = sum(rows[pid].rss for pid in listed)
    if limit is None or total <= limit:
        return total
    return sum(_share(pid, rows[pid].rss) for pid in listed)


def short_of_memory() -> int:
    """How many processes the system has killed so far, in the control group of this one, because memory ran out.

    >>> short_of_memory() >= 0
    True
    """
    for line in _text("/proc/self/cgroup").splitlines():
        _, kinds, path = line.split(":", 2)
        if kinds == "":
            counts = _text("%s%s/memory.events" % (CGROUPS, path))
        elif kinds == "memory":
            counts = _text("%s/memory%s/memory.oom_control" % (CGROUPS, path))
        else:
            continue
        for words in map(str.split, counts.splitlines()):
            if words[0] == "oom_kill":
                return int(words[1])
    return 0


def end_all(root: Optional[Mapping[str, Any]], mark: str) -> int:
    """Kill what is in the session that the process of identity `root` leads, what descends from it and what is marked.

    Looks again until nothing new turns up; how many there were. Without a `root`, or once it is gone, only the marked:
    a session's number alone may be a stranger's.
    """
    killed: Set[str] = set()
    while True:
        rows = table()
        ours = marked(rows, mark)
        if root is not None and root["pid"] in rows and rows[root["pid"]].began == root["began"]:
            ours |= family(rows, root["pid"])
        fresh = [pid for pid in ours - {os.getpid()} if not rows[pid].dead and _name(pid, rows) not in killed]
        if not fresh:
            return len(killed)
        for pid in fresh:
            killed.add(_name(pid, rows))
            tell(dict(host(), pid=pid, began=rows[pid].began), signal.SIGKILL)


def _name(pid: int, rows: Mapping[int, Row]) -> str:
    return "%d %s" % (pid, rows[pid].began)


def _share(pid: int, rss: int) -> int:
    for line in _bytes("/proc/%d/smaps_rollup" % pid).splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) * 1024
    return rss


def _bytes(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _text(path: str) -> str:
    return _bytes(path).decode("ascii", "replace").strip()


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _ask(*argv: str) -> str:
    try:
        done = subprocess.run(argv, check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        return ""
    return done.stdout.decode("utf-8", "replace").strip()
