"""What earlier starts of this member of the job left: whether they still write, what they finished, what still runs.

Knows their journals and processes; must not know how a slice is claimed or run.
"""

import os
import time
from collections import Counter
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Set

from . import journal, layout, process

Event = Dict[str, Any]
Seen = NamedTuple("Seen", [("size", int), ("since", float), ("ended", bool), ("host", Optional[Event])])


class Earlier:
    """The starts of one member before this one. `silence`: seconds without a sign after which a start is given up."""

    def __init__(self, job_folder: str, work_folder: str, silence: float) -> None:
        self._job = job_folder
        self._work = work_folder
        self._silence = silence
        self._seen: Dict[str, Seen] = {}

    def silent(self, holder: Mapping[str, Any]) -> bool:
        """Whether the start that made this claim writes no more: its process is gone, it said so, or it stood still.

        Stood still by our own clock, from when we first looked: clocks of two hosts cannot be compared.
        """
        path = self._journal(holder)
        size, now = _size(path), time.monotonic()
        seen = self._seen.get(path)
        if seen is None or seen.size != size:
            events = _events(path)
            host = next((event["host"] for event in events if event.get("e") == "pilot"), None)
            ended = bool(events) and events[-1].get("e") == "ended"
            seen = self._seen[path] = Seen(size, now, ended, host)
        gone = seen.host is not None and process.alive(seen.host) is False
        return seen.ended or gone or now - seen.since >= self._silence

    def finished(self, claims: Sequence[Mapping[str, Any]]) -> Set[int]:
        """Indices of the runs that have an outcome under one of these claims."""
        return {event["i"] for event in self._told(claims, "outcome")}

    def tries(self, claims: Sequence[Mapping[str, Any]]) -> Dict[int, int]:
        """How often each run failed under one of these claims and was to be executed again."""
        return dict(Counter(event["i"] for event in self._told(claims, "retried")))

    def end_what_is_left(self, claims: Sequence[Mapping[str, Any]]) -> None:
        """End whatever their runs left running on this computer, so that a run never runs twice at a time."""
        done = {(event["i"], event["c"]) for event in self._told(claims, "outcome")}
        for event in self._told(claims, "started"):
            if (event["i"], event["c"]) not in done:
                spec = os.path.join(self._work, event["folder"], ".farpoint", "spec.json")
                process.end_all(None, "FARPOINT_SPEC=" + spec)

    def _told(self, claims: Sequence[Mapping[str, Any]], kind: str) -> Iterable[Event]:
        for number, holder in enumerate(claims):
            for event in _events(self._journal(holder)):
                if event.get("e") == kind and event.get("c") == number:
                    yield event

    def _journal(self, holder: Mapping[str, Any]) -> str:
        return os.path.join(self._job, layout.pilot_name(holder["member"], holder["start"]), layout.JOURNAL)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return -1


def _events(path: str) -> List[Event]:
    try:
        with open(path, "rb") as file:
            return journal.parse(file.read())[0]
    except OSError:
        return []
