"""A run of a notebook, as a process of its own: parameterise, execute, save, tell the pilot how it ended.

Writes what papermill would write, without papermill. Must not know jobs, claims or schedulers.
"""

import os
import re
import signal
import time
import traceback
from typing import Any, Dict, List, Optional

from . import events, journal, kernel, layout, packages, paper, values

SAVE_EVERY = 2.0  # seconds between saves while the notebook runs
SPEAK_EVERY = 0.2  # seconds between stream events of one run
PIECE = 4000  # characters of one stream event: twelve bytes each at worst, so it fits a line
LAG = 600  # seconds that the reading of a cell's output may take after the cell has ended
MANY = 1000  # outputs of one cell; what is printed beyond is joined
ENOUGH = 1 << 16  # characters of one joined output
PATIENCE = 5.0  # seconds a kernel may take to leave
_PACKAGE = __package__ or "farpoint_runner"
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


class Stopped(KeyboardInterrupt):
    """The pilot asked this run to stop. An interrupt, because asyncio lets no other exception through."""


def main(arguments: List[str], kind: Any = None) -> int:
    """`work_notebook <spec.json>`: run the notebook described there. 0 where the result could be told."""
    spec = layout.read_json(arguments[0])
    signal.signal(signal.SIGTERM, _stop)
    try:
        result = (kind or Work)(spec, os.path.dirname(os.path.abspath(arguments[0]))).run()
    except Stopped:
        return 128 + signal.SIGTERM
    except kernel.Refused as refusal:
        result = _result("FAILED", "refused", None, {"type": "Refused", "message": str(refusal), "traceback": ""})
    except Exception as fault:
        result = _result("FAILED", "exception", None, _own_fault(fault))
    return 0 if events.send(spec["events"], result) else 1


def _stop(number: int, _frame: Any) -> None:
    signal.signal(number, signal.SIG_IGN)  # once: the save that follows must not be interrupted
    raise Stopped


class Work:
    """One notebook on its way from spec to result. `folder` is where our own files of this run lie."""

    def __init__(self, spec: Dict[str, Any], folder: str) -> None:
        _need_packages(spec)
        self.spec = spec
        self.folder = folder
        self.nb = read(spec["input"])
        self.saver = Saver(self.nb, spec["output"])
        self.voice = Voice(spec["events"])
        self.death: Optional[Dict[str, Any]] = None
        self.error: Optional[Dict[str, Any]] = None

    def run(self) -> Dict[str, Any]:
        """Execute, whatever happens leave the notebook complete on disk, and say how it went."""
        kernel.refuse_foreign(self.nb.metadata)
        _need_packages(self.spec, self.nb)
        parameterise(self.nb, self.spec)
        paper.begin(self.nb, os.path.basename(self.spec["input"]), os.path.basename(self.spec["output"]))
        self.saver.save()
        kernel.keep_in_session()
        client = client_of(self)
        with client.setup_kernel(cleanup_kc=True):
            try:
                polite = self.prelude(client)
                self._execute(client)
            finally:
                self._finish()
            if polite and self.death is None:
                self._leave(client)
        return self.death or _verdict(self.error)

    def _execute(self, client: Any) -> None:
        self.cells(client)
        if self.death is None:
            answer = client.wait_for_reply(client.kc.kernel_info())
            self.nb.metadata["language_info"] = answer["content"]["language_info"]
        client.set_widgets_metadata()

    def prelude(self, client: Any) -> bool:
        """Let the notebook find `farpoint` where it is not installed, without a trace in its counts and outputs."""
        here = os.path.dirname(os.path.abspath(__file__))
        root = here
        for _ in _PACKAGE.split("."):
            root = os.path.dirname(root)
        code = "__import__('sys').path.extend(%r); __import__(%r, fromlist=['enter']).enter()"
        code = code % ([root, os.path.join(here, "stand_in")], _PACKAGE + ".leaving")
        reply = client.wait_for_reply(client.kc.execute(code, silent=True, store_history=False))
        return bool(reply["content"]["status"] == "ok")

    @staticmethod
    def _leave(client: Any) -> None:
        code = "__import__(%r, fromlist=['leave']).leave(%r)" % (_PACKAGE + ".leaving", PATIENCE)
        client.kc.execute(code, silent=True, store_history=False)
        kernel.wait(kernel.process_of(client.km), 2 * PATIENCE)

    def hear(self, _message: Any, output: Any) -> None:
        """The kernel said something; `output` is what the notebook keeps of it, None for nothing."""
        if output is not None:
            self.voice.hear(output)

    def cells(self, client: Any) -> None:
        """Execute cell by cell until one stops the notebook."""
        from nbclient.exceptions import CellExecutionError, DeadKernelError

        for index, cell in enumerate(self.nb.cells):
            paper.cell_began(cell)
            self.saver.perhaps()
            try:
                client.execute_cell(cell, index)
            except CellExecutionError:
                paper.cell_failed(self.nb, cell)
                return
            except DeadKernelError:
                paper.cell_failed(self.nb, cell)
                self.death = _died(kernel.wait(kernel.process_of(client.km), 1.0), cell)
                return
            except BaseException:
                paper.cell_failed(self.nb, cell)
                raise
            finally:
                self.voice.flush()
                paper.cell_ended(cell)
                self.saver.perhaps()

    def _finish(self) -> None:
        """The last save, with the error markers where there was an error."""
        self.voice.flush()
        paper.complete(self.nb)
        error = paper.error_of(self.nb)
        if error is not None:
            paper.mark(self.nb, error)
        self.error = error or self.error
        self.saver.save()


def client_of(work: Work) -> Any:
    """An nbclient for this run that saves now and then and passes on what is printed."""
    from nbclient import NotebookClient

    class Client(NotebookClient):
        def create_kernel_manager(self) -> Any:
            self.km = kernel.manager(work.nb.metadata, work.spec.get("kernel"), work.folder)
            return self.km

        def output(self, outs: Any, *arguments: Any) -> Any:
            made = super().output(outs, *arguments)
            _join_last(outs)
            return made

        def process_message(self, *arguments: Any, **options: Any) -> Any:
            output = super().process_message(*arguments, **options)
            work.saver.perhaps()
            work.hear(arguments[0], output)
            return output

    # papermill's settings, with two of ours: how a kernel leaves (see leaving.py), and more than papermill's 4 seconds
    # to read what was printed: a slow reader is no failure
    return Client(
        work.nb,
        timeout=None,
        startup_timeout=60,
        raise_on_iopub_timeout=True,
        iopub_timeout=LAG,
        shutdown_kernel="immediate",
    )


def _join_last(outputs: List[Any]) -> None:
    """In a cell of very many outputs, put what was printed last to what was printed before: a flood must stay small."""
    if len(outputs) < MANY:
        return
    before, last = outputs[-2:]
    if last.output_type == "stream" and before.get("name") == last.name and len(before.text) < ENOUGH:
        before["text"] += outputs.pop()["text"]


class Saver:
    """Puts the notebook on disk, whole or not at all; not more often than is worth its time."""

    def __init__(self, nb: Any, path: str) -> None:
        self.nb = nb
        self.path = path
        self.due = 0.0

    def perhaps(self) -> None:
        """Save, unless that was done a moment ago."""
        if time.monotonic() >= self.due:
            self.save()

    def save(self) -> None:
        """Save now. OSError where the disk will not take it."""
        began = time.monotonic()
        beside = self.path + ".tmp"
        with open(beside, "w", encoding="utf-8") as file:
            file.write(_nbformat().writes(self.nb))
        os.rename(beside, self.path)
        ended = time.monotonic()
        self.due = ended + max(SAVE_EVERY, 20 * (ended - began))  # a large notebook must not spend its time on saving


class Voice:
    """Passes on what the notebook prints while it runs, a few events a second."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.errors = True  # tell tracebacks as well
        self.waiting: List[List[str]] = []  # [name, text] in order
        self.spoke = 0.0
        self.timer: Any = None

    def hear(self, output: Any) -> None:
        """Take one output of a cell; streams and errors are passed on."""
        if output.output_type == "stream":
            self.add(output.name, output.text)
        elif output.output_type == "error" and self.errors:
            self.add("stderr", plain("\n".join(output.traceback)) + "\n")
        else:
            return
        self.soon()

    def soon(self) -> None:
        """Pass on what waits, now or in a moment."""
        if time.monotonic() - self.spoke >= SPEAK_EVERY:
            self.flush()
        elif self.timer is None:
            import asyncio

            self.timer = asyncio.get_event_loop().call_later(SPEAK_EVERY, self.flush)

    def flush(self) -> None:
        """Pass on all that waits."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        waiting, self.waiting = self.waiting, []
        for name, text in waiting:
            for start in range(0, len(text), PIECE):
                events.send(self.path, {"e": "stream", "name": name, "text": text[start : start + PIECE]})
        self.spoke = time.monotonic()

    def add(self, name: str, text: str) -> None:
        """Take a text for the stream of that name."""
        if self.waiting and self.waiting[-1][0] == name:
            self.waiting[-1][1] += text
        else:
            self.waiting.append([name, text])


def read(path: str) -> Any:
    """A notebook in the newest form of format 4, with the metadata papermill gives it."""
    nb = _nbformat().read(path, as_version=4)
    nb = _nbformat().v4.upgrade(nb) or nb
    paper.prepare(nb, "farpoint")
    return nb


def parameterise(nb: Any, spec: Dict[str, Any]) -> None:
    """Inject the run's parameters, and its seed where the notebook declares one that was not given."""
    given = {name: values.decode(typed) for name, typed in spec["parameters"].items()}
    if "seed" not in given and spec.get("seed") is not None and paper.declares(nb.cells, "seed"):
        given["seed"] = spec["seed"]
    given = {name: given[name] for name in _in_order(given, spec.get("task"))}
    if given:
        lines = ["# Parameters"] + ["%s = %s" % (name, values.literal(value)) for name, value in given.items()]
        paper.inject(nb, "\n".join(lines) + "\n", {name: values.plain(value) for name, value in given.items()})


def _in_order(given: Dict[str, Any], task: Any) -> List[str]:
    """The names as the scan has them, where the task says so: JSON with sorted keys has lost their order."""
    told = task.get("names", []) if isinstance(task, dict) else []
    return [name for name in told if name in given] + [name for name in given if name not in told]


def plain(text: str) -> str:
    r"""A text without terminal colours.

    >>> plain("\x1b[0;31mValueError\x1b[0m: no")
    'ValueError: no'
    """
    return _ANSI.sub("", text)


def shorten(text: str, limit: int) -> str:
    """At most about `limit` characters: the beginning and, twice as long, the end.

    >>> shorten("abcdefghi", 3)
    'a\\n…\\nhi'
    """
    if len(text) <= limit:
        return text
    head = limit // 3
    return "%s\n…\n%s" % (text[:head], text[len(text) - (limit - head) :])


def _nbformat() -> Any:
    import nbformat

    return nbformat


def _verdict(error: Optional[Dict[str, Any]]) -> Dict[str, Any]:
    if error is None:
        return _result("COMPLETED", "", 0, None)
    told = {"type": error["type"], "message": error["message"], "traceback": plain("\n".join(error["traceback"]))}
    if error["type"] != "SystemExit":
        return _result("FAILED", "exception", None, told)
    number = re.match(r"-?\d+$", error["message"])
    code = int(error["message"]) & 0xFF if number else 1  # as the shell would see it; a message means 1
    return _result("FAILED", "exit code %d" % code, code, told)


def _died(status: Optional[int], cell: Any) -> Dict[str, Any]:
    reason = kernel.how_it_ended(status)
    count = cell.get("execution_count") or " "
    message = "the kernel died in In [%s]: %s" % (count, "how is not known" if status is None else reason)
    code = status if status is not None and status >= 0 else None
    return _result("FAILED", reason, code, {"type": "DeadKernelError", "message": message, "traceback": ""})


def _own_fault(fault: BaseException) -> Dict[str, Any]:
    trace = "".join(traceback.format_exception(type(fault), fault, fault.__traceback__))
    return {"type": type(fault).__name__, "message": str(fault), "traceback": trace}


def _result(state: str, reason: str, code: Optional[int], error: Optional[Dict[str, Any]]) -> Dict[str, Any]:
    result = {"e": "result", "state": state, "reason": reason, "exit": code, "error": error}
    limit = 24000
    while error is not None and len(layout.dump(result)) > journal.LIMIT - 1000:
        result["error"] = {name: shorten(text, limit) for name, text in error.items()}
        limit //= 2
    return result


def _need_packages(spec: Dict[str, Any], nb: Any = None) -> None:
    """Refused where some lack: what every notebook needs, and with `nb`, if it runs in this Python, what it imports."""
    needs = list(packages.NOTEBOOK)
    if nb is None or kernel.name_of(nb.metadata, spec.get("kernel")) == kernel.OWN:
        needs += spec.get("packages") or []
    missing = packages.lacking(needs)
    if missing and (nb is not None or set(missing) & set(packages.NOTEBOOK)):
        raise kernel.Refused(packages.told(missing, spec))
