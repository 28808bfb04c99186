"""Cells tagged `remote` or `remote:hpc`: they run as if `%%remote hpc` stood above them.

Front ends send a cell's tags with it; this reads them. Knows the shell; must not know what `%%remote` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Routed:
    """IPython's transformer of a shell. Only the cell that was asked for is routed, not what it runs in turn."""

    has_side_effects = False

    def __init__(self, shell: Any) -> None:
        self._shell = shell

    def __call__(self, lines: list[str]) -> list[str]:
        parent = _parent(self._shell)
        content = parent.get("content") or {}
        asked = (parent.get("header") or {}).get("msg_type") == "execute_request"
        code = str(content.get("code", ""))
        if not asked or not lines or lines[0].startswith("%%") or "".join(lines).strip() != code.strip():
            return lines
        place = machine_of(parent.get("metadata") or {})
        return lines if place is None else [f"%%remote {place}".rstrip() + "\n", *lines]


def machine_of(metadata: Mapping[str, Any]) -> str | None:
    """Where a cell of this metadata is to run: a machine's name, '' for the usual one, None for here.

    >>> machine_of({"tags": ["remote:hpc"]}), machine_of({"tags": ["remote"]}), machine_of({"tags": ["plot"]})
    ('hpc', '', None)
    """
    for tag in metadata.get("tags") or ():
        if tag == "remote":
            return ""
        if isinstance(tag, str) and tag.startswith("remote:"):
            return tag.partition(":")[2].strip()
    return None


def _parent(shell: Any) -> Mapping[str, Any]:
    """The message that is being answered, {} outside a kernel."""
    try:
        found = shell.kernel.get_parent("shell")
    except AttributeError:
        return {}
    return found if isinstance(found, Mapping) else {}


def load(shell: Any) -> None:
    """Route tagged cells of this shell; once."""
    steps = shell.input_transformers_cleanup
    if not any(isinstance(step, Routed) for step in steps):
        steps.append(Routed(shell))
