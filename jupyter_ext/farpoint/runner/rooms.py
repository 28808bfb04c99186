"""Folders a user may work in on this computer: where they are, what they hold, what they can, how long files stay.

Looks and tries, and leaves nothing behind; which folder is taken is decided by others.
"""

import errno
import glob
import os
import re
import shutil
import tempfile
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

from . import layout

Room = Dict[str, Any]

_NAME = re.compile(r"(^|_)(WORK|SCRATCH|PSCRATCH|PROJECT|LUSTRE|GPFS)(_?DIR)?(_|$)", re.IGNORECASE)
_PLACES = ("/scratch", "/scratch/users", "/work", "/work/users", "/lustre", "/gpfs", "/data", "/projects")
_LAW = re.compile(
    r"(?:purge|delete|remove|clean|expire)\w*\b.{0,120}?\b([0-9]+)[ -]*(day|week|month)"
    r"|\b([0-9]+)[ -]*(day|week|month).{0,120}?\b(?:purge|delete|remove|clean|expire)",
    re.IGNORECASE,
)
_DAYS = {"day": 1, "week": 7, "month": 30}
_AGE = re.compile(r"([0-9]+)(d|w)\Z")
_MOST = 64 << 10  # bytes read of a page that may tell when files are deleted


def candidates(environment: Mapping[str, str], user: str, home: str) -> List[str]:
    """Folders that may be there for this user's work, the home folder last.

    >>> candidates({"SCRATCH": "/", "LANG": "C"}, "nobody-here", "/tmp")[0]
    '/'
    """
    named = [environment[name] for name in sorted(environment) if _NAME.search(name)]
    usual = [os.path.join(place, user) for place in _PLACES]
    found: Dict[str, str] = {}
    for path in named + usual + [home]:
        if os.path.isabs(path) and os.path.isdir(path) and path != "/nonexistent":
            found.setdefault(os.path.realpath(path), path)
    return list(found.values())


def look(path: str) -> Room:
    """What one folder is; `trouble` says why nothing can be put there, `links` whether link(2) is exclusive there."""
    room: Room = {"path": path, "real": os.path.realpath(path), "trouble": "", "links": None}
    room["fstype"], room["mount"] = _mount(room["real"])
    try:
        stat = os.statvfs(_nearest(path))
        room["free"], room["size"] = stat.f_bavail * stat.f_frsize, stat.f_blocks * stat.f_frsize
        room["inodes"] = stat.f_favail if stat.f_files else None  # some file systems do not count them
    except OSError as fault:
        room["trouble"] = fault.strerror
        return room
    room["purge"] = _purge(room["real"], room["mount"])
    try:
        room["links"] = _try(path)
    except OSError as fault:
        room["trouble"] = "%s (%s)" % (fault.strerror, errno.errorcode.get(fault.errno or 0, "?"))
    return room


def _nearest(path: str) -> str:
    """The path itself, or what is there of the way to it."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def _try(path: str) -> bool:
    """Write there, and see whether a second link under one name is refused. A folder made for it is taken away."""
    made = None if os.path.isdir(path) else _first_missing(path)
    if made:
        layout.make_private(path)
    try:
        folder = tempfile.mkdtemp(prefix=".farpoint-look-", dir=path)
        try:
            one, two = os.path.join(folder, "one"), os.path.join(folder, "two")
            with open(one, "wb") as file:
                file.write(b"x" * 4096)
                file.flush()
                os.fsync(file.fileno())
            return _exclusive(one, two)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        if made:
            shutil.rmtree(made, ignore_errors=True)


def _first_missing(path: str) -> str:
    path = os.path.abspath(path)
    while not os.path.isdir(os.path.dirname(path)):
        path = os.path.dirname(path)
    return path


def _exclusive(one: str, two: str) -> bool:
    try:
        os.link(one, two)
    except OSError:
        return False
    try:
        os.link(one, two)
    except FileExistsError:
        return os.stat(one).st_nlink == 2
    return False


def _mount(path: str) -> Tuple[str, str]:
    """(file system type, mount point) of a path; ("", "/") where nobody says."""
    best = ("", "/")
    for line in _text("/proc/self/mounts").splitlines():
        words = line.split()
        if len(words) > 2:
            point = words[1].replace("\\040", " ")
            if (path == point or path.startswith(point.rstrip("/") + "/")) and len(point) >= len(best[1]):
                best = (words[2], point)
    return best


def _purge(path: str, mount: str) -> Optional[Dict[str, Any]]:
    """{"days", "said", "by"}: after so many days files may be deleted, as a page nearby has it."""
    pages = ["/etc/motd"] if mount != "/" else []
    for folder in sorted({path, os.path.dirname(path), mount} - {"/", "/home"}):
        for name in ("README*", "*PURGE*", "*[Pp]urge*", "*POLICY*", "*[Pp]olicy*"):
            pages += sorted(glob.glob(os.path.join(glob.escape(folder), name)))[:4]
    for page in pages:
        for line in _text(page).splitlines():
            days = law(line)
            if days and (page != "/etc/motd" or os.path.basename(mount).lower() in line.lower()):
                return {"days": days, "said": line.strip()[:200], "by": page}
    return _tmpfiles(path)


def law(line: str) -> Optional[int]:
    """Days after which files are deleted, if a line of a page says so.

    >>> law("Files not accessed for 30 days are purged."), law("Purged after 8 weeks"), law("30 days hath September")
    (30, 56, None)
    """
    found = _LAW.search(line)
    if not found:
        return None
    number, unit = (found.group(1), found.group(2)) if found.group(1) else (found.group(3), found.group(4))
    return int(number) * _DAYS[unit.lower()]


def _tmpfiles(path: str) -> Optional[Dict[str, Any]]:
    """As tmpfiles.d(5) has it: `type path mode user group age`."""
    for page in sorted(glob.glob("/etc/tmpfiles.d/*.conf") + glob.glob("/usr/lib/tmpfiles.d/*.conf")):
        for line in _text(page).splitlines():
            words = line.split()
            if len(words) < 6 or words[0].startswith("#") or not words[1].startswith("/"):
                continue
            if not path.startswith(words[1].rstrip("/") + "/"):
                continue
            age = _AGE.match(words[5])
            if age:
                days = int(age.group(1)) * (7 if age.group(2) == "w" else 1)
                return {"days": days, "said": line.strip()[:200], "by": page}
    return None


def looks(paths: Iterable[str]) -> List[Room]:
    """`look` at each."""
    return [look(path) for path in paths]


def _text(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read(_MOST).decode("utf-8", "replace")
    except OSError:
        return ""
