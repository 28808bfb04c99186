"""A real sshd on the loopback, with throw-away keys, whose user is another one than we: the computer far away.

Knows neither farpoint nor any queue system. The fixture `far_host` is one for the whole session; `start_sshd` makes
others: with one-time codes, with few sessions, with an environment, in another network namespace.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from clusters import pythons
from clusters.daemons import Daemons, free_ports, require, until
from clusters.relay import LOOPBACK, Relay

PROGRAMS = ("sshd", "ssh", "ssh-keygen", "setpriv")
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
EVERYBODYS = "/var/tmp"  # others can enter it, and it is a disk
MADE = "farfp"  # names of users made here begin so, and end with the process that made them

SSHD = """\
ListenAddress {address}
Port {port}
HostKey {folder}/host_key
PidFile none
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
PasswordAuthentication no
PermitRootLogin prohibit-password
PrintMotd no
UseDNS no
MaxStartups 200
MaxSessions {sessions}
LogLevel VERBOSE
SetEnv {env}
{more}
"""
CLIENT = """\
Host {alias}
  HostName {address}
  Port {port}
  User {user}
  IdentityFile {folder}/id
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile {folder}/known_hosts
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  HostKeyAlias {user}

"""
CODES = """\
UsePAM yes
KbdInteractiveAuthentication yes
AuthenticationMethods keyboard-interactive
"""
KEYS = "UsePAM no\nKbdInteractiveAuthentication no"
TAKE = """\
#!/bin/sh
# One-time codes are files; taking one is removing it. pam_exec gives the code with a NUL at its end.
code=$(tr -d '\\0')
case $code in ''|*[!0-9]*) exit 1;; esac
rm "{folder}/codes/$code" && echo "$code" >>"{folder}/taken"
"""
PAM = """\
auth required pam_exec.so quiet expose_authtok {folder}/take_code
auth required pam_permit.so
account required pam_permit.so
session required pam_permit.so
"""


@dataclass
class FarUser:
    """Somebody else on this computer, or we ourselves with another HOME where we may not make users."""

    name: str
    home: Path
    made: bool

    def shell(self, program: str) -> None:
        """Their login shell from now on."""
        assert self.made, "only a user made here has a login shell we may change"
        with _one_at_a_time():
            subprocess.run(["usermod", "-s", program, self.name], check=True, capture_output=True)

    def run(self, command: str) -> str:
        """What a shell of theirs prints."""
        become = ["setpriv", f"--reuid={self.name}", f"--regid={self.name}", "--clear-groups"] if self.made else []
        env = {"HOME": str(self.home), "PATH": SYSTEM_PATH}
        return subprocess.run(
            [*become, "sh", "-c", command], cwd=self.home, env=env, check=True, capture_output=True, text=True
        ).stdout

    def write(self, name: str, text: str) -> Path:
        """A file in their home, theirs."""
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if self.made:
            shutil.chown(path, self.name, self.name)
        return path


@dataclass
class Sshd:
    """One sshd. `alias` is what ssh calls it, for whoever has `bin` in front of its PATH."""

    folder: Path
    user: FarUser
    port: int
    daemons: Daemons
    prefix: Sequence[str] = ()
    address: str = LOOPBACK
    alias: str = "far"
    relays: list[Relay] = field(default_factory=list)

    @property
    def bin(self) -> Path:
        """The folder with an `ssh` that knows the alias."""
        return self.folder / "bin"

    @property
    def path(self) -> str:
        """A PATH on which that `ssh` comes first."""
        return f"{self.bin}{os.pathsep}{os.environ['PATH']}"

    def name(self, alias: str, port: int | None = None) -> str:
        """Another name for it in the ssh config, at another port (a relay's)."""
        with (self.folder / "config").open("a") as file:
            file.write(
                CLIENT.format(
                    alias=alias, address=self.address, port=port or self.port, folder=self.folder, user=self.user.name
                )
            )
        return alias

    def behind(self, delay: float = 0.0) -> tuple[str, Relay]:
        """A relay in front of it, and the alias that goes through it."""
        relay = Relay(self.port, delay)
        self.relays.append(relay)
        return self.name(f"{self.alias}-{relay.port}", relay.port), relay

    def ssh(self, *words: str, alias: str | None = None) -> subprocess.CompletedProcess[str]:
        """A plain ssh there."""
        argv = [str(self.bin / "ssh"), "-o", "BatchMode=yes", alias or self.alias, *words]
        return subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    def code(self) -> str:
        """A new one-time code."""
        made = f"{secrets.randbelow(10**8):08d}"
        (self.folder / "codes" / made).touch()
        return made

    def taken(self) -> list[str]:
        """The codes somebody signed in with."""
        path = self.folder / "taken"
        return path.read_text().split() if path.exists() else []

    def log(self) -> str:
        """What it has written."""
        return (self.folder / "log" / "sshd.out").read_text(errors="replace")

    def close(self) -> None:
        """End the relays, every session and the daemon."""
        for relay in self.relays:
            relay.close()
        below = psutil.Process(self.daemons.running["sshd"].pid).children(recursive=True)
        self.daemons.stop_all()
        for process in below:
            with suppress(psutil.Error):
                process.kill()


def start_sshd(
    folder: Path,
    user: FarUser,
    *,
    env: Mapping[str, str] | None = None,
    prefix: Sequence[str] = (),
    address: str = LOOPBACK,
    codes: bool = False,
    sessions: int = 100,
) -> Sshd:
    """Start an sshd whose files are in `folder`. `env`: of the commands there; `prefix`: words before every program,
    such as `ip netns exec NAME`; `codes`: signing in needs a one-time code (needs root); `sessions`: MaxSessions.
    """
    require(PROGRAMS)
    folder.mkdir(parents=True, exist_ok=True)
    for part in ("bin", "log", "codes"):
        (folder / part).mkdir()
    folder.chmod(0o755)
    for key in ("host_key", "id"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key], check=True)
    shutil.copy(folder / "id.pub", folder / "authorized_keys")
    (folder / "authorized_keys").chmod(0o644)
    host_key = " ".join((folder / "host_key.pub").read_text().split()[:2])
    (folder / "known_hosts").write_text(f"{user.name} {host_key}\n")
    with suppress(OSError):
        Path("/run/sshd").mkdir(exist_ok=True)  # where sshd, as root, shuts its children in
    (port,) = free_ports(1)
    there = {"PATH": SYSTEM_PATH, "HOME": str(user.home), **(env or {})}
    (folder / "sshd_config").write_text(
        SSHD.format(
            address=address, port=port, folder=folder, sessions=sessions, more=CODES if codes else KEYS,
            env=" ".join(f'"{name}={value}"' for name, value in there.items()),
        )
    )  # fmt: skip
    daemons = Daemons(folder / "log")
    made = Sshd(folder, user, port, daemons, prefix, address)
    wrapper = made.bin / "ssh"
    ssh = shutil.which("ssh", path="/usr/local/bin:/usr/bin:/bin")
    wrapper.write_text(f'#!/bin/sh\nexec {" ".join([*prefix, str(ssh)])} -F {folder}/config "$@"\n')
    wrapper.chmod(0o755)
    made.name(made.alias)
    program = _with_codes(folder) if codes else str(shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin"))
    daemons.start("sshd", *prefix, program, "-D", "-e", "-f", str(folder / "sshd_config"))
    until(lambda: "Server listening" in made.log() or not daemons.alive("sshd"), "an sshd that listens")
    assert daemons.alive("sshd"), made.log()
    return made


def _with_codes(folder: Path) -> str:
    """An sshd of its own name, and so with PAM rules of its own, which ask for a code."""
    take = folder / "take_code"
    take.write_text(TAKE.format(folder=folder))
    take.chmod(0o755)
    name = _service(folder)
    (folder / name).symlink_to(str(shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")))
    Path("/etc/pam.d", name).write_text(PAM.format(folder=folder))
    return str(folder / name)


def _service(folder: Path) -> str:
    return f"farpoint-{os.getpid()}-{folder.name}".lower()


@contextmanager
def far_user(folder: Path) -> Iterator[FarUser]:
    """A user who is not we, with a home of their own; removed at the end."""
    home = folder / "home"
    if os.geteuid() != 0:
        home.mkdir()
        yield FarUser(pwd.getpwuid(os.getuid()).pw_name, home, made=False)
        return
    name = f"{MADE}{os.getpid()}"
    with _one_at_a_time():
        _remove_left_over()
        subprocess.run(
            ["useradd", "--no-log-init", "-M", "-U", "-d", str(home), "-s", "/bin/sh", "-p", "*", name],
            check=True, capture_output=True,
        )  # fmt: skip
    home.mkdir(mode=0o700)
    shutil.chown(home, name, name)
    try:
        yield FarUser(name, home, made=True)
    finally:
        _end_all_of(name)
        with _one_at_a_time():
            subprocess.run(["userdel", "-f", name], check=False, capture_output=True)


def _remove_left_over() -> None:
    """Users whose maker was killed."""
    for entry in pwd.getpwall():
        maker = entry.pw_name.removeprefix(MADE)
        if maker != entry.pw_name and maker.isdigit() and not psutil.pid_exists(int(maker)):
            _end_all_of(entry.pw_name)
            subprocess.run(["userdel", "-f", entry.pw_name], check=False, capture_output=True)


def _end_all_of(name: str) -> None:
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.username() == name:
                process.kill()


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Whoever changes /etc/passwd: its own tools give up when they meet."""
    with Path(tempfile.gettempdir(), "farpoint-users.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@dataclass
class FarHost:
    """A user there, their Pythons, and where an sshd that reaches them may keep its files."""

    folder: Path
    user: FarUser
    python: Path  # found as python3 there; another minor version than ours if there is one
    environment: Path  # the Python of an environment like ours, without farpoint
    started: list[Sshd] = field(default_factory=list)

    @property
    def env(self) -> dict[str, str]:
        """What commands there start with."""
        return {"PATH": f"{self.python.parent}:{SYSTEM_PATH}"}

    def sshd(self, **more: object) -> Sshd:
        """One more sshd; ended with the session."""
        env = {**self.env, **more.pop("env", {})}  # type: ignore[dict-item] # a mapping, as start_sshd says
        made = start_sshd(self.folder / f"sshd{len(self.started)}", self.user, env=env, **more)  # type: ignore[arg-type]
        self.started.append(made)
        return made


@contextmanager
def far_host_in(folder: Path) -> Iterator[FarHost]:
    """A far host whose files are below `folder`, which others can enter."""
    folder.chmod(0o755)
    with far_user(folder) as user:
        other = pythons.readable(pythons.another(), folder / "python")
        host = FarHost(folder, user, other / "bin" / "python3", pythons.environment(folder))
        try:
            yield host
        finally:
            for each in host.started:
                each.close()
                with suppress(OSError):
                    Path("/etc/pam.d", _service(each.folder)).unlink(missing_ok=True)


@pytest.fixture(scope="session")
def far_host() -> Iterator[FarHost]:
    """Another user's account on this computer, with a Python of another minor version and no farpoint."""
    require(PROGRAMS)
    for left in Path(EVERYBODYS).glob("fp-far-*-*"):
        if not psutil.pid_exists(int(left.name.split("-")[2])):
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"fp-far-{os.getpid()}-", dir=EVERYBODYS))
    try:
        with far_host_in(folder) as host:
            yield host
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def sshd(far_host: FarHost) -> Sshd:
    """An sshd there that takes our key."""
    return far_host.sshd()
