"""ssh passes the suite every transport passes, under any login shell; nothing a user writes is read as commands."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clusters.sshd import FarHost, Sshd
from farpoint.errors import BadConfig, SignInNeeded, Unreachable
from farpoint.runner.agent import BEAT
from farpoint.testing.transport_suite import TransportSuite
from farpoint.transports.link import SILENCE, Link
from farpoint.transports.login import ALIVE, Login, check_host
from farpoint.transports.ssh import COMMAND, Ssh

pytestmark = pytest.mark.xdist_group("ssh")

HOSTILE = " -o a 'b' \"c\" ; $(touch pwned) `touch pwned` !x \\ é€𝄞 /" + "x" * 240
NOISE = {
    "bash": (".bashrc", "head -c 1200000 /dev/zero | tr '\\0' x; echo; echo farpoint agent; echo careful >&2"),
    "dash": (".profile", "echo not read"),
    "tcsh": (".tcshrc", "echo Welcome; head -c 1200000 /dev/zero | tr '\\0' x; stty erase '^H'"),
    "fish": (".config/fish/config.fish", "echo Welcome; head -c 1200000 /dev/zero; echo careful >&2"),
}

Open = Callable[..., Link]


@pytest.fixture
def transport(sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ssh]:
    monkeypatch.setenv("PATH", sshd.path)
    login = Login("suite", sshd.alias, tmp_path / "ssh")
    yield Ssh(login)
    login.end()


@pytest.fixture
def reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """reach(sshd, python=…, alias=…, statedir=…) → Link."""
    made: list[tuple[Link, Login]] = []

    def build(sshd: Sshd, python: str | None = None, alias: str | None = None, statedir: str = "~/.farpoint") -> Link:
        monkeypatch.setenv("PATH", sshd.path)
        login = Login("far", alias or sshd.alias, tmp_path / sshd.folder.name)
        made.append((Link("far", Ssh(login, python), statedir), login))
        return made[-1][0]

    yield build
    for link, login in made:
        link.close()
        login.end()


class TestSsh(TransportSuite):
    @pytest.fixture
    def transport(self, transport: Ssh) -> Ssh:
        return transport

    @pytest.fixture
    def statedir(self) -> str:
        return "~/suite"  # where nobody else's jobs lie


@pytest.fixture(params=sorted(NOISE))
def noisy_shell(request: pytest.FixtureRequest, far_host: FarHost) -> Iterator[str]:
    """A login shell whose own file prints more than anybody wants."""
    file, text = NOISE[request.param]
    program = shutil.which(request.param)
    assert program is not None, f"{request.param} is not installed"
    written = far_host.user.write(file, f"{text}\n")
    far_host.user.shell(program)
    yield request.param
    far_host.user.shell("/bin/sh")
    written.unlink()


def test_any_login_shell_however_noisy_and_hostile_text_stays_text(
    noisy_shell: str, sshd: Sshd, far_host: FarHost, reach: Open
) -> None:
    far = reach(sshd, statedir=f"~/state {noisy_shell}{HOSTILE}")
    assert far.call("hello").value["statedir"] == f"{far_host.user.home}/state {noisy_shell}{HOSTILE}"
    assert far.call("run", argv=["printf", "%s", HOSTILE], timeout=9).value["stdout"] == HOSTILE
    with pytest.raises(Unreachable, match="touch pwned"):
        reach(sshd, python=f"/no such/{HOSTILE}").call("hello")
    assert "pwned" not in far_host.user.run("ls -A . /tmp; find . -maxdepth 2 -name 'pwned*'").split()


def test_there_it_is_another_user_with_another_python_and_no_farpoint(
    sshd: Sshd, far_host: FarHost, reach: Open
) -> None:
    far = reach(sshd)
    asked = "import os, sys\ntry:\n import farpoint\nexcept ImportError:\n print(os.getuid(), sys.version_info[:2])"
    said = far.call("run", argv=["python3", "-c", asked], timeout=60).value["stdout"]
    assert said == f"{far_host.user.run('id -u').strip()} {tuple(far.call('hello').value['version'][:2])}\n"
    assert far.call("run", argv=["sh", "-c", "echo $HOME"], timeout=9).value["stdout"].strip() == str(
        far_host.user.home
    )


def test_a_python_of_another_name_is_found_and_none_is_said(far_host: FarHost, tmp_path: Path, reach: Open) -> None:
    only = far_host.folder / "only"
    only.mkdir()
    name = f"python3.{os.path.realpath(far_host.python).rpartition('.')[2]}"
    (only / name).symlink_to(far_host.python.resolve())
    found = reach(far_host.sshd(env={"PATH": str(only)})).call("hello").value["python"]
    assert os.path.basename(found) == name
    with pytest.raises(Unreachable, match=r"there is no Python from 3\.6 on: set python = for this machine"):
        reach(far_host.sshd(env={"PATH": "/var/empty"}), alias=None).call("hello")


def test_the_configured_python_runs_the_agent(sshd: Sshd, far_host: FarHost, reach: Open) -> None:
    assert reach(sshd, python=str(far_host.environment)).call("hello").value["python"] == str(far_host.environment)
    far_host.user.run(f"ln -sfn {far_host.environment.parent} 'my bin'")
    assert reach(sshd, python="~/my bin/python").call("hello").value["python"].startswith(str(far_host.user.home))


@pytest.mark.parametrize("python", ["", "python\n3", "a\0b"])
def test_a_python_that_is_no_path_is_refused(python: str, tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="machine 'far': python = "):
        Ssh(Login("far", "alias", tmp_path), python)


@pytest.mark.parametrize(
    "host",
    ["-oProxyCommand=touch pwned", "", "a b", "a;b", "$(touch pwned)", "me@-x", "a\nb", "`x`", "a'b", 'a"b', "a|b"],
)
def test_a_host_that_a_shell_would_read_is_refused(host: str) -> None:
    with pytest.raises(BadConfig, match=r"host = .* cannot be given to ssh"):
        check_host("far", host)


@pytest.mark.parametrize("host", ["hpc", "me@login.example.org", "ssh://me@host:2222", "10.0.0.1", "[::1]", "größe"])
def test_hosts(host: str) -> None:
    assert check_host("far", host) == host


def test_the_command_is_constant_and_every_shell_reads_it_alike() -> None:
    assert not set(COMMAND) & set("\n\\!`")
    assert COMMAND.count("'") == 2


def test_a_host_that_is_not_there_and_one_that_refuses(sshd: Sshd, reach: Open) -> None:
    with pytest.raises(Unreachable, match="Could not resolve"):
        reach(sshd, alias="no-such-host.invalid").call("hello")
    alias, relay = sshd.behind()
    relay.order("refuse")
    with pytest.raises(Unreachable) as caught:
        reach(sshd, alias=alias).call("hello")
    assert not isinstance(caught.value, SignInNeeded)


def test_an_unknown_host_key_needs_somebody_and_another_one_is_never_taken(
    far_host: FarHost, sshd: Sshd, reach: Open
) -> None:
    mine = far_host.sshd()
    known = mine.folder / "known_hosts"
    kept = known.read_text()
    known.write_text("")
    with pytest.raises(SignInNeeded, match=r"^sign-in needed — run farpoint connect far$"):
        reach(mine).call("hello")
    known.write_text((sshd.folder / "known_hosts").read_text())
    with pytest.raises(Unreachable, match="host key is another one than before"):
        reach(mine).call("hello")
    known.write_text(kept)
    assert reach(mine).call("hello")


# ------------------------------------------------------------------------------------------ the one connection


def test_one_connection_serves_all_and_its_files_are_private(sshd: Sshd, reach: Open) -> None:
    before = sshd.log().count("Accepted publickey")
    links = [reach(sshd) for _ in range(3)]
    for link in links:
        link.call("hello")
    assert sshd.log().count("Accepted publickey") == before + 1
    folder = links[0]._transport.login.socket.parent
    for path in [folder, *folder.iterdir()]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_long_state_folder_gets_a_socket_of_a_short_name(sshd: Sshd, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", sshd.path)
    login = Login("far", sshd.alias, tmp_path / ("long " * 20) / "100%")
    try:
        login.see_to_it()
        assert login.pid() is not None
        assert len(os.fsencode(login.socket)) <= 86
    finally:
        login.end()


def test_a_sign_in_ends_after_its_last_use(sshd: Sshd, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", sshd.path)
    login = Login("far", sshd.alias, tmp_path / "ssh", keep=1.0)
    login.see_to_it()
    pid = login.pid()
    assert pid is not None
    gone(pid)
    assert login.pid() is None


def test_who_signed_out_stays_out_until_somebody_signs_in(sshd: Sshd, reach: Open) -> None:
    far = reach(sshd)
    far.call("hello")
    login = far._transport.login
    assert login.end()
    with pytest.raises(SignInNeeded):
        far.call("hello")
    assert not login.end()
    assert login.ask()
    assert not login.ask()
    assert far.call("hello")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_master_that_died_or_hangs_is_replaced(number: signal.Signals, sshd: Sshd, reach: Open) -> None:
    far = reach(sshd)
    far.call("hello")
    pid = far._transport.login.pid()
    assert pid is not None
    os.kill(pid, number)
    far.close()
    try:
        assert far.call("hello", deadline=20)
        assert far._transport.login.pid() not in (None, pid)
        gone(pid)
    finally:
        if os.path.exists(f"/proc/{pid}"):
            os.kill(pid, signal.SIGKILL)


def test_a_master_of_somebody_elses_is_not_touched(sshd: Sshd, tmp_path: Path, monkeypatch) -> None:
    """The note of its process may name, much later, a process that has nothing to do with it."""
    monkeypatch.setenv("PATH", sshd.path)
    login = Login("far", sshd.alias, tmp_path / "ssh")
    login.see_to_it()
    login.end()
    login._note.write_text(str(os.getpid()))
    login.ask()
    assert login.end()


def gone(pid: int) -> None:
    end = time.monotonic() + 60
    while os.path.exists(f"/proc/{pid}") and time.monotonic() < end:
        time.sleep(0.05)
    assert not os.path.exists(f"/proc/{pid}")


def test_a_black_hole_is_noticed_and_the_way_is_found_again(far_host: FarHost, sshd: Sshd, reach: Open) -> None:
    """Noticed by missing signs of life: the agent's or those of ssh itself, whichever are missed first."""
    alias, relay = sshd.behind()
    far = reach(sshd, alias=alias)
    far.call("hello")
    relay.order("hole")
    begun = time.monotonic()
    with pytest.raises(Unreachable, match="far' did not answer 'wait'") as caught:
        far.wait(60)
    assert "no answer within" not in str(caught.value)
    noticed = time.monotonic() - begun
    assert noticed < 100, "not by the deadline of the call"
    relay.order("pass")
    assert far.call("hello")
    relay.order("cut")
    assert asked_twice_at_most(far)


def asked_twice_at_most(far: Link) -> int:
    """The pid of the agent that answers: the first to be asked may be gone without our having heard of it."""
    with contextlib.suppress(Unreachable):
        return int(far.call("hello").value["pid"])
    return int(far.call("hello").value["pid"])


def test_a_connection_that_died_unheard_is_noticed_in_time_and_replaced(sshd: Sshd, reach: Open) -> None:
    """As after a router forgot it: what is open stays open and carries nothing, a new connection works."""
    interval, missed = ALIVE
    assert SILENCE * BEAT <= 15, "the agent's signs of life are missed in time"
    assert interval * (missed + 1) <= 15, "those of ssh itself are"
    alias, relay = sshd.behind()
    far = reach(sshd, alias=alias)
    before = far.call("hello").value["pid"]
    relay.order("strand")
    begun = time.monotonic()
    after = asked_twice_at_most(far)
    assert time.monotonic() - begun < 60, "by signs of life, not by the deadline of the call"
    assert after != before
    assert far.call("tokens").value == far.call("tokens").value
    assert far.call("hello").value["pid"] == after


def test_no_more_sessions_than_the_other_side_allows_is_no_sign_in_of_ones_own(far_host: FarHost, reach: Open) -> None:
    few = far_host.sshd(sessions=1)
    first, second = reach(few), reach(few)
    first.call("hello")
    accepted = few.log().count("Accepted publickey")
    with pytest.raises(Unreachable, match="all sessions that one sign-in may have there are in use"):
        second.call("hello")
    first.close()
    assert second.call("hello")
    assert few.log().count("Accepted publickey") == accepted
