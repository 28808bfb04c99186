"""From a machine's settings to the machine: kinds of machines and schedulers are entry points, ours like any other's.

Knows no kind by name. The groups are `farpoint.machines` (a callable Place → Machine) and `farpoint.schedulers`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from farpoint.config import MachineConfig
from farpoint.errors import BadConfig
from farpoint.machines import batch
from farpoint.machines.base import Machine, Place
from farpoint.schedulers.by_hand import ByHand

MACHINES = "farpoint.machines"
SCHEDULERS = "farpoint.schedulers"


def build_machine(name: str, config: MachineConfig, state: Path, owner: str, clock: Callable[[], float]) -> Machine:
    """The machine `name` as configured; its files on this side are below `state`.

    BadConfig where its type, scheduler or transport is not installed, or cannot be loaded.
    """
    place = Place(name, config, state / "machines" / name, owner, clock, Installed(SCHEDULERS))
    machine: Machine = place.choose("type", config.type, Installed(MACHINES))(place)
    return machine


def build_prepared(name: str, folder: Path, owner: str, clock: Callable[[], float]) -> Machine:
    """The machine that a prepared folder is: its jobs are submitted by hand, and it is read from here."""
    config = MachineConfig(scheduler=ByHand.name, statedir=str(folder), workdir=str(folder / "work"))
    return batch.build(Place(name, config, folder, owner, clock, {ByHand.name: ByHand}))


class Installed(Mapping[str, Callable[..., Any]]):
    """What the installed packages bring under one group; loaded when it is taken."""

    def __init__(self, group: str) -> None:
        self._entries: dict[str, EntryPoint] = {entry.name: entry for entry in entry_points(group=group)}

    def __getitem__(self, name: str) -> Callable[..., Any]:
        entry = self._entries[name]
        try:
            made: Callable[..., Any] = entry.load()
        except (ImportError, AttributeError) as fault:
            what = f"{entry.group} {name!r} ({entry.value})"
            raise BadConfig(f"{what} cannot be loaded: {fault}. Install its package again.") from fault
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
