"""Finding everything again: the store rebuilt from the job folders, here and on the machines.

Decides nothing; after it, the driver goes on as if nothing had happened.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from farpoint.errors import FarpointError, NotFound, nearest
from farpoint.project import Project
from farpoint.verbs import accept, prepare, watch


def recover(project: Project, scan: str | None = None) -> list[str]:
    """Enter every accepted job the store does not know, then look at each machine once. What was done, in sentences.

    `scan` names one, or is a prepared folder.
    """
    if scan is not None and (Path(scan) / prepare.PREPARED).is_file():
        scan = prepare.adopt(project, Path(scan))
    names = project.folders.scans()
    if scan is not None:
        if scan not in names:
            raise NotFound(f"there is no scan {scan!r} in {project.runs_folder}.{nearest(scan, names)}")
        names = [scan]
    said = []
    for name in names:
        missing = accept.missing_jobs(project, name)
        watch.catch_up(project, name)
        if missing:
            said.append(f"{name}: {len(missing)} job{'s' * (len(missing) != 1)} entered again")
    watch.tick(project)
    return said + _strangers(project, _known(project))


def _known(project: Project) -> set[str]:
    return {job.token for job in project.store.jobs(project.id)}


def _strangers(project: Project, known: Iterable[str]) -> list[str]:
    """Job folders of this project on its machines that no scan.json names, and machines that could not be asked."""
    said = []
    tokens = set(known)
    for name in sorted(project.config.machines):
        try:
            machine = project.machine(name)
            for token in machine.tokens():
                if token in tokens:
                    continue
                job = json.loads(machine.read(token, "job.json", limit=1 << 26) or b"{}")
                if job.get("project") == project.id:
                    said.append(f"{name}: job {token} of scan {job.get('scan')!r} is there but its scan folder is gone")
        except FarpointError as fault:
            said.append(f"{name}: could not be asked: {fault}")
    return said
