from __future__ import annotations

import json
from typing import Any

from farpoint.runner import figures


def message(kind: str, **content: Any) -> dict[str, Any]:
    return {"msg_type": kind, "content": content}


def test_displays_are_told_in_order_and_numbered_in_the_notebook() -> None:
    said: list[str] = []
    told = figures.Figures(lambda name, text: said.append(text))
    first: dict[str, Any] = {"metadata": {}}
    told.tell(message("stream", text="no display"), {"metadata": {}})
    told.tell(message("display_data", data={"text/plain": "1"}, metadata={}, transient={"display_id": "d"}), first)
    first["metadata"] = {}  # as an update leaves it
    told.tell(
        message("update_display_data", data={"text/plain": "2"}, metadata={}, transient={"display_id": "d"}), None
    )
    told.number()
    lines = [json.loads(text) for text in said]
    assert [(line.get("n"), line["data"]["text/plain"], line["update"]) for line in lines] == [
        (0, "1", False),
        (None, "2", True),
    ]
    assert first["metadata"]["farpoint"] == {"n": 0, "id": "d"}


def test_what_finds_no_room_is_left_to_the_notebook() -> None:
    said: list[str] = []
    told = figures.Figures(lambda name, text: said.append(text))
    big = {"metadata": {}}
    told.tell(message("display_data", data={"text/html": "x" * figures.ROOM}), big)
    told.tell(message("display_data", data={"text/plain": "small"}), {"metadata": {}})
    told.number()
    assert [json.loads(text)["n"] for text in said] == [1]
    assert big["metadata"]["farpoint"]["n"] == 0


def test_a_widget_is_told_by_its_text() -> None:
    assert figures.line_of("display_data", {"data": {figures.WIDGET: {}, "text/plain": "bar"}})["data"] == {
        "text/plain": "bar"
    }
