"""What commands print: results on stdout, as text or as JSON; everything else on stderr.

Knows streams and plain data; no project.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any

import click

from farpoint.ui import words


def out(text: str) -> None:
    """A result, for people."""
    click.echo(words.painted(text))


def data(found: Any) -> None:
    """A result, for programs."""
    click.echo(json.dumps(found, ensure_ascii=False, indent=2, allow_nan=False))


def note(text: str) -> None:
    """Something worth knowing beside the result."""
    click.echo(words.spoken(text), err=True)


def hint(text: str) -> None:
    """Something that needs no saying where nobody looks."""
    if sys.stderr.isatty():
        note(text)


def next_steps(*steps: tuple[str, str]) -> None:
    """Commands to go on with, each with what it does; only where somebody looks."""
    wide = max(len(command) for command, _ in steps)
    for command, what in steps:
        hint(f"  {command.ljust(wide)}   {what}")


def columns(headers: Sequence[str], lines: Iterable[Sequence[object]], right: Iterable[str] = ()) -> str:
    """Lines of texts under their headers; the columns named in `right` are put to the right.

    >>> print(columns(["scan", "points"], [["tokamak", 24], ["x", 7]], right=["points"]))
    scan     points
    tokamak      24
    x             7
    """
    rows = [list(headers), *([str(each) for each in line] for line in lines)]
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    to_the_right = set(right)
    texts = []
    for row in rows:
        cells = [
            each.rjust(width) if header in to_the_right else each.ljust(width)
            for header, each, width in zip(headers, row, wide, strict=True)
        ]
        texts.append("  ".join(cells).rstrip())
    return "\n".join(texts)


@contextmanager
def aside() -> Generator[None, None, None]:
    """What is printed meanwhile goes to stderr, in the command line's words: stdout is for results."""
    heard = io.StringIO()
    try:
        with redirect_stdout(heard):
            yield
    finally:
        for line in heard.getvalue().splitlines():
            note(line)
