"""A machine made of a link to an agent, a scheduler's language and two folders there: the only place that joins them.

Takes no decision about runs; asks, translates and brings.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from farpoint.config import MachineConfig
from farpoint.errors import BadInput, MachineError, Unreachable
from farpoint.machines import known, way
from farpoint.machines.base import Place, Wanted
from farpoint.machines.why import Why
from farpoint.model import NEVER_BEGAN, Chunk, JobFiles, JobShape, Limits, Observation, Queue, QueueEntry, Receipt
from farpoint.runner import layout
from farpoint.schedulers.base import Paths, Scheduler, quote
from farpoint.transports.boot import runner_path
from farpoint.transports.link import DEADLINE, Answer, Link
from farpoint.transports.login import Login

PIECE = 1 << 22  # bytes of a blob or a result in one frame
TOGETHER = 500  # small files in one answer
FENCES = 200  # slices in one call: each is a file that must be on the disk
COMMAND = 120.0  # seconds a scheduler's command may take
PATIENCE = COMMAND + 30.0  # seconds for the agent's answer about it

Jobs = Mapping[str, Sequence[str]]
Parser = Callable[[int | None, str, str], tuple[QueueEntry, ...] | None]


class Machine:
    """A computer, or a cluster behind it. `clock` gives unix seconds; `owner` is written into fences.

    Where one of `programs()` is on the computer, a queue system shares it out.
    """

    def __init__(
        self, name: str, link: Link, scheduler: Scheduler, owner: str, clock: Callable[[], float],
        config: MachineConfig | None = None, login: Login | None = None,
        programs: Callable[[], Sequence[str]] = tuple, memory: known.Known | None = None,
        folder: str | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self.login = login
        self._programs = programs
        self._link = link
        self._scheduler = scheduler
        self._owner = owner
        self._clock = clock
        self._config = config or MachineConfig()
        self._known = memory or known.Known()
        self._folder = folder  # in place of the machine's own
        self._hello: Mapping[str, Any] | None = None
        self._found: tuple[Queue, ...] | None = None
        self._why = Why(scheduler, clock)

    # ------------------------------------------------------------------------------------ what is there

    def limits(self) -> Limits:
        """What one run can have here: what is configured, else what the computer has, else what its queues allow."""
        has = self._greeting() if self._scheduler.here else {}
        return known.limits(self._config, self._scheduler, has, self._queues())

    def _queues(self) -> tuple[Queue, ...]:
        """As configured; else as the scheduler tells, once."""
        if self._config.queues or self._scheduler.here:
            return known.configured(self._config.queues)
        if self._found is None:
            self._found = self._ask_queues()
        return self._found

    def _ask_queues(self) -> tuple[Queue, ...]:
        before = self._known.read()
        try:
            argv = self._scheduler.queues_command(self._paths())
            if argv is None:
                return ()
            done = self._run(argv)
        except Unreachable:
            if "hello" not in before:
                raise
            return known.from_json(before.get("queues", ()))
        found = self._scheduler.parse_queues(done["exit"], done["stdout"], done["stderr"])
        if found is None:
            return known.from_json(before.get("queues", ()))
        self._known.keep(queues=known.as_json(found))
        return found

    def _greeting(self) -> Mapping[str, Any]:
        """What it says of itself; where it cannot be asked, what it said last."""
        if self._hello is not None:
            return self._hello
        try:
            self._hello = self._link.call("hello", programs=self._programs()).value
        except Unreachable:
            before = self._known.read().get("hello")
            if before is None:
                raise
            return dict(before)
        told = ("statedir", "workdir", "python", "version", "cpus", "memory", "gpus", "programs")
        self._known.keep(hello={word: self._hello[word] for word in told if word in self._hello})
        return self._hello

    def _paths(self) -> Paths:
        setup, env = self._config.setup, self._config.env
        if self._folder is not None:
            runner, work = runner_path(self._folder), f"{self._folder}/work"
            return Paths(self._folder, work, self._python(), runner, setup, env)
        here = self._greeting()
        statedir = str(here["statedir"])
        return Paths(statedir, str(here["workdir"]), str(here["python"]), runner_path(statedir), setup, env)

    def _python(self) -> str:
        """What runs pilots there; where it never answered, what any computer has."""
        try:
            return str(self._greeting()["python"])
        except Unreachable:
            return self._config.python or "python3"

    def call(self, verb: str, *, deadline: float = DEADLINE, body: bytes = b"", **given: Any) -> Answer:
        """One request to the agent there, for those who set machines up and look after them."""
        return self._link.call(verb, body, deadline=deadline, **given)

    @property
    def scheduler(self) -> Scheduler:
        """The language of its queue."""
        return self._scheduler

    def paths(self) -> Paths:
        """Where things are there."""
        return self._paths()

    # ------------------------------------------------------------------------------------ handing over

    def script(self, shape: JobShape) -> str:
        """The exact text that will be submitted."""
        return self._scheduler.render(shape, self._paths())

    def elsewhere(self, name: str, folder: str) -> Machine:
        """The same machine with all its folders in `folder`, for jobs that somebody submits there by hand."""
        return Machine(
            name, self._link, self._scheduler, self._owner, self._clock, self._config, self.login, self._programs,
            self._known, folder,
        )  # fmt: skip

    def submit_line(self, token: str, script: str) -> str:
        """What submits a job, as a line for a shell in the job's folder."""
        return " ".join(quote(word) for word in self._scheduler.submit_command(token, script, self._paths()))

    def python(self) -> str:
        """What runs the pilots there."""
        return self._paths().python

    def missing(self, digests: Iterable[str]) -> set[str]:
        """Those of the blobs that are not there yet."""
        return set(self._link.call("missing", digests=sorted(digests)).value)

    def place(self, files: JobFiles) -> None:
        """Put the job folder there and fsync it; blobs that are missing first. Putting it again changes nothing."""
        pieces = {layout.JOB: files.job, layout.SCRIPT: files.script.encode()}
        pieces.update({layout.slice_name(number): data for number, data in files.slices.items()})
        sizes = [[name, len(data)] for name, data in pieces.items()]
        body = b"".join(pieces.values())
        patience = PATIENCE + 0.1 * len(pieces)
        self._put_all({digest: files.blobs[digest] for digest in sorted(self.missing(files.blobs))})
        for _ in range(3):  # a blob may be taken away between the two by somebody cleaning up
            missing = self._link.call("place", body, token=files.token, pieces=sizes, deadline=patience).value
            if not missing:
                return
            for digest in missing:
                if digest not in files.blobs:
                    raise MachineError(f"job {files.token} needs blob {digest}, which was not given with it.")
            self._put_all({digest: files.blobs[digest] for digest in missing})
        raise MachineError(f"machine {self.name!r} loses blobs of job {files.token} as fast as they come.")

    def send(self, blobs: Mapping[str, Path | bytes]) -> int:
        """Put those blobs that are not there; how many were sent."""
        missing = self.missing(blobs)
        self._put_all({digest: blobs[digest] for digest in sorted(missing)})
        return len(missing)

    def _put_all(self, blobs: Mapping[str, Path | bytes]) -> None:
        """Many small ones in one frame: a round trip for each would be most of the time far away."""
        together: dict[str, bytes] = {}
        for digest, blob in blobs.items():
            size = len(blob) if isinstance(blob, bytes) else blob.stat().st_size
            if size > PIECE:
                self._put(digest, blob)
                continue
            if sum(map(len, together.values())) + size > PIECE:
                self._put_frame(together)
                together = {}
            together[digest] = blob if isinstance(blob, bytes) else blob.read_bytes()
        self._put_frame(together)

    def _put_frame(self, blobs: Mapping[str, bytes]) -> None:
        if blobs:
            sizes = [[digest, len(data)] for digest, data in blobs.items()]
            self._link.call("put_all", b"".join(blobs.values()), pieces=sizes)

    def _put(self, digest: str, blob: Path | bytes) -> None:
        with io.BytesIO(blob) if isinstance(blob, bytes) else blob.open("rb") as file, self._link.together():
            offset, data = 0, file.read(PIECE)
            while True:
                after = file.read(PIECE)
                self._link.call("put", data, digest=digest, offset=offset, last=not after)
                if not after:
                    return
                offset, data = offset + len(data), after

    def submit(self, token: str, serial: int) -> Receipt:
        """Ask the scheduler, at most once per (token, serial); asked again it answers from the agent's note."""
        script = self.read(token, layout.SCRIPT, limit=1 << 20).decode()
        argv = self._scheduler.submit_command(token, script, self._paths())
        call = self._link.call("submit", token=token, serial=serial, argv=argv, timeout=COMMAND, deadline=PATIENCE)
        note = call.value
        if note is None:
            return Receipt("unknown", None, "the submit was begun and did not say how it ended")
        return self._scheduler.parse_submit(note["exit"], note["stdout"], note["stderr"])

    # ------------------------------------------------------------------------------------ looking

    def look_up(self, token: str) -> tuple[QueueEntry, ...] | None:
        """Jobs under this token in queue and accounting; None when they could not be asked."""
        scheduler, paths = self._scheduler, self._paths()
        queue, _ = self._look(scheduler.look_up_command(token, paths), scheduler.parse_status)
        if queue is None:
            return None
        found = {entry.job_id: entry for entry in queue if entry.token == token}
        account = scheduler.accounting_command({token: ()}, paths)
        if account is not None:
            past, _ = self._look(account, scheduler.parse_accounting)
            if past is None:
                return None
            found = {entry.job_id: entry for entry in past if entry.token == token} | found
        return tuple(found.values())

    def observe(
        self, cursors: Mapping[str, Mapping[str, int]], queue: bool = True, jobs: Jobs | None = None,
        claims: Collection[str] | None = None, account: Collection[str] = (),
    ) -> Observation:  # fmt: skip
        """New bytes of all journals, claims of the tokens given, and one look at the queue.

        The queue comes first: what a job wrote before it left the queue is then among the bytes.
        """
        entries, trouble = None, ""
        if queue:
            asked = jobs or dict.fromkeys(cursors, ())
            argv = self._scheduler.status_command(asked, self._paths())
            entries, trouble = self._look(argv, self._scheduler.parse_status)
            if entries is not None:
                entries = self._why.told(entries, asked, self._run)
                past = self._past(entries, {token: asked[token] for token in account if asked.get(token)})
                told = {(entry.job_id, entry.member) for entry in past}
                entries = (*(entry for entry in entries if (entry.job_id, entry.member) not in told), *past)
        answer = self._link.call("news", cursors=cursors, claims=list(cursors if claims is None else claims))
        bodies = {
            token: {int(number): tuple(found) for number, found in slices.items()}
            for token, slices in answer.value["claims"].items()
        }
        return Observation(_chunks(answer.value["chunks"], answer.body), bodies, entries, trouble)

    def _past(self, entries: tuple[QueueEntry, ...], asked: Jobs) -> tuple[QueueEntry, ...]:
        """What the account says of jobs and members that the queue does not show as live. No account is no obstacle.

        An account that still calls them live is late: it says nothing.
        """
        argv = self._scheduler.accounting_command(asked, self._paths()) if asked else None
        found, _ = self._look(argv, self._scheduler.parse_accounting) if argv else ((), "")
        shown = {(entry.job_id, entry.member) for entry in entries if entry.live is not False}
        past = tuple(
            entry
            for entry in found or ()
            if entry.token in asked and entry.live is False and (entry.job_id, entry.member) not in shown
        )
        if found is None or not self._scheduler.remembers:
            return past
        known = {entry.token for entry in (*entries, *found)}
        return past + tuple(
            QueueEntry(ids[-1], token, False, "in no queue and in no account", NEVER_BEGAN)
            for token, ids in asked.items()
            if token not in known
        )

    def _look(self, argv: list[str], parse: Parser) -> tuple[tuple[QueueEntry, ...] | None, str]:
        done = self._run(argv)
        entries = parse(done["exit"], done["stdout"], done["stderr"])
        if entries is not None:
            return entries, ""
        silent = done["exit"] == 0 and not (done["stdout"] + done["stderr"]).strip()
        return None, "" if silent else _objection(argv, done)

    def _run(self, argv: list[str]) -> Mapping[str, Any]:
        done: Mapping[str, Any] = self._link.call("run", argv=argv, timeout=COMMAND, deadline=PATIENCE).value
        return done

    # ------------------------------------------------------------------------------------ saying

    def fence(self, token: str, slices: Sequence[int], only_unclaimed: bool = False) -> dict[int, int | None]:
        """Link the next claim of each slice as `revoked`; slice → its number, None if claimed and `only_unclaimed`."""
        given: dict[str, Any] = {
            "token": token,
            "only_unclaimed": only_unclaimed,
            "by": self._owner,
            "t": self._clock(),
        }
        marks: dict[int, int | None] = {}
        for start in range(0, len(slices), FENCES):
            marks.update(self._link.call("fence", slices=list(slices[start : start + FENCES]), **given).value)
        return marks

    def control(self, token: str, order: Mapping[str, Any]) -> None:
        """Leave an order for the token's pilots, and wake them."""
        self._link.call("control", layout.dump(dict(order)), token=token)

    def cancel(self, token: str, job_ids: Sequence[str]) -> None:
        """Ask the scheduler to end these jobs. Nothing there to end is no error: only a later look is believed."""
        for argv in self._scheduler.cancel_commands(job_ids, self._paths()) if job_ids else []:
            self._run(argv)

    def hold(self, token: str, job_ids: Sequence[str]) -> str:
        """Ask the scheduler to keep these jobs from starting; its objection. Some may be held all the same."""
        return self._ask(self._scheduler.hold_command(job_ids, self._paths()), "hold")

    def release(self, token: str, job_ids: Sequence[str]) -> str:
        """Ask the scheduler to let these jobs start; its objection."""
        return self._ask(self._scheduler.release_command(job_ids, self._paths()), "release")

    def _ask(self, argv: list[str] | None, what: str) -> str:
        if argv is None:
            raise BadInput(
                f"machine {self.name!r} has no queue that could {what} jobs: {self._scheduler.name!r} starts them as "
                "soon as there is room. End them with cancel, and try them again later with retry."
            )
        done = self._run(argv)
        return "" if done["exit"] == 0 else _objection(argv, done)

    def note(self, token: str, events: Sequence[Mapping[str, Any]]) -> None:
        """Append this side's verdicts to the token's client.jsonl."""
        self._link.call("note", token=token, events=list(events))

    # ------------------------------------------------------------------------------------ bringing

    def read(self, token: str, path: str, offset: int = 0, limit: int = 1 << 20) -> bytes:
        """Bytes of one file of the job folder or of `runs/…` in its work folder; b'' where there is none."""
        got = bytearray()
        while len(got) < limit:
            answer = self._link.call("read", token=token, path=path, offset=offset + len(got), limit=limit - len(got))
            if not answer.body:
                break
            got += answer.body
        return bytes(got)

    def fetch(self, token: str, path: str, target: Path, size: int, digest: str) -> None:
        """Bring one file of `runs/…` here, verified, atomically; MachineError if it is not what was promised."""
        beside = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            with beside.open("wb") as file:
                found = hashlib.sha256()
                while file.tell() <= size:  # a byte more than promised is asked for: it must not be there
                    wanted = min(PIECE, size + 1 - file.tell())
                    data = self._link.call("read", token=token, path=path, offset=file.tell(), limit=wanted).body
                    file.write(data)
                    found.update(data)
                    if len(data) < wanted:
                        break
                file.flush()
                os.fsync(file.fileno())
                self._check(token, Wanted(path, target, size, digest), file.tell(), found.hexdigest())
            beside.replace(target)
            layout.sync_folder(str(target.parent))
        finally:
            beside.unlink(missing_ok=True)

    def fetch_many(self, token: str, wanted: Sequence[Wanted]) -> None:
        """Many small ones in one frame; a larger one by itself."""
        together: list[Wanted] = []
        for one in wanted:
            if one.size >= PIECE:
                self.fetch(token, one.path, one.target, one.size, one.digest)
                continue
            if sum(each.size + 1 for each in together) + one.size >= PIECE or len(together) == TOGETHER:
                self._fetch_frame(token, together)
                together = []
            together.append(one)
        self._fetch_frame(token, together)

    def _fetch_frame(self, token: str, wanted: Sequence[Wanted]) -> None:
        if not wanted:
            return
        asked = [[one.path, one.size + 1] for one in wanted]  # a byte more than promised: it must not be there
        answer = self._link.call("read_all", token=token, wanted=asked)
        at = 0
        for one, size in zip(wanted, answer.value, strict=True):
            data = answer.body[at : at + (size or 0)]
            at += len(data)
            self._check(token, one, len(data), layout.digest(data) if size is not None else "")
            _put_beside(one.target, data)

    def _check(self, token: str, one: Wanted, size: int, digest: str) -> None:
        if (size, digest) != (one.size, one.digest):
            raise MachineError(
                f"{one.path!r} of job {token} on machine {self.name!r} is not the file the run left: "
                f"{size} bytes of {one.size}. It was changed or removed since."
            )

    def output(self, token: str, job_ids: Sequence[str], pilots: int) -> bytes:
        """What the job's pilots printed, which is what their journals could not take."""
        names = [self._scheduler.output_name(job_id, member) for job_id in job_ids for member in range(pilots)]
        return b"\n".join(self.read(token, name, limit=PIECE) for name in names)

    def tokens(self) -> list[str]:
        """Every job folder there."""
        return list(self._link.call("tokens").value)

    def usage(self) -> dict[str, int]:
        """token → bytes there."""
        return dict(self._link.call("usage", deadline=PATIENCE).value)

    def remove(self, token: str) -> None:
        """Delete a job's folders there."""
        self._link.call("remove", token=token, deadline=PATIENCE)

    def wait(self, seconds: float) -> None:
        """Block until something may have changed there, at most so long."""
        self._link.wait(seconds)

    def close(self) -> None:
        """Let go of the connection; work there goes on."""
        self._link.close()


def build(place: Place) -> Machine:
    """The entry point `batch` of `farpoint.machines`."""
    config = place.config
    scheduler: Scheduler = place.choose("scheduler", config.scheduler, place.schedulers)()
    away = config.host or not scheduler.here  # this computer is never away
    memory = known.Known(place.statedir.with_name(".known") / f"{place.name}.json" if away else None)
    link, login = way.link_to(place, here=scheduler.here), way.login_of(place)
    return Machine(place.name, link, scheduler, place.owner, place.clock, config, login, place.programs, memory)


def _put_beside(target: Path, data: bytes) -> None:
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
        layout.sync_folder(str(target.parent))
    finally:
        beside.unlink(missing_ok=True)


def _objection(argv: list[str], done: Mapping[str, Any]) -> str:
    """What became of a command that did not do what it was asked for."""
    said = (done["stderr"] or done["stdout"]).strip()[-500:]
    ended = f"did not answer in {COMMAND:g} s" if done["exit"] is None else f"ended with exit code {done['exit']}"
    return f"{' '.join(argv[:3])} {ended}{f': {said}' if said else ''}"


def _chunks(heads: Sequence[tuple[str, str, int, int]], body: bytes) -> tuple[Chunk, ...]:
    chunks, at = [], 0
    for token, file, offset, size in heads:
        chunks.append(Chunk(token, file, offset, body[at : at + size]))
        at += size
    return tuple(chunks)
