"""The line format of journals, streams and run events: write so that it stays, read past whatever is broken.

Knows lines and checksums; must not know what an event means.
"""

import json
import os
import zlib
from typing import Any, Dict, List, Mapping, Tuple

from .layout import sync_folder, write_all

LIMIT = 64 * 1024  # bytes of one line, its newline included


def line(event: Mapping[str, Any]) -> bytes:
    r"""One event as a line: 8 hex digits of the crc32 of the JSON, a space, the JSON, a newline.

    ValueError where it is longer than LIMIT or holds NaN; TypeError where it is no JSON.

    >>> line({"e": "beat", "t": 12.5})
    b'ed57b977 {"e":"beat","t":12.5}\n'
    """
    body = json.dumps(event, separators=(",", ":"), allow_nan=False).encode("ascii")
    data = b"%08x %s\n" % (zlib.crc32(body) & 0xFFFFFFFF, body)
    if len(data) > LIMIT:
        raise ValueError(
            "a journal line of %d bytes is longer than %d (event %r): shorten its text or put its value in a file"
            % (len(data), LIMIT, event.get("e"))
        )
    return data


def parse(data: bytes) -> Tuple[List[Dict[str, Any]], int]:
    r"""(events of all lines that verify, bytes consumed). Lines that do not verify are passed over.

    Consumed is everything up to the last newline; what follows may be a line still being written. More than LIMIT
    bytes without a newline can never become one, so they are consumed too: no reader hangs before broken bytes.

    >>> parse(line({"e": "beat", "t": 1}) + b"garbage\n" + line({"e": "beat", "t": 2}) + b"12ab")
    ([{'e': 'beat', 't': 1}, {'e': 'beat', 't': 2}], 64)
    """
    consumed = data.rfind(b"\n") + 1
    events = []
    for piece in data[:consumed].split(b"\n"):
        event = _verified(piece)
        if event is not None:
            events.append(event)
    if len(data) - consumed > LIMIT:
        consumed = len(data)
    return events, consumed


def _verified(piece: bytes) -> Any:
    """The event of a line without its newline, or None."""
    body = piece[9:]
    if len(piece) >= LIMIT or piece[:9] != b"%08x " % (zlib.crc32(body) & 0xFFFFFFFF):
        return None
    try:
        event = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None


class Journal:
    """The one writer of a journal file.

    The first write after an opening begins with a newline, so that a line torn by a crash ends there. A write that
    fails (disk full) raises OSError and leaves the journal usable: the next line starts afresh.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "journal.jsonl")
    >>> journal = Journal(str(path))
    >>> journal.write({"e": "ended", "t": 3.0, "reason": ""}, sync=True); journal.close()
    >>> parse(path.read_bytes())[0]
    [{'e': 'ended', 't': 3.0, 'reason': ''}]
    """

    def __init__(self, path: str) -> None:
        self._folder = os.path.dirname(os.path.abspath(path))
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._named = False  # the folder's entry for this file is durable
        self._torn = True  # what follows must begin with a newline

    def write(self, event: Mapping[str, Any], sync: bool = False) -> None:
        """Append one event; with `sync` it is on the disk when this returns. OSError, and what `line` raises."""
        data = line(event)
        torn, self._torn = self._torn, True
        write_all(self._descriptor, b"\n" + data if torn else data)
        self._torn = False
        if sync:
            self.sync()

    def sync(self) -> None:
        """All lines written so far are on the disk when this returns."""
        os.fsync(self._descriptor)
        if not self._named:
            sync_folder(self._folder)
            self._named = True

    def close(self) -> None:
        """Let go of the file; asked again, nothing happens."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
