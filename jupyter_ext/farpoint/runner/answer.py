"""What the agent can be asked for, each verb a small function over one statedir and one workdir.

Every verb may be asked again; a fault becomes a kind and a sentence. Knows no frames, no scheduler and no pilot.
"""

import errno
import os
import sys
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from . import bell, capacity, command, deliver, guard, layout, login
from .journal import Journal
from .news import News

Request = Mapping[str, Any]
Answer = Tuple[Any, bytes]

MOST_READ = 1 << 23  # bytes of one answer to `read`
MOST_NEWS = 1 << 23  # bytes of one answer to `news`


def explain(fault: Exception) -> Dict[str, str]:
    """The kind and the sentence of a fault: "refused", "system" (this machine cannot now) or "broken" (we cannot).

    >>> explain(guard.Refused("no"))
    {'kind': 'refused', 'message': 'no'}
    """
    if isinstance(fault, guard.Refused):
        return {"kind": "refused", "message": str(fault)}
    if isinstance(fault, FileNotFoundError):
        return {"kind": "absent", "message": "%s is not there" % fault.filename}
    if isinstance(fault, (OSError, MemoryError)):
        word = errno.errorcode.get(getattr(fault, "errno", None) or 0, type(fault).__name__)
        return {"kind": "system", "message": "%s (%s)" % (fault, word)}
    return {"kind": "broken", "message": "%s: %s" % (type(fault).__name__, fault)}


class Office:
    """All verbs. The folders are made when something is put there."""

    def __init__(self, statedir: str, workdir: str) -> None:
        self.statedir = os.path.realpath(os.path.expanduser(statedir))
        self.workdir = os.path.realpath(os.path.expanduser(workdir))
        self.bells = os.path.join(self.statedir, "bells")
        self._blobs = deliver.Blobs(self.workdir)
        self._news = News(self.statedir)

    def answer(self, request: Request, body: bytes) -> Answer:
        """The value and the bytes that answer one request."""
        verb = _VERBS.get(request.get("verb", ""))
        if verb is None:
            known = ", ".join(sorted(_VERBS))
            raise guard.Refused("this agent knows no verb %r (verbs: %s)" % (request.get("verb"), known))
        return verb(self, request, body)

    def hello(self, request: Request, body: bytes) -> Answer:
        """Who answers, from where, and what this computer has. Tells which of the `programs` are there."""
        value = {
            "python": sys.executable, "version": list(sys.version_info[:3]), "pid": os.getpid(),
            "statedir": self.statedir, "workdir": self.workdir, "host": os.uname().nodename,
            "cpus": capacity.cpus(), "memory": capacity.memory(), "gpus": capacity.gpus(),
            "programs": capacity.programs(request.get("programs", ())),
        }  # fmt: skip
        return value, b""

    def survey(self, request: Request, body: bytes) -> Answer:
        """What this computer would be as a machine."""
        from . import survey  # only here: most agents are never asked

        return survey.survey(request), b""

    def pythons(self, request: Request, body: bytes) -> Answer:
        """Every Python a user could run code with."""
        from . import survey

        return survey.find_pythons(request), b""

    def examine(self, request: Request, body: bytes) -> Answer:
        """How this computer does as the machine it is set up to be."""
        from . import survey

        return survey.examine(dict({"folders": [self.statedir, self.workdir]}, **request)), b""

    def meet(self, request: Request, body: bytes) -> Answer:
        """What a job that runs `sight` found, or None where none was there yet."""
        from . import sight

        folders = sight.folders_of(self.statedir, self.workdir, guard.token(request["token"]))
        return sight.meet(folders, float(request["seconds"])), b""

    def brought(self, request: Request, body: bytes) -> Answer:
        """A Python of the version `minor` that was brought here, or None."""
        from . import brought

        return brought.look(self.statedir, request), b""

    def bring(self, request: Request, body: bytes) -> Answer:
        """Bring a Python here, from an archive that was put or by uv."""
        from . import brought

        return brought.bring(self.statedir, self._blobs, request), b""

    def furnished(self, request: Request, body: bytes) -> Answer:
        """The Python of the environment of `key`, or None."""
        from . import furnish

        return furnish.look(self.statedir, request["key"], list(request["names"])), b""

    def furnish(self, request: Request, body: bytes) -> Answer:
        """Build an environment from what was put."""
        from . import furnish

        return furnish.build(self.statedir, self._blobs, request), b""

    def missing(self, request: Request, body: bytes) -> Answer:
        """Those of the `digests` that are not there."""
        return self._blobs.missing(request["digests"]), b""

    def put(self, request: Request, body: bytes) -> Answer:
        """The next piece of a blob."""
        self._blobs.put(request["digest"], request["offset"], body, request["last"])
        return None, b""

    def put_all(self, request: Request, body: bytes) -> Answer:
        """Whole blobs; `pieces` says [digest, size] of what the body holds."""
        self._blobs.put_all(_pieces(request, body))
        return None, b""

    def place(self, request: Request, body: bytes) -> Answer:
        """A job's folders; `pieces` says [name, size] of what the body holds. Answers the digests that are missing."""
        pieces = dict(_pieces(request, body))
        return deliver.place(self._blobs, self._job(request), self._work(request), pieces), b""

    def submit(self, request: Request, body: bytes) -> Answer:
        """The note of one submit, or None where it was begun and its end is not known."""
        folder = self._job(request)
        os.stat(os.path.join(folder, layout.JOB))
        argv = request["argv"]
        env = login.surroundings(argv[0])
        return command.submit(folder, int(request["serial"]), argv, request["timeout"], env), b""

    def run(self, request: Request, body: bytes) -> Answer:
        """Exit code and text of a program."""
        argv = request["argv"]
        env = login.surroundings(argv[0])
        return command.run(argv, request["timeout"], request.get("stdin", ""), env=env), b""

    def news(self, request: Request, body: bytes) -> Answer:
        """What is new after the `cursors`: token → file → offset; and the `claims` of these tokens, all if not said."""
        cursors = {guard.token(token): files for token, files in request["cursors"].items()}
        wanted = [guard.token(token) for token in request.get("claims", cursors)]
        return self._news.since(cursors, min(int(request.get("limit", MOST_NEWS)), MOST_NEWS), wanted)

    def fence(self, request: Request, body: bytes) -> Answer:
        """[[slice, number of its revocation, or None where it is claimed and only unclaimed ones were meant]]."""
        claims = self._news.claims(guard.token(request["token"]))
        os.stat(os.path.join(self._job(request), layout.JOB))
        revoked = {"revoked": True, "by": request["by"], "t": request["t"]}
        marks: List[List[Optional[int]]] = []
        for s in request["slices"]:
            while True:
                bodies = claims.of(s)
                if bodies and bodies[-1].get("revoked"):
                    marks.append([s, len(bodies) - 1])
                    break
                if bodies and request["only_unclaimed"]:
                    marks.append([s, None])
                    break
                claims.link(s, len(bodies), revoked)
        bell.ring(os.path.join(self._job(request), "bells"))
        return marks, b""

    def control(self, request: Request, body: bytes) -> Answer:
        """Leave the next order, unless the last one said the same; its number."""
        folder = self._job(request)
        os.stat(os.path.join(folder, layout.JOB))
        number = _next_control(folder)
        if number and _read_all(os.path.join(folder, layout.control_name(number - 1))) == body:
            number -= 1
        else:
            while not layout.link_exclusive(os.path.join(folder, layout.control_name(number)), body):
                number += 1
        bell.ring(os.path.join(folder, "bells"))
        return number, b""

    def note(self, request: Request, body: bytes) -> Answer:
        """Append `events` to this side's journal."""
        folder = self._job(request)
        os.stat(os.path.join(folder, layout.JOB))
        journal = Journal(os.path.join(folder, layout.CLIENT))
        try:
            for event in request["events"]:
                journal.write(event)
            journal.sync()
        finally:
            journal.close()
        return None, b""

    def read(self, request: Request, body: bytes) -> Answer:
        """Bytes of a file of the job folder, or of `runs/…` in its work folder. Answers whether it is there."""
        data = self._bytes(request, request["path"], request["offset"], min(int(request["limit"]), MOST_READ))
        return data is not None, data or b""

    def read_all(self, request: Request, body: bytes) -> Answer:
        """Bytes of several such files, `wanted` says [path, limit]; the size of each, None where it is not there.

        It ends where the answer would be too large: whoever asks sees fewer sizes.
        """
        sizes: List[Optional[int]] = []
        found, left = [], MOST_READ
        for path, limit in request["wanted"]:
            if limit > left:
                break
            data = self._bytes(request, path, 0, int(limit))
            sizes.append(None if data is None else len(data))
            found.append(data or b"")
            left -= len(found[-1])
        return sizes, b"".join(found)

    def _bytes(self, request: Request, name: str, offset: int, limit: int) -> Optional[bytes]:
        path = guard.relative(name)
        folder = self._work(request) if path.startswith("runs/") else self._job(request)
        try:
            descriptor = guard.open_inside(folder, path)
        except FileNotFoundError:
            return None
        with open(descriptor, "rb") as file:
            file.seek(offset)
            return file.read(limit)

    def tokens(self, request: Request, body: bytes) -> Answer:
        """Every job folder."""
        return _tokens(os.path.join(self.statedir, "jobs")), b""

    def usage(self, request: Request, body: bytes) -> Answer:
        """token → bytes in its two folders, a file with several names counted once."""
        sizes: Dict[str, int] = {}
        for token in set(_tokens(os.path.join(self.statedir, "jobs")) + _tokens(os.path.join(self.workdir, "jobs"))):
            seen: Dict[Tuple[int, int], int] = {}
            for folder in (layout.job_folder(self.statedir, token), layout.work_folder(self.workdir, token)):
                _measure(folder, seen)
            sizes[token] = sum(seen.values())
        return sizes, b""

    def remove(self, request: Request, body: bytes) -> Answer:
        """Delete a job's folders."""
        deliver.remove(self._blobs, self._job(request), self._work(request))
        self._news.forget(request["token"])
        return None, b""

    def _job(self, request: Request) -> str:
        return layout.job_folder(self.statedir, guard.token(request["token"]))

    def _work(self, request: Request) -> str:
        return layout.work_folder(self.workdir, guard.token(request["token"]))


_VERBS: Dict[str, Callable[[Office, Request, bytes], Answer]] = {
    name: getattr(Office, name)
    for name in (
        "hello", "missing", "put", "put_all", "place", "submit", "run", "news", "fence", "control", "note", "read",
        "read_all", "tokens", "usage", "remove", "survey", "pythons", "examine", "meet", "furnished", "furnish",
        "brought", "bring",
    )
}  # fmt: skip


def _pieces(request: Request, body: bytes) -> List[Tuple[str, bytes]]:
    found, at = [], 0
    for name, size in request["pieces"]:
        found.append((name, body[at : at + size]))
        at += size
    return found


def _next_control(folder: str) -> int:
    numbers = [int(name[:-5]) for name in os.listdir(os.path.join(folder, "control")) if name[:-5].isdigit()]
    return max(numbers, default=-1) + 1


def _read_all(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _tokens(folder: str) -> List[str]:
    try:
        return sorted(name for name in os.listdir(folder) if guard.is_token(name))
    except FileNotFoundError:
        return []


def _measure(folder: str, seen: Dict[Tuple[int, int], int]) -> None:
    for top, _, names in os.walk(folder):
        for name in names:
            try:
                status = os.lstat(os.path.join(top, name))
            except FileNotFoundError:
                continue
            seen[status.st_dev, status.st_ino] = status.st_size
