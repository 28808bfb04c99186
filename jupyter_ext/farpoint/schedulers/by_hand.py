"""Jobs that a person submits: nothing is submitted from here and no queue is asked; what pilots write is all there is.

Pure text, as every scheduler's language here; what would be commands does nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from farpoint.model import JobShape, Queue, QueueEntry, Receipt
from farpoint.schedulers import base

NOTHING = ["true"]
JOB_ID = "by hand"


class ByHand:
    """The scheduler of a folder that was prepared."""

    name = "by_hand"
    programs = ()
    here = False
    grace = 60.0

    def render(self, shape: JobShape, paths: base.Paths) -> str:
        """A script for a shell; a member's number is in FARPOINT_MEMBER."""
        return "\n".join([*base.head(shape), *base.body(shape, paths)])

    def submit_command(self, token: str, script: str, paths: base.Paths) -> list[str]:
        return NOTHING

    def parse_submit(self, code: int | None, out: str, err: str) -> Receipt:
        """Somebody submits it, or did so already."""
        return Receipt("accepted", JOB_ID)

    def status_command(self, jobs: Mapping[str, Sequence[str]], paths: base.Paths) -> list[str]:
        return NOTHING

    def parse_status(self, code: int | None, out: str, err: str) -> tuple[QueueEntry, ...] | None:
        """Nobody answered: nothing may be concluded."""
        return None

    def look_up_command(self, token: str, paths: base.Paths) -> list[str]:
        return NOTHING

    def accounting_command(self, jobs: Mapping[str, Sequence[str]], paths: base.Paths) -> list[str] | None:
        return None

    def parse_accounting(self, code: int | None, out: str, err: str) -> tuple[QueueEntry, ...] | None:
        return None

    def output_name(self, job_id: str, member: int) -> str:
        return f"by-hand.{member}.out"

    def cancel_commands(self, job_ids: Sequence[str], paths: base.Paths) -> list[list[str]]:
        return []

    def hold_command(self, job_ids: Sequence[str], paths: base.Paths) -> list[str] | None:
        return None

    def release_command(self, job_ids: Sequence[str], paths: base.Paths) -> list[str] | None:
        return None

    def queues_command(self, paths: base.Paths) -> list[str] | None:
        return None

    def parse_queues(self, code: int | None, out: str, err: str) -> tuple[Queue, ...] | None:
        return ()
