"""farpoint_runs/ on this side: scans, snapshots, copies of jobs and journals, and the point folders people open.

Knows names and bytes only; every write is atomic and on disk when it returns. Decides nothing about any run.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from farpoint import filelock
from farpoint.errors import BadInput, BadTask, NotFound
from farpoint.model import JobFiles
from farpoint.runner import journal, layout

SHARD = 2000  # points in one folder; a folder of many more is slow to list on a shared disk
SCAN = "scan.json"
POINT = "point.json"
_SLUG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_ATTEMPT = re.compile(r"attempt_\d+(?:_\d+)?")
_OURS = frozenset({"jobs", "blobs"})


class Folders:
    """What a project keeps in its `farpoint_runs`."""

    def __init__(self, runs_folder: Path) -> None:
        self.runs_folder = runs_folder

    def scan_folder(self, name: str) -> Path:
        """Where a scan lives. A name that cannot be a folder anywhere is refused with one that can."""
        if not _SLUG.fullmatch(name) or len(name) > 100 or name in _OURS:
            slug = re.sub(r"[^A-Za-z0-9._-]+", "_", name).lstrip(".-")[:100]
            slug = f"{slug or 'scan'}_1" if not slug or slug in _OURS else slug
            raise BadInput(
                f"{name!r} cannot be the name of a scan: letters, digits and . _ - only, at most 100, no dot or dash "
                f"in front, and not {' or '.join(sorted(_OURS))}. Say name={slug!r}."
            )
        return self.runs_folder / name

    def read_scan(self, name: str) -> dict[str, Any] | None:
        """What scan.json says, or None where there is no such scan."""
        return _read(self.scan_folder(name) / SCAN)

    def write_scan(self, name: str, document: Mapping[str, Any]) -> None:
        """Replace scan.json, whole."""
        folder = self._make(self.scan_folder(name))
        _put(folder / SCAN, layout.dump(document))

    def scans(self) -> list[str]:
        """The names of all scans, in order."""
        if not self.runs_folder.is_dir():
            return []
        return sorted(path.name for path in self.runs_folder.iterdir() if (path / SCAN).is_file())

    def keep_blob(self, source: Path | bytes, digest: str | None = None) -> tuple[str, int]:
        """Snapshot a file or bytes by content; (sha256, size). A file that no longer has `digest` is refused.

        What is kept cannot change any more, so a job can be handed over long after the file was edited.
        """
        if digest is not None and self.blob(digest).is_file():
            return digest, self.blob(digest).stat().st_size
        folder = self._make(self.runs_folder / "blobs")
        handle, name = tempfile.mkstemp(prefix=".part-", dir=folder)
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as target:
                found, size = _copy(source, target)
                os.fsync(target.fileno())
            if digest not in (None, found):
                raise BadTask(f"{str(source)!r} was changed while it was being taken. Submit again when it is still.")
            blob = self.blob(found)
            self._make(blob.parent)
            part.chmod(0o444)
            part.rename(blob)
            layout.sync_folder(str(blob.parent))
        finally:
            part.unlink(missing_ok=True)
        return found, size

    def blob(self, digest: str) -> Path:
        """Where the snapshot of that content is, or would be."""
        return self.runs_folder / layout.blob_name(digest)

    def job_folder(self, scan: str, token: str) -> Path:
        """Where the copy of a job folder is kept."""
        return self.scan_folder(scan) / "jobs" / _inside(token)

    def write_job(self, scan: str, job: JobFiles) -> None:
        """Write a job down; job.json comes last, so a job that can be read is whole."""
        folder = self._make(self.job_folder(scan, job.token) / "slices").parent
        for number, data in job.slices.items():
            _put(folder / layout.slice_name(number), data)
        _put(folder / layout.SCRIPT, job.script.encode())
        _put(folder / layout.JOB, job.job)

    def read_job(self, scan: str, token: str) -> JobFiles:
        """A job as it was written, its blobs found in the snapshots."""
        folder = self.job_folder(scan, token)
        document = _read(folder / layout.JOB)
        if document is None:
            raise NotFound(f"scan {scan!r} has no job {token!r} in {folder.parent}")
        slices = {int(path.stem): path.read_bytes() for path in (folder / "slices").glob("*.json")}
        digests = [document["task"]["digest"], *(item["digest"] for item in document.get("files", ()))]
        return JobFiles(
            token=token,
            job=(folder / layout.JOB).read_bytes(),
            slices=dict(sorted(slices.items())),
            script=(folder / layout.SCRIPT).read_text(encoding="utf-8"),
            blobs={digest: self.blob(digest) for digest in digests},
        )

    def append_client(self, scan: str, token: str, events: Iterable[Mapping[str, Any]]) -> None:
        """Append this side's verdicts to the job's client.jsonl; they are on disk when this returns."""
        folder = self._make(self.job_folder(scan, token))
        lines = b"\n" + b"".join(journal.line(dict(event)) for event in events)
        # One write to a file opened for appending: two processes never mix their lines.
        handle = os.open(folder / layout.CLIENT, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        try:
            layout.write_all(handle, lines)
            os.fsync(handle)
        finally:
            os.close(handle)
        layout.sync_folder(str(folder))

    def copy_journal(self, scan: str, token: str, file: str, offset: int, data: bytes) -> int:
        """Continue the copy of a journal or stream with bytes read at `offset`; how much of it is here now.

        Bytes that are here already are passed over, and bytes that would leave a gap are not taken: ask again from
        the size returned.
        """
        path = self.job_folder(scan, token) / _inside(file)
        self._make(path.parent)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            size = os.fstat(handle).st_size
            fresh = data[size - offset :] if offset <= size else b""
            if fresh:
                os.lseek(handle, size, os.SEEK_SET)
                layout.write_all(handle, fresh)
                os.fsync(handle)
            return size + len(fresh)
        finally:
            os.close(handle)

    def point_folder(self, scan: str, number: int) -> Path:
        """Where a point's results are: its number never changes, so its folder never does."""
        shard = number // SHARD * SHARD
        folder = self.scan_folder(scan) / f"points_{shard}" if shard else self.scan_folder(scan)
        return folder / f"point_{number:04}"

    def read_point(self, scan: str, number: int) -> dict[str, Any] | None:
        """What point.json says, or None while nothing is there."""
        folder = self.point_folder(scan, number)
        if _next(folder).exists():
            with self._alone(scan):
                _settle(folder)
        return _read(folder / POINT)

    def place_attempt(self, scan: str, number: int, attempt: int, staged: Path, point: Mapping[str, Any]) -> Path:
        """Make the finished folder `staged` the point's folder, or part of it, by renames; the folder it went to.

        An older attempt moves to `attempt_<m>` within it; an attempt older than the one shown goes there itself. The
        same execution again adds what is missing and touches nothing that is there. It can be cut off anywhere: the
        next call, or the next `read_point`, goes on.
        """
        folder = self.point_folder(scan, number)
        self._make(folder.parent)
        _complete(staged, json.dumps(point, indent=2, allow_nan=False).encode())
        with self._alone(scan):
            return _place(folder, attempt, staged, point)

    @contextmanager
    def _alone(self, scan: str) -> Iterator[None]:
        """One placement in a scan at a time, among all processes."""
        # Some network disks know no locks: there, people place from one computer at a time.
        with filelock.held(self.scan_folder(scan) / ".lock", 0o666, needed=False):
            yield

    def prepare(self) -> None:
        """Make the folder itself, which git is told to pass over."""
        if not self.runs_folder.is_dir():
            self._make(self.runs_folder)
            _put(self.runs_folder / ".gitignore", b"*\n")

    def _make(self, folder: Path) -> Path:
        if folder != self.runs_folder:
            self.prepare()
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        for path in reversed(missing):
            try:
                path.mkdir(exist_ok=True)
            except OSError as fault:
                raise BadInput(f"{path} cannot be made: {fault.strerror}. Use a folder you can write in.") from fault
            layout.sync_folder(str(path.parent))
        return folder


def _put(path: Path, data: bytes) -> None:
    # Readable by others if the folders above are: these are made as the user's umask says.
    layout.put(str(path), data, 0o644)


def _complete(staged: Path, point: bytes) -> None:
    """Add point.json and make all of it durable. Files a run saved under names of ours get another name."""
    for path in list(staged.iterdir()):
        ours = path.name == POINT and path.is_file() and path.read_bytes() == point
        if not ours and (path.name == POINT or _ATTEMPT.fullmatch(path.name)):
            path.rename(staged / f"saved_{path.name}")
    part = staged / f".{POINT}.part"
    part.write_bytes(point)
    part.replace(staged / POINT)
    _sync_tree(staged)


def _place(folder: Path, attempt: int, staged: Path, point: Mapping[str, Any]) -> Path:
    _settle(folder)
    shown = _read(folder / POINT)
    if not folder.exists():
        return _rename(staged, folder)
    if shown is not None and _same(shown, point):
        return _merge(staged, folder)
    if shown is not None and shown["attempt"] > attempt:
        return _set_aside(staged, folder, attempt, point)
    _rename(staged, _next(folder))
    _settle(folder)
    return folder


def _same(shown: Mapping[str, Any], point: Mapping[str, Any]) -> bool:
    return all(shown.get(key) == point.get(key) for key in ("attempt", "token", "started"))


def _next(folder: Path) -> Path:
    """Beside a point's folder: what will be its content as soon as `_settle` is through."""
    return folder.with_name(f".{folder.name}.next")


def _settle(folder: Path) -> None:
    """Finish a placement from wherever it was cut off. Nothing is ever in two places or in none."""
    coming = _next(folder)
    if not coming.is_dir():
        return
    if folder.is_dir():
        shown = _read(folder / POINT) or {"attempt": 0}
        _rename(folder, coming / _unused(shown["attempt"], coming, folder))
    for older in [path for path in coming.iterdir() if _is_attempt(path)]:
        for oldest in [path for path in older.iterdir() if _is_attempt(path)]:
            _rename(oldest, coming / oldest.name)
    _rename(coming, folder)


def _set_aside(staged: Path, folder: Path, attempt: int, point: Mapping[str, Any]) -> Path:
    for path in folder.iterdir():
        if _is_attempt(path) and _same(_read(path / POINT) or {}, point):
            return _merge(staged, path)
    return _rename(staged, folder / _unused(attempt, folder))


def _merge(staged: Path, folder: Path) -> Path:
    """Add what `folder` does not have; what it has may have been looked at, or edited, and stays."""
    for path in sorted(staged.rglob("*")):
        target = folder / path.relative_to(staged)
        if path.is_dir():
            target.mkdir(exist_ok=True)
        elif not target.exists():
            path.rename(target)
    (staged / POINT).replace(folder / POINT)
    _sync_tree(folder, files=False)
    shutil.rmtree(staged)
    return folder


def _unused(attempt: int, *folders: Path) -> str:
    """The name of a set aside attempt; executions of the same attempt are told apart by a second number."""
    names = (f"attempt_{attempt}{f'_{again}' if again > 1 else ''}" for again in count(1))
    return next(name for name in names if not any(os.path.lexists(folder / name) for folder in folders))


def _is_attempt(path: Path) -> bool:
    return _ATTEMPT.fullmatch(path.name) is not None and (path / POINT).is_file()


def _rename(source: Path, target: Path) -> Path:
    source.rename(target)
    layout.sync_folder(str(target.parent))
    layout.sync_folder(str(source.parent))
    return target


def _sync_tree(folder: Path, *, files: bool = True) -> None:
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir():
            layout.sync_folder(str(path))
        elif files:
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _copy(source: Path | bytes, target: BinaryIO) -> tuple[str, int]:
    hashed, size = hashlib.sha256(), 0
    try:
        pieces = [source] if isinstance(source, bytes) else _pieces(source)
        for piece in pieces:
            target.write(piece)
            hashed.update(piece)
            size += len(piece)
    except OSError as fault:
        raise BadTask(f"{str(source)!r} cannot be taken along: {fault.strerror}.") from fault
    return hashed.hexdigest(), size


def _pieces(path: Path) -> Iterable[bytes]:
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            yield piece


def _inside(name: str) -> str:
    """A name a machine told us, if it stays within the folder it is meant for."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\0" in name:
        raise BadInput(f"{name!r} is not a file name within a job folder.")
    return name


def _read(path: Path) -> dict[str, Any] | None:
    try:
        document = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as fault:
        raise BadInput(f"{path} cannot be read: {fault}. Bring back a backup, or move its folder away.") from fault
    made = document.get("format", layout.FORMAT) if isinstance(document, dict) else None
    if not isinstance(made, int) or made > layout.FORMAT:
        raise BadInput(f"{path} was not written by this version of farpoint (format {made!r}). Upgrade farpoint.")
    return dict(document)
