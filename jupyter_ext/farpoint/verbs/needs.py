"""What runs need on one machine: what was asked for, completed by what its settings say.

Knows settings and resources; asks no machine, and whether there is room is not its question.
"""

from __future__ import annotations

from dataclasses import replace

from farpoint.config import FILE, Config, MachineConfig
from farpoint.errors import BadResources, nearest
from farpoint.model import Resources


def there(config: Config, machine: str, asked: Resources) -> Resources:
    """The same resources, paid for by the machine's account where no other is named.

    BadResources where the machine lacks a capability they require.

    >>> there(Config(machines={"hpc": MachineConfig(account="phys")}), "hpc", Resources()).account
    'phys'
    """
    settings = config.machines.get(machine) or MachineConfig()
    lacking = [word for word in asked.requires if word not in settings.capabilities]
    if lacking:
        raise BadResources(_told(config, machine, settings, asked.requires, lacking))
    return asked if asked.account else replace(asked, account=settings.account)


def _told(config: Config, machine: str, settings: MachineConfig, required: tuple[str, ...], lacking: list[str]) -> str:
    able = [name for name, each in config.machines.items() if set(required) <= set(each.capabilities)]
    known = {word for each in config.machines.values() for word in each.capabilities}
    said = f"requires {', '.join(map(repr, required))}, and machine {machine!r} has no {lacking[0]!r}"
    said += f" (its capabilities: {', '.join(settings.capabilities) or 'none'})."
    if able:
        return f"{said} Send it to {' or '.join(able)}."
    hint = "" if lacking[0] in known else nearest(lacking[0], known)
    return f"{said}{hint} No machine of {FILE} has all of them; a machine's own are listed in capabilities = […] there."
