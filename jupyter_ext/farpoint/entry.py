"""A machine's part of farpoint.toml as text: written with its reasons beside it, added to what the user wrote.

Knows TOML and the names of settings; looks at no machine, and never changes a line somebody else wrote.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from farpoint.errors import BadConfig
from farpoint.resources import show_time

OURS = "# farpoint env"  # ends a line that `farpoint env` wrote, and may write again
WIDE = 112  # letters of a line that people like to read
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_UNITS = (("TB", 1 << 40), ("GB", 1 << 30), ("MB", 1 << 20))


@dataclass(frozen=True, slots=True)
class Setting:
    """One line: a key, its value, and why. Without a key it is a remark on a line of its own."""

    key: str
    value: Any = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """All of one machine: its settings, and its queues' in their order."""

    name: str
    settings: Sequence[Setting]
    about: str = ""
    queues: Mapping[str, Sequence[Setting]] = field(default_factory=dict)

    def text(self) -> str:
        """The tables, each line with its reason.

        >>> print(Entry("hpc", [Setting("host", "hpc", "as ssh knows it")], "a cluster").text(), end="")
        # a cluster
        [machines.hpc]
        host = "hpc"  # as ssh knows it
        """
        name = key(self.name)
        lines = [f"# {_plain(self.about)}"] if self.about else []
        lines += [f"[machines.{name}]", *_lines(self.settings)]
        for queue, settings in self.queues.items():
            lines += ["", f"[machines.{name}.queues.{key(queue)}]", *_lines(settings)]
        return "\n".join(lines) + "\n"


def key(name: str) -> str:
    """A key as TOML wants it.

    >>> key("short"), key("a b")
    ('short', '"a b"')
    """
    return name if _BARE.fullmatch(name) else value(name)


def value(given: Any) -> str:
    """A value as TOML wants it.

    >>> value("it's"), value(["a", "b"]), value(4), value({"A": "b"})
    ('"it\\'s"', '["a", "b"]', '4', '{A = "b"}')
    """
    if isinstance(given, Mapping):
        return "{" + ", ".join(f"{key(name)} = {value(each)}" for name, each in given.items()) + "}"
    if isinstance(given, list | tuple):
        return "[" + ", ".join(map(value, given)) + "]"
    # JSON's strings are TOML's, but for one character TOML wants escaped.
    return json.dumps(given, ensure_ascii=False).replace("\x7f", "\\u007f")


def memory(size: int) -> str | int:
    """Bytes as a setting says them, exactly; rounded down to a whole megabyte.

    >>> memory(4 << 30), memory(4000 << 20)
    ('4GB', '4000MB')
    """
    unit, factor = next(((unit, factor) for unit, factor in _UNITS if size % factor == 0), ("MB", 1 << 20))
    return f"{size // factor}{unit}" if size >= factor else size


def time(seconds: int) -> str:
    """Seconds as a setting says them: h:mm:ss."""
    return show_time(seconds)


def append(text: str, entry: Entry) -> str:
    """The file's text with the entry after it; BadConfig where the machine is there or it cannot follow."""
    before = _machines(text)
    if entry.name in before:
        raise BadConfig(f"machine {entry.name!r} is there already. Take it out first, or add this one by another name.")
    gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
    after = text + gap + entry.text()
    try:
        made = _machines(after)
    except BadConfig as fault:
        raise BadConfig(
            f"the entry cannot follow what is there ({fault}). Put it in by hand:\n{entry.text()}"
        ) from None
    if {name: table for name, table in made.items() if name != entry.name} != before:
        raise BadConfig(f"the entry would change what is there. Put it in by hand:\n{entry.text()}")
    return after


def put(text: str, machine: str, name: str, given: str) -> str:
    r"""The text with `name` set in the machine's table, in a line of ours; a line of the user's stays as a remark.

    >>> put('[machines.hpc]\nhost = "hpc"\n', "hpc", "environment", "/e/bin/python")
    '[machines.hpc]\nenvironment = "/e/bin/python"  # farpoint env\nhost = "hpc"\n'
    """
    ours = f"{name} = {value(given)}  {OURS}"
    lines = text.splitlines()
    start = next((n for n, line in enumerate(lines) if _heads(line, machine)), len(lines))
    end = next((n for n in range(start + 1, len(lines)) if lines[n].lstrip().startswith("[")), len(lines))
    pattern = re.compile(rf"\s*[\"']?{re.escape(name)}[\"']?\s*=")
    at = next((n for n in range(start + 1, end) if pattern.match(lines[n])), None)
    if at is None:
        lines.insert(start + 1, ours)
    elif lines[at].rstrip().endswith(OURS):
        lines[at] = ours
    else:
        lines[at : at + 1] = [f"# {lines[at]}", ours]
    after = "\n".join(lines) + "\n"
    wanted = _machines(text)
    wanted[machine] = {**wanted.get(machine, {}), name: given}
    try:
        well = _machines(after) == wanted
    except BadConfig:
        well = False
    if not well:
        raise BadConfig(f"{name} of machine {machine!r} cannot be put there. Write it by hand: {name} = {value(given)}")
    return after


def _heads(line: str, machine: str) -> bool:
    names = re.fullmatch(r"\s*\[\s*machines\s*\.\s*(.+?)\s*\]\s*(#.*)?", line)
    return bool(names) and names[1].strip("\"'") == machine if names else False


def _lines(settings: Iterable[Setting]) -> list[str]:
    """A reason stands behind its setting where there is room, else above it."""
    made = [(f"{key(each.key)} = {value(each.value)}" if each.key else "", _plain(each.why)) for each in settings]
    beside = [text for text, why in made if text and why and len(text) + len(why) < WIDE]
    wide = max(map(len, beside), default=0)
    lines = []
    for text, why in made:
        if text in beside and wide + len(why) < WIDE:
            lines.append(f"{text.ljust(wide)}  # {why}")
        else:
            lines += [f"# {why}"] * bool(why) + [text] * bool(text)
    return lines


def _plain(text: str) -> str:
    """One line that may stand in a comment: what a far machine said is data."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _machines(text: str) -> dict[str, Any]:
    try:
        found = tomllib.loads(text).get("machines", {})
    except ValueError as fault:
        raise BadConfig(f"not TOML: {fault}") from fault
    return dict(found) if isinstance(found, dict) else {}
