"""Options that several commands share, so that they are spelled and explained the same everywhere.

Knows click; no project.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

Command = TypeVar("Command", bound=Callable[..., Any])
Decorator = Callable[[Command], Command]

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout, and nothing else there.")
offline = click.option("--offline", is_flag=True, help="Ask no machine: show what is known here.")
detach = click.option("--detach", is_flag=True, help="Do not watch: return as soon as the work is handed over.")
on = click.option("--on", metavar="MACHINE", help="Where to run. Without it: here, or as farpoint.toml says.")
project = click.option(
    "--project",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="The project's folder, if not the current one's.",
)


def _scans(context: click.Context, _: click.Parameter, begun: str) -> list[CompletionItem]:
    """Names of scans, for the shell's completion."""
    from farpoint.project import RUNS, find_root

    found = find_root(context.params.get("project")) / RUNS
    return [CompletionItem(path.parent.name) for path in found.glob(f"{begun.replace('*', '')}*/scan.json")]


def target(metavar: str, *, required: bool = True) -> Callable[[Command], Command]:
    """The argument that names a scan, some of its points, or a run."""
    return click.argument("target", metavar=metavar, required=required, shell_complete=_scans)


queue = click.option("--queue", metavar="NAME", help="The queue, or a pattern: the best that fits is taken.")
account = click.option("--account", metavar="NAME", help="The account that pays for it.")
extra = click.option(
    "--extra", multiple=True, metavar="OPTION", help="An option for the scheduler as it is, such as --extra=--qos=long."
)
requires = click.option(
    "--requires", multiple=True, metavar="WORD", help="One of the capabilities that its machine must have."
)
per_job = click.option(
    "--points-per-job", metavar="N", help="Short points a pilot takes at a time; auto: about ten minutes' worth."
)


def resources(times: bool = False) -> Callable[[Command], Command]:
    """--cpus, --memory and all other resources; `times` says that x2 doubles what was asked before."""
    factor = " x2 doubles what it had." if times else ""
    described = {
        "--cpus": ("N", "Cores for one point."),
        "--memory": ("SIZE", "Memory for one point, such as 500MB or 4GB."),
        "--time": ("TIME", "The longest one point may run, such as 90s, 30m or 1h30m."),
        "--gpus": ("N", "GPUs for one point."),
        "--nodes": ("N", "Nodes for one point."),
        "--tasks": ("N", "Ranks of one point, started by the machine's launcher; --cpus is then for each of them."),
        "--retries": ("N", "How often a point that failed is tried again where it ran, before it counts as FAILED."),
    }

    def decorate(command: Command) -> Command:
        for name, (metavar, help_text) in reversed(described.items()):
            command = click.option(name, metavar=metavar, help=help_text + factor)(command)
        return queue(account(extra(requires(command))))

    return decorate


def given(**resources: Any) -> dict[str, Any]:
    """Those of the options that were given."""
    return {name: value for name, value in resources.items() if value not in (None, ())}
