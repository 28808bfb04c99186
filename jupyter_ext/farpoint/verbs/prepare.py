"""Preparing: a planned scan as a folder that somebody submits with the scheduler alone; and attaching it afterwards.

Knows folders and plans; runs nothing. The folder is laid out as a machine's own folders are, so it is read as one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from farpoint.errors import BadInput
from farpoint.machines import registry
from farpoint.model import JobFiles
from farpoint.project import Project
from farpoint.runner import layout
from farpoint.verbs import accept, by_hand_text
from farpoint.verbs.plan import Plan, Request, plan

PREPARED = "prepared.json"
_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A folder that was prepared, what is in it, and the lines that submit it."""

    folder: Path
    plan: Plan
    lines: tuple[str, ...]


def prepare(project: Project, request: Request, folder: Path) -> Prepared:
    """Write everything `request` asks for into `folder`. BadInput where it is not empty or nothing is left to run.

    Nothing is accepted: until the folder is attached, the project does not know of it.
    """
    folder = folder.expanduser().resolve()
    if not _PLAIN.fullmatch(str(folder)):
        raise BadInput(f"the folder {str(folder)!r} stands in job scripts: choose letters, digits and _@%+=:,./- only.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInput(f"{str(folder)!r} is there already and not an empty folder. Choose another.")
    machine: Any = project.machine(request.machine or project.config.default_machine)
    if not hasattr(machine, "elsewhere"):
        raise BadInput(f"machine {machine.name!r} takes no jobs by hand: it has no folders for them.")
    name = request.name or request.task.name
    with project.lock(f"scan-{name}"):
        there = machine.elsewhere(project.prepared(folder), str(folder))
        made = plan(project, request, there)
        project.spend_tokens(name)
    if not made.jobs:
        raise BadInput(f"there is nothing to prepare: all points of {name} have a result, or are on their way.")
    far = registry.build_prepared(there.name, folder, project.owner, project.clock)
    try:
        for job in made.jobs:
            far.place(job)
    finally:
        far.close()
    lines = tuple(f"cd {folder}/jobs/{job.token} && {there.submit_line(job.token, job.script)}" for job in made.jobs)
    _write(folder, made, there.name, lines, there.python())
    return Prepared(folder, made, lines)


def _write(folder: Path, made: Plan, machine: str, lines: tuple[str, ...], python: str) -> None:
    texts = by_hand_text.texts(made.scan, str(folder), python, lines, len(made.start))
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    told = {"format": 1, "machine": machine, "document": made.document, "jobs": [job.token for job in made.jobs]}
    layout.put_json(str(folder / PREPARED), told)


def adopt(project: Project, folder: Path) -> str:
    """Accept a prepared folder into the project, or learn where it is now; its scan's name.

    BadInput where the project has another scan of that name.
    """
    folder = folder.resolve()
    told = json.loads((folder / PREPARED).read_bytes())
    document = told["document"]
    name = str(document["scan"])
    project.prepared(folder, told["machine"])
    with project.lock(f"scan-{name}"):
        merged = _merged(project.folders.read_scan(name), document, told["jobs"], folder)
        known = {job.token for job in project.store.jobs(project.id, scan=name)}
        jobs = [_read(folder, token) for token in told["jobs"] if token not in known]
        if jobs:
            accept.accept(project, merged, jobs)
    return name


def _merged(
    mine: Mapping[str, Any] | None, theirs: Mapping[str, Any], jobs: list[str], folder: Path
) -> Mapping[str, Any]:
    if mine is None:
        return {**theirs, "jobs": list(jobs)}
    by_number = {entry["number"]: entry for entry in mine["points"]}
    for entry in theirs["points"]:
        if by_number.setdefault(entry["number"], entry)["run"] != entry["run"]:
            raise BadInput(
                f"{folder} was prepared for a scan {theirs['scan']!r} that is not the one here: point "
                f"{entry['number']} differs. Attach it in another project: fp.attach(folder, project=…)."
            )
    points = [by_number[number] for number in sorted(by_number)]
    versions = {entry["version"]: entry for entry in [*theirs["versions"], *mine["versions"]]}
    tokens = list(dict.fromkeys([*mine["jobs"], *jobs]))
    return {**mine, "points": points, "versions": [versions[v] for v in sorted(versions)], "jobs": tokens}


def _read(folder: Path, token: str) -> JobFiles:
    place = Path(layout.job_folder(str(folder), token))
    job = (place / layout.JOB).read_bytes()
    document = json.loads(job)
    digests = [document["task"]["digest"], *(item["digest"] for item in document["files"])]
    return JobFiles(
        token=token,
        job=job,
        slices={int(path.stem): path.read_bytes() for path in sorted((place / "slices").glob("*.json"))},
        script=(place / layout.SCRIPT).read_text(encoding="utf-8"),
        blobs={digest: folder / "work" / layout.blob_name(digest) for digest in digests},
    )
