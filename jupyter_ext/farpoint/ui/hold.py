"""`farpoint hold` and `release`: jobs that wait in a queue are kept from starting, and let go again.

Says what the queue shows afterwards; what runs already is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import click

from farpoint.api.summary import plural, waits
from farpoint.model import RunRow
from farpoint.project import Project
from farpoint.ui import exits, options, records, say
from farpoint.ui import target as targets
from farpoint.verbs import hold as holding


@click.command()
@options.target("SCAN[/NUMBER]")
@options.project
@options.as_json
def hold(target: str, project: Path | None, as_json: bool) -> int:
    """Keep jobs that wait in a queue from starting.

    \b
    Example:
      farpoint hold pulse

    The queue system holds whole jobs: other points of the same job wait too. What runs already goes on. A machine
    without a queue, as this computer, refuses.
    """
    return _change(target, project, holding.hold, "asked to be held", as_json=as_json)


@click.command()
@options.target("SCAN[/NUMBER]")
@options.project
@options.as_json
def release(target: str, project: Path | None, as_json: bool) -> int:
    """Let jobs start that were held.

    \b
    Example:
      farpoint release pulse

    They start when it is their turn.
    """
    return _change(target, project, holding.release, "asked to be released", as_json=as_json)


def _change(
    target: str,
    project: Path | None,
    ask: Callable[[Project, Iterable[RunRow]], holding.Asked],
    words: str,
    *,
    as_json: bool,
) -> int:
    found = targets.find(target, project)
    targets.refresh(found.project)
    asked = ask(found.project, found.rows())
    away = targets.refresh(found.project)  # what the queue says now
    if as_json:
        points = [records.point(found, row) for row in found.rows()]
        say.data({"scan": found.scan, "asked": asked.jobs, "messages": [*asked.said, *away], "points": points})
    else:
        if not asked.jobs and not asked.said:
            say.note(f"nothing of {found} is unfinished")
        if asked.jobs:
            say.out(f"{plural(asked.jobs, 'job')} of {found.scan} {words}")
            for line in waits(found.rows()):
                say.out(line)
        for message in (*asked.said, *away):
            say.note(message)
    return exits.PAUSED if away else exits.WELL
