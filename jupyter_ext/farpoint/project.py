"""A folder's settings, store, machines, folders, clock and randomness, in one object the use-cases are given.

Knows where things are, not what is done with them; the only place besides the runner where time and chance come in.
"""

from __future__ import annotations

import json
import os
import random as dice
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from farpoint import config as settings
from farpoint import filelock
from farpoint.errors import BadInput, NotFound, Unreachable, nearest
from farpoint.folders import Folders
from farpoint.machines import registry
from farpoint.machines.base import Machine
from farpoint.runner import layout
from farpoint.store import Store
from farpoint.transports import aliases

RUNS = "farpoint_runs"
PREPARED = "prepared-"  # begins the name of a machine that is a prepared folder
LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


def find_root(start: Path | None = None) -> Path:
    """The project of a file or folder: the nearest farpoint.toml upwards, else the nearest .git, else its folder."""
    here = (start or Path()).resolve()
    here = here.parent if here.is_file() else here
    if not here.is_dir():
        raise BadInput(f"there is no folder {str(here)!r}. Check the path.")
    users = settings.user_file()
    for folder in (here, *here.parents):
        mark = folder / settings.FILE
        if mark.is_file() and not (users and users.exists() and mark.samefile(users)):
            return folder
    return next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)


def state_folder() -> Path:
    """Where this user's index and running work are kept: FARPOINT_STATE, else the system's folder for state."""
    named = os.environ.get("FARPOINT_STATE")
    if named:
        return Path(named).expanduser().resolve()
    from platformdirs import user_state_path

    return user_state_path("farpoint")


class Project:
    """One folder's farpoint. Everything in it is made when first used.

    `clock` gives unix seconds; `random` is anything with `random.Random`'s interface; `machines`, by name,
    come before those of farpoint.toml (tests give fakes).
    """

    def __init__(
        self,
        root: Path | str,
        *,
        state: Path | str | None = None,
        clock: Callable[[], float] | None = None,
        random: dice.Random | None = None,
        machines: Mapping[str, Machine] | None = None,
    ) -> None:
        self.root = Path(root).resolve()
        self.state = Path(state).resolve() if state is not None else state_folder()
        _keep_private(self.state)
        self.runs_folder = self.root / RUNS
        self.folders = Folders(self.runs_folder)
        self.random: dice.Random = random or dice.SystemRandom()
        self._clock = clock or time.time
        self._machines: dict[str, Machine] = dict(machines or {})
        self._guard = threading.RLock()

    @classmethod
    def find(cls, start: Path | str | None = None) -> Project:
        """The project that a notebook, or the current folder, belongs to."""
        return cls(find_root(Path(start) if start is not None else None))

    def __repr__(self) -> str:
        return f"Project({str(self.root)!r})"

    def clock(self) -> float:
        """Unix seconds."""
        return self._clock()

    @cached_property
    def config(self) -> settings.Config:
        """The settings in force here."""
        return settings.load(self.root, settings.user_file())

    @cached_property
    def store(self) -> Store:
        """The index in the state folder."""
        return Store(self.state / "store.sqlite")

    @cached_property
    def owner(self) -> str:
        """Who this user of this state folder is, in job folders and fences."""
        path = self.state / "owner.json"
        if not path.exists():
            layout.link_exclusive(str(path), layout.dump({"format": 1, "id": self._word("u", 12)}))
        return str(json.loads(path.read_bytes())["id"])

    @cached_property
    def id(self) -> str:
        """What the project is known by, wherever its folder goes: kept in farpoint_runs/project.json."""
        with self._lock_file(self.state / "locks" / "projects"):
            return _identify(self.runs_folder, self.state / "projects", lambda: self._word("p", 12))

    def new_token(self) -> str:
        """A name for a job that no other job has, anywhere."""
        return self._word("fp", 13)

    def drawn_token(self, scan: str, place: int) -> str:
        """The token that the scan's job at this place is to get: the same in every preview, until it is spent."""
        path = self._drawn(scan)
        with self.lock("drawn"):
            drawn = _read(path) or {}
            if str(place) not in drawn:
                layout.make_private(str(path.parent))
                drawn[str(place)] = self.new_token()
                layout.put_json(str(path), drawn)
        return str(drawn[str(place)])

    def spend_tokens(self, scan: str) -> None:
        """Forget what was drawn for a scan. Done before a job is accepted: a token is never given to two."""
        with self.lock("drawn"):
            self._drawn(scan).unlink(missing_ok=True)

    def _drawn(self, scan: str) -> Path:
        return self.state / "drawn" / f"{self.id}-{layout.digest(scan.encode())[:16]}.json"

    def new_run_id(self) -> str:
        """A name for a run."""
        return self._word("r", 9)

    def _word(self, start: str, length: int) -> str:
        return start + "".join(self.random.choice(LETTERS) for _ in range(length))

    def machine(self, name: str) -> Machine:
        """A machine by its name, the same object every time; NotFound lists those there are."""
        with self._guard:
            if name not in self._machines:
                self._machines[name] = self._build(name)
            return self._machines[name]

    def prepared(self, folder: Path, name: str | None = None) -> str:
        """Remember a prepared folder as a machine of its own; its name, a new one where none is given."""
        name = name or self._word(PREPARED, 8)
        layout.make_private(str(self.state / "prepared"))
        layout.put_json(str(self.state / "prepared" / f"{name}.json"), {"path": str(folder)})
        with self._guard:
            self._machines.pop(name, None)
        return name

    def _place_of(self, prepared: str) -> Path:
        told = _read(self.state / "prepared" / f"{prepared}.json")
        if told is None or not Path(told["path"]).is_dir():
            there = f" It was in {told['path']}." if told else ""
            raise Unreachable(f"a prepared folder is not there.{there} Attach it where it is: fp.attach(folder).")
        return Path(told["path"])

    def _build(self, name: str) -> Machine:
        if name.startswith(PREPARED):
            return registry.build_prepared(name, self._place_of(name), self.owner, self.clock)
        known = [*self._machines, *(other for other in self.config.machines if other not in self._machines)]
        if name not in self.config.machines:
            if aliases.knows(name):
                raise NotFound(f"there is no machine {name!r}, but ssh knows it: farpoint add {name}")
            raise NotFound(f"there is no machine {name!r} (machines: {', '.join(known)}).{nearest(name, known)}")
        return registry.build_machine(name, self.config.machines[name], self.state, self.owner, self.clock)

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold this project's lock of that name; other threads and processes of this user wait. Not re-entrant."""
        with self._lock_file(self.state / "locks" / f"{self.id}-{name}"):
            yield

    @contextmanager
    def _lock_file(self, path: Path) -> Iterator[None]:
        layout.make_private(str(path.parent))
        with filelock.held(path):
            yield

    def close(self) -> None:
        """Let go of the machines and the store; work goes on."""
        with self._guard:
            for machine in self._machines.values():
                machine.close()
            if "store" in self.__dict__:
                self.store.close()


def _keep_private(state: Path) -> None:
    """The state folder holds what runs here and signs in there: nobody else's, and nobody else may look."""
    try:
        layout.make_private(str(state))
        there = state.stat()
        if there.st_uid != os.getuid():
            raise BadInput(f"the state folder {str(state)!r} is another user's. Set FARPOINT_STATE to one of yours.")
        if there.st_mode & 0o077:
            state.chmod(0o700)
    except OSError as fault:
        raise BadInput(
            f"the state folder {str(state)!r} cannot be made: {fault.strerror}. Set FARPOINT_STATE."
        ) from fault


def _identify(runs: Path, memory: Path, new_id: Callable[[], str]) -> str:
    """The id in `runs`, remembered in `memory` with its place. Called under a lock.

    A moved folder keeps its id. A copy (the remembered place still holds the same id) becomes a project of its own; the
    scans copied with it can be read there, and belong to it from then on.
    """
    path = runs / "project.json"
    document = _read(path)
    if document is None:
        Folders(runs).prepare()
        layout.link_exclusive(str(path), layout.dump({"format": 1, "id": new_id()}))
        document = _read(path) or {}
    found = str(document["id"])
    place = (_read(memory / f"{found}.json") or {}).get("path")
    if place is not None and _is_copy(runs, Path(place), found):
        document = {"format": 1, "id": new_id(), "copy_of": found}
        layout.put_json(str(path), document)
        found, place = document["id"], None
    if place != str(runs):
        layout.make_private(str(memory))
        layout.put_json(str(memory / f"{found}.json"), {"path": str(runs)})
    return found


def _is_copy(runs: Path, other: Path, found: str) -> bool:
    if other == runs or not other.is_dir() or other.samefile(runs):
        return False
    return (_read(other / "project.json") or {}).get("id") == found


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return dict(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as fault:
        raise BadInput(f"{path} cannot be read: {fault}. Move it away to begin anew.") from fault
