"""One authenticated connection for each far host and user, shared by every process here: an OpenSSH ControlMaster.

Knows how it is opened, looked after and ended; must not know what goes through it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from farpoint import filelock
from farpoint.errors import BadConfig, SignInNeeded
from farpoint.runner import layout
from farpoint.transports.base import Dead, NotSignedIn

KEEP = 8 * 3600.0  # seconds a sign-in is kept after its last use
ALIVE = (4, 2)  # seconds between signs of life, and how many may be missed: a dead link ends after 12 s
CONNECT = 10  # seconds for a connection and its key exchange
PATIENCE = 45.0  # seconds for a whole sign-in that asks nothing
ANSWER = 5.0  # seconds for a master's own answer; it needs milliseconds
LONGEST = 104 - 1 - 17  # bytes of a socket's name: macOS's limit, less what ssh appends while it makes one

_HOST = re.compile(r"[\w.@:%+~/=,\[\]-]+")
_RUNNING = re.compile(r"pid=([0-9]+)")
_REFUSED = ("Permission denied", "Host key verification failed", "Too many authentication failures")


def check_host(machine: str, host: str) -> str:
    """`host` if ssh may be given it: it may reach a ProxyCommand, which a shell reads. BadConfig otherwise.

    >>> check_host("hpc", "me@login.example.org")
    'me@login.example.org'
    """
    if not _HOST.fullmatch(host) or host.startswith("-") or "@-" in host:
        raise BadConfig(
            f"machine {machine!r}: host = {host!r} cannot be given to ssh. Write an alias of your ssh config, or "
            "user@host; no spaces, quotes or shell signs, and no dash in front."
        )
    return host


@dataclass(frozen=True, slots=True)
class Login:
    """The sign-in to `host`. Its files are in `folder`, which is private; `keep`: seconds it outlives its last use."""

    machine: str
    host: str
    folder: Path
    keep: float = KEEP

    @property
    def socket(self) -> Path:
        """Where the master listens. Another computer that shares this disk has a socket of its own."""
        seed = "\0".join((str(self.folder), os.uname().nodename, self.host))
        name = hashlib.sha256(seed.encode()).hexdigest()[:16]
        path = self.folder / name
        if len(os.fsencode(path)) > LONGEST:
            path = Path(tempfile.gettempdir()) / f"farpoint-{os.getuid()}" / name
        return path

    # ------------------------------------------------------------------------------------ for the stream

    def argv(self, command: str) -> list[str]:
        """Run a command there through the open connection, and never through one of its own.

        ssh would make one where the master cannot take another session; the ProxyCommand leads it nowhere.
        """
        return ["ssh", "-T", *self._quiet(), "-o", "ControlMaster=no", *_options(ProxyCommand="false"),
                "--", self.host, command]  # fmt: skip

    def see_to_it(self) -> None:
        """See that there is a connection, if one can be had without asking anybody. NotSignedIn or Dead otherwise."""
        if self.pid() is not None:
            return
        with self._alone():
            if self.pid() is not None:
                return
            if self._left.exists():
                raise NotSignedIn("signed out")
            self._clear()
            self._open()

    # ------------------------------------------------------------------------------------ for a person

    def ask(self) -> bool:
        """Sign in, asking on this terminal; False where that was done before. SignInNeeded if it fails."""
        with self._alone():
            self._left.unlink(missing_ok=True)
            if self.pid() is not None:
                return False
            self._clear()
            code = self._run(self._master(BatchMode="no"))
            if code != 0 or self.pid() is None:
                raise SignInNeeded(
                    f"machine {self.machine!r}: nobody was signed in (ssh {self.host} ended with {code})."
                )
        return True

    def end(self) -> bool:
        """Sign out, for every process here, and stay so until somebody signs in; False where nobody was."""
        with self._alone():
            pid = self.pid()
            self._left.touch(mode=0o600)
            if pid is not None:
                self._control("exit")
            self._clear()
        return pid is not None

    def pid(self) -> int | None:
        """The master's process; None where there is none, or none that answers.

        A master answers while its link is dead: that one it notices by itself, from missing signs of life.
        """
        if not self.socket.exists():
            return None
        found = _RUNNING.search(self._control("check"))
        if found is None:
            return None
        note = self._note
        if not note.exists() or note.read_text() != found[1]:
            layout.put(str(note), found[1].encode())
        return int(found[1])

    # ------------------------------------------------------------------------------------ the master

    @property
    def _named(self) -> str:
        return str(self.socket).replace("%", "%%")

    @property
    def _note(self) -> Path:
        return self.socket.with_name(self.socket.name + ".pid")

    @property
    def _left(self) -> Path:
        return self.socket.with_name(self.socket.name + ".left")

    def _quiet(self) -> list[str]:
        return ["-a", "-x", "-e", "none", "-S", self._named, *_options(BatchMode="yes", LogLevel="ERROR")]

    def _master(self, **more: str) -> list[str]:
        interval, most = ALIVE
        settings = {
            "ControlMaster": "yes", "ControlPersist": str(max(1, int(self.keep))), "ServerAliveInterval": str(interval),
            "ServerAliveCountMax": str(most), "ConnectTimeout": str(CONNECT), **more,
        }  # fmt: skip
        own = _options(ClearAllForwardings="yes", PermitLocalCommand="no", RemoteCommand="none")
        return ["ssh", "-f", "-N", "-T", "-a", "-x", "-S", self._named, *own, *_options(**settings),
                "--", self.host]  # fmt: skip

    def _open(self) -> None:
        with tempfile.TemporaryFile() as said:  # no pipe: the master that stays behind would hold it open
            code = self._run(
                self._master(BatchMode="yes", LogLevel="ERROR"), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=said, start_new_session=True, timeout=PATIENCE,
            )  # fmt: skip
            said.seek(0)
            words = said.read().decode("utf-8", "replace").strip()[-1000:]
        if code != 0:
            raise _refusal(words, self.host)

    def _control(self, order: str) -> str:
        """What the master answers; '' where it does not."""
        with tempfile.TemporaryFile() as said, contextlib.suppress(Dead):
            argv = ["ssh", *self._quiet(), "-O", order, "--", self.host]
            self._run(argv, stdin=subprocess.DEVNULL, stdout=said, stderr=said, timeout=ANSWER)
            said.seek(0)
            return said.read().decode("utf-8", "replace")
        return ""

    def _run(self, argv: list[str], timeout: float | None = None, **streams: Any) -> int:
        """The exit code of an ssh."""
        try:
            return subprocess.run(argv, cwd="/", timeout=timeout, check=False, **streams).returncode
        except subprocess.TimeoutExpired as fault:
            raise Dead(f"ssh {self.host} did not connect within {timeout:g} s") from fault
        except OSError as fault:
            raise Dead(f"{argv[0]}: {fault.strerror}") from fault

    def _clear(self) -> None:
        """Away with a master that does not answer, and with its socket."""
        with contextlib.suppress(OSError, ValueError):
            pid = int(self._note.read_text())
            if str(self.socket) in _command_of(pid):
                os.kill(pid, signal.SIGKILL)
        for path in (self._note, self.socket):
            path.unlink(missing_ok=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process opens or ends the connection at a time. The folder is ours alone, or it is not used."""
        folder = self.socket.parent
        layout.make_private(str(folder))
        there = folder.lstat()
        if there.st_uid != os.getuid() or there.st_mode & 0o077 or folder.is_symlink():
            raise Dead(f"the folder {str(folder)!r} of its sign-in can be written to by others")
        with filelock.held(self.socket.with_name(self.socket.name + ".lock")):
            yield


def _options(**settings: str) -> list[str]:
    return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]


def _refusal(said: str, host: str) -> Dead:
    """Why there is no connection, from what ssh said."""
    if "IDENTIFICATION HAS CHANGED" in said:
        return Dead(
            f"its host key is another one than before ({said}). If that is as it should be, "
            f"run ssh-keygen -R {host} and sign in again"
        )
    if any(words in said for words in _REFUSED):
        return NotSignedIn(said)
    return Dead(said or f"ssh {host} ended without a word")


def _command_of(pid: int) -> str:
    """The command line of a process, '' where there is none."""
    return subprocess.run(
        ["ps", "-ww", "-o", "args=", "-p", str(pid)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    ).stdout
