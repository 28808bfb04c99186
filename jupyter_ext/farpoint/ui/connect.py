"""`farpoint connect`, `disconnect`: signing in to a machine, and out.

Knows what to say about it; ssh itself asks for what it needs, on the terminal.
"""

from __future__ import annotations

from pathlib import Path

import click

from farpoint.api.here import project_of
from farpoint.resources import show_time
from farpoint.ui import exits, options, say
from farpoint.verbs import connect as signing


@click.command()
@click.argument("machine")
@options.project
@options.as_json
def connect(machine: str, project: Path | None, as_json: bool) -> int:
    """Sign in to a machine; ssh may ask for a password or a code.

    \b
    Example:
      farpoint connect hpc

    Kernels, commands and servers of yours share the sign-in; nothing else ever asks. It ends when nobody used it for
    keep_login, or with farpoint disconnect. Work that was paused for it goes on.
    """
    found = signing.connect(project_of(project), machine)
    if as_json:
        say.data({"machine": machine, "host": found.host, "before": found.before, "keep_login": found.keep})
        return exits.WELL
    done = "signed in already" if found.before else "signed in"
    say.out(f"{machine}: {done} to {found.host}; ends {show_time(int(found.keep))} after its last use")
    say.next_steps((f"farpoint disconnect {machine}", "ends it now"))
    return exits.WELL


@click.command()
@click.argument("machine")
@options.project
@options.as_json
def disconnect(machine: str, project: Path | None, as_json: bool) -> int:
    """Sign out of a machine, for everything of yours that uses it.

    \b
    Example:
      farpoint disconnect hpc

    Work there goes on; what it writes is brought after the next farpoint connect.
    """
    ended = signing.disconnect(project_of(project), machine)
    if as_json:
        say.data({"machine": machine, "ended": ended})
    else:
        say.out(f"{machine}: signed out; work there goes on" if ended else f"{machine}: nobody was signed in")
    return exits.WELL
