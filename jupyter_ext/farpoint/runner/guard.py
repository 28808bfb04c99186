"""Names that come from elsewhere, checked before they touch a disk: no token and no path leaves its folder.

Knows folders and names only; must not know what is in the files.
"""

import os
import re
import stat
from typing import Any

_TOKEN = re.compile(r"fp[a-z0-9]{13}\Z")
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


class Refused(ValueError):
    """A request that no agent will do, whoever asks."""


def token(name: Any) -> str:
    """A job's token, or Refused.

    >>> token("fpabcdefghijklm")
    'fpabcdefghijklm'
    """
    if not isinstance(name, str) or not _TOKEN.match(name):
        raise Refused("%r is no job token: 'fp' and 13 lowercase letters or digits" % (name,))
    return str(name)


def is_token(name: str) -> bool:
    """Whether a folder's name is a token."""
    return bool(_TOKEN.match(name))


def sha256(name: Any) -> str:
    """A sha256 in hex, or Refused."""
    if not isinstance(name, str) or not _DIGEST.match(name):
        raise Refused("%r is no sha256 in hex" % (name,))
    return str(name)


def relative(path: Any) -> str:
    """A relative path that goes only down, or Refused.

    >>> relative("data/mesh.json")
    'data/mesh.json'
    """
    parts = path.split("/") if isinstance(path, str) else []
    if not parts or "\0" in path or any(part in ("", ".", "..") for part in parts):
        raise Refused("%r is no path below its folder" % (path,))
    return str(path)


def inside(folder: str, path: str) -> str:
    """Where `path` really is, below `folder`; Refused where a link on the way leads out of it."""
    base = os.path.realpath(folder)
    real = os.path.realpath(os.path.join(base, relative(path)))
    if not real.startswith(base + os.sep):
        raise Refused("%r leads out of %s, to %s" % (path, folder, real))
    return real


def open_inside(folder: str, path: str) -> int:
    """A descriptor to read the regular file `path` below `folder`; OSError where there is none."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # a FIFO must not hold the agent up
    descriptor = os.open(inside(folder, path), flags)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise Refused("%r in %s is no file" % (path, folder))
