"""The names ssh knows: the Host lines of the user's ssh configuration, and what `ssh -G` makes of a name.

Asks no host; what an alias means is ssh's own business.
"""

from __future__ import annotations

import glob
import os
import pwd
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

DEPTH = 16  # of files that include files, as ssh_config(5) has it
PATIENCE = 10.0  # seconds `ssh -G` may take: it may run what a Match line says


def aliases(config: Path | None = None) -> list[str]:
    """Every name a Host line gives that is no pattern, in their order; [] where there is no such file.

    >>> aliases(Path("/no/such/file"))
    []
    """
    path = config or _home() / ".ssh" / "config"
    return list(dict.fromkeys(_names(path, path.parent, DEPTH)))


def knows(name: str) -> bool:
    """Whether ssh would turn this name into another: somebody has written it into its configuration.

    >>> knows("-oProxyCommand=true")
    False
    """
    if name.startswith("-") or not name.strip():
        return False
    if name in aliases():
        return True
    try:
        done = subprocess.run(
            ["ssh", "-G", "--", name], check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=PATIENCE,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return False
    lines = (line.partition(" ") for line in done.stdout.splitlines())
    return done.returncode == 0 and any(word == "hostname" and host.lower() != name.lower() for word, _, host in lines)


def _home() -> Path:
    """ssh takes it from the account, whatever HOME says."""
    return Path(pwd.getpwuid(os.getuid()).pw_dir)


def _names(path: Path, base: Path, depth: int) -> Iterator[str]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if depth else []
    except OSError:
        return
    for line in lines:
        word, _, rest = line.strip().replace("=", " ", 1).partition(" ")
        try:
            words = shlex.split(rest, comments=True)
        except ValueError:
            continue
        if word.lower() == "host":
            yield from (name for name in words if not set(name) & set("*?!") and not name.startswith("-"))
        elif word.lower() == "include":
            for pattern in words:
                for included in sorted(glob.glob(str(base / Path(pattern).expanduser()))):  # noqa: PTH207 - may be absolute
                    yield from _names(Path(included), base, depth - 1)
