"""From a machine's settings to the machine: kinds of machine are entry points of the group `farpoint.machines`.

Knows no kind by name. An entry point is a callable (name, settings, state folder) → Machine.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

from farpoint.config import MachineConfig
from farpoint.errors import BadConfig, nearest
from farpoint.machines.base import Machine

GROUP = "farpoint.machines"


def build_machine(name: str, config: MachineConfig, state: Path) -> Machine:
    """The machine `name` as configured; BadConfig where no installed package brings its type."""
    kinds = {entry.name: entry for entry in entry_points(group=GROUP)}
    if config.type not in kinds:
        known = ", ".join(sorted(kinds)) or "none"
        raise BadConfig(
            f"machine {name!r}: there is no type {config.type!r} (installed: {known}).{nearest(config.type, kinds)}"
        )
    machine: Machine = kinds[config.type].load()(name, config, state)
    return machine
