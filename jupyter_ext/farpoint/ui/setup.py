"""`farpoint add`, `doctor`, `env`, `template`: setting a machine up, and looking after it.

Nothing is written without a yes.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click

from farpoint.api.here import project_of
from farpoint.config import MachineConfig
from farpoint.errors import BadInput
from farpoint.project import Project
from farpoint.ui import exits, options, say
from farpoint.verbs import add as adding

yes = click.option("--yes", is_flag=True, help="Write it without asking.")
dry_run = click.option("--dry-run", is_flag=True, help="Show it, and write nothing.")


@click.command()
@click.argument("name", metavar="NAME")
@click.option("--host", metavar="ALIAS", help="What ssh calls it. Without: NAME if ssh knows it, else this computer.")
@click.option("--python", metavar="PATH", help="The Python there to begin with, if `python3` is none.")
@click.option("--in-project", is_flag=True, help="Into this project's farpoint.toml, not into yours for all projects.")
@yes
@dry_run
@options.project
@options.as_json
def add(
    name: str, host: str | None, python: str | None, in_project: bool, yes: bool, dry_run: bool, project: Path | None,
    as_json: bool,
) -> int:  # fmt: skip
    """Set a machine up: look what is there, show its entry of farpoint.toml, write it on yes.

    \b
    Example:
      farpoint add hpc

    Signs in once, finds the queue system with its queues and limits, accounts, folders to work in and Pythons, and
    says of each setting why. Without --host, and where ssh knows no NAME, it is this computer's own queue.
    """
    where = project_of(project)
    adding.refuse_known(where, name)
    config = MachineConfig(host=adding.host_of(name, host), python=python, statedir=adding.STATE)
    say.note(f"looking at {config.host or 'this computer'} …")
    found = adding.look(where, name, config)
    if config.host is None and not found.scheduler.programs:
        known = adding.known_aliases(name)
        raise BadInput(f"this computer has no queue system, and ssh knows no {name!r}{known} Name one: --host ALIAS.")
    made = adding.entry_for(name, config, found, sys.version_info[:2], _day(where))
    path = adding.target(where, own=in_project)
    if not as_json:
        say.out(made.text())
    written = not dry_run and (yes or _agreed(f"write it to {path}?", as_json=as_json))
    if written:
        adding.write(path, made)
    if as_json:
        say.data({"machine": name, "file": str(path), "written": written, "entry": made.text(), **_seen(found)})
    elif written:
        say.note(f"written to {path}")
        say.next_steps((f"farpoint doctor {name}", "tries everything once"), *_then(made, name))
    else:
        say.note("nothing was written; --yes writes it" if not dry_run else "nothing was written")
    return exits.WELL


def _then(made: Any, name: str) -> list[tuple[str, str]]:
    if any(setting.key == "environment" for setting in made.settings):
        return []
    return [(f"farpoint env {name}", "builds an environment there like this one")]


def _agreed(question: str, *, as_json: bool) -> bool:
    """What the user says; no where nobody can be asked."""
    return not as_json and sys.stdin.isatty() and click.confirm(question, default=True, err=True)


def _day(project: Project) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(project.clock()))


def _seen(found: adding.Found) -> dict[str, Any]:
    return {
        "scheduler": found.scheduler.name, "queues": [queue.name for queue in found.queues],
        "accounts": list(found.accounts), "folders": found.survey["folders"], "pythons": list(found.pythons),
        "host": found.survey["host"], "user": found.survey["user"], "trouble": found.trouble,
    }  # fmt: skip
