"""Writes docs/reference/cli.md from the commands themselves: `python scripts/cli_reference.py`, or `make docs`."""

from __future__ import annotations

from pathlib import Path

import click

from farpoint.ui.cli import main

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "cli.md"
HEAD = """# The command line

This page is written from the commands themselves. `farpoint COMMAND --help` says the same.
"""


def sections(command: click.Command, name: str, parent: click.Context | None = None) -> list[str]:
    settings = {**command.context_settings, "terminal_width": 100, "max_content_width": 100}
    context = click.Context(command, parent, name, **settings)
    parts = [f"## {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"]
    if isinstance(command, click.Group):
        for child in sorted(command.list_commands(context)):
            found = command.get_command(context, child)
            if found and not found.hidden:
                parts += sections(found, child, context)
    return parts


def page() -> str:
    return "\n".join([HEAD, *sections(main, "farpoint")])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
