"""Accepting work: the job folder here, then scan.json, then the store. After scan.json nothing accepted can be lost.

Knows no machine: what is accepted here is handed over by the driver, now or after any crash.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from farpoint.model import Chunk, JobFiles, JobRow, Phase, RunRow, ScanRow, State
from farpoint.project import Project
from farpoint.runner import journal, layout
from farpoint.store import Writer
from farpoint.verbs import read


def accept(project: Project, document: Mapping[str, Any], jobs: Sequence[JobFiles]) -> None:
    """Write jobs and scan down, in the order that a crash between any two steps loses nothing and repeats nothing."""
    scan = str(document["scan"])
    kept = [keep(project, scan, job) for job in jobs]
    project.folders.write_scan(scan, document)
    with project.store.write() as writer:
        writer.put_scan(scan_row(project, document))
        for job in kept:
            enter(writer, project, document, json.loads(job.job))


def keep(project: Project, scan: str, job: JobFiles) -> JobFiles:
    """Snapshot a job's blobs and write its folder here; the same job with blobs that can no longer change."""
    blobs: dict[str, Path | bytes] = {}
    for digest, source in job.blobs.items():
        project.folders.keep_blob(source, digest)
        blobs[digest] = project.folders.blob(digest)
    job = JobFiles(job.token, job.job, job.slices, job.script, blobs)
    project.folders.write_job(scan, job)
    return job


def scan_row(project: Project, document: Mapping[str, Any]) -> ScanRow:
    """The store's row of a scan's document."""
    return ScanRow(
        project=project.id, scan=document["scan"], kind=document["kind"], task=document["task"],
        created=document["created"], columns=tuple(document["names"]), machine=document.get("machine", ""),
        document=document,
    )  # fmt: skip


def enter(writer: Writer, project: Project, document: Mapping[str, Any], job: Mapping[str, Any]) -> None:
    """Put a job and its runs into the store, as nobody has handed them over yet."""
    names = document["names"]  # in the order they were given; JSON objects of the job folder are sorted
    token, machine, created = job["token"], job["machine"], job["created"]
    writer.put_job(JobRow(token, project.id, job["scan"], machine, Phase.ACCEPTED, created=created))
    slices = {index: index for index in range(len(job["runs"]))} | _slices(project, job)
    for index, run in enumerate(job["runs"]):
        row = RunRow(
            run=run["run"], project=project.id, scan=job["scan"], number=run["number"],
            parameters={name: run["parameters"][name] for name in names if name in run["parameters"]},
            seed=run["seed"], key=run["key"], version=run["version"], attempt=run["attempt"], state=State.NEW,
            submitted=created, machine=machine, token=token, index=index, slice=slices[index],
        )  # fmt: skip
        writer.place_run(row, cpus=run["cpus"])


def _slices(project: Project, job: Mapping[str, Any]) -> dict[int, int]:
    files = project.folders.read_job(job["scan"], job["token"]).slices
    return {index: number for number, data in files.items() for index in json.loads(data)["runs"]}


def missing_jobs(project: Project, scan: str) -> list[str]:
    """Tokens that scan.json has accepted and the store does not know: a crash in between, or a deleted store."""
    document = project.folders.read_scan(scan)
    known = {job.token for job in project.store.jobs(project.id, scan=scan)}
    return [token for token in (document or {}).get("jobs", ()) if token not in known]


def tell(project: Project, scan: str, token: str, events: Sequence[Mapping[str, Any]]) -> None:
    """Append this side's verdicts beside the local copy of the journals."""
    project.folders.append_client(scan, token, events)


def told(project: Project, scan: str, token: str) -> list[dict[str, Any]]:
    """This side's verdicts so far, from the local copy."""
    path = project.folders.job_folder(scan, token) / layout.CLIENT
    if not path.exists():
        return []
    return journal.parse(path.read_bytes() + b"\n")[0]


def restore(project: Project, document: Mapping[str, Any], token: str) -> None:
    """Enter one accepted job from its folder here: its runs, this side's verdicts, and, once it ended, its journals."""
    scan = str(document["scan"])
    job = json.loads(project.folders.read_job(scan, token).job)
    events = told(project, scan, token)
    with project.store.write() as writer:
        writer.put_scan(scan_row(project, document))
        enter(writer, project, document, job)
        if any(event["e"] == "ended" for event in events):
            row = JobRow(token, project.id, scan, job["machine"], Phase.ENDED, serial=1, created=job["created"])
            writer.put_job(row)
            _replay(writer, project, scan, token)
        for event in events:
            _repeat(writer, token, event)


def _replay(writer: Writer, project: Project, scan: str, token: str) -> None:
    folder = project.folders.job_folder(scan, token)
    for path in sorted(folder.glob(f"pilots/*/{layout.JOURNAL}")):
        read.apply_chunk(writer, Chunk(token, str(path.relative_to(folder)), 0, path.read_bytes()))


def _repeat(writer: Writer, token: str, event: Mapping[str, Any]) -> None:
    """Apply one line of client.jsonl; an outcome that was written beats it."""
    row = writer.attempt_at(token, int(event["i"])) if "i" in event else None
    if row is not None and "attempt" in event and event["attempt"] != row["attempt"]:
        writer.open_attempt(token, int(event["i"]), int(event["attempt"]))
        row = writer.attempt_of(token, int(event["i"]), int(event["attempt"]))
    if row is None:
        return
    if event["e"] == "verdict" and row["decided"] is None:
        change = {"state": State(event["state"]), "reason": event["reason"], "ended": event["t"]}
        writer.update_attempt(row["run"], row["attempt"], change)
    elif event["e"] == "cancel" and row["decided"] is None:
        writer.update_attempt(row["run"], row["attempt"], {"cancel": 1})
    elif event["e"] == "fetched":
        writer.update_attempt(row["run"], row["attempt"], {"fetched": 1})
