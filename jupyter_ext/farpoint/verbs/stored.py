"""A task that is not written in a file here: a cell or a function as it was when it was last handed over.

Reads the last job of its scan; must not know what kind of task it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from farpoint.counted import from_document
from farpoint.errors import NotFound
from farpoint.model import InputFile
from farpoint.project import Project
from farpoint.verbs.source import Source


@dataclass(frozen=True, slots=True)
class Stored:
    """What the document of a scan says of its task."""

    document: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """As it was."""
        return str(self.document["kind"])

    @property
    def name(self) -> str:
        """The scan's."""
        return str(self.document["scan"])

    def label(self, project: Project) -> str:
        """As it was."""
        return str(self.document["task"])

    def read(
        self, project: Project, names: tuple[str, ...], files: Mapping[str, str], environment: str | None
    ) -> Source:
        """Its bytes and files from the snapshots that were kept of them."""
        if not self.document["jobs"]:
            raise NotFound(f"scan {self.name!r} was never handed over: there is nothing to start again")
        job = json.loads(project.folders.read_job(self.name, self.document["jobs"][-1]).job)
        travels = tuple(
            InputFile(f["path"], f["digest"], f["size"], str(project.folders.blob(f["digest"])), f["kind"])
            for f in job["files"]
        )
        version = max(run["version"] for run in job["runs"])
        pieces = next(each["pieces"] for each in self.document["versions"] if each["version"] == version)
        data = project.folders.blob(job["task"]["digest"]).read_bytes()
        counted, needs = from_document(self.document), tuple(job["environment"].get("packages", ()))
        return Source(job["task"]["name"], data, pieces, travels, (), counted=counted, packages=needs)
