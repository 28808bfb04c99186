"""The stream to an agent on another computer: one constant command through the user's own ssh, all else on stdin.

Knows the far login shell and how a Python is found there; the connection itself is the login's.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from farpoint.errors import BadConfig
from farpoint.transports.base import Busy, Dead
from farpoint.transports.login import Login

# Read alike by bash, dash, zsh, tcsh and fish: no `!`, no backslash, no newline, one pair of single quotes. Its first
# line of input is a line of a POSIX shell, which reads it byte by byte and leaves the rest to whom it becomes.
COMMAND = "exec /bin/sh -c 'IFS= read -r line; eval \"$line\"'"

# Python 3.6 takes names of files for ASCII where the locale says nothing else; fish's may be one that is not there.
_LOCALE = 'if [ "$(locale charmap 2>/dev/null)" != UTF-8 ]; then unset LC_ALL; LC_CTYPE=C.UTF-8; export LC_CTYPE; fi; '
_NAMES = " ".join(["python3", *(f"python3.{minor}" for minor in range(20, 5, -1)), "python"])
_PROBE = (
    f"p=; for q in {_NAMES} /usr/libexec/platform-python; do "
    'if "$q" -I -S -c "import sys; sys.exit(sys.version_info < (3, 6))" </dev/null >/dev/null 2>&1; '
    "then p=$q; break; fi; done; "
    '[ -n "$p" ] || { echo "there is no Python from 3.6 on: set python = for this machine" >&2; exit 127; }; '
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_FULL = ("Session open refused", "session request failed", "open failed")


@dataclass(frozen=True, slots=True)
class Ssh:
    """Agents on the host of a login. `python` runs them there; None looks for one from 3.6 on.

    >>> from pathlib import Path
    >>> ssh = Ssh(Login("hpc", "alias", Path("/state/ssh")), "~/conda/bin/python")
    >>> ssh.preamble("pass").decode().partition("fi; ")[2]
    'p="$HOME"/conda/bin/python; exec "$p" -I -S -c pass\\n'
    """

    login: Login
    python: str | None = None
    nice: int = 19  # what it does for us must not be felt by others there

    def __post_init__(self) -> None:
        if self.python is not None and (not self.python or _CONTROL.search(self.python)):
            raise BadConfig(f"machine {self.login.machine!r}: python = {self.python!r} is no path of a program.")

    def argv(self, loader: str) -> list[str]:
        """The command on this side."""
        return self.login.argv(COMMAND)

    def env(self) -> dict[str, str]:
        """This process's environment: ssh finds its agent and its settings by it, and takes none of it there."""
        return dict(os.environ)

    def preamble(self, loader: str) -> bytes:
        """The line that the far shell reads first."""
        found = _PROBE if self.python is None else f"p={_path(self.python)}; "
        return f'{_LOCALE}{found}exec "$p" -I -S -c {_quote(loader)}\n'.encode()

    def ready(self) -> None:
        """See that the way is open. NotSignedIn where somebody must sign in first; Dead where nobody can."""
        self.login.see_to_it()

    def why(self, said: str) -> Dead | None:
        """What was really the matter, from what ssh printed; None where that is not known."""
        if any(words in said for words in _FULL):
            return Busy("all sessions that one sign-in may have there are in use")
        return None


def _path(text: str) -> str:
    return f'"$HOME"/{_quote(text[2:])}' if text.startswith("~/") else _quote(text)


def _quote(text: str) -> str:
    """A word of a POSIX shell that stands for exactly `text`; that shell reads it, whatever the login shell is."""
    return text if re.fullmatch(r"[\w./-]+", text, re.ASCII) else "'" + text.replace("'", "'\"'\"'") + "'"
