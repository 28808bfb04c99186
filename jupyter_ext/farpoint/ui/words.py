"""Messages written for Python, in the command line's words; and colours for states where somebody looks.

Knows text only.
"""

from __future__ import annotations

import os
import re
import sys

import click

from farpoint.errors import BadResources, FarpointError

_SAID = (
    (re.compile(r"\bsubmit\(nested=True\)"), "--nested"),
    (re.compile(r"\brerun=True\b"), "--rerun"),
    (re.compile(r'\bchanged="?(\w+)"?'), r"--changed \1"),
    (re.compile(r"\bSay --changed rerun (.*?) or changed", re.DOTALL), r"Say --changed rerun \1 or --changed"),
    (re.compile(r"^(↻ )(.+?)(: .*; )\.failed\.retry\(\)"), r"\1\2\3farpoint retry \2 --failed"),
    (re.compile(r" or an int of seconds"), ""),
    (re.compile(r"\bfetch\(\) tries again"), "farpoint fetch tries again"),
    (re.compile(r"\bwait\(\) watches again"), "farpoint watch watches again"),
    (re.compile(r"Use grid for every combination"), "Leave --zip out for every combination"),
    (re.compile(r", or use repeat to run it several times"), ", or tell them apart by one more parameter"),
)
_RESOURCE = re.compile(r"\b(cpus|memory|time|gpus)=('[^']*'|\S+)")
_STATE = re.compile(r"\b(COMPLETED|FAILED|LOST|CANCELLED|RUNNING|QUEUED|NEW)\b")
_COLOURS = {
    "COMPLETED": "green", "FAILED": "red", "LOST": "red", "CANCELLED": "magenta", "RUNNING": "blue", "QUEUED": "yellow",
    "NEW": "bright_black",
}  # fmt: skip


def spoken(text: str) -> str:
    """A message with Python's spelling of options in the command line's.

    >>> spoken("2 points have their results already; rerun=True repeats them")
    '2 points have their results already; --rerun repeats them'
    """
    for pattern, said in _SAID:
        text = pattern.sub(said, text)
    return text


def of_fault(fault: FarpointError) -> str:
    """What an error says, safe to print."""
    from farpoint.api.summary import clean

    text = spoken(clean(fault))
    return _RESOURCE.sub(r"--\1 \2", text) if isinstance(fault, BadResources) else text


def painted(text: str) -> str:
    """Text for stdout: states in colour on a terminal, unless NO_COLOR is set."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return _STATE.sub(lambda found: click.style(found[0], fg=_COLOURS[found[0]]), text)
