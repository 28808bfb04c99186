from __future__ import annotations

from typing import Any

import pytest

from farpoint.ui import shown


class Screen:
    """What was published, in order: (text, display id, update)."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: list[tuple[str, str | None, bool]] = []
        monkeypatch.setattr(shown, "_publish", self.publish)

    def publish(self, data: dict[str, Any], _: Any, name: str | None = None, *, update: bool = False) -> None:
        self.seen.append((data["text/plain"], name, update))


def told(text: str, **more: Any) -> dict[str, Any]:
    return {"data": {"text/plain": text}, "metadata": {}, **more}


def kept(text: str, n: int, name: str | None = None) -> dict[str, Any]:
    own = {"farpoint": {"n": n, "id": name}}
    return {"output_type": "display_data", "data": {"text/plain": [text]}, "metadata": own}


def test_what_was_shown_live_is_not_shown_again(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(monkeypatch)
    displays = shown.Displays()
    displays.live(told("a", n=0))
    displays.final(kept("a", 0))
    displays.final(kept("b", 1))
    displays.final({"output_type": "stream", "name": "stdout", "text": "printed"})
    assert screen.seen == [("a", None, False), ("b", None, False)]


def test_an_update_that_was_not_told_is_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(monkeypatch)
    displays = shown.Displays()
    displays.live(told("1", n=0, id="d", update=False))
    displays.live(told("2", id="d", update=True))
    displays.final(kept("3", 0, "d"))
    assert screen.seen == [("1", "d", False), ("2", "d", True), ("3", "d", True)]


def test_days_in_words() -> None:
    noon = 1_700_000_000.0
    assert shown.when(noon - 86400, noon).startswith("yesterday ")
    assert not shown.when(noon - 40 * 86400, noon).startswith(("today", "yesterday"))
