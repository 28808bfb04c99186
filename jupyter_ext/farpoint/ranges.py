"""The values of one parameter from a line of text, as the command line and magics are given them.

Knows numbers and words only; arithmetic is done on the text's own digits, so 0:0.3:4 is 0, 0.1, 0.2 and 0.3.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

from farpoint.errors import BadPoints

LIMIT = 1_000_000  # values, and points
WAYS = "write 1,2,3 or start:stop:count (0:0.3:4) or log:start:stop:count (log:1e-3:1:4)"

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?", re.IGNORECASE)
_INTEGER = re.compile(r"[+-]?[0-9]+")
_WORD = re.compile(r"""\s*('[^']*'|"[^"]*"|[^,'"]*?)\s*(?:,|$)""")


def parse_axis(text: str) -> list[Any]:
    """The values that a text stands for: a list, or a range whose last number is how many, both ends included.

    Whole numbers stay ints where every value of a range is one. In a list each value is read as Python or JSON reads
    it, and as text where it is nothing to either. BadPoints says what cannot be read.

    >>> parse_axis("0:0.3:4"), parse_axis("0:10:3"), parse_axis("log:1e-3:1:4"), parse_axis("a, true,3")
    ([0.0, 0.1, 0.2, 0.3], [0, 5, 10], [0.001, 0.01, 0.1, 1.0], ['a', True, 3])
    """
    text = text.strip()
    start, *rest = (part.strip() for part in text.split(":"))
    if rest and start == "log":
        return _logarithmic(text, *_ends(text, rest))
    if rest and _NUMBER.fullmatch(start) and "," not in text:
        return _linear(*_ends(text, [start, *rest]))
    values = _listed(text)
    if not values or len(values) > LIMIT:
        raise BadPoints(f"{text[:60]!r} gives {len(values)} values; {WAYS}.")
    return values


def _ends(text: str, parts: list[str]) -> tuple[str, str, int]:
    if len(parts) != 3 or not _INTEGER.fullmatch(parts[2]) or not all(map(_NUMBER.fullmatch, parts)):
        raise BadPoints(f"{text!r} is not a range; {WAYS}, and put text that has colons in quotes.")
    start, stop, count = *parts[:2], int(parts[2])
    for end in (start, stop):
        if len(end) > 60 or not -300 < Decimal(end).adjusted() < 300:
            raise BadPoints(f"{text!r}: {end} is beyond what a float holds.")
    if not 1 <= count <= LIMIT:
        raise BadPoints(f"{text!r} asks for {count} values: from 1 to {LIMIT:,} there may be.")
    if (count == 1) != (Fraction(start) == Fraction(stop)):
        raise BadPoints(f"{text!r}: {count} different values do not go from {start} to {stop}; {WAYS}.")
    return start, stop, count


def _linear(start: str, stop: str, count: int) -> list[Any]:
    first, last = Fraction(start), Fraction(stop)
    step = (last - first) / max(count - 1, 1)
    exact = [first + step * index for index in range(count)]
    if _INTEGER.fullmatch(start) and _INTEGER.fullmatch(stop) and step.denominator == 1:
        return [int(value) for value in exact]
    return [float(value) for value in exact]


def _logarithmic(text: str, start: str, stop: str, count: int) -> list[Any]:
    first, last = Decimal(start), Decimal(stop)
    if first <= 0 or last <= 0:
        raise BadPoints(f"{text!r}: both ends of a logarithmic range are above zero.")
    whole = _whole_powers(start, stop, count)
    if whole is not None:
        return whole
    with localcontext() as context:
        context.prec = 60  # the rounding to a float then gives the float nearest to the exact value
        step = (last / first).ln() / max(count - 1, 1)
        inner = [float(first * (step * index).exp()) for index in range(1, count - 1)]
    return [float(first), *inner, float(last)][:count]


def _whole_powers(start: str, stop: str, count: int) -> list[int] | None:
    """The values where all of them are whole numbers."""
    if not (_INTEGER.fullmatch(start) and _INTEGER.fullmatch(stop)) or not 2 <= count <= 1000:
        return None
    first, last = int(start), int(stop)
    second = round(first * (Decimal(last) / first) ** (Decimal(1) / (count - 1)))
    ratio = Fraction(second, first)
    if first * ratio ** (count - 1) != last:
        return None
    exact = [first * ratio**index for index in range(count)]
    return [int(value) for value in exact] if all(value.denominator == 1 for value in exact) else None


def _listed(text: str) -> list[Any]:
    read, values = _literal(f"[{text}]")
    if read:
        # A list written out is the list of values; a single value that is a list needs two pairs of brackets.
        return values[0] if text.startswith("[") and len(values) == 1 and isinstance(values[0], list) else values
    return [_word(text, word) for word in _words(text)]


def _words(text: str) -> list[str]:
    words, at = [], 0
    while at < len(text):
        found = _WORD.match(text, at)
        if found is None:
            raise BadPoints(f"{text[:60]!r} cannot be read: quotes open or close within a word; {WAYS}.")
        words.append(found[1])
        at = found.end()
    return words


def _word(text: str, word: str) -> Any:
    read, values = _literal(f"[{word}]")
    if read and len(values) == 1:
        return values[0]
    if word.lower().lstrip("+-") in ("nan", "inf", "infinity"):
        return float(word)
    if not word or re.search(r"[\[\](){}]", word):
        raise BadPoints(f"{text[:60]!r}: {word!r} cannot be read; {WAYS}, and put odd text in quotes.")
    if ":" in word and _NUMBER.fullmatch(word.partition(":")[0]):
        raise BadPoints(f"{text[:60]!r}: a range stands alone, not in a list; put text that has colons in quotes.")
    return word


def _literal(text: str) -> tuple[bool, list[Any]]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the compiler, about text that turns out not to be Python
            return True, ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return _json(text)


def _json(text: str) -> tuple[bool, list[Any]]:
    """true, false and null, as the rest of a command line's world writes them."""
    try:
        return True, json.loads(text)
    except (ValueError, RecursionError):
        return False, []
