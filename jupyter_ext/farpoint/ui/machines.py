"""`farpoint machines`: where work can be sent, how it stands there, and where each setting comes from.

Takes one quick look, unless --offline; changes nothing there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from farpoint.api import troubles
from farpoint.api.here import project_of
from farpoint.api.summary import clean, span
from farpoint.config import MachineConfig
from farpoint.errors import FarpointError
from farpoint.model import JobRow, Limits, Pause, State
from farpoint.project import PREPARED, Project
from farpoint.resources import show_memory, show_time
from farpoint.ui import exits, options, records, say
from farpoint.ui import target as targets
from farpoint.ui.shown import when
from farpoint.verbs import watch

TIMES = ("time", "poll", "grace", "beat", "keep_login", "purge")
LIMITS = ("max_jobs", "max_array", "max_running", "host", "launcher", "purge")  # without them there is none
UNCOUNTED = 1 << 20  # cores or GPUs: no machine has so many, so it is no limit


@click.command()
@click.option("--explain", metavar="NAME", help="Every setting of one machine, and where it was set.")
@options.offline
@options.project
@options.as_json
def machines(explain: str | None, offline: bool, project: Path | None, as_json: bool) -> int:
    """List the machines that work can be sent to, and how it stands there.

    \b
    Example:
      farpoint machines --explain local

    `local` is this computer and needs no settings; others are in farpoint.toml. The default is marked with *. Jobs, and
    runs that wait or run, are this project's. A machine that does not answer is paused: what runs there goes on, and it
    is asked again by itself while a kernel, Lab or farpoint watch runs.
    """
    where = project_of(project)
    if explain is not None:
        return _explain(where, explain, as_json=as_json)
    if not offline:
        _look(where)
    found = _machines(where, offline=offline)
    if as_json:
        say.data(found)
    else:
        say.out(_list(found))
        for line in _below(where, found):
            say.note(line)
        silent = [each["machine"] for each in found if each["trouble"]]
        if silent:
            say.next_steps((f"farpoint doctor {silent[0]}", "tries everything about it once"))
    return exits.PAUSED if any(each["trouble"] for each in found) else exits.WELL


def _look(project: Project) -> None:
    """Ask machines with open work how it goes, and those that are paused whether they answer now."""
    targets.refresh(project)  # what it says of machines is read from the store below
    for name in project.config.machines:
        if project.store.paused(name):
            watch.tick_machine(project, name)


def _machines(project: Project, *, offline: bool) -> list[dict[str, Any]]:
    """What is known of each machine, those too that only have work of ours left."""
    known = targets.is_known(project)
    jobs = project.store.jobs(project.id, open_only=True) if known else []
    runs = project.store.going_on(project.id) if known else {}
    names = dict.fromkeys([*project.config.machines, *(job.machine for job in jobs)])
    return [_machine(project, name, [job for job in jobs if job.machine == name], runs.get(name, {}), offline=offline)
            for name in names]  # fmt: skip


def _machine(
    project: Project, name: str, jobs: list[JobRow], runs: dict[State, int], *, offline: bool
) -> dict[str, Any]:
    settings, told = project.config.machines.get(name, MachineConfig()), name in project.config.machines
    pause = project.store.paused(name)
    limits, trouble = (None, pause.why if pause else "") if offline or pause else _ask(project, name)
    return {
        "machine": name, "default": name == project.config.default_machine, "type": settings.type,
        "scheduler": settings.scheduler if told else "by hand" if name.startswith(PREPARED) else None,
        "transport": settings.transport or ("ssh" if settings.host else "pipe") if told else None,
        "host": settings.host,
        "cpus": _most(limits.cpus) if limits else settings.cpus,
        "memory": limits.memory if limits else settings.memory,
        "gpus": _most(limits.gpus) if limits else settings.gpus,
        "queues": [queue.name for queue in limits.queues] if limits else list(settings.queues),
        "state": _state(pause, trouble, offline=offline),
        "jobs": len(jobs), "waiting": runs.get(State.NEW, 0) + runs.get(State.QUEUED, 0),
        "running": runs.get(State.RUNNING, 0), "why": limits.why if limits else "", "trouble": clean(trouble),
        "paused_since": records.when(pause.since) if pause else None,
        "messages": troubles.of_jobs(jobs),
    }  # fmt: skip


def _state(pause: Pause | None, trouble: str, *, offline: bool) -> str:
    if pause:
        return "paused"
    return "away" if trouble else "not asked" if offline else "answers"


def _ask(project: Project, name: str) -> tuple[Limits | None, str]:
    """What a machine can give one run, if it answers, and why not."""
    try:
        machine = project.machine(name)
        machine.observe({}, queue=False)  # its limits may all be known here
        return machine.limits(), ""
    except FarpointError as fault:
        return None, str(fault)


def _list(found: list[dict[str, Any]]) -> str:
    lines = [
        [each["machine"] + " *" * each["default"], each["scheduler"] or "-", _where(each), _or_dash(each["cpus"]),
         show_memory(each["memory"]) if each["memory"] else "-", _or_dash(each["gpus"]), each["jobs"], each["waiting"],
         each["running"], each["state"], each["why"] or _queues(each["queues"])]
        for each in found
    ]  # fmt: skip
    numbers = ["cpus", "memory", "gpus", "jobs", "waiting", "running"]
    return say.columns(["machine", "scheduler", "where", *numbers, "state", ""], lines, right=numbers)


def _where(each: dict[str, Any]) -> str:
    return f"ssh {each['host']}" if each["host"] else "here" if each["transport"] else "-"


def _below(project: Project, found: list[dict[str, Any]]) -> list[str]:
    """A line for each machine that does not answer, and for jobs that do not get on."""
    lines: list[str] = []
    for each in found:
        pause = project.store.paused(each["machine"])
        if pause:
            lines.append(_paused(each["machine"], pause, project.clock()))
        elif each["trouble"]:
            lines.append(f"{each['machine']}: {each['trouble']}")
        lines += each["messages"]
    return lines


def _paused(name: str, pause: Pause, now: float) -> str:
    since = f" since {when(pause.since, now)} ({span(now - pause.since)})" if pause.since is not None else ""
    tries = f", after {pause.failures} tries" if pause.failures > 1 else ""
    again = f"in {span(pause.again - now)}" if pause.again > now else "at the next look"
    return f"{name} is paused{since}{tries}: {clean(pause.why).rstrip('.')}. Next try {again}."


def _most(count: int) -> int | None:
    """None where only the queues' own limits count."""
    return count if count < UNCOUNTED else None


def _queues(names: list[str], most: int = 6) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"queues {', '.join(names[:most])}{more}" if names else ""


def _or_dash(number: int | None) -> str:
    return "-" if number is None else str(number)


def _setting(key: str, value: Any) -> str:
    """A value in the form in which it can be written."""
    if isinstance(value, tuple):
        return "; ".join(map(str, value)) or "none"
    name = key.rpartition(".")[2]
    if key == "transport" and value is None:
        return "ssh with a host, else pipe"
    if value is None:
        return "not known" if key.startswith("queues.") else "none" if name in LIMITS else "the machine decides"
    if name == "memory" and not key.startswith("env."):
        return show_memory(value)
    return show_time(int(value)) if name in TIMES and not key.startswith("env.") else str(value)


def _explain(project: Project, name: str, *, as_json: bool) -> int:
    rows = project.config.explain(name)
    if as_json:
        say.data({key: {"value": value, "set_by": source} for key, value, source in rows})
        return exits.WELL
    lines = [[key, _setting(key, value), source] for key, value, source in rows]
    say.out(say.columns(["setting", "value", "set by"], lines))
    return exits.WELL
