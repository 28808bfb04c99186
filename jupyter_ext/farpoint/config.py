"""Settings: what is built in, then the user's farpoint.toml, then the project's, merged key by key.

Knows the files and what each key means; builds no machine and writes nothing.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from farpoint.errors import BadConfig, BadResources, NotFound, nearest
from farpoint.resources import parse_memory, parse_time

FILE = "farpoint.toml"
BUILT_IN = "built in"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class QueueConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One queue of a machine, as configured: the most one run can have there. memory in bytes, time in seconds."""

    cpus: int | None = None
    memory: int | None = None
    time: int | None = None
    gpus: int | None = None
    nodes: int | None = None
    header: tuple[str, ...] = ()  # directive lines of every job that goes there


class MachineConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One machine as configured. memory in bytes; poll, grace, beat and purge in seconds; None: the machine decides."""

    type: str = "batch"
    scheduler: str = "direct"
    transport: str | None = None  # None: ssh where there is a host, else a pipe
    host: str | None = None  # what `ssh` is told
    agent: str = "on"  # "off": one command after the other, nothing stays there between them
    keep_login: float | None = None  # seconds a sign-in is kept after its last use
    statedir: str | None = None
    workdir: str | None = None
    python: str | None = None  # runs the pilots there
    environment: str | None = None  # the Python that runs the user's code there
    cpus: int | None = None
    memory: int | None = None
    gpus: int | None = None
    poll: float | None = None
    grace: float | None = None
    beat: float | None = None
    setup: tuple[str, ...] = ()  # shell lines before the pilot
    header: tuple[str, ...] = ()  # directive lines of every job
    capabilities: tuple[str, ...] = ()  # words a profile or a run may ask for
    launcher: str | None = None  # starts the ranks of a run that asks for several tasks
    max_jobs: int | None = None  # pilots in queue and running at once
    max_array: int | None = None  # pilots in one job
    max_running: int | None = None  # pilots running at once
    queues: Mapping[str, QueueConfig] = msgspec.field(default_factory=dict)
    env: Mapping[str, str] = msgspec.field(default_factory=dict)
    purge: int | None = None  # after so long the machine may delete files by itself


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """All settings of a project. `sources` says where each was set: (machine or "", key) → file."""

    default_machine: str = "local"
    confirm_above: float = 1.0  # core-hours of repeated work that need an answer
    machines: Mapping[str, MachineConfig] = msgspec.field(default_factory=lambda: {"local": MachineConfig()})
    sources: Mapping[tuple[str, str], str] = msgspec.field(default_factory=dict)

    def machine(self, name: str) -> MachineConfig:
        """The settings of one machine; NotFound names those there are."""
        if name not in self.machines:
            known = ", ".join(self.machines)
            raise NotFound(f"there is no machine {name!r} (machines: {known}).{nearest(name, self.machines)}")
        return self.machines[name]

    def explain(self, machine: str) -> list[tuple[str, Any, str]]:
        """Every setting of a machine with its value and the file that set it, or 'built in'.

        >>> Config().explain("local")[0]
        ('type', 'batch', 'built in')
        """
        values = msgspec.structs.asdict(self.machine(machine))
        env, queues = values.pop("env"), values.pop("queues")
        values |= {f"env.{name}": value for name, value in env.items()}
        for name, queue in queues.items():
            values |= {f"queues.{name}.{key}": value for key, value in msgspec.structs.asdict(queue).items()}
        return [(key, value, self.sources.get((machine, key), BUILT_IN)) for key, value in values.items()]


def user_file() -> Path | None:
    """The user's own settings: what FARPOINT_CONFIG names, else farpoint.toml in the user's configuration folder."""
    named = os.environ.get("FARPOINT_CONFIG")
    if named is not None:
        if named and not Path(named).exists():
            raise BadConfig(f"FARPOINT_CONFIG names {named!r}, which is not there. Mend the path, or unset it.")
        return Path(named) if named else None
    from platformdirs import user_config_path

    return user_config_path("farpoint") / FILE


def load(root: Path | None = None, user: Path | None = None) -> Config:
    """Merge what is built in, the user's file and the farpoint.toml of `root`; BadConfig says file, line and mend."""
    merged = _Layers()
    for path in (user, root / FILE if root else None):
        if path is not None and path.is_file():
            merged.add(_Layer(path))
    return merged.config()


class _Layers:
    """Checked settings of several files, later ones over earlier ones."""

    def __init__(self) -> None:
        self.top: dict[str, Any] = {}
        self.machines: dict[str, dict[str, Any]] = {"local": {}}
        self.sources: dict[tuple[str, str], str] = {}

    def add(self, layer: _Layer) -> None:
        layer.known(layer.document, {**_TOP, "machines": dict})
        for key in _TOP.keys() & layer.document.keys():
            self.top[key] = layer.read((key,), _TOP[key])
            self.sources["", key] = str(layer.path)
        for name, table in layer.machines():
            if table is False:
                self._remove(layer, name)
            else:
                self._machine(layer, name, layer.machine(name, table))

    def _remove(self, layer: _Layer, name: str) -> None:
        if name == "local":
            raise layer.bad(("machines", name), "machine 'local' is this computer and cannot be removed")
        self.machines.pop(name, None)

    def _machine(self, layer: _Layer, name: str, values: dict[str, Any]) -> None:
        machine = self.machines.setdefault(name, {})
        env, queues = values.pop("env", {}), values.pop("queues", {})
        machine["env"] = {**machine.get("env", {}), **env}
        machine["queues"] = _merged(machine.get("queues", {}), queues)
        machine.update(values)
        inner = [f"queues.{queue}.{key}" for queue, table in queues.items() if table for key in table]
        for key in [*values, *(f"env.{variable}" for variable in env), *inner]:
            self.sources[name, key] = str(layer.path)

    def config(self) -> Config:
        machines = {name: _machine(values) for name, values in self.machines.items()}
        default = self.top.get("default_machine", "local")
        if default not in machines:
            file, known = self.sources["", "default_machine"], ", ".join(machines)
            raise BadConfig(
                f"{file}: default_machine = {default!r}, but there is no such machine (machines: {known})."
                f"{nearest(default, machines)}"
            )
        return Config(**self.top, machines=machines, sources=self.sources)


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Queues of two layers, key by key; False takes one away."""
    merged = {
        **below,
        **{name: {**below.get(name, {}), **table} for name, table in above.items() if table is not False},
    }
    return {name: table for name, table in merged.items() if above.get(name) is not False}


def _machine(values: Mapping[str, Any]) -> MachineConfig:
    queues = {name: QueueConfig(**table) for name, table in values.get("queues", {}).items()}
    return MachineConfig(**{**values, "queues": queues})


class _Layer:
    """One file. Everything wrong in it is said with its line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.text = path.read_text(encoding="utf-8")
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
                raise self.bad(keys, f"{name!r} is not a name for a machine: letters, digits and . _ - only")
            if table is not False and not isinstance(table, dict):
                raise self.bad(keys, f"machines.{name} = {table!r} is neither a table of settings nor false")
            yield name, table

    def machine(self, name: str, table: Mapping[str, Any]) -> dict[str, Any]:
        above = ("machines", name)
        self.known(table, _MACHINE, above)
        values = {key: self.read((*above, key), _MACHINE[key]) for key in table if key != "queues"}
        if "queues" in table:
            values["queues"] = self._queues(table["queues"], (*above, "queues"))
        return values

    def _queues(self, tables: Any, above: tuple[str, ...]) -> dict[str, Any]:
        """Queue → its settings, or False where this file takes the queue away."""
        if not isinstance(tables, dict):
            raise self.bad(above, f"{'.'.join(above)} is not a table: write [{'.'.join(above)}.<name>]")
        found: dict[str, Any] = {}
        for name, table in tables.items():
            keys = (*above, name)
            if table is not False and not isinstance(table, dict):
                raise self.bad(keys, f"{'.'.join(keys)} = {table!r} is neither a table of settings nor false")
            if table is False:
                found[name] = False
                continue
            self.known(table, _QUEUE, keys)
            found[name] = {key: self.read((*keys, key), _QUEUE[key]) for key in table}
        return found


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


def _count(least: int) -> Reader:
    return _of(Annotated[int, msgspec.Meta(ge=least)])


_TOP: Mapping[str, Reader] = {"default_machine": _of(str), "confirm_above": _of(float)}
_MACHINE: Mapping[str, Reader] = {
    **dict.fromkeys(("type", "scheduler", "transport", "statedir", "workdir", "python", "environment"), _of(str)),
    **dict.fromkeys(("host", "launcher"), _of(str)),
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
    "queues": dict,
}
_QUEUE: Mapping[str, Reader] = {
    "cpus": _count(1), "memory": parse_memory, "time": parse_time, "gpus": _count(0), "nodes": _count(1),
    "header": _lines,
}  # fmt: skip


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
