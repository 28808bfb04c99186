"""Answers of real queue systems in tests/golden, with the names of the jobs replaced by tokens, as ours would have."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

GOLDEN = Path(__file__).parent / "golden"
LETTERS = "abcdefghij"


@dataclass(frozen=True)
class Recording:
    """One command and what it said."""

    name: str
    argv: tuple[str, ...]
    code: int
    out: str
    err: str


def recorded(folder: str) -> dict[str, Recording]:
    """Recordings of one folder by name."""
    found = {}
    for line in (GOLDEN / folder / "index.jsonl").read_text().splitlines():
        row = json.loads(line)
        out, err = (GOLDEN / folder / f"{row['name']}{end}" for end in (".txt", ".stderr.txt"))
        said = [path.read_text(errors="replace") if path.exists() else "" for path in (out, err)]
        found[row["name"]] = Recording(row["name"], tuple(row["argv"]), row["rc"], said[0], said[1])
    return found


def token(number: str) -> str:
    """The token that stands for a job's number.

    >>> token("34")
    'fpaaaaaaaaaaade'
    """
    return "fp" + "".join(LETTERS[int(digit)] for digit in number).rjust(13, "a")
