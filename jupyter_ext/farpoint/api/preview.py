"""What submitting would do, to be looked at: nothing was sent to make it.

Knows a plan and which files a machine still lacks; says it as text and HTML.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

from farpoint.api import show
from farpoint.api.markup import element
from farpoint.api.summary import clean
from farpoint.model import InputFile
from farpoint.table import size_words
from farpoint.verbs.plan import Plan


@dataclass(frozen=True, slots=True, repr=False)
class Preview:
    """A plan, and the digests of its files that are not on the machine yet (None: the machine did not say)."""

    plan: Plan
    lacking: Collection[str] | None

    @property
    def points(self) -> int:
        """Points asked for."""
        return len(self.plan.numbers)

    @property
    def starts(self) -> int:
        """Points that would run; the others have a result, or are on their way."""
        return len(self.plan.start)

    @property
    def jobs(self) -> int:
        """Jobs that would be submitted."""
        return len(self.plan.jobs)

    @property
    def core_hours(self) -> float | None:
        """What they would use, judged by earlier points; None where there is none to judge by."""
        return self.plan.core_hours

    @property
    def machine(self) -> str:
        """Where they would run."""
        return self.plan.machine

    @property
    def why(self) -> str:
        """Why this queue, or why the machine gives what it gives."""
        return self.plan.arranged.choice.why or self.plan.limits.why

    @property
    def script(self) -> str:
        """The exact text that would be submitted; of several jobs, the first one's."""
        return self.plan.script

    @property
    def scripts(self) -> tuple[str, ...]:
        """The exact text of every job."""
        return tuple(job.script for job in self.plan.jobs)

    @property
    def pilots(self) -> tuple[int, ...]:
        """Pilots (array members) of each job."""
        return self.plan.arranged.window.pilots if self.plan.jobs else ()

    @property
    def queue(self) -> str | None:
        """The queue the jobs go to; None where the scheduler's own is taken."""
        return self.plan.arranged.pilot.queue

    @property
    def resources(self) -> dict[str, Any]:
        """What each pilot asks for, as it was understood: memory in bytes, time in seconds."""
        return asdict(self.plan.arranged.pilot)

    @property
    def most_core_hours(self) -> float | None:
        """What they could use at most, by the time declared; None where none was."""
        return self.plan.most_core_hours

    @property
    def waits(self) -> int:
        """Points that find no room in the pilots' time, and go out later while somebody is awake."""
        return self.plan.arranged.window.waits if self.plan.jobs else 0

    @property
    def files(self) -> tuple[InputFile, ...]:
        """What would travel with the notebook."""
        return self.plan.files

    @property
    def messages(self) -> tuple[str, ...]:
        """What is worth knowing before submitting."""
        return self.plan.messages

    def _lines(self) -> list[str]:
        lines = [clean(line) for line in self.plan.describe().splitlines()]
        if self.lacking is not None and self.files:
            send = [item for item in self.files if item.digest in self.lacking]
            size = size_words(sum(item.size for item in send))
            there = len(self.files) - len(send)
            lines.append(f"  files: {there} there already, {len(send)} to send ({size})")
        return lines

    def as_json(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {
            "scan": self.plan.scan, "machine": self.machine, "points": self.points, "starts": self.starts,
            "jobs": self.jobs, "pilots": list(self.pilots), "queue": self.queue, "why": self.why,
            "resources": self.resources, "points_per_job": self.plan.arranged.window.size,
            "core_hours": self.core_hours, "most_core_hours": self.most_core_hours, "waits": self.waits,
            "messages": list(self.messages),
            "files": [
                {"path": file.path, "size": file.size, "size_words": size_words(file.size), "kind": file.kind,
                 "there": None if self.lacking is None else file.digest not in self.lacking}
                for file in self.files
            ],
            "script": self.script, "scripts": list(self.scripts),
        }  # fmt: skip

    def __repr__(self) -> str:
        script = [f"    {clean(line)}" for line in self.script.splitlines()]
        return "\n".join([*self._lines(), *([f"  {self._title}:", *script] if script else [])])

    @property
    def _title(self) -> str:
        return "script" if self.jobs < 2 else f"script of the first of {self.jobs} jobs"

    def _repr_html_(self) -> str:
        first, *rest = self._lines()
        script = (
            element("details", element("summary", self._title), element("pre", self.script)) if self.script else None
        )
        lines = [element("div", line.strip()) for line in rest]
        head = element("div", element("b", first), class_="fp-head")
        return element("div", show.style(), head, lines, script, class_="fp")
