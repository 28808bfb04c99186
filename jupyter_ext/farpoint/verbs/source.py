"""A task as it is now: its bytes, the pieces of code that make its identity, and the files that travel with it.

A kind of task is one class here with `kind`, `name`, `label` and `read`; what reads a Source does not ask which kind.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from farpoint import identity, inputs, packages
from farpoint.counted import Counted
from farpoint.errors import BadPoints, BadTask, nearest
from farpoint.model import InputFile
from farpoint.project import Project


@dataclass(frozen=True, slots=True)
class Source:
    """What is sent of a task. `file` is its name in the job folder, `data` the bytes under it.

    A file of kind "argument" lies in `blobs`, or was kept by an earlier submit.
    """

    file: str
    data: bytes
    pieces: Mapping[str, str]
    files: tuple[InputFile, ...]
    warnings: tuple[str, ...]
    blobs: Mapping[str, bytes] = field(default_factory=dict)  # contents that lie in no file here, by digest
    counted: Counted = Counted()  # what was said about the keys of its runs
    packages: tuple[str, ...] = ()  # that must be where it runs, as they are imported

    def key(self, point: Mapping[str, Any], answer: str | None = None) -> str:
        """The key of its run at a point; `answer` as in `Counted.of`."""
        return self.counted.of(self.pieces, point, answer)


class Task(Protocol):
    """What can be run at a point. `name` is the scan's where none is given, `label` what scan.json calls it."""

    @property
    def kind(self) -> str: ...

    @property
    def name(self) -> str: ...

    def label(self, project: Project) -> str:
        """The task in scan.json: a path relative to the project, or a function's name."""

    def read(
        self, project: Project, names: tuple[str, ...], files: Mapping[str, str], environment: str | None
    ) -> Source:
        """The task as it is now, for points of these parameter names. Raises BadInput."""


@dataclass(frozen=True, slots=True)
class Notebook:
    """A notebook file."""

    path: Path
    counted: Counted = Counted()
    kind = "notebook"

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.path.stem

    def label(self, project: Project) -> str:
        """The path, relative to the project where it lies in it."""
        try:
            return str(self.path.resolve().relative_to(project.root.resolve()))
        except ValueError:
            return str(self.path.resolve())

    def read(
        self, project: Project, names: tuple[str, ...], files: Mapping[str, str], environment: str | None
    ) -> Source:
        """Read the notebook, check the parameter names against it and gather what travels with it."""
        data, notebook = self._load()
        warnings = check_names(notebook, names, self.path.name)
        gathered = inputs.gather(self.path, project.root, files)
        modules = {item.path: Path(item.source).read_text() for item in gathered.modules}
        digests = {item.path: item.digest for item in gathered.files}
        self.counted.check(inputs.parameters(notebook), self.path.name)
        ignored = sorted(self.counted.ignore)
        pieces = identity.pieces(notebook, [*names, *ignored], modules, digests, environment or "")
        noticed = [f"{path} is read by the notebook and travels with it" for path in gathered.noticed]
        travels = (*gathered.files, *gathered.modules)
        said = (*warnings, *gathered.warnings, *noticed)
        needs = packages.of_notebook(notebook, inputs.modules_of(gathered.modules))
        pieces = self.counted.pieces(pieces)
        return Source(self.path.name, data, pieces, travels, said, counted=self.counted, packages=needs)

    def _load(self) -> tuple[bytes, Mapping[str, Any]]:
        try:
            data = self.path.read_bytes()
            return data, json.loads(data)
        except OSError as fault:
            message = f"the notebook {str(self.path)!r} cannot be read: {fault.strerror}. Check the path."
            raise BadTask(message) from fault
        except ValueError as fault:
            message = f"{str(self.path)!r} is not a notebook: {fault}. Open it in Jupyter and save it again."
            raise BadTask(message) from fault


def check_names(notebook: Mapping[str, Any], names: Sequence[str], task: str) -> list[str]:
    """Refuse parameters that the notebook's `parameters` cell does not have; without such a cell, only warn."""
    declared = inputs.parameters(notebook)
    if not declared and names:
        return [f"{task} has no cell tagged 'parameters': values are put at its top, as papermill does"]
    for name in names:
        if name not in declared:
            known = ", ".join(declared)
            raise BadPoints(f"{task} has no parameter {name!r} (it has: {known}).{nearest(name, declared)}")
    return []
