"""From an ssh alias to a machine's entry in farpoint.toml: look there, choose, say why, write it where it is told to.

Looks by way of one agent and the installed adapters; decides nothing about work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from farpoint import entry
from farpoint.config import FILE, MachineConfig, user_file
from farpoint.config_file import NAME
from farpoint.entry import Entry, Setting
from farpoint.errors import BadConfig, BadInput, nearest
from farpoint.machines import batch, registry
from farpoint.model import Queue
from farpoint.project import Project
from farpoint.resources import is_name, show_memory
from farpoint.schedulers.base import Accounts, Scheduler
from farpoint.transports import aliases
from farpoint.verbs import entry_file

STATE = "~/.local/state/farpoint"  # where the first agent lives, before a better folder is known
NEEDS = ("nbclient", "ipykernel", "nbformat", "cloudpickle", "numpy")  # looked for in each Python there
NOTEBOOK = ("nbclient", "ipykernel", "nbformat")  # what a notebook cannot run without
SECONDS = 45.0  # for the Pythons there
LOOK = 90.0  # seconds for the rest
COMMAND = 30.0
ROOM = 256 << 20  # bytes a folder must have free for small files
# File systems that compute nodes usually see too; another one may be this computer's own.
SHARED = ("nfs", "nfs4", "lustre", "gpfs", "beegfs", "ceph", "panfs", "wekafs", "orangefs", "afs", "cifs", "quobyte")
DAY = 86400


@dataclass(frozen=True, slots=True)
class Found:
    """What was seen there: the agent's survey, its Pythons, the queue system if there is one."""

    survey: Mapping[str, Any]
    pythons: Sequence[Mapping[str, Any]]
    scheduler: Scheduler
    queues: Sequence[Queue] = ()
    accounts: Sequence[str] = ()
    trouble: str = ""  # why its queues are not known
    also: Sequence[str] = field(default=())  # other queue systems whose programs are there


def host_of(name: str, host: str | None) -> str | None:
    """What ssh is to be told for a machine of this name: the host given, else the name if ssh knows it, else nothing.

    BadInput where the name cannot be one.
    """
    if not NAME.fullmatch(name):
        raise BadInput(f"{name!r} is not a name for a machine: letters, digits and . _ - only.")
    if host is not None and (host.startswith("-") or not host.strip() or not host.isprintable()):
        raise BadInput(f"--host {host!r} is not what ssh calls a host.")
    return host or (name if aliases.knows(name) else None)


def look(project: Project, name: str, config: MachineConfig, scheduler: str | None = None) -> Found:
    """Sign in and look, at that `scheduler` if one is named. Unreachable where nobody answers; never fails for what is
    not there.
    """
    installed = registry.Installed(registry.SCHEDULERS)
    if scheduler is not None and scheduler not in installed:
        hint = nearest(scheduler, installed)
        raise BadInput(f"there is no scheduler {scheduler!r} (installed: {', '.join(sorted(installed))}).{hint}")
    machine = registry.build_machine(name, config, project.state, project.owner, project.clock)
    try:
        if not isinstance(machine, batch.Machine):
            raise BadInput(
                f"machine {name!r} is of type {config.type!r}: only a machine with an agent can be looked at."
            )
        return _look(machine, {each: installed[each]() for each in sorted(installed)}, scheduler)
    finally:
        machine.close()


def _look(machine: batch.Machine, known: Mapping[str, Scheduler], named: str | None) -> Found:
    wanted = sorted({program for scheduler in known.values() for program in scheduler.programs})
    survey = machine.call("survey", programs=wanted, deadline=LOOK).value
    pythons = machine.call("pythons", names=NEEDS, seconds=SECONDS, deadline=SECONDS + LOOK).value
    there = [each for each in known.values() if each.programs and set(each.programs) <= set(survey["programs"])]
    if named is not None:
        there = [known[named]]
    asked = [(each, *_queues(machine, each)) for each in there]
    asked.sort(key=lambda one: bool(one[2]))  # one that answers comes before one that does not
    if not asked:
        return Found(survey, pythons, known["direct"])
    (chosen, queues, trouble), *others = asked
    also = [each.name for each, _, _ in others]
    return Found(survey, pythons, chosen, queues, _accounts(machine, chosen, survey["user"]), trouble, also)


def _queues(machine: batch.Machine, scheduler: Scheduler) -> tuple[Sequence[Queue], str]:
    """Its queues, and why they are not known."""
    argv = scheduler.queues_command(machine.paths())
    if argv is None:
        return (), ""
    done = machine.call("run", argv=argv, timeout=COMMAND, deadline=LOOK).value
    queues = scheduler.parse_queues(done["exit"], done["stdout"], done["stderr"])
    if queues is not None:
        return queues, ""
    said = (done["stderr"] or done["stdout"]).strip().splitlines()[-1:] or ["no answer"]
    return (), f"{argv[0]}: {said[0][:200]}"


def _accounts(machine: batch.Machine, scheduler: Scheduler, user: str) -> Sequence[str]:
    """Those it names, none where it does not say: without them everything else goes on."""
    if not isinstance(scheduler, Accounts):
        return ()
    argv = scheduler.accounts_command(user)
    done = machine.call("run", argv=argv, timeout=COMMAND, deadline=LOOK).value
    return scheduler.parse_accounts(done["exit"], done["stdout"], done["stderr"]) or ()


# ---------------------------------------------------------------------------------------------- choosing


def entry_for(name: str, config: MachineConfig, found: Found, minor: Sequence[int], today: str) -> Entry:
    """The machine as it would be written; `minor` is this kernel's Python, as (3, 11)."""
    survey = found.survey
    settings = [Setting("host", config.host, "as ssh knows it")] if config.host else []
    settings += [Setting("transport", config.transport)] if config.transport else []
    settings += [Setting("scheduler", found.scheduler.name, _why_scheduler(found))]
    settings += _folders(found)
    settings += [Setting("python", survey["python"], f"{_dotted(survey['version'])}: runs pilots, needs no package")]
    settings += _environment(found.pythons, minor, name)
    settings += _account(found)
    settings += _remarks(found)
    about = f"{survey['user']} on {survey['host']}, as `farpoint add {name}` found it on {today}"
    return Entry(name, settings, about, {queue.name: _queue(queue) for queue in found.queues})


def _why_scheduler(found: Found) -> str:
    programs = found.scheduler.programs
    if not programs:
        return "no queue system was found: runs start at once on that computer"
    where = found.survey["programs"][programs[0]]
    others = f"; {', '.join(found.also)} is there too" if found.also else ""
    return f"{where} is there{others}"


def _folders(found: Found) -> list[Setting]:
    """statedir where nothing is ever purged, workdir where there is most room."""
    rooms = [room for room in found.survey["folders"] if not room["trouble"] and room["links"]]
    home = found.survey["home"]
    if not rooms:
        seen = "; ".join(f"{room['path']}: {room['trouble'] or 'no hard links'}" for room in found.survey["folders"])
        raise BadInput(
            f"no folder there can be written to ({seen or 'none was found'}). Name two that can: see the how-to."
        )
    away = found.scheduler.programs and any(room["fstype"] in SHARED for room in rooms)

    def seen_by_nodes(room: Mapping[str, Any]) -> bool:
        return not away or room["fstype"] in SHARED or room["fstype"].startswith("fuse.")

    best = max(rooms, key=lambda room: (seen_by_nodes(room), room["path"] != home, room["free"]))
    kept = [room for room in rooms if room["path"] == home and room["free"] > ROOM] or sorted(
        rooms, key=lambda room: (bool(room.get("purge")), not seen_by_nodes(room), -room["free"])
    )
    state = f"{kept[0]['path'].rstrip('/')}/{'.local/state/farpoint' if kept[0]['path'] == home else 'farpoint'}"
    work = f"{best['path'].rstrip('/')}/{'.cache/farpoint' if best['path'] == home else 'farpoint'}"
    settings = [
        Setting("statedir", state, f"small files that must stay: {_room(kept[0])}"),
        Setting("workdir", work, f"inputs and results: {_room(best)}"),
    ]
    if best.get("purge"):
        law = best["purge"]
        settings.append(Setting("purge", f"{law['days']}d", f"{law['by']}: {law['said']}"))
    others = [room for room in found.survey["folders"] if room["path"] not in (kept[0]["path"], best["path"])]
    return settings + [Setting("", why=f"also: {room['path']}, {room['trouble'] or _room(room)}") for room in others]


def _room(room: Mapping[str, Any]) -> str:
    files = f", {room['inodes']:,} files" if room["inodes"] is not None else ""
    return f"{show_memory(room['free'])} free{files}, {room['fstype'] or 'unknown file system'}"


def _environment(pythons: Sequence[Mapping[str, Any]], minor: Sequence[int], name: str) -> list[Setting]:
    """The Python for the user's code, and the module it hides behind. The others are remarked."""
    best = choose_python(pythons, minor)
    said = [
        f"{_dotted(each['version'])} {each['path']}{_behind(each)}{' (runs notebooks)' if _complete(each) else ''}"
        for each in pythons
        if each is not best
    ]
    remarks = [Setting("", why=f"other Pythons: {'; '.join(said)}")] if said else []
    if best is None or not (_complete(best) or list(best["version"][:2]) == list(minor)):
        why = f"environment: `farpoint env {name}` builds one like this kernel's (Python {_dotted(minor)})"
        return [Setting("", why=why), *remarks]
    why = f"{_dotted(best['version'])}{', as this kernel' * (list(best['version'][:2]) == list(minor))}"
    lacks = [each for each in NOTEBOOK if each not in best["has"]]
    why += f"; without {', '.join(lacks)}: no notebooks before `farpoint env {name}`" if lacks else "; runs notebooks"
    settings = [Setting("environment", best["path"], why)]
    if best["module"]:
        settings.append(Setting("setup", [f"module load {best['module']}"], "before each pilot"))
    return [*settings, *remarks]


def _account(found: Found) -> list[Setting]:
    """The account, where there is only one to choose. Several are named, and those that may be closed to the user."""
    names = found.accounts
    if not names:
        return []
    sure = isinstance(found.scheduler, Accounts) and found.scheduler.accounts_are_open
    if sure and len(names) == 1 and is_name(names[0]):
        return [Setting("account", names[0], "your only one; account= of a run names another")]
    usual = f"; {names[0]} unless something is said" if sure and len(names) > 1 else ""
    return [Setting("", why=f"accounts: {', '.join(names)}{usual} (account = here, or account= of a run)")]


def choose_python(pythons: Sequence[Mapping[str, Any]], minor: Sequence[int]) -> Mapping[str, Any] | None:
    """The one for the user's code: this kernel's minor version counts most, then what notebooks need, then nearness.

    >>> old, same = {"version": [3, 6, 8], "has": [], "module": ""}, {"version": [3, 11, 4], "has": [], "module": "p"}
    >>> choose_python([old, same], [3, 11])["version"]
    [3, 11, 4]
    """

    def worth(each: Mapping[str, Any]) -> tuple[object, ...]:
        major, small = each["version"][:2]
        same = [major, small] == list(minor)
        return same, _complete(each), -abs(small - minor[1]), len(each["has"]), not each["module"]

    return max(pythons, key=worth, default=None)


def _complete(python: Mapping[str, Any]) -> bool:
    return all(name in python["has"] for name in NOTEBOOK)


def _behind(python: Mapping[str, Any]) -> str:
    return f" (module load {python['module']})" if python["module"] else ""


def _dotted(version: Sequence[int]) -> str:
    return ".".join(map(str, version))


def _remarks(found: Found) -> list[Setting]:
    said = []
    if found.trouble:
        said.append(f"its queues could not be asked: {found.trouble}")
    if found.queues:
        said.append("the queues are as the scheduler told them; the most one run can have there. false takes one away")
    return [Setting("", why=each) for each in said]


def _queue(queue: Queue) -> list[Setting]:
    values: dict[str, Any] = {
        "cpus": queue.cpus,
        "memory": None,
        "time": None,
        "gpus": queue.gpus,
        "nodes": queue.nodes,
    }
    if queue.memory is not None:
        values["memory"] = entry.memory(queue.memory)
    if queue.time is not None:
        values["time"] = entry.time(queue.time)
    if queue.header:
        values["header"] = list(queue.header)
    return [Setting(name, each) for name, each in values.items() if each is not None]


# ---------------------------------------------------------------------------------------------- writing


def target(project: Project, *, own: bool) -> Path:
    """The file the entry goes to: the user's, for all projects, or this project's own."""
    if own:
        return project.root / FILE
    path = user_file()
    if path is None:
        raise BadConfig("FARPOINT_CONFIG is empty, so there is no file of yours. Unset it, or say --in-project.")
    return path


def refuse_known(project: Project, name: str) -> None:
    """BadConfig where a machine of this name is set up already."""
    if name in project.config.machines and name != "local":
        where = project.config.sources.get((name, "scheduler")) or project.config.sources.get(
            (name, "host"), "the settings"
        )
        raise BadConfig(f"machine {name!r} is in {where} already. Take it out there to begin anew.")
    if name == "local":
        raise BadConfig("machine 'local' is this computer without a queue, and always there. Give another name.")


def write(path: Path, made: Entry) -> None:
    """Add the entry to the file: nothing that is there changes, and what comes of it is read once to be sure."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    entry_file.replace(path, entry.append(before, made))


def known_aliases(name: str) -> str:
    """What ssh knows, for the error that says it does not know `name`."""
    found = aliases.aliases()
    listed = f" (ssh knows: {', '.join(found[:12])})" if found else ""
    return f"{listed}.{nearest(name, found)}"
