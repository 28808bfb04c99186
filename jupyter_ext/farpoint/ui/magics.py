"""`%%remote`, `%%scan` and `%remote`: cells sent away from the notebook, and what comes back into it.

A thin face: it reads the line, waits, and puts names and outputs where the user looks for them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from farpoint.api import far_cell, waiting
from farpoint.api.far_cell import Asked, Sent
from farpoint.api.here import project_of
from farpoint.api.placing import Said
from farpoint.api.run import Run
from farpoint.api.summary import clean, failures
from farpoint.counted import counted
from farpoint.errors import BadInput, Detached, FarpointError
from farpoint.model import RunRow, State
from farpoint.points import grid
from farpoint.project import Project
from farpoint.ui import jobs, shown, tagged
from farpoint.ui import line as lines
from farpoint.verbs import hold as holding
from farpoint.verbs import watch

VERBS = ("show", "pull", "cancel", "hold", "release")
TWICE = 3.0  # seconds within which a second interrupt means the work itself


def load(shell: Any) -> None:
    """Register the magics in an IPython shell, and send cells tagged `remote` away."""
    shell.register_magic_function(_briefly(partial(remote_cell, shell)), "cell", "remote")
    shell.register_magic_function(_briefly(partial(scan_cell, shell)), "cell", "scan")
    shell.register_magic_function(_briefly(partial(remote_line, shell)), "line", "remote")
    tagged.load(shell)


def _briefly(magic: Callable[..., Any]) -> Callable[..., Any]:
    """The magic, whose refusals are a line in the notebook: where in farpoint they were made helps nobody."""

    @wraps(magic.func if isinstance(magic, partial) else magic)
    def called(*given: str) -> Any:
        try:
            return magic(*given)
        except FarpointError as fault:
            if not hasattr(fault, "_render_traceback_"):
                shown.as_text(fault, [f"{type(fault).__name__}: {fault}"])
            raise

    return called


def asked_of(line: lines.Line, words: list[str], **more: Any) -> Asked:
    """What a line asks for; `words` are those that name no axis."""
    return Asked(
        place=Said(
            lines.machine(words), line.resources, line.once.get("points-per-job"), line.once.get("environment"),
            line.once.get("profile"),
        ),
        files=line.files, save=tuple(line.many["save"]), returns=tuple(line.many["return"]), name=line.once.get("as"),
        rerun="rerun" in line.flags, counted=counted(line.once.get("key"), line.many["ignore"]), **more,
    )  # fmt: skip


# ---------------------------------------------------------------------------------------------- %%remote
def remote_cell(shell: Any, text: str, cell: str) -> Run | None:
    """`%%remote [machine] --cpus N --time T …`: run the cell there, as if it ran here."""
    line = lines.read(text)
    if "points-per-job" in line.once:
        raise BadInput("--points-per-job is for %%scan: a %%remote cell is one point.")
    project = project_of(None)
    sent = far_cell.send(project, cell, shell.user_ns, asked_of(line, line.words))
    for row in sent.attached:
        shown.announce(row, project.clock())
    for message in sent.messages:
        print(message)
    run = far_cell.run_of(project, sent)
    if "detach" not in line.flags:
        attend(shell, project, sent, run)
        return None
    if line.once.get("as", "").isidentifier():
        shell.user_ns[line.once["as"]] = run
    print(f"{run.id} goes on by itself: %remote pull {run.id} brings its names")
    return run


def attend(shell: Any, project: Project, sent: Sent, run: Run) -> None:
    """Stay with a cell until it has ended, then do here what it did there."""
    teller = shown.Teller(project, lambda: far_cell.row_of(project, sent))
    _watched(shell, project, sent, run.id, lambda: teller.tell().state.final, run.cancel)
    row = teller.tell()
    if row.state in (State.COMPLETED, State.FAILED):
        brought = far_cell.bring(run, project, row, shell.user_ns)
        teller.rest(run)
        for why in brought.refused.values():
            print(f"not brought back: {why}")
    else:
        _unset(shell, sent)
    fault = far_cell.fault(run, project, row, shell.user_ns)
    if fault is not None:
        trace = shown.traceback(run)
        if trace:
            shown.as_text(fault, trace)
        raise fault


def _watched(
    shell: Any, project: Project, sent: Sent, name: str, ended: Callable[[], bool], cancel: Callable[[], Any]
) -> None:
    """Wait; an interrupt leaves the work going on, a second one soon after ends it. Detached where it was left."""
    try:
        waiting.wait_for(project, ended)
        return
    except KeyboardInterrupt:
        _unset(shell, sent)
        print(f"\nleaving {name}; interrupt again within {TWICE:.0f} s to cancel it")
    try:
        if waiting.wait_for(project, ended, TWICE):
            return
    except KeyboardInterrupt:
        cancel()
        raise Detached(f"{name} is being cancelled.") from None
    raise Detached(f"{name} goes on. %remote pull {name} brings its names here; so does running the cell again.")


def _unset(shell: Any, sent: Sent) -> None:
    """A name that still held its old value would be taken for the cell's result."""
    for name in sent.assigns:
        shell.user_ns.pop(name, None)


# ---------------------------------------------------------------------------------------------- %%scan
def scan_cell(shell: Any, text: str, cell: str) -> None:
    """`%%scan [machine] x=0:1:11 y=1,2 --cpus N …`: the cell at every point; `_scan` is the Scan."""
    line = lines.read(text)
    words, axes = lines.axes(line.words)
    if not axes:
        raise BadInput("%%scan needs an axis on its line, such as x=0:1:11 or y=1,2,3. For one point: %%remote.")
    project = project_of(None)
    sent = far_cell.send(project, cell, shell.user_ns, asked_of(line, words, points=grid(**axes)))
    scan = far_cell.scan_of(project, sent)
    shell.user_ns["_scan"] = scan
    known = sum(1 for row in sent.attached if row.state is State.COMPLETED)
    if known:
        print(f"↻ {scan.name}: {known} of {len(sent.numbers)} results found again; --rerun repeats them")
    for message in sent.messages:
        print(message)
    if "detach" in line.flags:
        if line.once.get("as", "").isidentifier():
            shell.user_ns[line.once["as"]] = scan
        return
    with waiting.bar(scan.name) as bar:
        _watched(shell, project, sent, scan.name, lambda: scan.look(bar), scan.cancel)
    for told in failures(far_cell.rows_of(project, sent)):
        print(told)
    shown.page(scan)


# ---------------------------------------------------------------------------------------------- %remote
def remote_line(shell: Any, text: str) -> Any:
    """`%remote ls`, and `%remote show|pull|cancel|hold|release RUN`, where RUN is a run's id or a cell's name."""
    verb, *words = text.split() or ["ls"]
    project = project_of(None)
    if verb == "ls" and not words:
        return jobs.Listing(jobs.rows(project), project.clock())
    if verb not in VERBS or len(words) != 1:
        known = f"{', '.join(VERBS[:-1])} or {VERBS[-1]}"
        raise BadInput(f"%remote {text}: say %remote ls, or %remote {known} and a run's id.")
    row = jobs.find(project, words[0])
    run = Run(project, row)
    if verb == "cancel":
        print(f"{run.id} is asked to end" if run.cancel() else f"{run.id} had ended already: {run.state}")
    elif verb == "show":
        shown.whole(project, row, run)
        return run
    elif verb in ("hold", "release"):
        _hold(project, row, holding.hold if verb == "hold" else holding.release)
    else:
        _pull(shell, project, row, run)
    return None


def _hold(project: Project, row: RunRow, order: Callable[..., holding.Asked]) -> None:
    """Ask, look once, and say how it stands then."""
    if row.state.final:
        print(f"{row.run} had ended already: {row.state}")
        return
    asked = order(project, [row])
    watch.hand_over(project)
    for said in asked.said:
        print(said)
    now = project.store.runs(project.id, run=row.run)[0]
    print(f"{now.run} is {now.state}{f' ({clean(now.reason)})' if now.reason else ''}")


def _pull(shell: Any, project: Project, row: RunRow, run: Run) -> None:
    sent = far_cell.found_again(project, row)
    if sent is None:
        raise BadInput(
            f"{run.id} is point {row.number} of scan {row.scan}: its values are in fp.attach({row.scan!r}).table"
        )
    attend(shell, project, sent, run)
