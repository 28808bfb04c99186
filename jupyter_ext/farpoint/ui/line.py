"""The line above a cell: `hpc --cpus 8 --time 1h --file a.json=b.json`, and for a scan `x=0:1:11`.

Knows words only; no shell, no project.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from farpoint.errors import BadInput, nearest
from farpoint.points import parse_axis
from farpoint.resources import WORDS

ONCE = (*WORDS, "as", "environment", "points-per-job", "profile", "key")
MANY = ("file", "return", "save", "extra", "requires", "ignore")
FLAGS = ("rerun", "detach")


@dataclass(slots=True)
class Line:
    """What a line says. `words` are those without a dash; options by their name without dashes."""

    words: list[str] = field(default_factory=list)
    once: dict[str, str] = field(default_factory=dict)
    many: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in MANY})
    flags: set[str] = field(default_factory=set)

    @property
    def resources(self) -> dict[str, Any]:
        """The options that say what a run needs."""
        found: dict[str, Any] = {name: text for name, text in self.once.items() if name in WORDS}
        return found | {name: self.many[name] for name in ("extra", "requires") if self.many[name]}

    @property
    def files(self) -> dict[str, str]:
        """name in the run → path here."""
        pairs = [text.partition("=") for text in self.many["file"]]
        return {name: path if sign else name for name, sign, path in pairs}


def read(text: str) -> Line:
    """Read a line. BadInput names what it does not know.

    >>> found = read("hpc --cpus 8 --file input.json=mesh.json --rerun")
    >>> found.words, found.resources, found.files, found.flags
    (['hpc'], {'cpus': '8'}, {'input.json': 'mesh.json'}, {'rerun'})
    """
    try:
        given = shlex.split(text, comments=True)
    except ValueError as fault:
        raise BadInput(f"the line {text!r} cannot be read: {fault}. Close its quotes.") from fault
    line = Line()
    while given:
        word = given.pop(0)
        if not word.startswith("--"):
            line.words.append(word)
            continue
        name, sign, written = word[2:].partition("=")
        _option(line, name, written if sign else None, given)
    return line


def _option(line: Line, name: str, written: str | None, rest: list[str]) -> None:
    if name in FLAGS and written is None:
        line.flags.add(name)
        return
    if name not in (*ONCE, *MANY):
        raise BadInput(
            f"there is no option --{name} here (there are: {_known()}).{nearest(name, (*ONCE, *MANY, *FLAGS))}"
        )
    if written is None:
        if not rest or rest[0].startswith("--"):
            raise BadInput(f"--{name} needs a value after it.")
        written = rest.pop(0)
    if name in MANY:
        line.many[name].append(written)
    elif name in line.once:
        raise BadInput(f"--{name} is given twice.")
    else:
        line.once[name] = written


def _known() -> str:
    return ", ".join(f"--{name}" for name in sorted({*ONCE, *MANY, *FLAGS}))


def axes(words: Sequence[str]) -> tuple[list[str], dict[str, list[Any]]]:
    """(words that are no axis, name → values) of a scan's line.

    >>> axes(["hpc", "x=0:1:3", "y=1,2"])
    (['hpc'], {'x': [0.0, 0.5, 1.0], 'y': [1, 2]})
    """
    found: dict[str, list[Any]] = {}
    rest = []
    for word in words:
        name, sign, written = word.partition("=")
        if not sign:
            rest.append(word)
        elif name in found:
            raise BadInput(f"{name!r} stands twice on the line. Write all its values in one: {name}=1,2,3")
        else:
            found[name] = parse_axis(written)
    return rest, found


def machine(words: Sequence[str]) -> str | None:
    """The one word that may stand before the options: where to run."""
    if len(words) > 1:
        raise BadInput(f"{words[1]!r} is one word too many: the line takes a machine's name and options.")
    return words[0] if words else None
