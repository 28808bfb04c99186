"""The seam between the use-cases and a place to run: the Machine protocol, and what a machine is built from.

Knows no scheduler, no transport, no store; a plug-in registers under the entry point group `farpoint.machines`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from farpoint.config import MachineConfig
from farpoint.errors import BadConfig, nearest
from farpoint.model import JobFiles, JobShape, Limits, Observation, QueueEntry, Receipt


class Machine(Protocol):
    """A place to run. Every verb is idempotent; every one may raise Unreachable, which pauses the machine."""

    name: str

    def limits(self) -> Limits:
        """What one run can have here, and how patient to be."""

    def script(self, shape: JobShape) -> str:
        """The exact text that will be submitted."""

    def missing(self, digests: Iterable[str]) -> set[str]:
        """Those of the blobs that are not there yet."""

    def place(self, files: JobFiles) -> None:
        """Put the job folder there and fsync it: this is the intent. Putting it again changes nothing."""

    def submit(self, token: str, serial: int) -> Receipt:
        """Ask the scheduler, at most once per (token, serial); asked again it answers from its own note."""

    def look_up(self, token: str) -> tuple[QueueEntry, ...] | None:
        """Jobs under this token in queue and accounting; None when they could not be asked."""

    def observe(
        self,
        cursors: Mapping[str, Mapping[str, int]],
        queue: bool = True,
        jobs: Mapping[str, Sequence[str]] | None = None,
        claims: Collection[str] | None = None,
        account: Collection[str] = (),
    ) -> Observation:
        """New bytes of all journals from the offsets given (token → file → offset), and one look at the queue.

        `claims` are the tokens whose claims are wanted, all if None: they are read before the bytes. Of the tokens in
        `account`, jobs and members that left the queue are looked up in the scheduler's account, if it keeps one.
        """

    def fence(self, token: str, slices: Sequence[int], only_unclaimed: bool = False) -> dict[int, int | None]:
        """Link the next claim of each slice as `revoked`; slice → its number, None if claimed and `only_unclaimed`."""

    def control(self, token: str, order: Mapping[str, Any]) -> None:
        """Leave an order for the token's pilots, e.g. {"cancel": [3, 4]} or {"stop": true}."""

    def cancel(self, token: str, job_ids: Sequence[str]) -> None:
        """Ask the scheduler to end these jobs. Nothing there to end is not an error."""

    def hold(self, token: str, job_ids: Sequence[str]) -> str:
        """Ask that these jobs, where they still wait, do not start; the scheduler's objection, `""` if it had none.

        BadInput where nothing ever waits in a queue.
        """

    def release(self, token: str, job_ids: Sequence[str]) -> str:
        """Let held jobs start again; answers and raises as `hold` does."""

    def note(self, token: str, events: Sequence[Mapping[str, Any]]) -> None:
        """Append this side's verdicts to the token's client.jsonl."""

    def read(self, token: str, path: str, offset: int = 0, limit: int = 1 << 20) -> bytes:
        """Bytes of one file of the job folder or of `runs/…` in its work folder; b'' where there is none."""

    def fetch(self, token: str, path: str, target: Path, size: int, digest: str) -> None:
        """Bring one file of `runs/…` here, verified, atomically; MachineError if it is not what was promised."""

    def fetch_many(self, token: str, wanted: Sequence[Wanted]) -> None:
        """The same for many files, small ones together; those before the first that is not as promised are brought."""

    def output(self, token: str, job_ids: Sequence[str], pilots: int) -> bytes:
        """What the job's pilots printed on their own output: lines their journals could not take, on a full disk."""

    def tokens(self) -> list[str]:
        """Every job folder there."""

    def usage(self) -> dict[str, int]:
        """token → bytes there."""

    def remove(self, token: str) -> None:
        """Delete a job's folders there."""

    def wait(self, seconds: float) -> None:
        """Block until something may have changed there, at most so long."""

    def close(self) -> None:
        """Let go of the connection; work there goes on."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to bring: its path there, where to, and what was promised. `size` in bytes, `digest` its sha256."""

    path: str
    target: Path
    size: int
    digest: str


Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Place:
    """What a machine is built from: the one argument of an entry point of `farpoint.machines`.

    `statedir` is where the machine's own files go if its settings do not say; `schedulers` makes one by its name;
    `owner` is who fences are by; `clock` gives unix seconds.
    """

    name: str
    config: MachineConfig
    statedir: Path
    owner: str
    clock: Callable[[], float]
    schedulers: Mapping[str, Callable[[], Any]] = field(default_factory=dict)

    def programs(self) -> tuple[str, ...]:
        """The program by which each installed queue system is recognised; one whose package is broken has none."""
        found: dict[str, None] = {}
        for name in sorted(self.schedulers):
            with contextlib.suppress(BadConfig):
                found.update(dict.fromkeys(self.schedulers[name]().programs[:1]))
        return tuple(found)

    def choose(self, what: str, name: str, known: Mapping[str, Made]) -> Made:
        """What a setting names; BadConfig with those there are."""
        if name not in known:
            raise BadConfig(
                f"machine {self.name!r}: there is no {what} {name!r} (installed: {', '.join(sorted(known)) or 'none'})."
                f"{nearest(name, known)}"
            )
        return known[name]
