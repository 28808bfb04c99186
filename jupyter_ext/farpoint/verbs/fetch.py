"""Bringing results here: each finished attempt's notebook, output and saved files into its point folder, verified.

Never touches a folder that is already right, never overwrites an earlier attempt, and can be cut off anywhere.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from farpoint.errors import MachineError
from farpoint.machines.base import Wanted
from farpoint.model import FileInfo, RunRow, State
from farpoint.project import Project
from farpoint.runner import journal, layout
from farpoint.verbs import accept

SMALL = 100 * 1024 * 1024  # bytes; larger files stay there until asked for by name
LITTLE = 1 << 20  # bytes up to which a file comes here together with others
TOGETHER = 200  # runs whose small files come together
OURS = ".farpoint/"


def fetch(
    project: Project,
    runs: Iterable[RunRow],
    *,
    everything: bool = False,
    told: Callable[[RunRow], None] | None = None,
) -> list[Path]:
    """The point folders of all finished runs among `runs`, made where they were not yet.

    `everything` also brings files above 100 MB; `told` is called after each run, for progress bars.
    """
    finished = [run for run in runs if run.state in (State.COMPLETED, State.FAILED) and run.folder is not None]
    earlier = [each for run in finished for each in _before(project, run)]
    for _ in _fetch_all(project, earlier, everything=everything):
        pass
    folders = []
    for run, folder in _fetch_all(project, finished, everything=everything):
        folders.append(folder)
        if told is not None:
            told(run)
    return folders


def _fetch_all(project: Project, runs: list[RunRow], *, everything: bool) -> Iterator[tuple[RunRow, Path]]:
    for start in range(0, len(runs), TOGETHER):
        yield from _fetch_runs(project, runs[start : start + TOGETHER], everything=everything)


def _before(project: Project, run: RunRow) -> list[RunRow]:
    """The attempts that its pilot made before this one, in the same job."""
    if run.attempt == 1:
        return []
    earlier = (each for each in project.store.attempts(run.run) if each.attempt < run.attempt)
    return [each for each in earlier if each.token == run.token and each.folder is not None and not each.fetched]


def _fetch_runs(project: Project, runs: list[RunRow], *, everything: bool) -> Iterator[tuple[RunRow, Path]]:
    """Each run's folder, made one after the other; their small files come here together before."""
    with contextlib.ExitStack() as stack:
        lacking = [run for run in runs if everything or _lacks(project, run)]
        staged = {(run.run, run.attempt): stack.enter_context(_staging(project, run)) for run in lacking}
        _bring_small(project, [(run, staged[run.run, run.attempt]) for run in lacking])
        for run in runs:
            if (run.run, run.attempt) in staged:
                yield run, _fetch_into(project, run, staged[run.run, run.attempt], everything=everything)
            else:
                yield run, project.folders.point_folder(run.scan, run.number)


def _lacks(project: Project, run: RunRow) -> bool:
    return not (run.fetched and project.folders.point_folder(run.scan, run.number).is_dir())


@contextlib.contextmanager
def _staging(project: Project, run: RunRow) -> Iterator[Path]:
    staging = project.folders.scan_folder(run.scan) / ".fetch"
    staging.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=f"{run.number}-", dir=staging))  # two processes may fetch the same run
    try:
        yield staged
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _bring_small(project: Project, runs: list[tuple[RunRow, Path]]) -> None:
    """A round trip for many files, not one for each. What is not as promised is told of when its run's turn comes."""
    jobs: dict[tuple[str, str], list[Wanted]] = {}
    for run, staged in runs:
        for item in run.files:
            if item.size <= LITTLE:
                wanted = Wanted(f"{run.folder}/{item.path}", _target(staged, item), item.size, item.digest)
                jobs.setdefault((run.machine, run.token or ""), []).append(wanted)
    for (machine, token), together in jobs.items():
        with contextlib.suppress(MachineError):
            project.machine(machine).fetch_many(token, together)


def _target(staged: Path, item: FileInfo) -> Path:
    target = staged / _local(item)
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _fetch_into(project: Project, run: RunRow, staged: Path, *, everything: bool) -> Path:
    machine = project.machine(run.machine)
    left = []
    for item in run.files:
        if item.size > SMALL and not everything:
            left.append(item)
            continue
        target = _target(staged, item)
        if not target.exists():
            machine.fetch(run.token or "", f"{run.folder}/{item.path}", target, item.size, item.digest)
    text = output(project, run)
    if text:
        (staged / "stdout.txt").write_text(text)
    project.folders.place_attempt(run.scan, run.number, run.attempt, staged, _point(run, left))
    _note(project, run)
    return project.folders.point_folder(run.scan, run.number)


def _local(item: FileInfo) -> str:
    if item.role == "notebook":
        return "output.ipynb"
    return item.path.removeprefix(OURS)


def _point(run: RunRow, left: list[FileInfo]) -> dict[str, Any]:
    """What point.json says: enough to rebuild the row from the folder alone."""
    return {
        "format": layout.FORMAT, "run": run.run, "scan": run.scan, "number": run.number, "attempt": run.attempt,
        "version": run.version, "key": run.key, "parameters": run.parameters, "seed": run.seed,
        "state": run.state.value, "reason": run.reason, "error": run.error, "exit_code": run.exit_code,
        "started": run.started, "ended": run.ended, "seconds": run.seconds, "memory": run.memory,
        "machine": run.machine, "host": run.host, "job_id": run.job_id, "token": run.token, "records": run.records,
        "files": [{"path": _local(f), "size": f.size, "sha256": f.digest, "role": f.role} for f in run.files],
        "left": [{"path": f.path, "size": f.size, "sha256": f.digest} for f in left],
    }  # fmt: skip


def _note(project: Project, run: RunRow) -> None:
    event = {"e": "fetched", "t": project.clock(), "i": run.index, "attempt": run.attempt}
    accept.tell(project, run.scan, run.token or "", [event])
    with project.store.write() as writer:
        writer.update_attempt(run.run, run.attempt, {"fetched": 1})


def output(project: Project, run: RunRow, name: str | None = None) -> str:
    """What a run printed so far, from the copies of its streams; `name` narrows to stdout or stderr."""
    wanted = ("stdout", "stderr") if name is None else (name,)
    return "".join(text for stream, text in pieces(project, run) if stream in wanted)


def pieces(project: Project, run: RunRow) -> list[tuple[str, str]]:
    """What a run printed and displayed so far, in its order: (name of the stream, text)."""
    if run.token is None:
        return []
    folder = project.folders.job_folder(run.scan, run.token)
    parts = []
    for path in sorted(folder.glob(f"pilots/*/{layout.STREAM}")):
        for event in journal.parse(path.read_bytes())[0]:
            if event.get("i") != run.index or event.get("c") != run.claim:
                continue
            if event["e"] == "stream":
                parts.append((event["name"], event["text"]))
            elif event["e"] == "lost":
                parts.append(("stderr", f"\n[… {event['bytes']:,} bytes not kept …]\n"))
    return parts
