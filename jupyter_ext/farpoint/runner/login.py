"""What this user's login shell would know: some sites put their queue's programs and folders into its profile alone.

Asked once, for a bounded time, and only where something is missed; must not know what is looked for.
"""

import os
import pwd
import re
import shutil
from typing import Dict, List, Optional

from . import command

PATIENCE = 15.0  # seconds a profile may take
_MARK = "farpoint-login-environment"
_LINE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)\Z")

_known: List[Dict[str, str]] = []


def shell() -> str:
    """The user's shell, as the account says.

    >>> shell().startswith("/")
    True
    """
    try:
        named = pwd.getpwuid(os.getuid()).pw_shell
    except KeyError:
        named = ""
    return named or os.environ.get("SHELL") or "/bin/sh"


def environment() -> Dict[str, str]:
    """The environment variables a login shell has, {} where none answers. Asked once."""
    if not _known:
        _known.append(_ask(["-l", "-c"]) or _ask(["-c"]))  # tcsh takes -l only where it is alone
    return _known[0]


def surroundings(program: str) -> Optional[Dict[str, str]]:
    """The environment to start `program` with where only a login shell's PATH has it; None: as it is.

    >>> surroundings("sh") is None
    True
    """
    if shutil.which(program):
        return None
    theirs = environment()
    return theirs if shutil.which(program, path=theirs.get("PATH", "")) else None


def _ask(flags: List[str]) -> Dict[str, str]:
    done = command.run([shell()] + flags + ["echo %s; exec /usr/bin/env" % _MARK], PATIENCE)
    _, mark, text = done["stdout"].rpartition(_MARK)
    lines = [_LINE.match(line) for line in text.splitlines()] if mark and done["exit"] == 0 else []
    return {line.group(1): line.group(2) for line in lines if line}
