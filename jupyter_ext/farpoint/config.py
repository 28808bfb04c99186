"""Settings: what is built in, then the user's farpoint.toml, then the project's, merged key by key.

Knows the files and what each key means; builds no machine and writes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from farpoint.config_file import GONE, TOP, Layer
from farpoint.errors import BadConfig, NotFound, nearest
from farpoint.profiles import Profile

FILE = "farpoint.toml"
PROFILES = "FARPOINT_PROFILES"
BUILT_IN = "built in"


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
    account: str | None = None  # who pays for runs that name nobody
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
    profiles: tuple[Profile, ...] = ()
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
    """Merge what is built in, the user's file and the farpoint.toml of `root`; BadConfig says file, line and mend.

    FARPOINT_PROFILES, a file or the text of one, has profiles that come before those of both.
    """
    merged = _Layers()
    for path in (user, root / FILE if root else None):
        if path is not None and path.is_file():
            merged.add(Layer(path))
    named = os.environ.get(PROFILES, "").strip()
    if named:
        merged.add_profiles(_profiles_layer(named))
    return merged.config()


def _profiles_layer(named: str) -> Layer:
    """What FARPOINT_PROFILES says: text where it has a table in it, else a file."""
    if "[[" in named:
        return Layer(PROFILES, named)
    path = Path(named).expanduser()
    if not path.is_file():
        raise BadConfig(f"{PROFILES} names {named!r}, which is not there. Mend the path, or unset it.")
    return Layer(path)


class _Layers:
    """Checked settings of several files, later ones over earlier ones."""

    def __init__(self) -> None:
        self.top: dict[str, Any] = {}
        self.machines: dict[str, dict[str, Any]] = {"local": {}}
        self.sources: dict[tuple[str, str], str] = {}
        self.set_by: dict[tuple[str, str], Layer] = {}
        self.profiles: list[Profile] = []

    def add(self, layer: Layer) -> None:
        layer.known(layer.document, {**TOP, "machines": dict, "profiles": list})
        for key in TOP.keys() & layer.document.keys():
            if layer.document[key] is False:
                self.top.pop(key, None)
                self.sources.pop(("", key), None)
                continue
            self.top[key] = layer.read((key,), TOP[key])
            self.sources["", key] = str(layer.path)
        for name, table in layer.machines():
            if table is False:
                self._remove(layer, name)
            else:
                self._machine(layer, name, layer.machine(name, table))
        self.profiles = [*layer.profiles(), *self.profiles]

    def add_profiles(self, layer: Layer) -> None:
        layer.known(layer.document, {"profiles": list})
        self.profiles = [*layer.profiles(), *self.profiles]

    def _remove(self, layer: Layer, name: str) -> None:
        if name == "local":
            raise layer.bad(("machines", name), "machine 'local' is this computer and cannot be removed")
        self.machines.pop(name, None)
        for key in [key for key in self.sources if key[0] == name]:
            del self.sources[key]

    def _machine(self, layer: Layer, name: str, values: dict[str, Any]) -> None:
        machine = self.machines.setdefault(name, {})
        self.machines[name] = _over(machine, values)
        for key, value in _leaves(values):
            self.set_by[name, key] = layer
            self.sources[name, key] = str(layer.path)
            if value is GONE:  # with all that was below it
                for each in [k for n, k in self.sources if n == name and (k == key or k.startswith(f"{key}."))]:
                    del self.sources[name, each]

    def config(self) -> Config:
        for name, values in self.machines.items():
            self._check(name, values)
        machines = {name: _machine(values) for name, values in self.machines.items()}
        default = self.top.get("default_machine", "local")
        if default not in machines:
            file, known = self.sources["", "default_machine"], ", ".join(machines)
            raise BadConfig(
                f"{file}: default_machine = {default!r}, but there is no such machine (machines: {known})."
                f"{nearest(default, machines)}"
            )
        for profile in self.profiles:
            if profile.machine is not None and profile.machine not in machines:
                hint = nearest(profile.machine, machines)
                raise BadConfig(
                    f"{profile.source}: machine = {profile.machine!r}, but there is no such machine "
                    f"(machines: {', '.join(machines)}).{hint}"
                )
        return Config(**self.top, machines=machines, sources=self.sources, profiles=tuple(self.profiles))

    def _check(self, name: str, values: Mapping[str, Any]) -> None:
        """Refuse settings that make no sense together, in the line of the one that was set last."""
        for keys, what in _CLASHES:
            if what(values):
                there = [key for key in keys if key in values or key == "queues"]
                layer = next((self.set_by[name, k] for k in there if (name, k) in self.set_by), None)
                said = f"machine {name!r}: {what(values)}"
                if layer is None:
                    raise BadConfig(f"{said}.")
                raise layer.bad(("machines", name, there[0]), said)


Clash = tuple[tuple[str, ...], Callable[[Mapping[str, Any]], str]]


def _pipe_to_a_host(values: Mapping[str, Any]) -> str:
    if values.get("host") and values.get("transport") == "pipe":
        return "transport = 'pipe' stays on this computer, and there is a host. Leave out one of them"
    return ""


def _ssh_to_nowhere(values: Mapping[str, Any]) -> str:
    if values.get("transport") == "ssh" and not values.get("host"):
        return "transport = 'ssh' needs a host: set host to what ssh is told"
    return ""


def _kept_for_nothing(values: Mapping[str, Any]) -> str:
    if values.get("keep_login") is not None and not values.get("host"):
        return "keep_login is how long a sign-in is kept, and without a host nobody signs in. Leave it out"
    return ""


def _queues_of_nobody(values: Mapping[str, Any]) -> str:
    direct = values.get("scheduler", "direct") == "direct" and values.get("type", "batch") == "batch"
    named = next((key for key in ("queues", "max_array", "header", "account") if values.get(key)), None)
    if direct and named:
        return f"{named} is for a queue system, and none is named. Set scheduler, or leave {named} out"
    return ""


def _more_running_than_there(values: Mapping[str, Any]) -> str:
    most, running = values.get("max_jobs"), values.get("max_running")
    if most is not None and running is not None and running > most:
        return f"max_running = {running} is more than max_jobs = {most}: no more can run than there are"
    return ""


_CLASHES: tuple[Clash, ...] = (
    (("transport", "host"), _pipe_to_a_host),
    (("transport",), _ssh_to_nowhere),
    (("keep_login",), _kept_for_nothing),
    (("max_array", "header", "account", "queues"), _queues_of_nobody),
    (("max_running", "max_jobs"), _more_running_than_there),
)


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Two layers, key by key and table by table; what the upper one takes away is gone."""
    made = dict(below)
    for key, value in above.items():
        if value is GONE:
            made.pop(key, None)
        elif isinstance(value, dict):
            made[key] = _over(below.get(key, {}), value)
        else:
            made[key] = value
    return made


def _leaves(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting with its dotted name."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _machine(values: Mapping[str, Any]) -> MachineConfig:
    queues = {name: QueueConfig(**table) for name, table in values.get("queues", {}).items()}
    return MachineConfig(**{**values, "queues": queues})
