"""Signing in to a machine and out of it: the only place where somebody is asked for a password or a code.

Knows machines that have a login; must not know what ssh asks, nor any run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from farpoint.errors import BadInput
from farpoint.project import Project


class Login(Protocol):
    """What a machine that has to be signed in to offers as its `login`."""

    @property
    def host(self) -> str:
        """What ssh is told."""

    @property
    def keep(self) -> float:
        """Seconds it outlives its last use."""

    def ask(self) -> bool:
        """Sign in, asking on this terminal; False where that was done before. SignInNeeded if it fails."""

    def end(self) -> bool:
        """Sign out, for every process; False where nobody was signed in."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """How it stands after signing in. `keep`: seconds it outlives its last use."""

    host: str
    before: bool  # nothing was to be done
    keep: float


def connect(project: Project, name: str) -> SignedIn:
    """Sign in to a machine, asking on this terminal, and let its work go on at once.

    BadInput for a machine that needs no signing in; SignInNeeded if it does not succeed.
    """
    login = _login(project, name)
    new = login.ask()
    with project.store.write() as writer:
        writer.pause(name, "", 0.0, 0)
    return SignedIn(login.host, not new, login.keep)


def disconnect(project: Project, name: str) -> bool:
    """Sign out of a machine, for every process here, until somebody signs in again; False where nobody was."""
    return _login(project, name).end()


def _login(project: Project, name: str) -> Login:
    login: Login | None = getattr(project.machine(name), "login", None)
    if login is None:
        raise BadInput(f"machine {name!r} is not reached by ssh: there is nothing to sign in to.")
    return login
