"""A function as a task: pickled, with the modules and files it needs.

Knows the function and its project; nothing of points, machines and runs.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import textwrap
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType
from typing import Any

from farpoint import identity, inputs, packages, reading
from farpoint.counted import Counted
from farpoint.errors import BadTask
from farpoint.functions import origin
from farpoint.functions.calls import Parcels, Shape, shape_of
from farpoint.functions.slices import Slices
from farpoint.functions.walk import Walk, same
from farpoint.model import InputFile
from farpoint.project import Project
from farpoint.runner import pickles
from farpoint.runner.work_python import SPARE
from farpoint.verbs.source import Source

SHOWN = 200_000  # characters of a source that goes along for the traceback's sake


@dataclass(frozen=True, slots=True)
class Function:
    """A Python function. `parcels` holds the arguments of its points that travel as files."""

    function: Callable[..., Any]
    name: str
    parcels: Parcels = field(default_factory=Parcels)
    shape: Shape | None = None  # how its points name its arguments, its own signature where None
    counted: Counted = Counted()
    kind = "function"

    def label(self, project: Project) -> str:
        """Module and name."""
        return f"{getattr(self.function, '__module__', None) or '__main__'}.{self.name}"

    def read(
        self, project: Project, names: tuple[str, ...], files: Mapping[str, str], environment: str | None
    ) -> Source:
        """Find what the function reaches, pickle it and gather what travels with it. Raises BadTask."""
        ignore = self.counted.ignore
        walk = Walk(ignore=ignore, slices=Slices(ignore=ignore))
        walk.visit(self.function)
        self.counted.check({*self._arguments(), *walk.names, *walk.slices.met}, self.name)
        pieces = walk.finish()
        beside: dict[str, bytes] = {}
        data = self._pickled(beside, walk.written)
        found = _closure(walk.slices.modules)
        asked = inputs.named(files, project.root)
        noticed = self._noticed(walk, {*files, *(item.path for item in asked)})
        digests = {item.path: item.digest for item in (*asked, *noticed)}
        pieces |= identity.pieces({"cells": []}, (), {}, digests, environment or "")
        said = [f"{item.path} is read by the function and travels with it" for item in noticed]
        arrays = [InputFile(digest, digest, len(blob), "", "argument") for digest, blob in beside.items()]
        travels = (*asked, *noticed, *inputs.taken(found.files), *arrays)
        return Source(
            f"{self.name}.pickle", data, self.counted.pieces(pieces), travels, (*found.warnings, *said),
            {**self.parcels.blobs, **beside}, self.counted, self._packages(walk, found),
        )  # fmt: skip

    def _packages(self, walk: Walk, found: reading.Modules) -> tuple[str, ...]:
        """What its pickle is made of, and what it imports itself as soon as it is called."""
        code = getattr(inspect.unwrap(self.function), "__code__", None)
        tree = reading.parse(_source(code)) if code is not None else None
        body = [each for node in (tree.body if tree else []) for each in getattr(node, "body", [])]
        own = packages.at_once(ast.Module(body=body, type_ignores=[]))
        return packages.needed([], found.files, [*walk.referred, *own])

    def _noticed(self, walk: Walk, asked: Collection[str]) -> list[InputFile]:
        """Files in the current folder that the code names."""
        sources = [*map(_source, walk.codes), *walk.slices.pieces.values()]
        texts = reading.read_in(walk.texts | walk.slices.texts, sources)
        return inputs.beside(texts, Path.cwd(), asked)

    def _arguments(self) -> list[str]:
        shape = self.shape or shape_of(self.function)
        return [name for name in (*shape.positional, *shape.named, shape.star, shape.stars) if name]

    def _pickled(self, beside: dict[str, bytes], written: Iterable[str]) -> bytes:
        call = (self.shape or shape_of(self.function)).call()
        lines = {name: "".join(linecache.getlines(name)) for name in sorted(written)}
        shown = {name: text for name, text in lines.items() if 0 < len(text) < SHOWN}
        try:
            return pickles.pack(self.function, self.kind, beside, name=self.name, call=call, sources=shown)
        except Exception as fault:
            raise BadTask(f"{self.name} cannot travel: {fault}. Make inside it what cannot be pickled.") from fault


def _source(code: CodeType) -> str:
    """What it was compiled from, '' where nobody kept it."""
    try:
        return textwrap.dedent(inspect.getsource(code))
    except (OSError, TypeError):
        return ""


def name_of(function: Callable[..., Any]) -> str:
    """What a scan of the function is called.

    >>> name_of(len), name_of(lambda: 1)
    ('len', 'lambda')
    """
    inner = function
    while not hasattr(inner, "__name__") and hasattr(inner, "func"):  # a partial
        inner = inner.func
    return str(getattr(inner, "__name__", type(inner).__name__)).strip("<>")


def scan_name(function: Callable[..., Any]) -> str:
    """What a scan of the function is called where nobody says; of two lambdas, one is not the other."""
    name = name_of(function)
    return f"{name}-{same(function, name)[:8]}" if name == "lambda" else name


def _closure(modules: Mapping[str, Path]) -> reading.Modules:
    """The files of the user's modules, all they import, and the cloudpickle that reads the pickle."""
    places = dict.fromkeys(origin.place_of(name, file) for name, file in modules.items())
    found = reading.closure(modules, places)
    found.files |= {f"{SPARE}/cloudpickle/{path.name}": path for path in _cloudpickle()}
    return found


def _cloudpickle() -> Iterable[Path]:
    import cloudpickle

    return sorted(Path(cloudpickle.__file__).parent.glob("*.py"))
