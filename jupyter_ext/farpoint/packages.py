"""Which installed packages code cannot do without: those it imports as soon as it runs, whatever it meets.

Parses, never runs or imports what it finds. Knows files and the packages of this Python; must not know machines.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from farpoint import cells, reading

OURS = frozenset({"farpoint", "farpoint_runner"})  # there, or standing in for themselves
# What a package may come from that is not there when the code begins.
_INSTALLS = re.compile(
    r"\b(pip|conda|mamba|micromamba|uv)\b.{0,200}?\binstall\b|\bsys\.path\b|\baddsitedir\b", re.DOTALL
)


def needed(sources: Iterable[str], modules: Mapping[str, Path], names: Iterable[str] = ()) -> tuple[str, ...]:
    """The packages, as they are imported, of `sources`, which run from top to bottom, and of `names`, imported before.

    `modules` are the user's own that travel (path below their folder → file): what they import counts as well. Only
    packages that are here are told: of another it is not known whether it is one. Where the code installs something or
    changes where it looks, nothing can be said.

    >>> needed(["import numpy.linalg, json\\ntry:\\n    import click\\nexcept ImportError:\\n    pass"], {})
    ('numpy',)
    """
    texts = list(sources)
    waiting = [*names, *(name for text in texts for name in at_once(reading.parse(text)))]
    tops: set[str] = set()
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        top = name.partition(".")[0]
        if not any(path.partition("/")[0] in (top, f"{top}.py") for path in modules):
            tops.add(top)
        for file, package in _files(name, modules):
            texts.append(file.read_text(encoding="utf-8", errors="replace"))
            waiting += at_once(reading.parse(texts[-1]), package)
    if any(_INSTALLS.search(text) for text in texts):
        return ()
    return tuple(sorted(top for top in tops if _is_package(top)))


def of_notebook(notebook: Mapping[str, Any], modules: Mapping[str, Path]) -> tuple[str, ...]:
    """As `needed`, of all its cells; one that is tagged as free to fail needs nothing."""
    kept = [cell for cell in cells.code_cells(notebook) if "raises-exception" not in cell.tags]
    return needed((cells.as_python(cell.source) for cell in kept), modules)


def at_once(tree: ast.Module | None, package: str = "") -> Iterator[str]:
    """Dotted names that are imported whenever the code runs: in no branch, function, `try` or `with` (suppress(…))."""
    body = tree.body if tree is not None else []
    certain: list[ast.stmt] = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    if not package:  # a relative import has nothing to be relative to
        certain = [node for node in certain if not getattr(node, "level", 0)]
    return reading.imports(ast.Module(body=certain, type_ignores=[]), package)


def _files(name: str, modules: Mapping[str, Path]) -> Iterator[tuple[Path, str]]:
    """The files that importing a dotted name runs, each with the package it is in."""
    parts = name.split(".")
    for length in range(1, len(parts) + 1):
        base, dotted = "/".join(parts[:length]), ".".join(parts[:length])
        if f"{base}/__init__.py" in modules:
            yield modules[f"{base}/__init__.py"], dotted
        elif f"{base}.py" in modules:
            yield modules[f"{base}.py"], dotted.rpartition(".")[0]


def _is_package(name: str) -> bool:
    if name in sys.stdlib_module_names or name in OURS:
        return False
    try:
        return find_spec(name) is not None
    except (ImportError, AttributeError, ValueError):
        return False
