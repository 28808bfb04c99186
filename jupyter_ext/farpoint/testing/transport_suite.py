"""What every transport must do: subclass `TransportSuite`, give it a `transport`, and let pytest run it.

Knows the link and nothing of how the stream is opened.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from farpoint.errors import MachineError, Unreachable
from farpoint.transports.base import Transport
from farpoint.transports.link import Link


class TransportSuite:
    """Override `transport`; override `statedir` where the far side has another disk."""

    @pytest.fixture
    def transport(self) -> Transport:
        """The transport under test."""
        raise NotImplementedError

    @pytest.fixture
    def statedir(self, tmp_path: Path) -> str:
        """A folder there that need not exist yet."""
        return str(tmp_path / "state")

    @pytest.fixture
    def link(self, transport: Transport, statedir: str) -> Iterator[Link]:
        """A link that is not open yet."""
        link = Link("suite", transport, statedir)
        yield link
        link.close()

    def test_it_opens_when_first_asked_and_says_where_it_is(self, link: Link) -> None:
        assert link.call("hello").value["statedir"]
        assert link.call("tokens").value == []

    def test_bytes_arrive_as_they_were_sent(self, link: Link) -> None:
        data = bytes(range(256)) * 4096
        done = link.call("run", argv=["cat"], stdin="é\n\0x", timeout=10).value
        assert (done["exit"], done["stdout"]) == (0, "é\n\0x")
        import hashlib

        digest = hashlib.sha256(data).hexdigest()
        link.call("put", data, digest=digest, offset=0, last=True)
        assert link.call("missing", digests=[digest, "0" * 64]).value == ["0" * 64]

    def test_a_fault_of_one_call_is_its_own(self, link: Link) -> None:
        with pytest.raises(MachineError, match="no-such-verb"):
            link.call("no-such-verb")
        assert link.call("tokens").value == []

    def test_after_closing_the_next_call_opens_again(self, link: Link) -> None:
        first = link.call("hello").value["pid"]
        link.close()
        assert link.call("hello").value["pid"] != first

    def test_a_wait_ends_when_another_thread_asks(self, link: Link) -> None:
        link.call("tokens")
        ended: list[str] = []
        waiting = threading.Thread(target=lambda: ended.append(link.wait(60)))
        waiting.start()
        begun = time.monotonic()
        while waiting.is_alive() and time.monotonic() - begun < 30:
            link.call("tokens")
            waiting.join(0.01)
        assert ended == ["request"]

    def test_a_wait_ends_in_time(self, link: Link) -> None:
        link.call("tokens")
        begun = time.monotonic()
        assert link.wait(0.2) == "time"
        assert 0.15 < time.monotonic() - begun < 10

    def test_many_threads_get_their_own_answers(self, link: Link) -> None:
        wrong: list[str] = []

        def ask(word: str) -> None:
            for _ in range(5):
                said = link.call("run", argv=["echo", word], timeout=10).value["stdout"]
                if said != f"{word}\n":
                    wrong.append(said)

        threads = [threading.Thread(target=ask, args=(f"word{number}",)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong

    def test_no_answer_in_time_is_unreachable_and_the_next_call_works(self, link: Link) -> None:
        link.call("tokens")
        with pytest.raises(Unreachable, match="'suite' did not answer 'run'"):
            link.call("run", argv=["sleep", "30"], timeout=60, deadline=0.3)
        assert link.call("tokens").value == []

    def test_a_killed_agent_is_unreachable_and_the_next_call_works(self, link: Link) -> None:
        pid = link.call("hello").value["pid"]
        kill = f"sleep 0.3; kill -{signal.SIGKILL.value} {pid}"
        with pytest.raises(Unreachable):
            link.call("run", argv=["sh", "-c", kill], timeout=30)
        assert link.call("hello").value["pid"] != pid

    def test_an_idle_agent_ends_and_nobody_notices(self, transport: Transport, statedir: str) -> None:
        link = Link("suite", transport, statedir, idle=0.2)
        first = link.call("hello").value["pid"]
        time.sleep(0.6)
        assert link.call("hello").value["pid"] != first
        link.close()

    def test_a_forked_child_has_a_connection_of_its_own(self, link: Link) -> None:
        mine = link.call("hello").value["pid"]
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = 0 if link.call("hello").value["pid"] != mine else 2
                link.close()
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        assert link.call("hello").value["pid"] == mine
