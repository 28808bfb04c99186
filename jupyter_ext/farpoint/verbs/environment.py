"""An environment on a machine that is equal to this kernel's: which packages, which wheels, built there, used again.

Knows packages and wheels; the Python under it, the building there and farpoint.toml are the work of others.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from farpoint import entry
from farpoint.errors import BadInput, MachineError, nearest
from farpoint.machines import batch
from farpoint.project import Project
from farpoint.runner import layout
from farpoint.verbs import entry_file, interpreter, uv
from farpoint.verbs.interpreter import Brought
from farpoint.verbs.uv import Say

NEEDS = ("nbclient", "ipykernel", "nbformat", "cloudpickle", "numpy")
BASIC = ("nbclient", "ipykernel", "nbformat", "cloudpickle")
SECONDS = 900.0  # for each step there
LOOK = 120.0
OURS = frozenset({"farpoint", "pip", "setuptools", "wheel", "uv"})  # what makes an environment and is not run in it
_LIBC = re.compile(r"glibc ([0-9]+)\.([0-9]+)")
_MISSING = re.compile(r"No matching distribution found for (\S+)")
_NAME = re.compile(r"[-_.]+")


@dataclass(frozen=True, slots=True)
class Lock:
    """What an environment is to hold, for a Python. `exact`: versions are as here, so nothing else is looked for."""

    requirements: tuple[str, ...]
    python: tuple[int, int]
    exact: bool
    left_out: tuple[str, ...] = ()  # editable and local: they travel as modules

    @property
    def key(self) -> str:
        """Its name there: the same list for the same Python is the same environment.

        >>> Lock(("numpy==2.0",), (3, 11), True).key
        'py3.11-37a011949970'
        """
        text = json.dumps([self.requirements, self.python, self.exact])
        return f"py{self.python[0]}.{self.python[1]}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


@dataclass(frozen=True, slots=True)
class Built:
    """An environment there. `lost` are requirements no wheel was found for; `warning` what cannot be done in it."""

    python: Mapping[str, Any]
    lock: Lock
    how: str  # "reused" | "there" | "from here"
    lost: tuple[str, ...] = ()
    warning: str = ""
    brought: str = ""  # the Python that was brought for it, and how
    not_brought: str = ""  # why none was


def lock(
    found: Iterable[Distribution] | None = None, python: tuple[int, int] | None = None, only: Sequence[str] = ()
) -> Lock:
    """This environment's packages, for `python` or this one; `only` those, what notebooks need, and what these need.

    For another minor version names go without versions: the ones that are here may not exist for it.
    """
    here = sys.version_info[:2]
    wanted = python or here
    pinned: dict[str, Distribution] = {}
    left = []
    for each in distributions() if found is None else found:
        name = _plain(each.metadata["Name"])
        if name in OURS:
            continue
        if _is_local(each):
            left.append(name)
        else:
            pinned.setdefault(name, each)  # the first on the path is the one that is imported
    unknown = [name for name in only if _plain(name) not in pinned]
    if unknown:
        raise BadInput(f"{', '.join(unknown)}: no such package here.{nearest(unknown[0], pinned)}")
    asked = {*map(_plain, only)} or {name for name, each in pinned.items() if each.read_text("REQUESTED") is not None}
    exact = wanted == here
    names = _closure(pinned, asked | set(BASIC)) if only else set(pinned)
    named = [f"{name}=={pinned[name].version}" for name in names] if exact else list(asked | set(BASIC))
    return Lock(tuple(sorted(named)), wanted, exact, tuple(sorted(set(left))))


def _plain(name: str) -> str:
    return _NAME.sub("-", name).lower()


def _closure(pinned: Mapping[str, Distribution], names: Iterable[str]) -> set[str]:
    """The packages of those names that are here, with all they need."""
    from packaging.requirements import Requirement

    waiting, found = list(names), set[str]()
    while waiting:
        name = waiting.pop()
        if name in found or name not in pinned:
            continue
        found.add(name)
        needed = map(Requirement, pinned[name].requires or ())
        waiting += [_plain(each.name) for each in needed if not each.marker or each.marker.evaluate({"extra": ""})]
    return found


def _is_local(found: Distribution) -> bool:
    """Whether it was installed from a folder or a file here, which no index has (PEP 610)."""
    said = found.read_text("direct_url.json")
    return said is not None and str(json.loads(said).get("url", "")).startswith("file:")


def build(
    project: Project, name: str, say: Say, wheels: str = "auto", only: Sequence[str] = (), python: str = "auto"
) -> Built:
    """The environment there, built if need be. `wheels`: "there" from its index, "here" sent, "auto" as it comes.
    `python`: "there" the nearest it has, "here" one that is sent, "auto" one is brought where this minor is missing.

    MachineError where it cannot be built, with what uv said.
    """
    machine = project.machine(name)
    if not isinstance(machine, batch.Machine):
        raise BadInput(f"machine {name!r} has no agent that could build anything.")
    survey = machine.call("survey", programs=["uv"], deadline=LOOK).value
    base = _base(name, machine.call("pythons", names=NEEDS, seconds=45.0, deadline=LOOK).value)
    wants = python == "here" or (python == "auto" and _minor(base) != sys.version_info[:2])
    wanted = lock(python=None if wants else _minor(base), only=only)
    there = _known(machine, wanted)
    if there:
        return there
    sent = None if survey["programs"].get("uv") else uv.send(machine, survey, say)
    brought = Brought(None, "")
    if wants:
        brought = interpreter.bring(project, machine, survey, sent, say, fetch=python == "auto")
        say(brought.said if brought.python else f"{brought.said}. The nearest Python there is taken: {_told(base)}")
    if wants and not brought.python:
        wanted = lock(python=_minor(base), only=only)
        there = _known(machine, wanted)
    base = brought.python or base
    if not there:
        say(f"Python {_told(base)}, {len(wanted.requirements)} packages")
        order: dict[str, Any] = {
            "key": wanted.key, "base": base["real"], "exact": wanted.exact, "uv": sent, "names": NEEDS,
            "seconds": SECONDS,
        }  # fmt: skip
        there = _build(machine, wanted, survey, order, say, wheels)
    if brought.python:
        return replace(there, brought=brought.said)
    return replace(there, not_brought=brought.said)


def _known(machine: batch.Machine, wanted: Lock) -> Built | None:
    there = machine.call("furnished", key=wanted.key, names=NEEDS, deadline=LOOK).value
    return Built(there, wanted, "reused", warning=_warning(wanted.python)) if there else None


def _build(
    machine: batch.Machine, wanted: Lock, survey: Mapping[str, Any], order: Mapping[str, Any], say: Say, wheels: str
) -> Built:
    said = ""
    if wheels != "here":
        say("building from the index it knows")
        done = _furnish(machine, {**order, "requirements": wanted.requirements, "wheels": None})
        if done["ok"]:
            return Built(done["python"], wanted, "there", warning=_warning(wanted.python))
        said = done["said"]
        if wheels == "there":
            raise MachineError(f"machine {machine.name!r} could not build it: {said}")
        say("it has no way to an index; wheels go from here")
    return _from_here(machine, wanted, survey, order, say, said)


def _furnish(machine: batch.Machine, order: Mapping[str, Any]) -> Mapping[str, Any]:
    done: Mapping[str, Any] = machine.call("furnish", deadline=2 * SECONDS + LOOK, **order).value
    return done


def _from_here(
    machine: batch.Machine, wanted: Lock, survey: Mapping[str, Any], order: Mapping[str, Any], say: Say, said: str
) -> Built:
    with tempfile.TemporaryDirectory(prefix="farpoint-wheels-") as folder:
        lost = download(wanted, survey["machine"], survey["libc"], Path(folder))
        files = sorted(Path(folder).glob("*.whl"))
        blobs: dict[str, Path | bytes] = {layout.digest_file(str(path)): path for path in files}
        size = sum(path.stat().st_size for path in files)
        say(f"{len(files)} wheels, {size / 1e6:.0f} MB")
        sent = machine.send(blobs)
        say(f"{sent} sent" if sent else "all are there")
        named = {path.name: digest for digest, path in blobs.items() if isinstance(path, Path)}
        kept = [each for each in wanted.requirements if each not in lost]
        done = _furnish(machine, {**order, "requirements": kept, "wheels": named})
    if not done["ok"]:
        raise MachineError(f"machine {machine.name!r} could not build it: {done['said'] or said}")
    return Built(done["python"], wanted, "from here", tuple(lost), _warning(wanted.python))


def _base(name: str, pythons: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The Python to build on: of this minor version, else the nearest; behind a module only if there is no other."""
    here = sys.version_info

    def worth(each: Mapping[str, Any]) -> tuple[object, ...]:
        return -abs(each["version"][1] - here[1]), not each["module"], each["version"][1], each["version"][2]

    usable = [each for each in pythons if each["version"][0] == here[0]]
    if not usable:
        raise MachineError(f"machine {name!r} has no Python from 3.6 on. Install one, or name it: python =.")
    return max(usable, key=worth)


def _minor(python: Mapping[str, Any]) -> tuple[int, int]:
    return int(python["version"][0]), int(python["version"][1])


def _told(python: Mapping[str, Any]) -> str:
    return f"{'.'.join(map(str, python['version']))} ({python['path']})"


def _warning(minor: tuple[int, int]) -> str:
    here = sys.version_info[:2]
    if minor == here:
        return ""
    return (
        f"it has Python {minor[0]}.{minor[1]} and this kernel {here[0]}.{here[1]}: notebooks, scripts and cells with "
        "plain data run there; functions and pickled values need the same minor version"
    )


# ---------------------------------------------------------------------------------------------- from this side


def download(wanted: Lock, machine: str, libc: str, folder: Path) -> list[str]:
    """Wheels of the list for a computer like that into `folder`; the requirements there is no wheel for."""
    with uv.pip() as pip:
        fits = [
            *pip,
            "download",
            "--quiet",
            "--only-binary=:all:",
            *_tags(wanted.python, machine, libc),
            "-d",
            str(folder),
        ]
        fits += ["--no-deps"] if wanted.exact else []
        kept, lost = list(wanted.requirements), list[str]()
        while kept:
            said = uv.complaint([*fits, *kept])
            if not said:
                return lost
            missing = set(_MISSING.findall(said)) & set(kept) or {each for each in kept if uv.complaint([*fits, each])}
            if not missing:
                raise MachineError(f"wheels cannot be fetched here: {said[-500:]}")
            lost += sorted(missing)
            kept = [each for each in kept if each not in missing]
        return lost


def _tags(python: tuple[int, int], machine: str, libc: str) -> list[str]:
    """What pip is told of the other computer: a wheel for an older C library runs on a newer one (PEP 600)."""
    found = _LIBC.fullmatch(libc)
    newest = int(found[2]) if found else 17
    kinds = [f"manylinux_2_{minor}_{machine}" for minor in range(newest, 4, -1)]
    kinds += [f"manylinux{old}_{machine}" for old in ("2014", "2010", "1")] + [f"linux_{machine}"]
    version = f"{python[0]}.{python[1]}"
    options = ["--implementation=cp", f"--python-version={version}", f"--abi=cp{version.replace('.', '')}"]
    options += ["--abi=abi3", "--abi=none", *([f"--abi=cp{version.replace('.', '')}m"] if python < (3, 8) else [])]
    return options + [f"--platform={kind}" for kind in kinds]


# ---------------------------------------------------------------------------------------------- the entry


def file_of(project: Project, name: str) -> Path:
    """The file whose entry of the machine is in force: the one that says its host, else whichever says something."""
    sources = {key: file for (machine, key), file in project.config.sources.items() if machine == name}
    file = sources.get("host") or sources.get("scheduler") or next(iter(sources.values()), None)
    if file is None:
        raise BadInput(f"machine {name!r} is in no file: there is nowhere to write its environment to.")
    return Path(file)


def write(file: Path, name: str, python: str) -> None:
    """Set environment= in the machine's table, in a line of ours; BadConfig where the user has set another."""
    entry_file.replace(file, entry.put(file.read_text(encoding="utf-8"), name, "environment", python))
