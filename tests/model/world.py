"""A seeded world for the protocol: one user, one project on a RAM disk, one fake machine, and crashes at every step.

Everything on this side is the real thing (`accept`, `watch`, `act`, `recover`, `lifecycle`, `store`, `folders`);
only the machine and the clock are `farpoint.testing.fakes`.
"""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from farpoint import lifecycle
from farpoint.config import Config
from farpoint.errors import Unreachable
from farpoint.facts import RESTARTS
from farpoint.folders import Folders
from farpoint.model import JobFiles, PlannedRun, Resources, State
from farpoint.project import Project
from farpoint.runner import layout
from farpoint.store import Store, Writer
from farpoint.testing.fakes import Defences, FakeClock, FakeMachine, Faults
from farpoint.verbs import accept, act, cancel, jobs, recover, watch

HARSH = Faults(
    reply_lost=0.15, delivered_late=0.15, truly_lost=0.05, queue_down=0.1, unreachable=0.03, node_death=0.05,
    failure=0.3,
)  # fmt: skip
GRACE = 40.0
SCAN = "scan"


class Crash(BaseException):
    """The client process is killed here."""


@dataclass
class Mutant:
    """One defence switched off: `defences` are the pilot's, the others this side's."""

    name: str = "none"
    defences: Defences = field(default_factory=Defences)
    decide: act.Decide | None = None
    grace: float = GRACE
    accept_after_submit: bool = False
    cancel_duplicates: bool = False


class Fate:
    """Whether the client's process dies now. Zero outside `World.may_crash`."""

    def __init__(self, dice: random.Random) -> None:
        self.dice, self.crash = dice, 0.0

    def around(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Do it, unless killed before; be killed after, perhaps, with the effect in the world."""
        self.strike()
        answer = call(*args, **kwargs)
        self.strike()
        return answer

    def strike(self) -> None:
        """Die here, perhaps."""
        if self.crash and self.dice.random() < self.crash:
            raise Crash


def mortal(base: type, names: set[str]) -> type:
    """`base`, with the client killed before or after any call of these methods."""

    class Mortal(base):  # type: ignore[misc]
        fate: Fate

        def __getattribute__(self, name: str) -> Any:
            found = super().__getattribute__(name)
            if name not in names:
                return found
            return lambda *args, **kwargs: self.fate.around(found, *args, **kwargs)

    return Mortal


MortalMachine = mortal(FakeMachine, {"place", "submit", "look_up", "observe", "fence", "control", "cancel", "note"})
MortalFolders = mortal(Folders, {"write_scan", "write_job", "append_client", "copy_journal", "keep_blob"})


class MortalStore(Store):
    """The store, with the client killed just before or just after a commit."""

    fate: Fate

    @contextmanager
    def write(self) -> Iterator[Writer]:
        with super().write() as writer:
            yield writer
            self.fate.strike()
        self.fate.strike()


class World:
    """One user's history under one seed. `run()` lets it end; `faults()` names every broken promise."""

    def __init__(self, seed: int, mutant: Mutant, folder: Path, faults: Faults = HARSH) -> None:
        self.random = random.Random(seed)
        self.mutant, self.folder, self.clock = mutant, folder, FakeClock()
        self.fate = Fate(self.random)
        self.machine = MortalMachine(
            self.clock, self.random, pilots=self.random.randint(1, 3), faults=faults, defences=mutant.defences,
            grace=mutant.grace, longest=self.random.choice([8, 8, 60]), arrays=self.random.random() < 0.5,
        )  # fmt: skip
        self.machine.fate = self.fate
        self.crashes = 0
        self.crash = 0.02 if faults != Faults() else 0.0
        self.cancelled: set[int] = set()
        self.cancels = self.random.choice([0.0, 0.0, 0.05])
        self.runs = self.random.randint(1, 6)
        self.retries = self.random.choice([0, 0, 1, 3])
        self.project = self._process()

    def _process(self) -> Project:
        """The client's process, started anew: only what is on disk is known."""
        project = Project(
            self.folder / "work", state=self.folder / "state", clock=self.clock, random=self.random,
            machines={"fake": self.machine},
        )  # fmt: skip
        project.config = Config(machines={})  # no real machine is ever asked
        project.folders = MortalFolders(project.runs_folder)
        project.store = MortalStore(project.state / "store.sqlite")
        project.folders.fate = project.store.fate = self.fate
        return project

    @contextmanager
    def may_crash(self) -> Iterator[None]:
        """Any machine call inside may be the process's last."""
        self.fate.crash = self.crash
        try:
            yield
        except Crash:
            self.crashes += 1
            self.project.close()
            self.project = self._process()
        finally:
            self.fate.crash = 0.0

    def run(self, steps: int = 3000) -> None:
        """Submit, watch, crash, start again, until nothing moves any more."""
        for step in range(steps):
            self.clock.now += 1
            self.machine.step()
            if step % 4 == 0:
                with self.may_crash():
                    self._user()
            if step > 20 and self.machine.quiet() and self._settled():
                return

    def _settled(self) -> bool:
        states = self.project.store.states(self.project.id, SCAN)
        return bool(states) and all(state.final for state in states.values())

    def _user(self) -> None:
        """What a person does again and again: the same script."""
        if self.project.folders.read_scan(SCAN) is None:
            self._submit()
            return
        watch.catch_up(self.project, SCAN)
        if self.random.random() < self.cancels:
            self._cancel_one()
        if self.mutant.cancel_duplicates:
            self._cancel_duplicates()
        watch.tick(self.project, self.mutant.decide or lifecycle.decide)

    def _cancel_one(self) -> None:
        rows = self.project.store.runs(self.project.id, SCAN)
        if rows:
            row = self.random.choice(rows)
            self.cancelled.add(row.number)
            cancel.cancel(self.project, [row])

    def _cancel_duplicates(self) -> None:
        for job in self.project.store.jobs(self.project.id, open_only=True):
            with suppress(Unreachable):
                found = self.machine.look_up(job.token) or ()
                if len(found) > 1:
                    self.machine.cancel(job.token, [entry.job_id for entry in found[1:]])

    def _submit(self) -> None:
        document, files = self._work()
        if self.mutant.accept_after_submit:
            with suppress(Unreachable):
                self.machine.place(files)
                self.machine.submit(files.token, 1)
        accept.accept(self.project, document, [files])

    def _work(self) -> tuple[dict[str, Any], JobFiles]:
        """A job of a few runs in slices of one to three, as a scan would make it."""
        document: dict[str, Any] = {
            "format": layout.FORMAT, "scan": SCAN, "kind": "notebook", "task": "x.ipynb", "created": 0.0,
            "names": ["x"], "points": [], "versions": [], "jobs": [], "machine": "fake", "save": [], "files": {},
        }  # fmt: skip
        runs = [
            PlannedRun(f"r{n}", n, 1, f"key{n}", {"x": n}, n, 1, Resources(retries=self.retries))
            for n in range(self.runs)
        ]
        notebook = self.folder / "x.ipynb"
        notebook.write_bytes(b"{}")
        digest = layout.digest(b"{}")
        task = {"kind": "notebook", "name": "x.ipynb", "digest": digest}
        body = {"scan": SCAN, "task": task, "files": [], "save": [], "environment": {"python": None}}
        arranged = jobs.arrange(self.machine.limits(), Resources(), len(runs), "fake", most=self.machine.members)
        files = jobs.write_jobs(self.project, self.machine, body, runs, arranged, {digest: notebook})[0]
        slices, start = {}, 0
        while start < self.runs:
            size = self.random.randint(1, 3)
            members = list(range(start, min(start + size, self.runs)))
            slices[len(slices)] = layout.dump({"format": 1, "slice": len(slices), "runs": members})
            start += size
        files = JobFiles(files.token, files.job, slices, files.script, files.blobs)
        document["jobs"] = [files.token]
        return document, files

    def faults(self) -> list[str]:
        """Every promise that was broken."""
        found = []
        rows = self.project.store.runs(self.project.id, SCAN)
        if len(rows) != self.runs:
            found.append("a run is not in the table")
        for row in rows:
            times = self.machine.executions.get(row.run, 0)
            written = self._written(row.run)
            if not row.state.final:
                found.append(f"{row.run} never ended: {row.state}")
            elif row.state is State.COMPLETED and not written:
                found.append(f"{row.run} COMPLETED without a result")
            elif row.state is not State.COMPLETED and written:
                found.append(f"{row.run} has a result and is shown as {row.state}")
            elif row.state is State.CANCELLED and row.number in self.cancelled:
                pass
            elif row.state is not State.COMPLETED and row.restarts <= RESTARTS:
                found.append(f"{row.run} ended as {row.state} ({row.reason})")
            explained = self.machine.interruptions.get(row.run, 0)
            if times > 1 + explained:
                found.append(f"{row.run} ran {times} times though interrupted {explained} times")
        if self.machine.overlaps:
            found.append(f"two live executions of {self.machine.overlaps[0]}")
        return found

    def table(self) -> list[tuple[Any, ...]]:
        """What a user sees of every run."""
        return [
            (row.run, row.number, row.attempt, row.version, row.state, row.reason, row.records, row.job_id)
            for row in self.project.store.runs(self.project.id, SCAN)
        ]

    def recovered(self) -> list[tuple[Any, ...]]:
        """The same after the store was deleted and `recover` had nothing but the job folders."""
        self.project.close()
        shutil.rmtree(self.folder / "state")
        self.project = self._process()
        self.machine.faults = Faults()
        for _ in range(5):
            recover.recover(self.project)
        return self.table()

    def _written(self, run: str) -> bool:
        for far in self.machine.fars.values():
            names = [entry["run"] for entry in layout_json(far.files.job)["runs"]]
            if run in names and names.index(run) in self.machine.outcomes(far, "COMPLETED"):
                return True
        return False


def layout_json(data: bytes) -> Any:
    """A JSON file of the job folder."""
    return json.loads(data)


def history(
    seed: int, mutant: Mutant | None = None, faults: Faults = HARSH, check: Callable[[World], None] | None = None
) -> list[str]:
    """Let one seeded world end and say which promises it broke."""
    base = "/dev/shm" if Path("/dev/shm").is_dir() else None
    folder = Path(tempfile.mkdtemp(prefix="farpoint-model-", dir=base))
    try:
        (folder / "work").mkdir()
        world = World(seed, mutant or Mutant(), folder, faults)
        world.run()
        found = world.faults()
        if not found and mutant is None:
            before, after = world.table(), world.recovered()
            found += [f"recover shows {b} where it was {a}" for a, b in zip(before, after, strict=True) if a != b]
        if check is not None:
            check(world)
        world.project.close()
        return found
    finally:
        shutil.rmtree(folder, ignore_errors=True)
