"""Where a module comes from: the user's own, which travels, or installed, which is named with its version.

Knows sys.modules and paths; must not know functions, files' content or runs.
"""

from __future__ import annotations

import os
import site
import sys
import sysconfig
import warnings
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

OURS = frozenset({"farpoint", "farpoint_runner"})


@cache
def _installed() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    found = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    found |= {*site.getsitepackages(), site.getusersitepackages()}
    return tuple(os.path.realpath(path) + os.sep for path in found)


def file_of(name: str) -> Path | None:
    """The file of a user's own module, None for one that is installed, built in, or not there.

    >>> file_of("json"), file_of("sys"), file_of("no_such_module")
    (None, None, None)
    """
    if name.partition(".")[0] in OURS or name == "__main__":
        return None
    module = sys.modules.get(name)
    where = getattr(module, "__file__", None) if module is not None else _unloaded(name)
    if not where or not Path(where).is_file():
        return None
    real = os.path.realpath(where)
    return None if real.startswith(_installed()) else Path(real)


def _unloaded(name: str) -> str | None:
    try:
        spec = find_spec(name)
    except (ImportError, AttributeError, ValueError):
        return None
    return spec.origin if spec is not None and spec.has_location else None


def place_of(name: str, file: Path) -> Path:
    """The folder from which `import name` finds this file."""
    levels = name.count(".") + (1 if file.name == "__init__.py" else 0)
    return file.parents[levels]


def version(name: str) -> str:
    """What an installed package says of its version, '' where it says nothing."""
    with warnings.catch_warnings():  # that it should be asked for otherwise is no news to whoever sends a function
        warnings.simplefilter("ignore")
        return str(getattr(sys.modules.get(name.partition(".")[0]), "__version__", ""))


def home(thing: Any) -> ModuleType | None:
    """The module that a function or class is imported from, None for one that travels by value."""
    name, where = getattr(thing, "__qualname__", None), getattr(thing, "__module__", None)
    module = sys.modules.get(where) if isinstance(where, str) and where != "__main__" else None
    found: Any = module
    for part in (name or "<none>").split("."):
        found = getattr(found, part, None)
    return module if found is thing else None
