import threading

import pytest

from farpoint.api import waiting
from rows import grid, row


def test_nothing_is_drawn_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with waiting.bar("tokamak") as shown:
        assert not shown.drawn
        shown.show(grid(), 0.0)
    assert capsys.readouterr().err == ""


def test_a_bar_tells_states_and_time(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(waiting, "someone_watches", lambda: True)
    with waiting.bar("tokamak") as shown:
        assert shown.drawn
        shown.show([row(0), row(1, "RUNNING", progress=0.5), row(2, "QUEUED")], 0.0)
        shown.show(grid(), 0.0)
    told = capsys.readouterr().err
    assert "tokamak:" in told
    assert "50% |" in told
    assert "1 COMPLETED · 1 RUNNING · 1 QUEUED · ~15 s left" in told
    assert "100% |" in told


def test_those_who_wait_are_let_go_when_nobody_can_drive(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        id = "p"

        class store:  # noqa: N801
            @staticmethod
            def states(project: str, scan: str) -> dict:
                return {}

    def fault(*_: object) -> bool:
        raise RuntimeError("the driver broke")

    monkeypatch.setattr(waiting, "wait_for", fault)
    called = threading.Event()
    waiting.when_ended(Broken(), row(0, "QUEUED"), called.set)
    assert called.wait(10)
