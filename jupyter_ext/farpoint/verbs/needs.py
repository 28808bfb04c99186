"""What runs need on one machine: what was asked for, completed by what its settings say.

Knows settings and resources; asks no machine, and whether there is room is not its question.
"""

from __future__ import annotations

from dataclasses import replace

from farpoint.config import Config, MachineConfig
from farpoint.model import Resources


def there(config: Config, machine: str, asked: Resources) -> Resources:
    """The same resources, paid for by the machine's account where no other is named.

    >>> there(Config(machines={"hpc": MachineConfig(account="phys")}), "hpc", Resources()).account
    'phys'
    """
    settings = config.machines.get(machine) or MachineConfig()
    return asked if asked.account else replace(asked, account=settings.account)
