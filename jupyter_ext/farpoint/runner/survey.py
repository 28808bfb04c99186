"""What this computer would be as a machine: who we are on it, its queue's programs, folders and Pythons.

Looks for a bounded time and never fails as a whole; what is made of it is decided on the other side.
"""

import os
import pwd
import sys
import time
from typing import Any, Dict, List, Mapping, Sequence

from . import capacity, command, login, pythons, rooms

Request = Mapping[str, Any]


def survey(request: Request) -> Dict[str, Any]:
    """Who and where we are, which of the `programs` are there, the folders a user may work in."""
    theirs = login.environment()
    both = dict(theirs, **os.environ)
    home, user = os.path.expanduser("~"), _user()
    return {
        "host": os.uname().nodename, "user": user, "home": home, "shell": login.shell(), "python": sys.executable,
        "version": list(sys.version_info[:3]), "machine": os.uname().machine, "libc": _libc(),
        "programs": _programs(request.get("programs", ()), theirs),
        "folders": rooms.looks(rooms.candidates(both, user, home)), "cpus": capacity.cpus(),
    }  # fmt: skip


def find_pythons(request: Request) -> List[Dict[str, Any]]:
    """Every Python a user could run code with, and which of the modules `names` it has."""
    search = os.pathsep.join([os.environ.get("PATH", ""), login.environment().get("PATH", "")])
    return pythons.find(search, list(request["names"]), float(request["seconds"]), [sys.executable])


def examine(request: Request) -> Dict[str, Any]:
    """How this computer does as the machine it is set up to be: its `folders`, its clock, its shell, a `python`."""
    began = time.monotonic()
    quiet = command.run([login.shell(), "-c", "true"], login.PATIENCE)
    took = time.monotonic() - began
    python = request.get("python")
    return {
        "host": os.uname().nodename, "time": time.time(), "user": _user(),
        "shell": {"path": login.shell(), "seconds": took, "exit": quiet["exit"], "noise": quiet["stdout"][:2000]},
        "folders": [rooms.look(os.path.expanduser(path)) for path in request["folders"]],
        "python": pythons.ask([os.path.expanduser(python)], list(request["names"])) if python else None,
    }  # fmt: skip


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _programs(names: Sequence[str], theirs: Mapping[str, str]) -> Dict[str, str]:
    """Program → path, on the PATH of a command or of a login shell."""
    found = capacity.programs(names, theirs.get("PATH", ""))
    found.update(capacity.programs(names))
    return found


def _libc() -> str:
    """The C library and its version, which decides which wheels can be used: 'glibc 2.36', or '' where unknown."""
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, ValueError, OSError):
        return ""
