"""The seam to a queue system: commands out, text in, facts back. A plug-in registers under `farpoint.schedulers`.

Pure text: runs nothing, reads no file and no clock, knows no machine; the same answer to the same question, always.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from farpoint.errors import BadResources
from farpoint.model import JobShape, Queue, QueueEntry, Receipt

TOKEN = re.compile(r"fp[a-z0-9]{13}")
_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")
_PLACE = re.compile(r"\{(cpus|memory|time|gpus|nodes|tasks|queue|account)\}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Paths:
    """Where things are on the far side (absolute), and what its owner wants done before a pilot starts."""

    statedir: str
    workdir: str
    python: str
    runner: str  # the zip
    setup: tuple[str, ...] = ()  # shell lines
    env: Mapping[str, str] = field(default_factory=dict)


class Scheduler(Protocol):
    """One queue system's language. Every command is an argv, run without a shell; every parser gets its exit and text.

    A parser answers None where the text is not a well-formed answer: nothing may be concluded from it. A word it does
    not know gives `live=None` and keeps the word in `raw`.
    """

    name: str
    programs: tuple[str, ...]  # where all of these are on PATH, this queue system is there
    here: bool  # jobs run on the very computer that is asked, so its cores are what there is
    grace: float  # seconds an accepted job may be invisible here
    remembers: bool  # the account has every job that ever began, so one it does not have was deleted while it waited

    def render(self, shape: JobShape, paths: Paths) -> str:
        """The script of a job; what must be known at submit is in it, so that a reader sees all that is asked for."""

    def submit_command(self, token: str, script: str, paths: Paths) -> list[str]:
        """Submits `<statedir>/jobs/<token>/script` (whose text is `script`); run in the job's folder."""

    def parse_submit(self, code: int | None, out: str, err: str) -> Receipt:
        """`code` is None where the command did not end in time: the job may then exist."""

    def status_command(self, jobs: Mapping[str, Sequence[str]], paths: Paths) -> list[str]:
        """One look at all of the jobs given (token → job ids known so far)."""

    def parse_status(self, code: int | None, out: str, err: str) -> tuple[QueueEntry, ...] | None:
        """What the look showed, jobs of others left out."""

    def look_up_command(self, token: str, paths: Paths) -> list[str]:
        """Finds every job of one token whose id may be unknown; answers in the form `parse_status` reads."""

    def accounting_command(self, jobs: Mapping[str, Sequence[str]], paths: Paths) -> list[str] | None:
        """Asks for jobs that have left the queue; None where the queue system keeps no such account."""

    def parse_accounting(self, code: int | None, out: str, err: str) -> tuple[QueueEntry, ...] | None:
        """What the account says."""

    def output_name(self, job_id: str, member: int) -> str:
        """The file in the job's folder that takes what its script prints."""

    def cancel_commands(self, job_ids: Sequence[str], paths: Paths) -> list[list[str]]:
        """Ends these jobs: one command where that is safe, else one for each."""

    def hold_command(self, job_ids: Sequence[str], paths: Paths) -> list[str] | None:
        """Keeps waiting jobs from starting; None where nothing ever waits."""

    def release_command(self, job_ids: Sequence[str], paths: Paths) -> list[str] | None:
        """Lets held jobs start."""

    def queues_command(self, paths: Paths) -> list[str] | None:
        """Asks for the queues and their limits; None where there are none."""

    def parse_queues(self, code: int | None, out: str, err: str) -> tuple[Queue, ...] | None:
        """The queues this user may submit to, in the scheduler's order, the default one first."""


@runtime_checkable
class Accounts(Protocol):
    """What an adapter may also know: the accounts a user's work can be charged to."""

    accounts_are_open: bool  # to whoever asked, each of them, so that the only one can be taken without a question

    def accounts_command(self, user: str) -> list[str]:
        """Asks for the accounts of the user of this name."""

    def parse_accounts(self, code: int | None, out: str, err: str) -> tuple[str, ...] | None:
        """Their names, the one that is taken if nothing is said first."""


@runtime_checkable
class Reasons(Protocol):
    """What an adapter may also know: why jobs wait, where a look at the queue does not show it."""

    def reasons_command(self, job_ids: Sequence[str]) -> list[str]:
        """Asks why these jobs wait."""

    def parse_reasons(self, code: int | None, out: str, err: str) -> Mapping[str, str]:
        """Job id → why it waits, in the scheduler's own words; nothing of those it says nothing of."""


def quote(text: str) -> str:
    """A word of a POSIX shell line that stands for exactly `text`.

    >>> quote("plain"), quote("it's")
    ('plain', '\\'it\\'"\\'"\\'s\\'')
    """
    if _PLAIN.fullmatch(text):
        return text
    return "'" + text.replace("'", "'\"'\"'") + "'"


def slug(text: str, what: str) -> str:
    """`text` if it may stand in a directive line, where quoting does not work; BadResources otherwise.

    >>> slug("short", "queue")
    'short'
    """
    if not _PLAIN.fullmatch(text):
        raise BadResources(f"{what}={text!r} cannot stand in a job script. Use letters, digits and _@%+=:,./- only.")
    return text


def options(
    given: Iterable[str], mark: str, program: str, own: Mapping[str, str], values: Mapping[str, str]
) -> list[str]:
    """Options for the directive lines of a script: ours, then those the machine's owner or a user wrote.

    `own` are ours by what they ask for, as `memory` → `-l h_vmem=512M`, several names with spaces between. In a line
    of the owner `{memory}` stands for the value of that name, and the line takes the place of ours; where there is no
    such value, it is left out.

    >>> options(["#$ -l mem_free={memory}"], "#$", "qsub", {"memory": "-l h_vmem=1M"}, {"memory": "1M"})
    ['-l mem_free=1M']
    """
    options = [_option(line, mark, program) for line in given]
    lines = [line for line in options if set(_PLACE.findall(line)) <= values.keys()]
    said = {name for line in lines for name in _PLACE.findall(line)}
    kept = [option for names, option in own.items() if not said & set(names.split())]
    return kept + [_PLACE.sub(lambda found: values[found[1]], line) for line in lines]


def _option(line: str, mark: str, program: str) -> str:
    text = line.strip().removeprefix(mark).strip()
    if not text.startswith("-") or not text.isprintable():
        raise BadResources(
            f"{line!r} is not an option of {program}. Write one option a line, with or without {mark!r} before it."
        )
    return text


def up(amount: int, unit: int) -> int:
    """How many units hold the amount.

    >>> up(5, 2)
    3
    """
    return -(-amount // unit)


def head(shape: JobShape, directives: Sequence[str] = ()) -> list[str]:
    """The first lines of every script: the shell, the directives, and whose job it is."""
    return ["#!/bin/sh", *directives, f"# farpoint {shape.token}: {shape.pilots} pilots"]


def body(shape: JobShape, paths: Paths, member: str = '"${FARPOINT_MEMBER:-0}"', job_id: str = "") -> list[str]:
    """The last lines of every script: the owner's set-up, then the pilot in the shell's place, so it gets the signals.

    `member` is shell text for the number of this array member, from 0; `job_id` for the job's id as `parse_submit`
    gives it, where the shell knows it only when it runs.
    """
    pilot = [paths.python, "-I", "-S", paths.runner, "pilot", "--statedir", paths.statedir, "--workdir", paths.workdir]
    words = " ".join(quote(word) for word in [*pilot, "--token", shape.token])
    named = [f"export FARPOINT_JOB_ID={job_id}"] if job_id else []
    return ["umask 077", *paths.setup, *_exports(paths.env), *named, f"exec {words} --member {member}", ""]


def pilots(script: str) -> int:
    """How many pilots a script written with `head` asks for.

    >>> pilots("#!/bin/sh\\n# farpoint fpaaaaaaaaaaaaa: 3 pilots\\n")
    3
    """
    found = re.search(rf"^# farpoint {TOKEN.pattern}: ([0-9]+) pilots$", script, re.MULTILINE)
    return int(found[1]) if found else 1


def _exports(env: Mapping[str, str]) -> list[str]:
    for name in env:
        if not _VARIABLE.fullmatch(name):
            raise BadResources(f"env.{name} is not a name for an environment variable. Use letters, digits and _.")
    return [f"export {name}={quote(value)}" for name, value in env.items()]
