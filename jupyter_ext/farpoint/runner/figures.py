"""What a cell displays while it runs, told as lines of text beside what it prints, as far as there is room.

Knows Jupyter's messages as dicts; must not know who shows them. What finds no room is in the notebook at the end.
"""

import json
from typing import Any, Callable, Dict, List, Tuple

STREAM = "rich"  # the name of the stream it goes by
ROOM = 160000  # characters of one run: what is printed must find room too
KINDS = ("display_data", "execute_result", "update_display_data", "clear_output")
WIDGET = "application/vnd.jupyter.widget-view+json"  # dead without its kernel


class Figures:
    """The displays of one run. `say(stream, text)` passes a line on."""

    def __init__(self, say: Callable[[str, str], None]) -> None:
        self._say = say
        self._room = ROOM
        self._kept: List[Tuple[Any, Any]] = []  # what the notebook keeps, and its display id

    def tell(self, message: Any, output: Any) -> None:
        """Pass on one message of the kernel, if it displays something; `output` is what the notebook keeps of it."""
        if message["msg_type"] not in KINDS:
            return
        told = line_of(message["msg_type"], message["content"])
        if output is not None:
            told["n"] = len(self._kept)
            self._kept.append((output, told.get("id")))
        text = json.dumps(told) + "\n"
        if len(text) <= self._room:
            self._room -= len(text)
            self._say(STREAM, text)

    def number(self) -> None:
        """Write into the notebook's outputs which they are; at the end, for an update would wipe it out."""
        for number, (output, name) in enumerate(self._kept):
            output["metadata"]["farpoint"] = {"n": number, "id": name}


def line_of(kind: str, content: Any) -> Dict[str, Any]:
    """What is told of a message.

    >>> line_of("clear_output", {"wait": True})
    {'clear': True, 'wait': True}
    """
    if kind == "clear_output":
        return {"clear": True, "wait": bool(content.get("wait"))}
    data = {mime: found for mime, found in content["data"].items() if mime != WIDGET}
    told = {"data": data, "metadata": content.get("metadata") or {}}
    name = (content.get("transient") or {}).get("display_id")
    if name:
        told.update(id=name, update=kind == "update_display_data")
    return told
