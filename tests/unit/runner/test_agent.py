"""Frames survive any cut; the agent ends when it should, says so, and no request can break it."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farpoint.runner import agent, answer

JSON = st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=9), max_size=4)


@given(st.lists(st.tuples(JSON, st.binary(max_size=50)), max_size=5), st.integers(1, 40))
def test_frames_come_out_as_they_went_in_however_they_are_cut(frames, size) -> None:
    data = b"".join(agent.frame(header, body) for header, body in frames)
    reader, found = agent.Frames(), []
    for start in range(0, len(data), size):
        reader.feed(data[start : start + size])
        while (one := reader.take()) is not None:
            found.append(one)
    assert found == frames
    assert not reader


@pytest.mark.parametrize("data", [b"\xff" * 8, agent.HEAD.pack(2, 0) + b"[]", agent.HEAD.pack(1, 0) + b"x"])
def test_what_is_no_frame_is_refused(data) -> None:
    reader = agent.Frames()
    reader.feed(data)
    with pytest.raises(ValueError):
        reader.take()


class Served:
    """An agent in a thread, and the two ends of its pipes."""

    def __init__(self, statedir: str, idle: float) -> None:
        source, self.write_end = os.pipe()
        self.read_end, sink = os.pipe()
        one = agent.Agent(source, sink, answer.Office(statedir, statedir + "/work"), idle)
        self.frames = agent.Frames()
        self.fault: list[BaseException] = []

        def serve() -> None:
            try:
                one.serve()
            except BaseException as fault:
                self.fault.append(fault)
            finally:
                os.close(source)
                os.close(sink)

        self.thread = threading.Thread(target=serve)
        self.thread.start()

    def send(self, body: bytes = b"", **header) -> None:
        os.write(self.write_end, agent.frame(header, body))

    def hear(self):
        while True:
            one = self.frames.take()
            if one is not None:
                return one
            data = os.read(self.read_end, 4096)
            if not data:
                return None
            self.frames.feed(data)

    def end(self) -> None:
        if self.write_end >= 0:
            os.close(self.write_end)
            self.write_end = -1

    def close(self) -> None:
        self.end()
        self.thread.join(20)
        os.close(self.read_end)


@pytest.fixture
def served(tmp_path) -> Iterator[Served]:
    one = Served(str(tmp_path), 60)
    yield one
    one.close()


def test_each_request_gets_one_answer_in_turn(served) -> None:
    served.send(id=7, verb="tokens")
    served.send(id=8, verb="nonsense")
    served.send(id=9, verb="read", token="../../etc", path="passwd", offset=0, limit=9)
    served.send(id=10, verb="missing")
    assert served.hear() == ({"id": 7, "ok": True, "value": []}, b"")
    kinds = {}
    for _ in range(3):
        header, _ = served.hear()
        assert not header["ok"]
        kinds[header["id"]] = header["error"]["kind"]
    assert kinds == {8: "refused", 9: "refused", 10: "broken"}


def test_a_wait_ends_with_the_next_request_and_both_are_answered(served) -> None:
    served.send(id=1, verb="wait", seconds=60)
    served.send(id=2, verb="tokens")
    assert served.hear()[0] == {"id": 1, "ok": True, "value": "request"}
    assert served.hear()[0]["id"] == 2


def test_the_end_of_the_stream_is_the_end(served) -> None:
    served.send(id=1, verb="tokens")
    served.end()
    assert served.hear()[0]["id"] == 1
    assert served.hear() is None
    assert not served.fault


def test_the_end_during_a_wait_is_the_end(served) -> None:
    served.send(id=1, verb="wait", seconds=60)
    served.end()
    assert served.hear()[0]["value"] == "request"
    assert served.hear() is None


def test_without_requests_it_says_goodbye(tmp_path) -> None:
    served = Served(str(tmp_path), 0.1)
    assert served.hear() == ({"bye": True}, b"")
    assert served.hear() is None
    served.close()


def test_bytes_that_are_no_frames_end_it(served) -> None:
    os.write(served.write_end, b"\xff" * 64)
    assert served.hear() is None
    served.thread.join(20)
    assert isinstance(served.fault[0], ValueError)


def test_a_request_is_answered_by_json_alone(served) -> None:
    served.send(id=1, verb="hello", programs=["sh", "no-such"])
    header, _ = served.hear()
    assert json.loads(json.dumps(header)) == header
    assert list(header["value"]["programs"]) == ["sh"]
