"""`farpoint`: the command line's door. Commands are loaded when they are called, so that --help is quick.

Knows the commands' names and what faults become; nothing of what commands do.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from farpoint._version import __version__
from farpoint.errors import nearest
from farpoint.ui import exits

# section → command → (module, first line of its help)
SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Run": {
        "run": ("run", "Run a notebook at one point or at many."),
        "retry": ("change", "Try points again that ended without a result."),
        "cancel": ("change", "End runs that have not ended."),
        "hold": ("hold", "Keep jobs that wait in a queue from starting."),
        "release": ("hold", "Let jobs start that were held."),
    },
    "Look": {
        "ls": ("ls", "List this project's scans, or its points in one state."),
        "show": ("look", "Show how a scan, some of its points, or a run stands."),
        "table": ("look", "Print a scan's table: parameters, recorded values, states."),
        "logs": ("follow", "Print what a run printed."),
        "watch": ("follow", "Watch unfinished work until it has ended, and drive it on."),
        "html": ("look", "Write a scan's explorer: one file with sliders, figures, a map and the table."),
    },
    "Reach": {
        "connect": ("connect", "Sign in to a machine; ssh may ask for a password or a code."),
        "disconnect": ("connect", "Sign out of a machine, for everything of yours that uses it."),
    },
    "Keep": {
        "fetch": ("change", "Bring results here: notebooks, output, saved files."),
        "du": ("house", "Show how much room scans take, here and on machines."),
        "clean": ("house", "Remove from machines what was fetched; says first what it would do."),
        "rm": ("change", "Delete a scan, here and on its machines."),
        "recover": ("house", "Find everything again after the index or this computer was lost."),
        "machines": ("machines", "List the machines that work can be sent to, and how it stands there."),
    },
    "Machines": {
        "add": ("setup", "Set a machine up: look what is there, show its entry of farpoint.toml, write it on yes."),
        "doctor": ("setup", "Try everything about a machine once; each line is ok or says what to do."),
        "env": (
            "setup",
            "Build an environment there that is equal to this one, and write it into the machine's entry on yes.",
        ),
        "template": ("setup", "Print a commented entry of farpoint.toml to fill in by hand."),
    },
}
COMMANDS = {name: place for section in SECTIONS.values() for name, place in section.items()}


class Door(click.Group):
    """The group of all commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in telling order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One command, loaded now; its module is named as its place says, and it bears the command's name there."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"farpoint.ui.{COMMANDS[cmd_name][0]}"), cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest name for one that is not there."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(f"there is no command {args[0]!r}.{nearest(args[0], COMMANDS)}", ctx)
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Commands by section, then options."""
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, line) for name, (_, line) in commands.items()])
        click.Command.format_options(self, ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What the exit codes and the environment mean."""
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), meaning) for code, meaning in exits.MEANING])
        with formatter.section("Environment"):
            formatter.write_dl(
                [
                    ("FARPOINT_STATE", "the folder of the index and of work that runs here"),
                    ("FARPOINT_CONFIG", "your own farpoint.toml, in place of the usual one"),
                    ("FARPOINT_DEBUG", "1 shows the traceback of every error"),
                    ("NO_COLOR", "1 leaves colours out"),
                    ("_FARPOINT_COMPLETE", "bash_source, zsh_source or fish_source prints the shell's completion"),
                ]
            )

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, *_: Any, **extra: Any) -> Any:
        """Run one command and exit with its code: click's own way knows neither our faults nor our codes."""
        given = sys.argv[1:] if args is None else list(args)
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr] # no locale makes a command fail
        try:
            self._main_shell_completion(extra, "farpoint")
            with self.make_context("farpoint", given) as context:
                code = self.invoke(context) or exits.WELL
            sys.stdout.flush()
        except SystemExit:
            raise
        except BaseException as fault:
            if exits.debugging() and not isinstance(fault, click.exceptions.Exit | click.ClickException):
                raise
            code = exits.report(fault, as_json="--json" in given)
        sys.exit(code)


@click.group(cls=Door, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="farpoint %(version)s")
@click.pass_context
def main(context: click.Context) -> None:
    """Run a notebook at one point or at ten thousand, and get a table back.

    \b
    farpoint run pulse.ipynb -p amplitude=0.5,1,2 -p width=0.1:0.3:5
    farpoint show pulse
    farpoint table pulse --csv pulse.csv

    Work goes on when this command, the terminal or the kernel ends. SCAN is a scan's name or folder, SCAN/7 its point
    7, SCAN/3:7 its points 3 to 6; a run is also known by its id. The commands say more: farpoint run --help.
    """
    if context.invoked_subcommand is None:
        click.echo(short_help())


def short_help() -> str:
    """What `farpoint` alone prints."""
    lines = [f"farpoint {__version__}: run a notebook at many points, and get a table back.", ""]
    lines += [f"  {title.lower():<5} {'  '.join(commands)}" for title, commands in SECTIONS.items()]
    lines += ["", "  farpoint run pulse.ipynb -p amplitude=0.5,1,2 -p width=0.1:0.3:5", ""]
    return "\n".join([*lines, "farpoint --help tells what each does, farpoint COMMAND --help how."])
