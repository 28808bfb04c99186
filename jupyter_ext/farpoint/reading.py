"""What a notebook's code reaches: the modules beside it that it imports, and the files that its texts name.

Parses, never runs. Knows files here; must not know limits, points or machines.
"""

from __future__ import annotations

import ast
import contextlib
import json
import re
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

from farpoint import cells
from farpoint.errors import BadTask

_WRITERS = re.compile(
    r"(to|write|save|dump|export)_\w+|save\w*|savez_compressed|write\w*|imsave|imwrite|export\w*|dump|mkdir|touch|unlink|remove"
)
_INSTALLED = {"site-packages", "dist-packages"}


@dataclass(slots=True)
class Modules:
    """User-local modules: path from their search folder → file, and the source of those that are Python."""

    files: dict[str, Path] = field(default_factory=dict)
    sources: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def notebook(path: Path) -> dict[str, Any]:
    """The notebook at `path` as data. BadTask where there is none, or one in another language or an old format."""
    try:
        found = json.loads(path.read_bytes())
    except OSError as fault:
        raise BadTask(f"the notebook {str(path)!r} cannot be read: {fault.strerror}. Check the path.") from fault
    except ValueError as fault:
        raise BadTask(f"{str(path)!r} is not a notebook: {fault}. Open it in Jupyter and save it again.") from fault
    if not isinstance(found, dict) or not isinstance(found.get("cells"), list):
        raise BadTask(f"{str(path)!r} has no cells, or is of a format before 4. Open it in Jupyter and save it again.")
    return found


def source_of(notebook: Mapping[str, Any], place: int) -> str:
    """The source of the cell at `place`, as Python."""
    source = notebook["cells"][place].get("source", "")
    return cells.as_python(source if isinstance(source, str) else "".join(source))


def parse(source: str) -> ast.Module | None:
    """The syntax tree, None where this Python cannot read it."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return None


def names(notebook: Mapping[str, Any], sources: Iterable[str]) -> list[str]:
    """Texts in the code that may name a file to be read; those that are only written are left out."""
    trees = [parse(cells.as_python(cell.source)) for cell in cells.code_cells(notebook)]
    trees += [parse(source) for source in sources]
    found: dict[str, None] = {}
    written: set[str] = set()
    for tree in trees:
        if tree is not None:
            written |= set(_written(tree))
            found.update(dict.fromkeys(_texts(tree)))
    return [name for name in found if name not in written and 0 < len(name) < 256 and "\n" not in name]


def read_in(texts: Iterable[str], sources: Iterable[str]) -> set[str]:
    """Those of the texts that may name a file, without those that the sources only write."""
    trees = [tree for tree in map(parse, sources) if tree is not None]
    written = {name for tree in trees for name in _written(tree)}
    return {name for name in texts if name not in written and 0 < len(name) < 256 and "\n" not in name}


def modules(notebook: Mapping[str, Any], folder: Path, root: Path) -> Modules:
    """Every module under the notebook's folder or the project's root that the code imports, and what those import."""
    sources = (cells.as_python(cell.source) for cell in cells.code_cells(notebook))
    return closure((name for source in sources for name in imports(parse(source), "")), _search(folder, root))


def closure(names: Iterable[str], search: Iterable[Path]) -> Modules:
    """The modules of these dotted names that lie in the folders `search`, and all that they import from there."""
    found, waiting, search = Modules(), list(names), list(search)
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        waiting += _add(found, name, search)
    return found


def _search(folder: Path, root: Path) -> list[Path]:
    """Where user-local modules are looked for: as the notebook does, then what lies under the root."""
    places = [folder, root]
    for entry in sys.path:
        place = Path(entry or ".").resolve()
        if place.is_dir() and place.is_relative_to(root) and not _INSTALLED & set(place.parts):
            places.append(place)
    return list(dict.fromkeys(places))


def _add(found: Modules, name: str, search: Iterable[Path]) -> list[str]:
    """Note the files of module `name` and of the packages it is in; the names they import."""
    parts = name.split(".")
    if parts[0] == "farpoint":
        return []  # it is there already, or stands in for itself: also where its own checkout is the project
    if parts[0] in sys.stdlib_module_names:
        if any((place / f"{parts[0]}.py").is_file() for place in search):
            found.warnings.append(f"{parts[0]}.py has the name of a standard module: it does not travel. Rename it.")
        return []
    for place in search:
        if not _holds(place, parts[0]):
            continue
        imported: list[str] = []
        for length in range(1, len(parts) + 1):
            file, package = _file(place, parts[:length])
            if file is not None and file.relative_to(place).as_posix() not in found.files:
                imported += _take(found, file, place, ".".join(parts[:length]), package=package)
        return imported
    return []


def _holds(place: Path, name: str) -> bool:
    if _file(place, [name])[0] is not None:
        return True
    return (place / name).is_dir() and any((place / name).rglob("*.py"))


def _file(place: Path, parts: list[str]) -> tuple[Path | None, bool]:
    """The file of a module below `place`, and whether it is a package."""
    base = place.joinpath(*parts)
    if (base / "__init__.py").is_file():
        return base / "__init__.py", True
    for ending in (".py", *EXTENSION_SUFFIXES):
        if base.with_name(base.name + ending).is_file():
            return base.with_name(base.name + ending), False
    return None, False


def _take(found: Modules, file: Path, place: Path, name: str, *, package: bool) -> list[str]:
    shown = file.relative_to(place).as_posix()
    found.files[shown] = file.resolve()
    if file.suffix != ".py":
        found.warnings.append(
            f"{shown} was compiled on this computer: it runs only where the system and Python are the same."
        )
        return []
    try:
        source = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as fault:
        raise BadTask(f"the module {str(file)!r} cannot be read: {fault}. Save it as UTF-8 text.") from fault
    found.sources.append(source)
    tree = parse(source)
    if tree is not None and "__file__" in source:
        _take_data(found, tree, file, place)
    return list(imports(tree, name if package else name.rpartition(".")[0]))


def _take_data(found: Modules, tree: ast.Module, file: Path, place: Path) -> None:
    """Files beside a module that finds them by its own place."""
    for text in _texts(tree):
        beside = file.parent / text
        with contextlib.suppress(OSError, ValueError):  # a text that is no path at all
            if beside.is_file() and beside.is_relative_to(place) and ".." not in Path(text).parts:
                found.files[beside.relative_to(place).as_posix()] = beside.resolve()


def imports(tree: ast.Module | None, package: str) -> Iterator[str]:
    """Dotted names that are imported anywhere in the code; of `from a import b` both `a` and `a.b`."""
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".") if package else []
            base = [*parents[: len(parents) - node.level + 1], node.module] if node.level else [node.module]
            origin = ".".join(part for part in base if part)
            yield from (
                name for name in (origin, *(f"{origin}.{alias.name}".lstrip(".") for alias in node.names)) if name
            )
        elif isinstance(node, ast.Call) and _called(node) in {"import_module", "__import__"} and node.args:
            text = _text(node.args[0])
            if text and not text.startswith("."):
                yield text


def _texts(tree: ast.Module) -> Iterator[str]:
    """Every text constant, every path put together of constants, and the words of IPython's lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _called(node) == cells.MAGIC:
            line = _text(node.args[0]) or ""
            if not line.startswith("%%writefile"):
                yield from _split(line)
        elif isinstance(node, ast.Constant | ast.Call | ast.BinOp):
            text = _text(node)
            if text:
                yield text


def _text(node: ast.AST) -> str | None:
    """The text a constant expression stands for: 'a', Path('a') / 'b', os.path.join('a', 'b'), 'a' + 'b'."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.Add):
        left, right = _text(node.left), _text(node.right)
        if left is None or right is None:
            return None
        return f"{left}/{right}" if isinstance(node.op, ast.Div) else left + right
    if isinstance(node, ast.Call) and _called(node) in {"Path", "PurePath", "PosixPath", "join"} and not node.keywords:
        parts = [_text(argument) for argument in node.args]
        return "/".join(part for part in parts if part) if parts and None not in parts else None
    return None


def _split(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


def _written(tree: ast.Module) -> Iterator[str]:
    """Texts that name what a call writes: plt.savefig('a.png'), open('a.txt', 'w'), Path('a').write_text(…)."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = _called(node)
        if called == "open":
            if any(set(mode) & set("wax") and len(mode) < 4 for mode in _modes(node)):
                yield from filter(None, [_text(node.args[0]) if node.args else None, _owner(node)])
        elif _WRITERS.fullmatch(called):
            yield from filter(None, [*(_text(argument) for argument in node.args[:2]), _owner(node)])


def _modes(node: ast.Call) -> list[str]:
    given = [_text(argument) for argument in node.args[:2]] + [
        _text(word.value) for word in node.keywords if word.arg == "mode"
    ]
    first = given[1:] if isinstance(node.func, ast.Name) else given
    return [mode for mode in first if mode]


def _owner(node: ast.Call) -> str | None:
    return _text(node.func.value) if isinstance(node.func, ast.Attribute) else None


def _called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""
