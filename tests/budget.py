"""How often a repeated test repeats: tests/budget.toml, by FARPOINT_BUDGET (ci or long)."""

from __future__ import annotations

import os
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("budget.toml")


@cache
def _file() -> dict[str, Any]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def budget(name: str) -> int:
    """The count for `name`, such as "model.runs", in the chosen column."""
    value: Any = _file()[os.environ.get("FARPOINT_BUDGET", "ci")]
    for part in name.split("."):
        value = value[part]
    return int(value)


def allowed_skips() -> dict[str, str]:
    """Beginnings of node ids that may be skipped in CI, with the reason."""
    return {entry["where"]: entry["why"] for entry in _file().get("skips", [])}
