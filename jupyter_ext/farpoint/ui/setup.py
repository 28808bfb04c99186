"""`farpoint add`, `doctor`, `env`, `template`: setting a machine up, and looking after it.

Nothing is written without a yes.
"""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from farpoint.api.here import project_of
from farpoint.api.summary import plural
from farpoint.config import MachineConfig
from farpoint.errors import BadInput
from farpoint.project import Project
from farpoint.resources import parse_time, resources
from farpoint.ui import exits, options, say
from farpoint.verbs import add as adding
from farpoint.verbs import doctor as examining
from farpoint.verbs import environment as environments
from farpoint.verbs import template as templates

yes = click.option("--yes", is_flag=True, help="Write it without asking.")
dry_run = click.option("--dry-run", is_flag=True, help="Show it, and write nothing.")


@click.command()
@click.argument("name", metavar="NAME")
@click.option("--host", metavar="ALIAS", help="What ssh calls it. Without: NAME if ssh knows it, else this computer.")
@click.option("--python", metavar="PATH", help="The Python there to begin with, if `python3` is none.")
@click.option("--scheduler", metavar="NAME", help="Its queue system, if not the one that is found; direct is none.")
@click.option("--in-project", is_flag=True, help="Into this project's farpoint.toml, not into yours for all projects.")
@yes
@dry_run
@options.project
@options.as_json
def add(
    name: str, host: str | None, python: str | None, scheduler: str | None, in_project: bool, yes: bool, dry_run: bool,
    project: Path | None, as_json: bool,
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
    found = adding.look(where, name, config, scheduler)
    if config.host is None and not found.scheduler.programs and scheduler is None:
        known = adding.known_aliases(name)
        raise BadInput(f"this computer has no queue system, and ssh knows no {name!r}{known} Name one: --host ALIAS.")
    made = adding.entry_for(name, config, found, sys.version_info[:2], _day(where))
    path = adding.target(where, own=in_project)
    if not as_json:
        say.out(made.text())
    if found.trouble:
        say.note(
            f"{found.scheduler.name} is installed there but does not answer; --scheduler direct does without a queue"
        )
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


@click.command()
@click.argument("name", metavar="[NAME]", default="local")
@click.option(
    "--wait", metavar="TIME", default="10m", show_default=True, help="How long its job may wait in the queue."
)
@click.option("--no-job", is_flag=True, help="Send no job: look only at the computer one signs in to.")
@click.option("--queue", metavar="QUEUE", help="The queue its job goes to.")
@click.option("--account", metavar="ACCOUNT", help="The account its job is charged to.")
@options.project
@options.as_json
def doctor(
    name: str, wait: str, no_job: bool, queue: str | None, account: str | None, project: Path | None, as_json: bool
) -> int:
    """Try everything about a machine once; each line is ok or says what to do.

    \b
    Example:
      farpoint doctor hpc

    Signs in, looks at shell, Python, clock, both folders, the queue system and the Python of your code, and sends one
    small job that meets this side in both folders. Ends with 0 if all is ok.
    """
    where = project_of(project)
    need = resources(cpus=1, time=examining.LIMIT, **options.given(queue=queue, account=account))
    findings = []
    for found in examining.doctor(where, name, need, parse_time(wait) or 0, job=not no_job):
        findings.append(found)
        if not as_json:
            say.out(_line(found))
    bad = [found for found in findings if found.state == "bad"]
    if as_json:
        say.data({"machine": name, "ok": not bad, "findings": [asdict(found) for found in findings]})
    elif bad:
        say.note(f"{plural(len(bad), 'thing')} to mend on {name}")
    away = any(found.what == "reach" for found in bad)
    return exits.PAUSED if away else exits.BADLY if bad else exits.WELL


def _line(found: examining.Finding) -> str:
    word = {"ok": "ok  ", "note": "note", "bad": "BAD "}[found.state]
    mend = f"\n      {'':14}  → {found.mend}" if found.mend else ""
    return f"{word}  {found.what:14}  {found.said}{mend}"


@click.command()
@click.argument("kind", type=click.Choice(templates.KINDS), metavar="machine", expose_value=False)
@click.argument("scheduler", metavar="SCHEDULER")
@options.as_json
def template(scheduler: str, as_json: bool) -> int:
    """Print a commented entry of farpoint.toml to fill in by hand.

    \b
    Example:
      farpoint template machine direct >> farpoint.toml

    `farpoint add` writes one that is filled in. SCHEDULER is any that is installed; a wrong one names them.
    """
    text = templates.template(scheduler)
    if as_json:
        say.data({"scheduler": scheduler, "entry": text})
    else:
        say.out(text.rstrip())
    return exits.WELL


@click.command()
@click.argument("name", metavar="NAME")
@click.option(
    "--wheels",
    type=click.Choice(["auto", "here", "there"]),
    default="auto",
    show_default=True,
    help="Where packages come from: its own index, or sent from here.",
)
@click.option(
    "--python",
    type=click.Choice(["auto", "here", "there"]),
    default="auto",
    show_default=True,
    help="What it is built on: a Python it has, or is brought if that is another minor version; one sent from here; "
    "the nearest it has.",
)
@click.option("--package", "only", multiple=True, metavar="NAME", help="Only these, and what they and notebooks need.")
@yes
@options.project
@options.as_json
def env(
    name: str, wheels: str, python: str, only: tuple[str, ...], yes: bool, project: Path | None, as_json: bool
) -> int:
    """Build an environment there that is equal to this one, and write it into the machine's entry on yes.

    \b
    Example:
      farpoint env hpc

    Packages in the versions they have here, but for what is installed from folders here: that travels with each run.
    An environment that is there is used again. Needs uv here; sends it where there is none, and wheels where there
    is no way to an index. Where no Python of this minor version is there, one is brought: fetched there by uv, else
    sent from here. One that does not run there is told with the reason, and the nearest that is there is taken.
    """
    where = project_of(project)
    built = environments.build(where, name, say.note, wheels, only, python)
    program = built.python["path"]
    file = environments.file_of(where, name)
    known = where.config.machine(name).environment == program
    written = False
    if not known and (yes or _agreed(f'write environment = "{program}" to {file}?', as_json=as_json)):
        environments.write(file, name, program)
        written = True
    if as_json:
        say.data(
            {"machine": name, "python": program, "version": built.python["version"], "key": built.lock.key,
             "how": built.how, "lost": list(built.lost), "left_out": list(built.lock.left_out), "written": written,
             "file": str(file), "warning": built.warning, "brought": built.brought, "not_brought": built.not_brought}
        )  # fmt: skip
        return exits.WELL
    say.out(f"{program}  ({built.how}, {plural(len(built.lock.requirements) - len(built.lost), 'package')})")
    for line in _about(built):
        say.note(line)
    say.note(
        f"written to {file}" if written else "it is set already" if known else "nothing was written; --yes writes it"
    )
    return exits.WELL


def _about(built: environments.Built) -> list[str]:
    lines = [built.warning] if built.warning else []
    if built.lost:
        lines.append(f"no wheel that fits was found for {', '.join(built.lost)}: they are not there")
    if built.lock.left_out:
        lines.append(
            f"left out: {', '.join(built.lock.left_out)} (from folders here; what a run imports travels with it)"
        )
    return lines
