"""Where things lie on disk, how a file is put there so that it stays, and the runner's own zip.

Knows names and bytes; must not know what a job, a claim or a value means.
"""

import hashlib
import json
import os
from typing import Any, List, Tuple

FORMAT = 1

JOB = "job.json"
SCRIPT = "script"
CLIENT = "client.jsonl"
JOURNAL = "journal.jsonl"
STREAM = "stream.jsonl"
CLAIMS = "claims"

ZIP_NAME = "farpoint_runner"  # the package's name inside the zip: farpoint itself may be installed there too

_MAIN = "import sys\n\nfrom %s.__main__ import main\n\nsys.exit(main(sys.argv[1:]))\n" % ZIP_NAME


def job_folder(statedir: str, token: str) -> str:
    """The small, durable folder of a job.

    >>> job_folder("/s", "fpabc")
    '/s/jobs/fpabc'
    """
    return os.path.join(statedir, "jobs", token)


def work_folder(workdir: str, token: str) -> str:
    """The folder of a job's inputs and runs, which a machine may purge.

    >>> work_folder("/w", "fpabc")
    '/w/jobs/fpabc'
    """
    return os.path.join(workdir, "jobs", token)


def slice_name(s: int) -> str:
    """Slice `s`, relative to the job folder.

    >>> slice_name(3)
    'slices/3.json'
    """
    return "slices/%d.json" % s


def claim_name(s: int, n: int) -> str:
    """The n-th claim of slice `s`, relative to the job folder.

    >>> claim_name(3, 0)
    'claims/3.0'
    """
    return "claims/%d.%d" % (s, n)


def pilot_name(k: int, n: int) -> str:
    """The folder of the n-th start of member `k`, relative to the job folder.

    >>> pilot_name(0, 2)
    'pilots/0.2'
    """
    return "pilots/%d.%d" % (k, n)


def submit_name(serial: int) -> str:
    """The note of one submit, relative to the job folder.

    >>> submit_name(1)
    'submit.1.json'
    """
    return "submit.%d.json" % serial


def control_name(m: int) -> str:
    """The m-th order to the pilots, relative to the job folder.

    >>> control_name(0)
    'control/0.json'
    """
    return "control/%d.json" % m


def run_name(i: int, c: int) -> str:
    """The working folder of run `i` executed under claim `c`, relative to the work folder.

    >>> run_name(7, 0)
    'runs/7.0'
    """
    return "runs/%d.%d" % (i, c)


def blob_name(sha256: str) -> str:
    """A blob, relative to the workdir (far) or to farpoint_runs (here).

    >>> blob_name("ab12")
    'blobs/ab/ab12'
    """
    return "blobs/%s/%s" % (sha256[:2], sha256)


def dump(obj: Any) -> bytes:
    """Canonical JSON: sorted keys, no spaces, ASCII (so valid UTF-8 whatever the text). ValueError for NaN.

    >>> dump({"b": 1, "a": [1.5, None]})
    b'{"a":[1.5,null],"b":1}'
    """
    return json.dumps(obj, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def digest(data: bytes) -> str:
    """sha256 in hex.

    >>> digest(b"")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(data).hexdigest()


def digest_file(path: str) -> str:
    """sha256 in hex of a file's bytes, read in pieces. OSError where it cannot be read.

    >>> digest_file(os.devnull) == digest(b"")
    True
    """
    total = hashlib.sha256()
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            total.update(piece)
    return total.hexdigest()


def put(path: str, data: bytes, mode: int = 0o600) -> None:
    """Make `path` hold `data`, wholly or not at all, also across a power cut. OSError leaves the old file as it was.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "x")
    >>> put(str(path), b"one"); put(str(path), b"two"); path.read_bytes()
    b'two'
    """
    path = os.fspath(path)
    beside = _write_beside(path, data, mode)
    try:
        os.rename(beside, path)
    except OSError:
        os.unlink(beside)
        raise
    sync_folder(os.path.dirname(path))


def put_json(path: str, obj: Any) -> None:
    """`put` of `dump(obj)`."""
    put(path, dump(obj))


def read_json(path: str) -> Any:
    """What a JSON file holds. OSError or ValueError where it cannot be read."""
    with open(path, "rb") as file:
        return json.loads(file.read().decode("utf-8"))


def link_exclusive(path: str, data: bytes) -> bool:
    """Make `path` hold `data` unless it exists already; True for exactly one of all who try, on any shared disk.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "0.0")
    >>> link_exclusive(str(path), b"me"), link_exclusive(str(path), b"you"), path.read_bytes()
    (True, False, b'me')
    """
    path = os.fspath(path)
    beside = _write_beside(path, data, 0o600)
    try:
        try:
            os.link(beside, path)
            won = True
        except OSError as error:
            # A network disk may say "exists" to the second try of a link whose first answer was lost: count the names.
            won = os.stat(beside).st_nlink == 2
            if not won and not isinstance(error, FileExistsError):
                raise
    finally:
        os.unlink(beside)
    if won:
        sync_folder(os.path.dirname(path))
    return won


def make_private(path: str) -> None:
    """Make a folder and those above it that are missing, for this user alone (0700). One that exists stays as it is."""
    path = os.path.abspath(path)
    missing: List[str] = []
    while not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    for folder in reversed(missing):
        try:
            os.mkdir(folder, 0o700)
        except FileExistsError:
            if not os.path.isdir(folder):
                raise
        sync_folder(os.path.dirname(folder))


def sync_folder(path: str) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(path or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes) -> None:
    """Every byte, however few the system takes at a time. OSError where it takes no more."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def build_zip() -> bytes:
    """The runner as one zip, the same bytes for the same sources: stored, undated, sorted.

    Stored and not deflated, so that it starts under a Python built without zlib and zlib's version never shows.

    >>> build_zip() == build_zip()
    True
    """
    import io
    import zipfile  # only here: every start of an agent or a pilot would pay for it

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in [("__main__.py", _MAIN.encode("ascii")), *_sources()]:
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, data)
    return buffer.getvalue()


def _sources() -> List[Tuple[str, bytes]]:
    """(name in the zip, bytes) of every source file of this package, sorted."""
    here = os.path.dirname(os.path.abspath(__file__))
    found = []
    for folder, folders, files in os.walk(here):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in files:
            if name.endswith(".py"):
                path = os.path.join(folder, name)
                with open(path, "rb") as file:
                    found.append((ZIP_NAME + "/" + os.path.relpath(path, here).replace(os.sep, "/"), file.read()))
    return sorted(found)


def _write_beside(path: str, data: bytes, mode: int) -> str:
    """A synced file of its own in the folder of `path`; its name. Nothing is left behind where it fails."""
    folder, name = os.path.split(path)
    beside = os.path.join(folder, ".%s.%d.%s.tmp" % (name, os.getpid(), os.urandom(6).hex()))
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    try:
        try:
            os.fchmod(descriptor, mode)
            write_all(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError:
        os.unlink(beside)
        raise
    return beside
