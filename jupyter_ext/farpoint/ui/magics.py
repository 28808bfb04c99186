"""`%%remote`, `%remote` and cells tagged `remote`: a cell sent away from the notebook, and what comes back into it.

A thin face: it reads the line, waits, and puts names and outputs where the user looks for them.
"""

from __future__ import annotations

from typing import Any

from farpoint.api import far_cell, standing, waiting
from farpoint.api.far_cell import Asked, Sent
from farpoint.api.here import project_of
from farpoint.api.run import Run
from farpoint.errors import Detached
from farpoint.model import RunRow, State
from farpoint.project import Project
from farpoint.resources import resources
from farpoint.ui import line as lines
from farpoint.ui import shown

TWICE = 3.0  # seconds within which a second interrupt means the work itself


def load(shell: Any) -> None:
    """Register the magics in an IPython shell."""
    shell.register_magic_function(lambda line, cell: remote_cell(shell, line, cell), "cell", "remote")


def remote_cell(shell: Any, text: str, cell: str) -> Run | None:
    """`%%remote [machine] --cpus N --time T …`: run the cell there, as if it ran here."""
    line = lines.read(text)
    project = project_of(None)
    asked = Asked(
        machine=lines.machine(line.words), resources=resources(**line.resources), files=line.files,
        save=tuple(line.many["save"]), returns=tuple(line.many["return"]), name=line.once.get("as"),
        rerun="rerun" in line.flags, environment=line.once.get("environment"),
    )  # fmt: skip
    sent = far_cell.send(project, cell, shell.user_ns, asked)
    for row in sent.attached:
        shown.announce(row, project.clock())
    for message in sent.messages:
        print(message)
    row = _row(project, sent)
    run = Run(project, row)
    if "detach" in line.flags:
        if line.once.get("as"):
            shell.user_ns[line.once["as"]] = run
        return run
    _follow(shell, project, sent, run)
    finish(shell, project, _row(project, sent), run)
    return None


def _row(project: Project, sent: Sent) -> RunRow:
    return standing.rows(project, sent.scan, numbers=sent.numbers[:1])[0]


def _follow(shell: Any, project: Project, sent: Sent, run: Run) -> None:
    """Print what it prints until it has ended; an interrupt leaves it, a second one soon after ends it."""
    teller = shown.Teller(project, lambda: _row(project, sent))

    def ended() -> bool:
        return teller.tell().state.final

    try:
        waiting.wait_for(project, ended)
        return
    except KeyboardInterrupt:
        _unset(shell, sent)
        print(f"\nleaving {run.id}: interrupt again within {TWICE:.0f} s to cancel it")
    try:
        if waiting.wait_for(project, ended, TWICE):
            return
    except KeyboardInterrupt:
        run.cancel()
        raise Detached(f"{run.id} is being cancelled.") from None
    raise Detached(f"{run.id} goes on. %remote pull {run.id} brings its names here; running the cell again attaches.")


def _unset(shell: Any, sent: Sent) -> None:
    """A name that still held its old value would be taken for the cell's result."""
    for name in sent.assigns:
        shell.user_ns.pop(name, None)


def finish(shell: Any, project: Project, row: RunRow, run: Run) -> None:
    """Bring back what a cell that ended left: names, outputs, or the exception it ended with."""
    if row.state in (State.COMPLETED, State.FAILED):
        brought = far_cell.bring(run, project, row, shell.user_ns)
        shown.outputs(run)
        for name, why in brought.refused.items():
            print(f"{name} stays there: {why}")
    fault = far_cell.fault(run, project, row, shell.user_ns)
    if fault is not None:
        raise fault
