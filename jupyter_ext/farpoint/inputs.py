"""What travels with a notebook: modules it imports, files it was given, files it names; and which parameters it has.

Reads files here; knows no machine, no points and no store.
"""

from __future__ import annotations

import ast
import contextlib
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from farpoint import cells, reading
from farpoint.errors import BadTask, nearest
from farpoint.model import InputFile
from farpoint.runner import layout

MEGABYTE = 1_000_000
OURS = "farpoint_runs"
_SYSTEM = ("/bin/", "/dev/", "/etc/", "/lib", "/opt/", "/proc/", "/sbin/", "/sys/", "/usr/")


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many bytes of files that were only noticed may travel: of one, and of all together."""

    each: int = 10 * MEGABYTE
    all: int = 100 * MEGABYTE


@dataclass(frozen=True, slots=True)
class Gathered:
    """What travels. `noticed` are those of the files that nobody asked for; `warnings` are sentences for people."""

    files: list[InputFile] = field(default_factory=list)
    modules: list[InputFile] = field(default_factory=list)
    noticed: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class Code(str):
    """A default that is not a plain value: its source."""

    __slots__ = ()


class Parameter(NamedTuple):
    """A declared parameter: its default (None where there is none, `Code` where it is computed) and its annotation."""

    default: Any
    annotation: str | None


def parameters(notebook: Mapping[str, Any]) -> dict[str, Parameter]:
    """The parameters a notebook declares, in order: what its parameters cell assigns, as papermill finds it.

    >>> cell = {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": "feed: float = 0.04\\nn = 2 * 8"}
    >>> parameters({"cells": [cell]})
    {'feed': Parameter(default=0.04, annotation='float'), 'n': Parameter(default='2 * 8', annotation=None)}
    """
    place = cells.parameters_place(notebook)
    if place is None:
        return {}
    tree = reading.parse(reading.source_of(notebook, place))
    found: dict[str, Parameter] = {}
    for statement in tree.body if tree else ():
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            found[statement.target.id] = Parameter(_default(statement.value), ast.unparse(statement.annotation))
        elif isinstance(statement, ast.Assign):
            for target in statement.targets:
                if isinstance(target, ast.Name):
                    found[target.id] = Parameter(_default(statement.value), None)
    return found


def _default(value: ast.expr | None) -> Any:
    if value is None:
        return None
    try:
        return ast.literal_eval(value)
    except ValueError:
        return Code(ast.unparse(value))


def gather(
    notebook_path: Path | str, root: Path | str, files: Mapping[str, str] | None = None, limits: Sizes = Sizes()
) -> Gathered:
    """Find everything that must be there for the notebook to run elsewhere.

    `files`: name in the run → path here (absolute, or relative to the notebook's folder): a file, a folder or a glob
    pattern, the last two put below that name; an empty path keeps a file that would be noticed here. Raises BadTask.
    """
    path = Path(notebook_path)
    return gather_for(reading.notebook(path), path.resolve(), Path(root).resolve(), files or {}, limits)


def gather_for(
    notebook: Mapping[str, Any], path: Path, root: Path, files: Mapping[str, str], limits: Sizes = Sizes()
) -> Gathered:
    """As `gather`, for a notebook that is at hand; `path` is where it lies, or would lie."""
    folder = path.parent
    gathered = Gathered()
    asked = _given(files, folder)
    found = reading.modules(notebook, folder, root)
    gathered.warnings.extend(found.warnings)
    gathered.modules.extend(_input(f"modules/{name}", source, "module") for name, source in sorted(found.files.items()))
    noticed = _noticed(reading.names(notebook, found.sources), folder, path, gathered.warnings)
    noticed = {name: source for name, source in noticed.items() if name not in files and name not in asked}
    _check(noticed, limits)
    gathered.files.extend(_input(name, source, "file") for name, source in sorted({**noticed, **asked}.items()))
    gathered.noticed.extend(sorted(noticed))
    return gathered


def beside(texts: Iterable[str], folder: Path, asked: Collection[str], limits: Sizes = Sizes()) -> list[InputFile]:
    """The files in `folder` that texts of the code name, but those that were `asked` for. BadTask for a large one."""
    found = {name: path for name, path in _noticed(sorted(texts), folder, None, []).items() if name not in asked}
    _check(found, limits)
    return [_input(name, source, "file") for name, source in sorted(found.items())]


def named(files: Mapping[str, str], folder: Path) -> list[InputFile]:
    """The files that were asked for by name, one entry each. Raises BadTask."""
    return [_input(name, source, "file") for name, source in sorted(_given(files, folder).items())]


def taken(modules: Mapping[str, Path]) -> list[InputFile]:
    """Modules, path on the module search path → file here, as they travel. Raises BadTask."""
    return [_input(f"modules/{name}", source, "module") for name, source in sorted(modules.items())]


def modules_of(files: Iterable[InputFile]) -> dict[str, Path]:
    """The modules among what travels: path on the module search path → file here."""
    return {item.path.removeprefix("modules/"): Path(item.source) for item in files if item.kind == "module"}


def _input(name: str, source: Path, kind: str) -> InputFile:
    try:
        return InputFile(name, layout.digest_file(str(source)), source.stat().st_size, str(source), kind)
    except OSError as fault:
        raise BadTask(f"the file {str(source)!r} cannot be read: {fault.strerror}. Check its permissions.") from fault


def _given(files: Mapping[str, str], folder: Path) -> dict[str, Path]:
    """What was asked for, one entry a file."""
    found: dict[str, Path] = {}
    for name, where in files.items():
        if not where:
            continue
        for below, source in _expanded(name, str(Path(where).expanduser()), folder):
            target = _clean(name, below)
            if target in found and found[target] != source:
                raise BadTask(
                    f"two files would be {target!r} in the run: {found[target]} and {source}. Name one otherwise."
                )
            found[target] = source
    return found


def _expanded(name: str, where: str, folder: Path) -> Iterator[tuple[str, Path]]:
    """(path below the name, file here) of everything `where` stands for."""
    base = folder / where
    if base.is_file():
        yield "", base.resolve()
    elif base.is_dir():
        yield from _all_of(sorted(base.rglob("*")), base, where)
    elif any(sign in where for sign in "*?["):
        parts = Path(where).parts
        fixed = next(index for index, part in enumerate(parts) if any(sign in part for sign in "*?["))
        base = folder.joinpath(*parts[:fixed])
        yield from _all_of(sorted(base.glob(str(Path(*parts[fixed:])))), base, where)
    else:
        beside = [entry.name for entry in base.parent.iterdir()] if base.parent.is_dir() else []
        raise BadTask(f"there is no file {where!r} for {name!r} in {folder}.{nearest(base.name, beside)}")


def _all_of(paths: Iterable[Path], base: Path, where: str) -> Iterator[tuple[str, Path]]:
    chosen = [path for path in paths if path.is_file() and not _is_ours(path.relative_to(base).parts)]
    if not chosen:
        raise BadTask(f"no file matches {where!r}. Check the pattern, or leave it out.")
    for path in chosen:
        yield path.relative_to(base).as_posix(), path.resolve()


def _is_ours(parts: tuple[str, ...]) -> bool:
    return any(part in {OURS, "__pycache__", ".git", ".ipynb_checkpoints"} for part in parts)


def _clean(name: str, below: str) -> str:
    """The path in the run's folder, which it must not leave."""
    target = os.path.normpath(f"{name or '.'}/{below}")
    if name.startswith(("/", "~")) or target == "." or Path(target).parts[0] in {"..", ".farpoint"}:
        raise BadTask(
            f"{name!r} cannot be a file's name in a run: give a path below the run's folder, such as 'data/mesh.json'."
        )
    return target


def _noticed(names: Iterable[str], folder: Path, notebook: Path | None, warnings: list[str]) -> dict[str, Path]:
    """Those of the names that are files beside the notebook; what cannot travel by itself is warned of."""
    found: dict[str, Path] = {}
    for name in dict.fromkeys(names):
        with contextlib.suppress(OSError, ValueError, RuntimeError):  # a text that is no path at all
            source = folder / Path(name).expanduser()
            if not source.is_file():
                continue
            inside = os.path.normpath(name)
            if name.startswith(("/", "~", "..")) or inside.startswith(".."):
                _warn_outside(name, source, warnings)
            elif source.resolve() != notebook and not _is_ours(Path(inside).parts):
                found[Path(inside).as_posix()] = source.resolve()
    return found


def _warn_outside(name: str, source: Path, warnings: list[str]) -> None:
    if not str(source).startswith(_SYSTEM):
        warnings.append(
            f"{name!r} is named in the code and lies outside the notebook's folder: it does not travel. "
            f"To send it, say files={{{source.name!r}: {name!r}}} and open {source.name!r} in the notebook."
        )


def _check(noticed: Mapping[str, Path], limits: Sizes) -> None:
    sizes = {name: source.stat().st_size for name, source in noticed.items()}
    ways = "Say files={{{0!r}: {0!r}}} to send it all the same, or files={{{0!r}: ''}} to leave it here."
    for name, size in sizes.items():
        if size > limits.each:
            limit = _megabytes(limits.each)
            raise BadTask(
                f"the file {name!r} is named in the code and has {_megabytes(size)}; "
                f"more than {limit} do not travel unasked. {ways.format(name)}"
            )
    if sum(sizes.values()) > limits.all:
        largest = max(sizes, key=lambda name: sizes[name])
        total, limit = _megabytes(sum(sizes.values())), _megabytes(limits.all)
        raise BadTask(
            f"the {len(sizes)} files named in the code have {total} together; more than {limit} do not travel unasked. "
            f"The largest is {largest!r}. {ways.format(largest)}"
        )


def _megabytes(size: int) -> str:
    return f"{size / MEGABYTE:.1f} MB"
