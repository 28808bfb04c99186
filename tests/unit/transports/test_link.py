"""The link when the other side misbehaves: noise, silence, damage, interrupts."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from farpoint.errors import Unreachable
from farpoint.runner import agent, layout
from farpoint.transports import boot
from farpoint.transports.base import Stream
from farpoint.transports.link import Link
from farpoint.transports.pipe import Pipe


@dataclass(frozen=True)
class Shell:
    """A transport that begins with other words: a login script's, say."""

    before: str = ""
    python: str = sys.executable
    nice: int = 0

    def argv(self, loader: str) -> list[str]:
        return ["sh", "-c", f'{self.before}\nexec "$0" -I -S -c "$1"', self.python, loader]

    def env(self) -> dict[str, str]:
        return dict(os.environ)

    def preamble(self, loader: str) -> bytes:
        return b""

    def ready(self) -> None:
        pass

    def why(self, said: str) -> None:
        return None


@pytest.fixture
def open_link(tmp_path) -> Iterator:
    opened: list[Link] = []

    def build(transport=None, **more) -> Link:
        opened.append(Link("far", transport or Pipe(), str(tmp_path / "state"), **more))
        return opened[-1]

    yield build
    for one in opened:
        one.close()


@pytest.mark.parametrize(
    "noise",
    [
        "echo Welcome to the cluster!",
        "printf 'no newline'",
        "head -c 500000 /dev/zero",
        "printf 'farpoint agent'; echo x >&2",
    ],
)
def test_what_a_login_prints_is_passed_over(open_link, noise) -> None:
    far = open_link(Shell(noise))
    assert far.call("tokens").value == []
    assert far.call("run", argv=["echo", "hi"], timeout=9).value["stdout"] == "hi\n"


def test_endless_noise_is_given_up(open_link) -> None:
    with pytest.raises(Unreachable, match="Silence its login scripts"):
        open_link(Shell("exec yes")).call("tokens")


@pytest.mark.parametrize(
    "transport, message",
    [
        (Shell("echo 'Permission denied (publickey)' >&2; exit 255"), r"no agent started \(Permission denied"),
        (Shell(python="/no/such/python"), "no agent started"),
        (Pipe("/no/such/python"), "/no/such/python: No such file or directory"),
    ],
)
def test_an_agent_that_does_not_start_says_why(open_link, transport, message) -> None:
    with pytest.raises(Unreachable, match=f"machine 'far' did not answer 'tokens': .*{message}"):
        open_link(transport).call("tokens")


def test_an_agent_that_never_says_anything_is_given_up(open_link, monkeypatch) -> None:
    monkeypatch.setattr(boot, "OPENING", 0.3)
    with pytest.raises(Unreachable, match="did not start in time"):
        open_link(Shell("exec sleep 60")).call("tokens")


def test_the_runner_is_sent_once_and_again_when_damaged(open_link, tmp_path) -> None:
    open_link().call("tokens")
    path = tmp_path / "state/runner" / f"{boot.runner()[0][:16]}.zip"
    assert str(path) == boot.runner_path(str(tmp_path / "state"))
    sent = path.stat()
    open_link().call("tokens")
    assert path.stat().st_ino == sent.st_ino
    path.write_bytes(path.read_bytes()[:-100])
    open_link().call("tokens")
    assert path.read_bytes() == boot.runner()[1]
    assert [child.name for child in path.parent.iterdir()] == [path.name]


def test_everything_made_there_is_private(open_link, tmp_path) -> None:
    old = os.umask(0)
    try:
        open_link().call("put", b"x", digest=layout.digest(b"x"), offset=0, last=True)
    finally:
        os.umask(old)
    for path in [tmp_path / "state", *(tmp_path / "state").rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_bytes_that_are_no_frames_end_the_connection_and_the_next_call_works(open_link) -> None:
    far = open_link()
    pid = far.call("hello").value["pid"]
    writer = f"import os; os.write(os.open('/proc/{pid}/fd/' + n, os.O_WRONLY), b'x' * 64)"
    numbers = [n for n in os.listdir(f"/proc/{pid}/fd") if is_our_pipe(far, pid, n)]
    with pytest.raises(Unreachable, match="does not speak as agreed"):
        far.call("run", argv=[sys.executable, "-c", f"n = {numbers[0]!r}; {writer}"], timeout=9)
    assert far.call("tokens").value == []


def is_our_pipe(far: Link, pid: int, number: str) -> bool:
    ours = os.readlink(f"/proc/self/fd/{far._connection.stream._out.fileno()}")
    return os.readlink(f"/proc/{pid}/fd/{number}") == ours


def test_a_stopped_agent_is_given_up_while_writing_and_while_waiting(open_link) -> None:
    far = open_link()
    for body in (b"", bytes(1 << 22)):
        pid = far.call("hello").value["pid"]
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(Unreachable, match=r"within 0\.4 s|for 0\.4 s"):
            far.call("tokens", body, deadline=0.4)
        assert far.call("tokens").value == []


@pytest.mark.parametrize("body", [b"", bytes(1 << 22)], ids=["empty", "4 MB"])
def test_a_stopped_agent_is_noticed_by_its_silence_and_a_look_is_asked_again_of_another(open_link, body) -> None:
    far = open_link(beat=0.5)
    pid = far.call("hello").value["pid"]
    os.kill(pid, signal.SIGSTOP)
    assert far.call("hello", body).value["pid"] != pid


def test_what_may_have_been_done_is_not_asked_again_by_itself(open_link) -> None:
    far = open_link(beat=0.5)
    pid = far.call("hello").value["pid"]
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(Unreachable, match=r"no sign of life from its agent for 2 s"):
        far.call("run", argv=["true"], timeout=9)
    assert far.call("hello").value["pid"] != pid


def test_long_work_and_a_wait_are_no_silence(open_link) -> None:
    far = open_link(beat=0.5)
    pid = far.call("hello").value["pid"]
    assert far.call("run", argv=["sleep", "5"], timeout=60).value["exit"] == 0
    assert far.wait(5) == "time"
    assert far.call("hello").value["pid"] == pid


def test_signs_of_life_are_no_answer(open_link) -> None:
    with pytest.raises(Unreachable, match=r"no answer within 3 s"):
        open_link(beat=0.5).call("run", argv=["sleep", "60"], timeout=90, deadline=3.0)


def test_a_request_that_arrives_slowly_is_no_silence_and_is_answered(tmp_path) -> None:
    """Its first bytes are there, the rest is under way: signs of life come all the while."""
    stream = opened(tmp_path, idle=60, beat=0.2)
    request = agent.frame({"id": 1, "verb": "tokens"}, bytes(1000))
    stream.write(request[:100], 9)
    got, frames = [], agent.Frames()
    for data in stream.pieces(30):
        frames.feed(data)
        while (frame := frames.take()) is not None:
            got.append(frame[0])
        if len(got) == 2:
            stream.write(request[100:], 9)
        if got and "id" in got[-1]:
            break
    assert got[0] == got[1] == {"beat": True}
    assert got[-1] == {"id": 1, "ok": True, "value": []}
    stream.kill()
    stream.close()


def test_an_agent_whose_answers_nobody_takes_ends(tmp_path) -> None:
    stream = opened(tmp_path, idle=1, beat=0.2)
    stream.write(agent.frame({"id": 1, "verb": "run", "argv": ["head", "-c", "999999", "/dev/zero"], "timeout": 9}), 9)
    process, ended = os.pidfd_open(stream.pid), select.poll()
    ended.register(process, select.POLLIN)
    over = ended.poll(60_000)
    os.close(process)
    assert over, "it waits for ever"
    assert stream.complaints() == ""
    stream.kill()
    stream.close()


def opened(folder, **given) -> Stream:
    """A bare stream with an agent at its end."""
    return boot.open_stream(Pipe(), {"statedir": str(folder / "s"), "workdir": str(folder / "w"), "nice": 0, **given})


def test_an_agent_that_answers_others_is_not_given_up(open_link) -> None:
    """The deadline is for silence: a call that waits its turn behind others that are answered goes on waiting."""
    far = open_link()
    far.call("tokens")
    slow = {"argv": ["sleep", "0.4"], "timeout": 9, "deadline": 1.0}
    threads = [threading.Thread(target=lambda: far.call("run", **slow)) for _ in range(5)]
    for thread in threads:
        thread.start()
    said = far.call("run", argv=["echo", "last"], timeout=9, deadline=1.0).value["stdout"]
    for thread in threads:
        thread.join()
    assert said == "last\n"


@pytest.mark.parametrize("what", ["wait", "write"])
def test_an_interrupt_leaves_a_link_that_works(open_link, what) -> None:
    far = open_link()
    pid = far.call("hello").value["pid"]
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    if what == "write":
        os.kill(pid, signal.SIGSTOP)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        far.wait(60) if what == "wait" else far.call("tokens", bytes(1 << 22))
    timer.join()
    begun = time.monotonic()
    now = far.call("hello").value["pid"]
    assert time.monotonic() - begun < 10
    assert (now == pid) == (what == "wait")


def test_an_interrupt_of_the_terminal_does_not_reach_the_agent(open_link) -> None:
    far = open_link()
    pid = far.call("hello").value["pid"]
    assert os.getsid(pid) != os.getsid(0)
    assert os.getpgid(pid) != os.getpgid(0)


def test_the_agent_ends_with_the_process_that_asked_it(tmp_path) -> None:
    code = (
        "import os, sys; from farpoint.transports.link import Link; from farpoint.transports.pipe import Pipe\n"
        f"far = Link('far', Pipe(), {str(tmp_path / 'state')!r})\n"
        "print(far.call('hello').value['pid'], flush=True)\n"
        "os.kill(os.getpid(), 9)"
    )
    pid = int(subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, timeout=60).stdout)
    end = time.monotonic() + 10
    while os.path.exists(f"/proc/{pid}") and time.monotonic() < end:
        time.sleep(0.02)
    assert not os.path.exists(f"/proc/{pid}")
    assert not list((tmp_path / "state/bells").iterdir())


def test_a_question_that_crosses_the_goodbye_is_asked_again(open_link, monkeypatch) -> None:
    """The agent ends for want of questions just when one is on its way: seen here as a connection that was alive."""
    far = open_link(idle=0.2)
    pid = far.call("hello").value["pid"]
    time.sleep(0.6)
    seen = iter([True])
    monkeypatch.setattr(type(far._connection), "alive", property(lambda self: next(seen, self._end is None)))
    assert far.call("hello").value["pid"] != pid


def test_a_closed_link_leaves_no_process_and_no_thread(open_link) -> None:
    before = threading.active_count()
    far = open_link()
    pid = far.call("hello").value["pid"]
    far.close()
    assert not os.path.exists(f"/proc/{pid}")
    assert threading.active_count() == before
    far.close()


def test_closing_does_not_wait_for_a_busy_agent(open_link) -> None:
    far = open_link()
    far.call("tokens")
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            far.call("run", argv=["sleep", "30"], timeout=60)
        except Unreachable as fault:
            errors.append(fault)

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.3)
    begun = time.monotonic()
    far.close()
    thread.join()
    assert time.monotonic() - begun < 10
    assert "closed here" in str(errors[0])


def test_a_bell_ends_a_wait_even_if_it_rang_before(open_link, tmp_path) -> None:
    from farpoint.runner import bell

    far = open_link()
    far.call("tokens")
    bell.ring(str(tmp_path / "state/bells"))
    assert far.wait(30) == "bell"
    threading.Timer(0.2, bell.ring, (str(tmp_path / "state/bells"),)).start()
    assert far.wait(30) == "bell"


def test_the_loader_is_one_line_that_no_shell_would_touch() -> None:
    assert not set(boot.LOADER) & set('\n"$`\\!')
