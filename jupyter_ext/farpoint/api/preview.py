"""What submitting would do, to be looked at: nothing was sent to make it.

Knows a plan and which files a machine still lacks; says it as text and HTML.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

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
        """Why the machine gives what it gives."""
        return self.plan.limits.why

    @property
    def script(self) -> str:
        """The exact text that would be submitted."""
        return self.plan.script

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

    def __repr__(self) -> str:
        script = [f"    {clean(line)}" for line in self.script.splitlines()]
        return "\n".join([*self._lines(), *(["  script:", *script] if script else [])])

    def _repr_html_(self) -> str:
        first, *rest = self._lines()
        script = element("details", element("summary", "script"), element("pre", self.script)) if self.script else None
        lines = [element("div", line.strip()) for line in rest]
        head = element("div", element("b", first), class_="fp-head")
        return element("div", show.style(), head, lines, script, class_="fp")
