"""One farpoint.toml: what may stand in it, how each value is read, and in which line it stands.

Knows the file's text and keys; nothing of other files and of what settings are for.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from farpoint.errors import BadConfig, BadInput, BadResources, nearest
from farpoint.profiles import Profile
from farpoint.resources import WORDS, parse_memory, parse_time, resources
from farpoint.window import read_per_job

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")  # of a machine, and of a folder
GONE = object()  # in place of a value that this file takes away, by `false`


class Layer:
    """One file. Everything wrong in it is said with its line."""

    def __init__(self, path: Path | str, text: str | None = None) -> None:
        self.path = path
        try:
            self.text = Path(path).read_text(encoding="utf-8") if text is None else text
            self.document = tomllib.loads(self.text)
        except OSError as fault:
            raise BadConfig(f"{path} cannot be read: {fault.strerror}.") from fault
        except ValueError as fault:
            raise BadConfig(f"{path} is not TOML: {fault}.") from fault

    def bad(self, keys: tuple[str, ...], what: str) -> BadConfig:
        line = line_of(self.text, keys)
        return BadConfig(f"{self.path}{f', line {line}' if line else ''}: {what}.")

    def known(self, table: Mapping[str, Any], keys: Mapping[str, Any], above: tuple[str, ...] = ()) -> None:
        for key in table:
            if key not in keys:
                where = f"[{'.'.join(above)}]" if above else "it"
                hint = nearest(key, keys)
                fault = self.bad((*above, key), f"there is no setting {key!r} ({where} takes: {', '.join(keys)})")
                raise BadConfig(f"{fault}{hint}")

    def read(self, keys: tuple[str, ...], reader: Reader) -> Any:
        value: Any = self.document
        for key in keys:
            value = value[key]
        try:
            return reader(value)
        except (BadResources, msgspec.ValidationError) as fault:
            wanted = str(fault).rstrip(".").partition(" - at ")[0]
            raise self.bad(keys, f"{'.'.join(keys)} = {value!r} cannot be used: {wanted}") from fault

    def machines(self) -> Iterator[tuple[str, Any]]:
        tables = self.document.get("machines", {})
        if not isinstance(tables, dict):
            raise self.bad(("machines",), "machines is not a table: write [machines.<name>] and its settings below")
        for name, table in tables.items():
            keys = ("machines", name)
            if not NAME.fullmatch(name):
                what = "is not a name for a machine: letters, digits and . _ - only, at most 100"
                raise self.bad(keys, f"{name!r} {what}")
            if table is not False and not isinstance(table, dict):
                raise self.bad(keys, f"machines.{name} = {table!r} is neither a table of settings nor false")
            yield name, table

    def machine(self, name: str, table: Mapping[str, Any]) -> dict[str, Any]:
        above = ("machines", name)
        self.known(table, MACHINE, above)
        values = {key: self._value(table, (*above, key), MACHINE) for key in table if key not in ("queues", "env")}
        if "env" in table:
            values["env"] = self._env(table["env"], (*above, "env"))
        if "queues" in table:
            values["queues"] = self._queues(table["queues"], (*above, "queues"))
        return values

    def _queues(self, tables: Any, above: tuple[str, ...]) -> Any:
        """Queue → its settings, or GONE where this file takes the queue away."""
        if tables is False:
            return GONE
        if not isinstance(tables, dict):
            raise self.bad(above, f"{'.'.join(above)} is not a table: write [{'.'.join(above)}.<name>]")
        found: dict[str, Any] = {}
        for name, table in tables.items():
            keys = (*above, name)
            if table is not False and not isinstance(table, dict):
                raise self.bad(keys, f"{'.'.join(keys)} = {table!r} is neither a table of settings nor false")
            if table is False:
                found[name] = GONE
                continue
            self.known(table, QUEUE, keys)
            found[name] = {key: self._value(table, (*keys, key), QUEUE) for key in table}
        return found

    def _value(self, table: Mapping[str, Any], keys: tuple[str, ...], readers: Mapping[str, Reader]) -> Any:
        return GONE if table[keys[-1]] is False else self.read(keys, readers[keys[-1]])

    def _env(self, table: Any, keys: tuple[str, ...]) -> Any:
        """Variables, GONE where this file takes one away; all of them where it says false."""
        if table is False:
            return GONE
        if not isinstance(table, dict):
            raise self.bad(keys, f'{".".join(keys)} is not a table: write NAME = "value" below [{".".join(keys)}]')
        return {name: GONE if table[name] is False else self.read((*keys, name), _of(str)) for name in table}

    def profiles(self) -> list[Profile]:
        """The profiles of this file, in its order."""
        tables = self.document.get("profiles", [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise self.bad(("profiles",), "profiles is not a list of tables: write [[profiles]] and its keys below")
        return [self._profile(table, number) for number, table in enumerate(tables)]

    def _profile(self, table: Mapping[str, Any], number: int) -> Profile:
        numbered = enumerate(self.text.splitlines(), start=1)
        lines = [at for at, line in numbered if re.match(r"\s*\[\[profiles\]\]", line)]
        where = f"{self.path}{f', line {lines[number]}' if number < len(lines) else ''}"
        for key in table:
            if key not in (*PROFILE, *WORDS):
                known = (*PROFILE, *WORDS)
                hint = nearest(key, known)
                raise BadConfig(f"{where}: a profile has no {key!r} (it takes: {', '.join(known)}).{hint}")
        words = {word: table.get(word) for word in ("name", "machine", "environment")}
        odd = next((word for word, text in words.items() if text is not None and not _is_text(text)), None)
        if odd is not None:
            raise BadConfig(f"{where}: {odd} = {words[odd]!r} is no text.")
        match = _match(table.get("match"), where) if "match" in table or words["name"] is None else ()
        asked = {key: value for key, value in table.items() if key in WORDS}
        try:
            resources(**asked)
            read_per_job(table.get("points_per_job"))
        except BadInput as fault:
            raise BadConfig(f"{where}: {fault}") from fault
        return Profile(match, resources=asked, points_per_job=table.get("points_per_job"), source=where, **words)


def _match(given: Any, where: str) -> tuple[str, ...]:
    keys = [given] if isinstance(given, str) else given
    if not keys or not isinstance(keys, list) or not all(_is_text(key) for key in keys):
        raise BadConfig(f'{where}: match = {given!r} is no key: write match = "relax" or match = ["fit.py::step"].')
    return tuple(keys)


def _is_text(given: object) -> bool:
    return isinstance(given, str) and bool(given.strip())


Reader = Callable[[Any], Any]


def _of(wanted: Any) -> Reader:
    return lambda value: msgspec.convert(value, wanted)


def _seconds(value: object) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return float(value)
    seconds = parse_time(value)
    return None if seconds is None else float(seconds)


def _lines(value: object) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else msgspec.convert(value, tuple[str, ...])


def _account(value: object) -> str | None:
    return resources(account=value).account


def _command(value: object) -> str:
    """Words as a shell has them, of one line."""
    text = msgspec.convert(value, str)
    try:
        words = shlex.split(text)
    except ValueError as fault:
        raise BadResources(f"it is no command ({fault}). Close its quotes.") from fault
    if not words or not text.isprintable():
        raise BadResources("it is no command. Write one line, its program first.")
    return text


def _count(least: int) -> Reader:
    return _of(Annotated[int, msgspec.Meta(ge=least)])


TOP: Mapping[str, Reader] = {"default_machine": _of(str), "confirm_above": _of(float)}
MACHINE: Mapping[str, Reader] = {
    **dict.fromkeys(("type", "scheduler", "transport", "statedir", "workdir", "python", "environment"), _of(str)),
    "host": _of(str),
    "launcher": _command,
    "agent": _of(Literal["on", "off"]),
    "keep_login": _seconds,
    **dict.fromkeys(("header", "capabilities"), _lines),
    **dict.fromkeys(("max_jobs", "max_array", "max_running"), _count(1)),
    "cpus": _count(1),
    "memory": parse_memory,
    "gpus": _count(0),
    "poll": _seconds,
    "grace": _seconds,
    "beat": _seconds,
    "setup": _lines,
    "env": _of(dict[str, str]),
    "purge": parse_time,
    "account": _account,
    "queues": dict,
}
QUEUE: Mapping[str, Reader] = {
    "cpus": _count(1), "memory": parse_memory, "time": parse_time, "gpus": _count(0), "nodes": _count(1),
    "header": _lines,
}  # fmt: skip


PROFILE = ("match", "name", "machine", "environment", "points_per_job")


def line_of(text: str, keys: tuple[str, ...]) -> int | None:
    r"""The number of the line of a TOML text that sets `keys`, or the nearest table above it that stands alone.

    >>> line_of("[machines.hpc]\ncpus = 4\n", ("machines", "hpc", "cpus"))
    2
    """
    table: tuple[str, ...] = ()
    above = None
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[+([^\]#]+)\]", line)
        name = re.match(r"\s*([\w.\"' -]+?)\s*=", line)
        if header:
            table = here = _split(header[1])
        elif name:
            here = table + _split(name[1])
        else:
            continue
        if here == keys:
            return number
        if here == keys[: len(here)] and (not header or above is None):
            above = number
    return above


def _split(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in re.findall(r"\"[^\"]*\"|'[^']*'|[^.]+", dotted) if part.strip())
