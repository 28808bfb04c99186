"""A run's own folder: what lies in it before the run starts, the program that is started there, what is kept after.

Knows job.json and files; must not know processes, claims or journals.
"""

import glob
import hashlib
import os
import shutil
import sys
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from . import layout, ranks, unpacked

LARGE = 64 << 20  # bytes of an input that is linked to and not copied
PIECE = 1 << 20  # bytes read at once
WORK = {"notebook": "work_notebook", "function": "work_python", "cell": "work_cell"}  # kind of task: verb
THREADS = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM")  # …_NUM_THREADS

Artifact = Dict[str, Any]


class Workplace:
    """The folder of run `i` under claim `c`: one execution, one folder, never two writers."""

    def __init__(self, workdir: str, job: Mapping[str, Any], i: int, c: int, attempt: int) -> None:
        self._work = layout.work_folder(workdir, job["token"])
        self._job = job
        self._run = job["runs"][i]
        self._numbers = (i, c)
        self._attempt = attempt
        self.tasks = int(self._run.get("tasks") or 1)
        self.name = layout.run_name(i, c)
        self.folder = os.path.join(self._work, self.name)
        self.ours = os.path.join(self.folder, ".farpoint")
        self.spec = os.path.join(self.ours, "spec.json")
        self.events = os.path.join(self.ours, "events")
        self._modules = os.path.join(self._work, "modules")
        self._parameters = os.path.join(self.ours, "parameters.json")

    def prepare(self) -> None:
        """Make the folder, with the inputs, the spec and the pipe for events. OSError where that fails."""
        os.makedirs(self.ours)
        for file in self._inputs():
            _lay(os.path.join(self._work, "inputs", file), os.path.join(self.folder, file))
        _write(self.spec, layout.dump(self._spec()))
        _write(self._parameters, layout.dump(self._run["parameters"]))
        os.mkfifo(self.events, 0o600)

    def argv(self) -> List[str]:
        """The program of the run."""
        launched = ranks.launch(self._job.get("launcher"), self.tasks) if self.tasks > 1 else []
        if self._job["task"]["kind"] == "script":
            return launched + [str(word) for word in self._job["task"]["argv"]]
        named = (self._job.get("environment") or {}).get("python")
        python = os.path.expanduser(named) if named else sys.executable
        verbs = ["work_rank"] * (self.tasks > 1) + [WORK[self._job["task"]["kind"]]]
        return [*launched, python, unpacked.place(), *verbs, self.spec]

    def environment(self, gpus: Optional[Sequence[int]]) -> Dict[str, str]:
        """The environment variables of the run; `gpus` are the indices it holds, None where nobody counts them."""
        found = dict(os.environ)
        found.update(self._ours())
        path = [self._modules] + ([found["PYTHONPATH"]] if found.get("PYTHONPATH") else [])
        found["PYTHONPATH"] = os.pathsep.join(path)
        if gpus is not None:
            given = [word for word in found.get("CUDA_VISIBLE_DEVICES", "").split(",") if word]
            found["CUDA_VISIBLE_DEVICES"] = ",".join(given[g] if g < len(given) else str(g) for g in gpus)
        return found

    def _ours(self) -> Dict[str, str]:
        """The variables that tell a program which run it is, and how many threads it has."""
        cpus = str(self._run.get("cpus") or 1)
        found = {name + "_NUM_THREADS": cpus for name in THREADS}
        found.update(
            FARPOINT_RUN="%s/%d" % (self._job["token"], self._numbers[0]), FARPOINT_SPEC=self.spec,
            FARPOINT_EVENTS=self.events, FARPOINT_SEED=str(self._run.get("seed")), FARPOINT_PARAMETERS=self._parameters,
        )  # fmt: skip
        return found

    def artifacts(self, breathe: Callable[[], None]) -> Iterator[Artifact]:
        """What is kept: the executed notebook, files of recorded values, files the job wants saved; {path, size, …}.

        `breathe` is called now and then, large files take their time. Links that lead out of the folder, and inputs
        the run did not change, are not kept.
        """
        inputs = {file["path"]: file["digest"] for file in self._job.get("files", ()) if file["kind"] == "file"}
        seen: Set[str] = set()
        for role, path in self._candidates():
            inner = os.path.relpath(path, self.folder)
            if inner in seen or not _inside(path, self.folder):
                continue
            seen.add(inner)
            try:
                size, digest = _measure(path, breathe)
            except OSError:
                continue  # gone, or unreadable even for its owner
            if inputs.get(inner) != digest:
                yield {"path": inner, "size": size, "sha256": digest, "role": role}

    def _candidates(self) -> Iterator[Tuple[str, str]]:
        yield "notebook", os.path.join(self.ours, "output.ipynb")
        for path in sorted(glob.glob(os.path.join(glob.escape(self.ours), "values", "*"))):
            yield "value", path
        for pattern in self._job.get("save", ()):
            for path in sorted(glob.glob(os.path.join(glob.escape(self.folder), pattern), recursive=True)):
                for file in _files(path):
                    if not file.startswith(self.ours + os.sep):
                        yield "saved", file

    def _inputs(self) -> List[str]:
        return [file["path"] for file in self._job.get("files", ()) if file["kind"] == "file"]

    def _spec(self) -> Dict[str, Any]:
        job, run = self._job, self._run
        return {
            "format": layout.FORMAT, "token": job["token"], "i": self._numbers[0], "c": self._numbers[1],
            "run": run["run"], "number": run["number"], "attempt": self._attempt, "scan": job["scan"],
            "machine": job["machine"], "seed": run.get("seed"), "task": job["task"],
            "input": os.path.join(self._work, "task", job["task"].get("name", "")),
            "output": os.path.join(self.ours, "output.ipynb"), "parameters": run["parameters"],
            "events": self.events, "modules": self._modules, "cpus": run.get("cpus") or 1,
            "kernel": job["task"].get("kernel"), "results_key": job.get("results_key", ""),
            "arguments": os.path.join(self._work, "arguments"), "environment": self._ours(),
            "host": os.uname().nodename, "packages": (job.get("environment") or {}).get("packages", []),
        }  # fmt: skip


def _lay(source: str, target: str) -> None:
    """A copy of an input that the run may write to, or a link to it where it is large."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.stat(source).st_size > LARGE:
        os.symlink(source, target)
    else:
        shutil.copyfile(source, target)


def _write(path: str, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)


def _files(path: str) -> Iterator[str]:
    if not os.path.isdir(path):
        yield path
    for folder, _, names in os.walk(path):
        for name in sorted(names):
            yield os.path.join(folder, name)


def _inside(path: str, folder: str) -> bool:
    return os.path.isfile(path) and os.path.realpath(path).startswith(os.path.realpath(folder) + os.sep)


def _measure(path: str, breathe: Callable[[], None]) -> Tuple[int, str]:
    """(bytes, sha256) of a file."""
    total, size = hashlib.sha256(), 0
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(PIECE), b""):
            total.update(piece)
            size += len(piece)
            breathe()
    return size, total.hexdigest()
