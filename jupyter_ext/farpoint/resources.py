"""Time, memory and core counts as people write them, made into plain numbers and back.

Knows no machine and no queue: whether a place has what is asked for is the plan's question.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from functools import partial
from typing import Any

from farpoint.errors import BadResources, nearest
from farpoint.model import Resources

SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
BYTES = {unit: 1024**power for power, unit in enumerate("kmgtp", start=1)}
SMALLEST = 1024 * 1024  # bytes; a bare number below it was meant in another unit

TIMES = "write '1h30m', '90m', '2d', '1:30:00' (h:m:s) or an int of seconds"
MEMORIES = "write it with a unit: '500MB', '4GB', '1.5TB' (1024-based)"

_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_DAY, _HOUR, _MINUTE = r"d(?:ays?)?", r"h(?:(?:ou)?rs?)?", r"m(?:in(?:ute)?s?)?"
_SECOND = r"s(?:ec(?:ond)?s?)?"
_UNITS = re.compile(
    r"\s*".join(
        rf"(?:(?P<{key}>{_NUMBER})\s*(?:{words}))?"
        for key, words in (("d", _DAY), ("h", _HOUR), ("m", _MINUTE), ("s", _SECOND))
    ),
    re.IGNORECASE,
)
_CLOCK = re.compile(r"(?:(?P<d>[0-9]+)-)?(?:(?P<h>[0-9]+):)?(?P<m>[0-9]+):(?P<s>[0-9]+)")
_MEMORY = re.compile(rf"({_NUMBER})\s*([kmgtp])(?:i?b)?", re.IGNORECASE)
_FACTOR = re.compile(rf"x\s*({_NUMBER})", re.IGNORECASE)
_PATTERN = re.compile(r"[A-Za-z0-9_.^(\[][A-Za-z0-9_.@+,:/*?\[\]()|^$\\-]*")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+,:/-]*")

_COUNTS = {"cpus": 1, "gpus": 0, "nodes": 1, "tasks": 1, "retries": 0}  # keyword → smallest value that makes sense
_ELSEWHERE = {
    "cores": "cpus", "ncores": "cpus", "num_cores": "cpus", "cpu": "cpus", "threads": "cpus", "ntasks": "tasks",
    "mem": "memory", "max_mem": "memory", "ram": "memory", "walltime": "time", "max_time": "time", "partition": "queue",
    "gpu": "gpus", "retry": "retries", "max_retries": "retries", "num_nodes": "nodes", "capabilities": "requires",
}  # fmt: skip
WORDS = ("cpus", "memory", "time", "gpus", "nodes", "tasks", "retries", "queue", "account", "extra", "requires")


def parse_time(given: object) -> int | None:
    """Seconds from a time as people write it; None and "none" mean no limit. BadResources for anything ambiguous.

    An int is seconds; text needs a unit or a colon, since queue systems read a bare "90" in four different ways.

    >>> parse_time("1h30m"), parse_time("90m"), parse_time("1-2:10:10"), parse_time("10:10"), parse_time(90)
    (5400, 5400, 94210, 610, 90)
    """
    if given is None or (isinstance(given, str) and given.strip("_ ").lower() == "none"):
        return None
    if isinstance(given, timedelta):
        return _whole("time", given, Fraction(given // timedelta(microseconds=1), 10**6))
    if not isinstance(given, str):
        return _integer("time", given, 0, TIMES)
    text = given.strip()
    parts = _UNITS.fullmatch(text) if text else None
    if parts is None:
        parts = _CLOCK.fullmatch(text)
        if parts is not None and _overfull(parts):
            raise BadResources(f"time={given!r}: minutes and seconds after a colon stop at 59; {TIMES}.")
    if parts is None:
        raise BadResources(f"time={given!r} is not a time; {TIMES}.")
    return _whole("time", given, sum((Fraction(n) * SECONDS[u] for u, n in parts.groupdict().items() if n), Fraction()))


def _overfull(clock: re.Match[str]) -> bool:
    below = [clock["s"], clock["m"]] if clock["h"] else [clock["s"]]
    return any(int(field) > 59 for field in below)


def parse_memory(given: object) -> int | None:
    """Bytes from text with a unit (1024-based); None and "none" mean no limit.

    An int is bytes, unless it is so small that another unit was surely meant.

    >>> parse_memory("5K"), parse_memory("1.5G"), parse_memory(None)
    (5120, 1610612736, None)
    """
    if given is None or (isinstance(given, str) and given.strip("_ ").lower() == "none"):
        return None
    if not isinstance(given, str):
        return _integer("memory", given, SMALLEST, MEMORIES)
    found = _MEMORY.fullmatch(given.strip())
    if found is None:
        raise BadResources(f"memory={given!r} is not an amount of memory; {MEMORIES}.")
    return _whole("memory", given, Fraction(found[1]) * BYTES[found[2].lower()])


def _whole(word: str, given: object, exact: Fraction) -> int:
    if exact < 0:
        raise BadResources(f"{word}={given!r} is negative.")
    return math.ceil(exact)


def _integer(word: str, given: object, least: int, mend: str) -> int:
    try:
        number = operator.index(given)  # type: ignore[arg-type]
    except TypeError:
        number = least - 1
    if isinstance(given, bool) or number < least:
        raise BadResources(f"{word}={given!r} cannot be read; {mend}.")
    return number


def show_time(seconds: int | None) -> str:
    """Seconds as H:MM:SS, which every reader of times here understands; 'none' for no limit.

    >>> show_time(5), show_time(176410), show_time(None)
    ('0:00:05', '49:00:10', 'none')
    """
    if seconds is None:
        return "none"
    minutes, second = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{second:02}"


def show_memory(size: int | None) -> str:
    """Bytes for people, to about three digits, in a form `parse_memory` reads; 'none' for no limit.

    >>> show_memory(4 * 1024**3), show_memory(1610612736), show_memory(1300 * 1024), show_memory(None)
    ('4GB', '1.5GB', '1.27MB', 'none')
    """
    if size is None:
        return "none"
    unit = next((unit for unit in "kmgt" if size < 1024 * BYTES[unit]), "p")
    amount = max(size / BYTES[unit], 0.01)
    return f"{amount:.2f}".rstrip("0").rstrip(".") + unit.upper() + "B"


def resources(**keywords: Any) -> Resources:
    """What one run needs, from the keywords people use at the public door; BadResources names what cannot be read.

    >>> resources(cpus=4, memory="8GB", time="30m").time
    1800
    """
    return merge(Resources(), **keywords)


def merge(base: Resources, **changes: Any) -> Resources:
    """`base` with some of it changed; "x2" multiplies what was asked before.

    >>> merge(resources(memory="4GB", time="1h"), memory="x2", time="x1.5").time
    5400
    """
    return replace(base, **{word: _change(base, word, given) for word, given in changes.items()})


def _change(base: Resources, word: str, given: object) -> Any:
    if word not in WORDS:
        hint = _ELSEWHERE.get(word)
        hint = f" Did you mean {hint!r}?" if hint else nearest(word, WORDS)
        raise BadResources(f"there is no resource {word!r} (there are: {', '.join(WORDS)}).{hint}")
    factor = _FACTOR.fullmatch(given.strip()) if isinstance(given, str) else None
    if factor is not None and word not in ("queue", "account", "extra", "requires"):
        return _times(base, word, factor)
    return _READ[word](given)


def _times(base: Resources, word: str, factor: re.Match[str]) -> int:
    asked: int | None = getattr(base, word)
    if asked is None:
        raise BadResources(f"{word}={factor[0]!r} multiplies what was asked, and no {word} was asked. Give an amount.")
    if Fraction(factor[1]) == 0:
        raise BadResources(f"{word}={factor[0]!r} would leave nothing.")
    return math.ceil(asked * Fraction(factor[1]))


def _read_count(word: str, given: object) -> int:
    least = _COUNTS[word]
    if isinstance(given, str) and re.fullmatch(r"\s*[0-9]+\s*", given):
        given = int(given)
    return _integer(word, given, least, f"write a whole number of at least {least}")


def _read_time(given: object) -> int | None:
    seconds = parse_time(given)
    if seconds == 0:
        raise BadResources("time=0 leaves no time to run; leave it out for no limit.")
    return seconds


def _read_memory(given: object) -> int | None:
    size = parse_memory(given)
    if size == 0:
        raise BadResources("memory=0 leaves no room to run; leave it out for no limit.")
    return size


def is_name(text: str) -> bool:
    """Whether it can stand in the head of a batch script, where a space or a newline would begin another directive.

    >>> is_name("proj-42"), is_name("my account")
    (True, False)
    """
    return _NAME.fullmatch(text) is not None


def _read_name(word: str, given: object) -> str | None:
    if given is None or (isinstance(given, str) and is_name(given)):
        return given
    raise BadResources(f"{word}={given!r} is not a name: letters, digits and . _ @ + , : / - only.")


def _read_queue(given: object) -> str | None:
    """A queue's name, a pattern for whole names, or several of either."""
    words = list(given) if isinstance(given, list | tuple) else [given]
    if given is None or (words and all(isinstance(word, str) and _PATTERN.fullmatch(word) for word in words)):
        return None if given is None else "|".join(map(str, words))
    raise BadResources(
        f"queue={given!r} is neither a queue's name nor a pattern for one: write queue='short' or queue='node.*'."
    )


def _read_extra(given: object) -> tuple[str, ...]:
    lines = (given,) if isinstance(given, str) else given
    if lines is None:
        return ()
    if not isinstance(lines, list | tuple) or not all(isinstance(line, str) for line in lines):
        raise BadResources(f"extra={given!r} is not a list of options for the scheduler: write extra=['--qos=long'].")
    for line in lines:
        if not line.strip() or not line.isprintable():
            raise BadResources(f"extra: {line!r} is not one line of plain text, as a scheduler's option has to be.")
    return tuple(lines)


def _read_requires(given: object) -> tuple[str, ...]:
    words = (given,) if isinstance(given, str) else () if given is None else given
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) and word.strip() for word in words):
        raise BadResources(f"requires={given!r} is not a list of capabilities: write requires=['gpu', 'internet'].")
    return tuple(dict.fromkeys(word.strip() for word in words))


_READ: Mapping[str, Callable[[object], Any]] = {
    **{word: partial(_read_count, word) for word in _COUNTS},
    "queue": _read_queue, "account": partial(_read_name, "account"),
    "time": _read_time, "memory": _read_memory, "extra": _read_extra,
    "requires": _read_requires,
}  # fmt: skip
