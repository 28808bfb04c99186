"""No queue system: pilots are started at once on the machine itself, by the runner's own `start`, `ps` and `kill`.

Knows the form of those three commands' answers; which pilot may run when is settled by the pilots among themselves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from farpoint.model import JobShape, Queue, QueueEntry, Receipt
from farpoint.schedulers import base

_JOB_ID = re.compile(r"d[a-z0-9-]*-[0-9a-f]{8}")
_COUNTS = r"(?P<alive>[0-9]+) (?P<dead>[0-9]+) (?P<unknown>[0-9]+)"
_LINE = re.compile(rf"(?P<job>{_JOB_ID.pattern}) (?P<token>{base.TOKEN.pattern}) {_COUNTS} (?P<host>\S+)")
_CANNOT_RUN = (2, 126, 127)  # a usage, no permission, no such program


class Direct:
    """The scheduler of a computer that has none."""

    name = "direct"
    programs = ()
    here = True
    grace = 1.0
    remembers = False

    def render(self, shape: JobShape, paths: base.Paths) -> str:
        """A script for one pilot; `start` runs it once for each.

        >>> paths = base.Paths("/s", "/w", "python3", "/s/runner/0a.zip")
        >>> from farpoint.model import Resources
        >>> print(Direct().render(JobShape("fpaaaaaaaaaaaaa", 2, Resources(), "scan"), paths).splitlines()[1])
        # farpoint fpaaaaaaaaaaaaa: 2 pilots
        """
        return "\n".join([*base.head(shape), *base.body(shape, paths)])

    def submit_command(self, token: str, script: str, paths: base.Paths) -> list[str]:
        return self._command(paths, "start", "--token", token, "--pilots", str(base.pilots(script)))

    def parse_submit(self, code: int | None, out: str, err: str) -> Receipt:
        """The id on a line of its own. Only a `start` that cannot be run at all is refused: a full disk may empty."""
        said = (out + err).strip()
        found = [line for line in out.splitlines() if _JOB_ID.fullmatch(line)]
        if found:
            return Receipt("accepted", found[-1], said)
        return Receipt("refused" if code in _CANNOT_RUN else "unknown", None, said)

    def status_command(self, jobs: Mapping[str, Sequence[str]], paths: base.Paths) -> list[str]:
        return self._command(paths, "ps")

    def look_up_command(self, token: str, paths: base.Paths) -> list[str]:
        return self._command(paths, "ps", "--token", token)

    def parse_status(self, code: int | None, out: str, err: str) -> tuple[QueueEntry, ...] | None:
        """A line `<job id> <token> <alive> <dead> <unknown> <host>` for each job, and `end <how many>` as the last.

        >>> Direct().parse_status(0, "dpc-0000002a fpaaaaaaaaaaaaa 0 1 0 pc\\nend 1\\n", "")[0].live
        False
        """
        lines = out.splitlines()
        if code != 0 or not out.endswith("\n") or lines[-1] != f"end {len(lines) - 1}":
            return None
        found = [_LINE.fullmatch(line) for line in lines[:-1]]
        return tuple(_entry(match) for match in found if match) if all(found) else None

    def accounting_command(self, jobs: Mapping[str, Sequence[str]], paths: base.Paths) -> list[str] | None:
        return None

    def parse_accounting(self, code: int | None, out: str, err: str) -> tuple[QueueEntry, ...] | None:
        return None

    def output_name(self, job_id: str, member: int) -> str:
        return f"direct/{job_id}.{member}.out"

    def cancel_commands(self, job_ids: Sequence[str], paths: base.Paths) -> list[list[str]]:
        return [self._command(paths, "kill", *job_ids)]

    def hold_command(self, job_ids: Sequence[str], paths: base.Paths) -> list[str] | None:
        return None

    def release_command(self, job_ids: Sequence[str], paths: base.Paths) -> list[str] | None:
        return None

    def queues_command(self, paths: base.Paths) -> list[str] | None:
        return None

    def parse_queues(self, code: int | None, out: str, err: str) -> tuple[Queue, ...] | None:
        return ()

    @staticmethod
    def _command(paths: base.Paths, verb: str, *words: str) -> list[str]:
        return [paths.python, "-I", "-S", paths.runner, verb, "--statedir", paths.statedir, *words]


def _entry(match: re.Match[str]) -> QueueEntry:
    """A job lives while one pilot does; a pilot that cannot be seen from here may, so then nothing is known."""
    alive, dead, unknown = (int(match[name]) for name in ("alive", "dead", "unknown"))
    live = True if alive else None if unknown else False
    raw = f"{alive} alive, {dead} dead, {unknown} unknown on {match['host']}"
    return QueueEntry(match["job"], match["token"], live, raw)
