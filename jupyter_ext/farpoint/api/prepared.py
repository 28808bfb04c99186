"""What `prepare` made, to be looked at: a folder, and how it is submitted and found again.

Knows what was prepared; says it as text.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from farpoint.api.summary import plural
from farpoint.verbs import prepare


@dataclass(frozen=True, slots=True, repr=False)
class Prepared:
    """A folder with everything of a scan, to be submitted by hand."""

    made: prepare.Prepared

    @property
    def folder(self) -> Path:
        """Where it is."""
        return self.made.folder

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines that submit it where it is now, one a job."""
        return self.made.lines

    @property
    def script(self) -> str:
        """The script of its first job."""
        return self.made.plan.script

    def as_json(self) -> dict[str, Any]:
        """All of it as plain data."""
        plan = self.made.plan
        return {
            "scan": plan.scan, "folder": str(self.folder), "points": len(plan.start), "jobs": len(plan.jobs),
            "lines": list(self.lines), "messages": list(plan.messages),
        }  # fmt: skip

    def __repr__(self) -> str:
        plan = self.made.plan
        said = f"{plan.scan}: {plural(len(plan.start), 'point')} in {plural(len(plan.jobs), 'job')}, in {self.folder}"
        told = [*plan.messages, "submit it:", *(f"  {line}" for line in self.lines)]
        told += ["moved elsewhere, run move.sh there first; README.md says more", f"then: attach({str(self.folder)!r})"]
        return "\n".join([said, *(f"  {line}" for line in told)])
