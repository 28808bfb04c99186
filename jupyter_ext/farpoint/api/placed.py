"""A function with a place to run it: what it asks for and what it is called.

Knows options only; how calls are sent is its subclass's.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from farpoint.counted import Counted, counted
from farpoint.verbs.function import scan_name

OPTIONS = (
    "name", "files", "save", "environment", "project", "rerun", "changed", "points_per_job", "profile", "key", "ignore",
)  # fmt: skip


class Remote:
    """A function that runs here when called, and on `machine` when submitted."""

    __runs_elsewhere__ = True

    def __init__(self, function: Callable[..., Any], machine: str | None, options: Mapping[str, Any]) -> None:
        functools.update_wrapper(self, function, updated=())
        self.__wrapped__ = function
        self.machine = machine
        self.options = dict(options)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self.__wrapped__(*arguments, **named)

    def __repr__(self) -> str:
        try:
            words = str(inspect.signature(self.__wrapped__))
        except (TypeError, ValueError):
            words = "(…)"
        where = f"on {self.machine}" if self.machine else "on the default machine"
        asked = ", ".join(f"{name}={value!r}" for name, value in self.options.items())
        return f"<{self.name}{words}: runs here when called, {where} when submitted{f'; {asked}' * bool(asked)}>"

    @property
    def name(self) -> str:
        """What its scan is called."""
        return str(self.options.get("name") or scan_name(self.__wrapped__))

    def counted(self) -> Counted:
        """What was said about the keys of its runs."""
        return counted(self.options.get("key"), self.options.get("ignore"))

    def resources(self) -> dict[str, Any]:
        """What one call needs, as it was said."""
        return {name: value for name, value in self.options.items() if name not in OPTIONS}
