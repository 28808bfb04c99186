"""What arrives for a job: blobs by content, then the job's folders, whole or not at all, on the disk at return.

Knows where each piece goes and how to say it again without harm; must not know how a run uses it.
"""

import errno
import hashlib
import json
import os
import re
import shutil
import stat
from typing import Any, BinaryIO, Callable, Dict, Iterable, List, Mapping, Set, Tuple

from . import guard, layout

_NO_LINKS = (errno.EPERM, errno.EXDEV, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS)
TOGETHER = 16  # files that wait for the disk at once
_SLICE = re.compile(r"slices/(0|[1-9][0-9]*)\.json\Z")

Arriving = Tuple[BinaryIO, Any]  # the part file and the digest of what is in it


class Blobs:
    """The blobs of one workdir. One that is there under its name is whole: it got the name after it was verified."""

    def __init__(self, workdir: str) -> None:
        self._workdir = workdir
        self._arriving: Dict[str, Arriving] = {}

    def path(self, digest: str) -> str:
        return os.path.join(self._workdir, layout.blob_name(guard.sha256(digest)))

    def missing(self, digests: Iterable[str]) -> List[str]:
        """Those that are not there."""
        return [digest for digest in digests if not os.path.isfile(self.path(digest))]

    def put(self, digest: str, offset: int, data: bytes, last: bool) -> None:
        """The next piece of a blob; the last one is verified, synced and gives it its name."""
        path = self.path(digest)
        if offset == 0:
            self._begin(digest, path)
        if digest not in self._arriving:
            raise guard.Refused("a piece of blob %s came without its beginning" % digest)
        file, total = self._arriving[digest]
        if file.tell() != offset:
            raise guard.Refused("blob %s: byte %d came where byte %d was due" % (digest, offset, file.tell()))
        file.write(data)
        total.update(data)
        if last:
            del self._arriving[digest]
            _finish(file, total.hexdigest() == digest, path)

    def put_all(self, pieces: Iterable[Tuple[str, bytes]]) -> None:
        """Whole blobs, many at once; all are on the disk at return. One that is something else is refused with all."""
        wanted = [(digest, data) for digest, data in pieces if not os.path.isfile(self.path(digest))]
        for digest, data in wanted:
            if layout.digest(data) != digest:
                raise guard.Refused("what arrived for blob %s is something else" % digest)
        top = os.path.join(self._workdir, "blobs")
        layout.make_private(top)
        for folder in {os.path.dirname(self.path(digest)) for digest, _ in wanted}:
            os.makedirs(folder, 0o700, exist_ok=True)
        beside: List[Tuple[str, str]] = []
        for digest, data in wanted:
            path = self.path(digest)
            beside.append((_write(path, data, 0o400), path))
        _settle(beside)
        layout.sync_folder(top)

    def _begin(self, digest: str, path: str) -> None:
        if digest in self._arriving:
            self._arriving.pop(digest)[0].close()
        layout.make_private(os.path.dirname(path))
        part = "%s.%s-%d.part" % (path, os.uname().nodename, os.getpid())
        self._arriving[digest] = open(part, "wb"), hashlib.sha256()  # noqa: SIM115 - until the last piece

    def drop_unused(self, digests: Iterable[str]) -> None:
        """Delete those that no job's folder is linked to."""
        for digest in digests:
            path = self.path(digest)
            try:
                if os.stat(path).st_nlink == 1:
                    os.unlink(path)
            except FileNotFoundError:
                continue


def place(blobs: Blobs, job_folder: str, work_folder: str, pieces: Mapping[str, bytes]) -> List[str]:
    """Put a job's folders; the digests of missing blobs, if any: then nothing is in force, and it is asked again.

    `pieces` are job.json, script and slices by their names in the job folder. job.json comes last: a folder that has
    it has everything.
    """
    _check_names(pieces)
    targets = _targets(json.loads(pieces[layout.JOB].decode("utf-8")))
    missing = blobs.missing(sorted(set(targets.values())))
    if missing:
        return missing
    try:
        for name, digest in sorted(targets.items()):
            _link(blobs.path(digest), os.path.join(work_folder, name))
    except FileNotFoundError:  # a blob went away since: another job's folders were removed at this moment
        return blobs.missing(sorted(set(targets.values())))
    layout.make_private(os.path.join(work_folder, "runs"))
    _sync_folders(work_folder, targets)
    for part in ("bells", layout.CLAIMS, "control", "pilots", "slices"):
        layout.make_private(os.path.join(job_folder, part))
    _put_new(job_folder, {name: data for name, data in pieces.items() if name != layout.JOB})
    _put_new(job_folder, {layout.JOB: pieces[layout.JOB]})
    return []


def remove(blobs: Blobs, job_folder: str, work_folder: str) -> None:
    """Delete a job's folders and the blobs only it was linked to. A folder that is not there is no error."""
    try:
        job = layout.read_json(os.path.join(job_folder, layout.JOB))
        digests = set(_targets(job).values())
    except (OSError, ValueError, KeyError):
        digests = set()
    for folder in (work_folder, job_folder):  # job.json last, so that a removal cut short can be asked again
        if os.path.isdir(folder):
            shutil.rmtree(folder, onerror=_insist)
    blobs.drop_unused(sorted(digests))


def _check_names(pieces: Mapping[str, bytes]) -> None:
    for name in pieces:
        if name not in (layout.JOB, layout.SCRIPT) and not _SLICE.match(name):
            raise guard.Refused("%r is no part of a job folder" % name)
    if layout.JOB not in pieces:
        raise guard.Refused("a job folder came without its job.json")


def _targets(job: Mapping[str, Any]) -> Dict[str, str]:
    """name in the work folder → digest, of the task and of every file that travels with it."""
    targets = {"task/" + guard.relative(job["task"]["name"]): guard.sha256(job["task"]["digest"])}
    for item in job["files"]:
        path = guard.relative(item["path"])
        if item["kind"] == "module":
            name = path if path.startswith("modules/") else "modules/" + path
        elif item["kind"] == "argument":
            name = "arguments/" + path
        else:
            name = "inputs/" + path
        targets[name] = guard.sha256(item["digest"])
    return targets


def _link(blob: str, path: str) -> None:
    """Give a blob a second name, or a copy where the disk has no hard links. A name that is there has it already."""
    layout.make_private(os.path.dirname(path))
    try:
        os.link(blob, path)
    except FileExistsError:
        return
    except OSError as fault:
        if fault.errno not in _NO_LINKS:
            raise
        with open(blob, "rb") as file:
            layout.put(path, file.read(), 0o400)


def _sync_folders(top: str, names: Iterable[str]) -> None:
    folders: Set[str] = {top}
    for name in names:
        folder = os.path.dirname(os.path.join(top, name))
        while len(folder) > len(top):
            folders.add(folder)
            folder = os.path.dirname(folder)
    _sync_all(sorted(folders))


def _put_new(folder: str, pieces: Mapping[str, bytes]) -> None:
    """Put the files that are not there; Refused for one that is there and differs.

    All are written before the first is synced, so that the disk can take them together.
    """
    beside: List[Tuple[str, str]] = []
    for name, data in sorted(pieces.items()):
        path = os.path.join(folder, name)
        if _is_there(path, data):
            continue
        beside.append((_write(path, data, 0o600), path))
    _settle(beside)


def _settle(beside: Iterable[Tuple[str, str]]) -> None:
    """Give files that were written beside their places their names, all on the disk at return."""
    _sync_all([temporary for temporary, _ in beside])
    for temporary, path in beside:
        os.rename(temporary, path)
    _sync_all(sorted({os.path.dirname(path) for _, path in beside}))


def _is_there(path: str, data: bytes) -> bool:
    try:
        with open(path, "rb") as file:
            if file.read() != data:
                raise guard.Refused("%s is there already, with other content" % path)
    except FileNotFoundError:
        return False
    return True


def _write(path: str, data: bytes, mode: int) -> str:
    temporary = "%s.%s-%d.part" % (path, os.uname().nodename, os.getpid())
    with open(temporary, "wb") as file:
        file.write(data)
        os.fchmod(file.fileno(), mode)
    return temporary


def _sync_all(paths: List[str]) -> None:
    """Files and folders, on the disk at return. Asked for together the disk takes them together: 20 times as fast."""
    if len(paths) < TOGETHER:
        for path in paths:
            _sync(path)
        return
    from concurrent.futures import ThreadPoolExecutor  # only here: an agent that is just opened need not wait for it

    with ThreadPoolExecutor(TOGETHER) as pool:
        list(pool.map(_sync, paths))


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _finish(file: BinaryIO, whole: bool, path: str) -> None:
    with file:
        file.flush()
        os.fsync(file.fileno())
        os.fchmod(file.fileno(), 0o400)
    if not whole:
        os.unlink(file.name)
        raise guard.Refused("what arrived for blob %s is something else" % os.path.basename(path))
    os.rename(file.name, path)
    layout.sync_folder(os.path.dirname(path))


def _insist(_function: Callable[..., Any], path: str, _error: Any) -> None:
    """Try once more after making the folder writable: a run may have left read-only folders."""
    for folder in (os.path.dirname(path), path):
        if os.path.isdir(folder) and not os.path.islink(folder):
            os.chmod(folder, stat.S_IRWXU)
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)
