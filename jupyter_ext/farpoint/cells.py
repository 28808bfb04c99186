"""Reading a notebook's code without running it: its code cells, and Python made of IPython's lines.

Knows text only: no files, no kernel, no points.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from farpoint.runner import paper

MAGIC = "__magic__"
PYTHON_BODIES = frozenset({"capture", "prun", "remote", "scan", "time", "timeit"})  # cell magics that run Python here

_LEXEME = re.compile(
    r"""(?P<comment>\#[^\n]*)
      | (?P<string>'''(?:\\.|[^\\])*?''' | \"\"\"(?:\\.|[^\\])*?\"\"\" | '(?:\\.|[^\\'\n])*' | "(?:\\.|[^\\"\n])*")
      | (?P<open>[(\[{]) | (?P<close>[)\]}]) | (?P<joined>\\\n) | (?P<newline>\n) | .""",
    re.VERBOSE | re.DOTALL,
)
_IPYTHON = re.compile(
    r"""\s*(?: [%!?] | [\w.]+\?{1,2}\s*$ | [\w.,\ \[\]'"]+=\s*(?:!|%[A-Za-z]) )""",
    re.VERBOSE,
)
_SPACES = re.compile(r"""("[^"]*"|'[^']*')|\s+""")


class CodeCell(NamedTuple):
    """A code cell: its place among all cells, its source, its tags."""

    place: int
    source: str
    tags: frozenset[str]


def code_cells(notebook: Mapping[str, Any]) -> list[CodeCell]:
    """The cells that would be executed, in order.

    >>> notebook = {"cells": [{"cell_type": "markdown", "source": "*hi*"}, {"cell_type": "code", "source": ["x = 1"]}]}
    >>> code_cells(notebook)
    [CodeCell(place=1, source='x = 1', tags=frozenset())]
    """
    found = []
    for place, cell in enumerate(notebook.get("cells", ())):
        tags = frozenset(cell.get("metadata", {}).get("tags") or ())
        if cell.get("cell_type") == "code" and "skip-execution" not in tags:
            found.append(CodeCell(place, paper.text_of(cell), tags))
    return found


def parameters_place(notebook: Mapping[str, Any]) -> int | None:
    """Where the parameters cell is among all cells: the one the run injects after."""
    return paper.parameters_index(notebook.get("cells", ()))


def as_python(source: str) -> str:
    """The source with every line that only IPython understands made a call of `__magic__`; other lines are untouched.

    >>> as_python("%matplotlib   inline\\nx = (7\\n   % 4)")
    "__magic__('%matplotlib inline')\\nx = (7\\n   % 4)"
    """
    head, body = _cell_magic(source)
    if head is not None:
        name = head[2:].split(None, 1)[0] if head[2:].strip() else ""
        if name not in PYTHON_BODIES:
            return f"{MAGIC}({head + chr(10) + body.rstrip()!r})\n"
        return f"{MAGIC}({head!r})\n{as_python(body)}"
    return "".join(_translated(source))


def _cell_magic(source: str) -> tuple[str | None, str]:
    """(first line of a cell magic, the rest), or (None, '')."""
    text = source.lstrip()
    if not text.startswith("%%"):
        return None, ""
    head, _, body = text.partition("\n")
    return tidy(head), body


def tidy(line: str) -> str:
    """A magic's line with single spaces, but for those between quotes.

    >>> tidy('%run   a.py  "x  y" ')
    '%run a.py "x  y"'
    """
    return _SPACES.sub(lambda match: match[1] or " ", line.strip())


def _translated(source: str) -> Iterator[str]:
    at = depth = 0
    while at < len(source):
        if depth == 0:
            line, end = _ipython_line(source, at)
            if line is not None:
                yield line
                at = end
                continue
        at, depth, text = _to_next_line(source, at, depth)
        yield text


def _ipython_line(source: str, at: int) -> tuple[str | None, int]:
    """The line at `at` as Python, and where it ends, if it is IPython's; lines joined by a backslash are one."""
    end = source.find("\n", at)
    end = len(source) if end < 0 else end
    if not _IPYTHON.match(source[at:end]):
        return None, at
    while source[end - 1 : end] == "\\" and end < len(source):
        following = source.find("\n", end + 1)
        end = len(source) if following < 0 else following
    line = source[at:end]
    indent = line[: len(line) - len(line.lstrip())]
    return f"{indent}{MAGIC}({tidy(line)!r})", end


def _to_next_line(source: str, at: int, depth: int) -> tuple[int, int, str]:
    """Past the newline that follows, with the brackets open there; a string or a joined line is passed whole."""
    start = at
    while at < len(source):
        match = _LEXEME.match(source, at)
        if match is None:
            break
        at = match.end()
        if match.lastgroup == "open":
            depth += 1
        elif match.lastgroup == "close":
            depth = max(0, depth - 1)
        elif match.lastgroup == "newline":
            break
    return at, depth, source[start:at]
