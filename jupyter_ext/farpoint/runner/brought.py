"""A Python that was brought to this computer to build environments on: fetched by uv, or unpacked; and tried.

Knows archives, folders and uv; which version is wanted, and where it comes from, is decided on the other side.
"""

import os
import shutil
import tarfile
import time
from typing import Any, Dict, List, Mapping, Optional, Tuple

from . import command, deliver, furnish, guard, layout, pythons

PATIENCE = 60.0  # seconds to start on a slow disk
MOST = 1 << 30  # bytes an archive may unpack to
STALE = 3600.0  # seconds after which whoever was unpacking must have been ended
FETCHED, PART = "fetched", ".part"
_MARK = "farpoint-brought "

# What an environment needs of its Python, and where it believes to be: one that was moved may not know it.
_TRY = """
import ctypes, hashlib, os, sqlite3, ssl, sys, venv, zlib
print("\\nfarpoint-brought %d.%d %s" % (sys.version_info[0], sys.version_info[1], os.path.realpath(sys.base_prefix)))
"""

Request = Mapping[str, Any]
Minor = Tuple[int, int]


def look(statedir: str, request: Request) -> Optional[pythons.Python]:
    """One of the version `minor` that was brought before and works, as `pythons.ask` tells it; None without one."""
    minor = _minor(request)
    for folder in _named(_top(statedir), "%d.%d-" % minor) + _fetched(statedir, minor):
        if not folder.endswith(PART) and not complaint(folder, minor):
            return pythons.ask([_program(folder, minor)], [])
    return None


def bring(statedir: str, blobs: deliver.Blobs, request: Request) -> Dict[str, Any]:
    """{"python", "said", "size"}: of version `minor`, from the archive `digest`, else by uv; None and why it is not.

    `seconds` is how long uv may take. What does not work here is not left behind.
    """
    minor = _minor(request)
    digest = request.get("digest")
    folder, said = _unpacked(statedir, blobs, digest, minor) if digest else _fetch(statedir, blobs, request, minor)
    if said:
        return {"python": None, "said": said, "size": 0}
    return {"python": pythons.ask([_program(folder, minor)], []), "said": "", "size": _size(folder)}


def complaint(folder: str, minor: Minor) -> str:
    """Why the Python installed in `folder` does not work here; '' where it does."""
    program = _program(folder, minor)
    done = command.run([program, "-I", "-B", "-c", _TRY], PATIENCE)
    _, mark, said = done["stdout"].rpartition(_MARK)
    if mark and done["exit"] == 0:
        version, _, place = said.strip().partition(" ")
        if version != "%d.%d" % minor:
            return "it is Python %s" % version
        return "" if place == os.path.realpath(folder) else "it takes its library from %s" % place
    if done["exit"] is None:
        return "it did not start in %g s" % PATIENCE
    if done["exit"] < 0:
        return "it was ended by signal %d" % -done["exit"]
    lines = str(done["stderr"] or done["stdout"]).strip().splitlines() or ["exit code %d" % done["exit"]]
    return lines[-1].replace(program + ": ", "").replace(folder + os.sep, "")[:300]


def _fetch(statedir: str, blobs: deliver.Blobs, request: Request, minor: Minor) -> Tuple[str, str]:
    """The folder of one that uv got, and why it has none."""
    uv = furnish.uv_program(statedir, blobs, request.get("uv"))
    if uv is None:
        return "", "there is no uv"
    top = os.path.join(_top(statedir), FETCHED)
    layout.make_private(top)
    env = dict(os.environ, UV_PYTHON_INSTALL_DIR=top, UV_PYTHON_BIN_DIR=os.path.join(top, "bin"))
    env.update(UV_PYTHON_INSTALL_BIN="0", UV_HTTP_TIMEOUT="15", UV_HTTP_RETRIES="1", UV_NO_PROGRESS="1")
    env["UV_CACHE_DIR"] = cache = top + ".cache"
    try:
        said = furnish.ran([uv, "python", "install", "%d.%d" % minor], env, float(request["seconds"]))
    finally:
        shutil.rmtree(cache, ignore_errors=True)
    for folder in reversed(_fetched(statedir, minor)):
        said = complaint(folder, minor)
        if not said:
            return folder, ""
        shutil.rmtree(folder, ignore_errors=True)
    return "", said or "uv brought none"


def _unpacked(statedir: str, blobs: deliver.Blobs, digest: str, minor: Minor) -> Tuple[str, str]:
    """The folder of what is in the archive, whole and tried or not there at all; and why it does not work."""
    path = blobs.path(digest)
    folder = os.path.join(_top(statedir), "%d.%d-%s" % (minor + (digest[:16],)))
    if os.path.isdir(folder):
        if not complaint(folder, minor):
            return folder, ""
        shutil.rmtree(folder)  # something of it was lost
    _clear(folder)
    beside = "%s.%s-%d%s" % (folder, os.uname().nodename, os.getpid(), PART)
    layout.make_private(beside)
    try:
        _extract(path, beside)
        for name in ("python3", "python"):
            os.symlink(os.path.basename(_program(beside, minor)), os.path.join(beside, "bin", name))
        said = complaint(beside, minor)
        if not said:
            _rename(beside, folder)
        return folder, said
    except tarfile.TarError as fault:  # the Python that runs this may have no zlib
        return folder, "its archive cannot be opened there: %s" % fault
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _extract(path: str, folder: str) -> None:
    """Files of an archive below `folder`; Refused for anything else that is in it, and where it leads out."""
    left = MOST
    with tarfile.open(path, "r:gz") as archive:
        for member in archive:
            target = os.path.join(folder, guard.relative(member.name))
            left -= member.size
            if not member.isreg() or left < 0:
                raise guard.Refused("%r is no file, or makes the archive too large" % (member.name,))
            os.makedirs(os.path.dirname(target), 0o700, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            source = archive.extractfile(member)
            if source is not None:
                with open(os.open(target, flags, 0o700 if member.mode & 0o100 else 0o600), "wb") as file:
                    shutil.copyfileobj(source, file)


def _rename(beside: str, folder: str) -> None:
    try:
        os.rename(beside, folder)
    except OSError:
        if not os.path.isdir(folder):  # somebody else may have been quicker
            raise


def _clear(folder: str) -> None:
    """Take away what those who were killed left."""
    for left in _named(os.path.dirname(folder), os.path.basename(folder) + "."):
        if time.time() - os.stat(left).st_mtime > STALE:
            shutil.rmtree(left, ignore_errors=True)


def _minor(request: Request) -> Minor:
    major, minor = request["minor"]
    return int(major), int(minor)


def _top(statedir: str) -> str:
    return os.path.join(statedir, "pythons")


def _fetched(statedir: str, minor: Minor) -> List[str]:
    return _named(os.path.join(_top(statedir), FETCHED), "cpython-%d.%d." % minor)


def _named(folder: str, start: str) -> List[str]:
    """The folders in there whose names begin so."""
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    paths = [os.path.join(folder, name) for name in names if name.startswith(start)]
    return [path for path in paths if os.path.isdir(path) and not os.path.islink(path)]


def _program(folder: str, minor: Minor) -> str:
    return os.path.join(folder, "bin", "python%d.%d" % minor)


def _size(folder: str) -> int:
    return sum(os.lstat(os.path.join(top, name)).st_size for top, _, names in os.walk(folder) for name in names)
