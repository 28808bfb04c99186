"""What is new in job folders: the bytes journals and streams have grown by, and the claims.

Knows files and offsets; must not know what a line says.
"""

import os
import re
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

from . import layout
from .claims import Claims

LEAST = 64 * 1024  # bytes; less room than one line may need is not worth opening a file for

_PILOT = re.compile(r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\Z")


class News:
    """Answers the same question again and again; what cannot change is remembered."""

    def __init__(self, statedir: str) -> None:
        self._statedir = statedir
        self._claims: Dict[str, Claims] = {}

    def claims(self, token: str) -> Claims:
        """The claims of a job."""
        if token not in self._claims:
            self._claims[token] = Claims(layout.job_folder(self._statedir, token))
        return self._claims[token]

    def forget(self, token: str) -> None:
        """The job's folder is being removed."""
        self._claims.pop(token, None)

    def since(
        self, cursors: Mapping[str, Mapping[str, int]], limit: int, wanted: Optional[Iterable[str]] = None
    ) -> Tuple[Dict[str, Any], bytes]:
        """({"chunks": [[token, file, offset, size]], "claims": {token: {slice: [body]}}}, the chunks' bytes).

        At most `limit` bytes, journals of all jobs before any stream; what had no room comes with the next call.
        Claims of the tokens `wanted`, all if None, come first: where one is a fence, the bytes were read after it.
        """
        claims = {token: self.claims(token).all() for token in (cursors if wanted is None else wanted)}
        chunks: List[List[Any]] = []
        pieces: List[bytes] = []
        room = max(limit, LEAST)
        for token, file, offset, size in self._grown(cursors):
            if room < min(LEAST, size - offset):
                continue
            data = _read(os.path.join(layout.job_folder(self._statedir, token), file), offset, min(room, size - offset))
            room -= len(data)
            if data:
                chunks.append([token, file, offset, len(data)])
                pieces.append(data)
        return {"chunks": chunks, "claims": claims}, b"".join(pieces)

    def _grown(self, cursors: Mapping[str, Mapping[str, int]]) -> List[Tuple[str, str, int, int]]:
        """(token, file, offset, size) of every file that is longer than its cursor says."""
        found = []
        for name in (layout.JOURNAL, layout.STREAM):
            for token in sorted(cursors):
                folder = layout.job_folder(self._statedir, token)
                for pilot in _pilots(folder):
                    file = "pilots/%s/%s" % (pilot, name)
                    size = _size(os.path.join(folder, file))
                    offset = int(cursors[token].get(file, 0))
                    if size > offset:
                        found.append((token, file, offset, size))
        return found


def _pilots(folder: str) -> List[str]:
    try:
        names = os.listdir(os.path.join(folder, "pilots"))
    except FileNotFoundError:
        return []
    return sorted(name for name in names if _PILOT.match(name))


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def _read(path: str, offset: int, size: int) -> bytes:
    with open(path, "rb") as file:
        file.seek(offset)
        return file.read(size)
