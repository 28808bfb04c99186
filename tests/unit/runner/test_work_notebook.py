"""A notebook's run as a process: how it ends in every way, what is kept, what is told on the way."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import nbformat
import psutil
import pytest

from farpoint.runner import layout, work_notebook
from plugins.environment import Start, Work, code, notebook

PARAMETERS = code("x = 1\nseed = 0", "parameters")


def said(work: Work) -> str:
    return "".join(
        "".join(output.get("text", "")) for cell in work.notebook.cells for output in cell.get("outputs", ())
    )


def children(work: Work) -> list[psutil.Process]:
    return psutil.Process(work.process.pid).children(recursive=True)


@pytest.mark.parametrize(
    "last, reason, exit_code",
    [
        ("raise KeyError('k')", "exception", None),
        ("import sys; sys.exit(3)", "exit code 3", 3),
        ("import sys; sys.exit('no good')", "exit code 1", 1),
        ("import os; os._exit(7)", "exit code 7", 7),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "killed by signal 9", None),
        ("import ctypes; ctypes.string_at(0)", "killed by signal 11", None),
    ],
)
def test_how_a_notebook_ends(start: Start, last: str, reason: str, exit_code: int | None) -> None:
    work = start(notebook("print('before')", last, "print('never')"))
    assert work.wait() == 0
    assert (work.result["state"], work.result["reason"], work.result["exit"]) == ("FAILED", reason, exit_code)
    assert said(work).startswith("before\n")
    statuses = [cell.metadata.papermill.status for cell in work.notebook.cells if cell.cell_type == "code"]
    assert statuses == ["completed", "failed", "pending"]
    assert not list(work.output.parent.glob("kernel*"))


def test_an_error_is_told_without_colours(start: Start) -> None:
    work = start(notebook("def f():\n    raise ValueError('no')\nf()"))
    work.wait()
    error = work.result["error"]
    assert (error["type"], error["message"]) == ("ValueError", "no")
    assert "\x1b" not in error["traceback"]
    assert "ValueError: no" in error["traceback"]
    assert "ValueError: no" in work.text


def test_parameters_and_seed_arrive(start: Start) -> None:
    given = {"x": (1, 2), "when": __import__("datetime").date(2024, 2, 29)}
    work = start(notebook(PARAMETERS, "x, type(x).__name__, seed, when.year"), given)
    assert work.wait() == 0
    assert work.notebook.cells[1].source.startswith("# Parameters\nx = (1, 2)\n")
    assert work.notebook.cells[2].outputs[0].data["text/plain"] == "((1, 2), 'tuple', 42, 2024)"
    assert work.notebook.metadata.papermill.parameters.seed == 42


def test_parameters_are_set_in_the_order_of_the_scan(start: Start) -> None:
    task = {"name": "x.ipynb", "names": ["z", "x", "a"]}
    work = start(notebook(PARAMETERS), {"a": 1, "x": 2, "z": 3}, task=task)
    assert work.wait() == 0
    assert work.notebook.cells[1].source == "# Parameters\nz = 3\nx = 2\na = 1\nseed = 42\n"


def test_a_seed_of_the_points_own_stays(start: Start) -> None:
    work = start(notebook(PARAMETERS, "print(seed)"), {"seed": 5})
    assert work.wait() == 0
    assert said(work) == "5\n"


def test_parameters_go_behind_a_cell_that_is_only_headed_so(start: Start) -> None:
    work = start(notebook("import sys", "# parameters\nx = 1", "print(x)"), {"x": 2})
    assert work.wait() == 0
    assert said(work) == "2\n"


def test_what_is_printed_is_told_while_it_runs(start: Start) -> None:
    work = start(
        notebook("import time\nprint('one', flush=True)\ntime.sleep(0.5)\nprint('two', flush=True)\ntime.sleep(30)")
    )
    work.until(lambda work: "two" in work.text)
    assert work.process.poll() is None


def test_a_flood_of_prints_is_told_in_few_lines(start: Start) -> None:
    work = start(notebook("for i in range(3000): print(i, flush=True)"))
    assert work.wait() == 0
    assert work.text == "".join(f"{i}\n" for i in range(3000))
    assert len(work.of("stream")) < 600
    assert 900 < len(work.notebook.cells[0].outputs) < 1005
    assert said(work) == work.text


def test_the_notebook_is_saved_on_the_way(start: Start) -> None:
    work = start(notebook("import time\nfor i in range(1000): print(i, flush=True); time.sleep(0.05)"))
    work.until(lambda work: work.output.exists() and "15" in said(work))
    assert work.process.poll() is None


def test_a_polite_stop_keeps_the_partial_notebook(start: Start) -> None:
    work = start(notebook("import time\nprint('begun', flush=True)\ntime.sleep(60)"))
    work.until(lambda work: "begun" in work.text)
    kernel = children(work)
    os.kill(work.process.pid, signal.SIGTERM)
    assert work.wait(10) == 128 + signal.SIGTERM
    assert not work.of("result")
    assert said(work) == "begun\n"
    assert not [process for process in kernel if process.is_running()]


def test_the_kernel_dies_with_its_run_and_lives_in_its_session(start: Start) -> None:
    work = start(notebook("import ctypes\nprint('begun', flush=True)", "ctypes.PyDLL(None).sleep(60)"))
    work.until(lambda work: "begun" in work.text)
    (kernel,) = children(work)
    assert os.getsid(kernel.pid) == work.process.pid
    time.sleep(0.5)  # into the sleep, which lets no other thread of the kernel run
    os.kill(work.process.pid, signal.SIGKILL)
    assert work.wait() == -signal.SIGKILL
    kernel.wait(5)


def test_open_files_and_exit_hooks_are_not_lost(start: Start) -> None:
    cell = """
import atexit, threading, time
threading.kept_elsewhere = open("kept.txt", "w"); threading.kept_elsewhere.write("kept")
file = open("left_open.txt", "w"); file.write("all of it")
atexit.register(lambda: open("hook.txt", "w").write("ran"))
def late():
    time.sleep(1.5); open("thread.txt", "w").write("done")
threading.Thread(target=late).start()
class Held:
    def __del__(self): open("held.txt", "w").write("closed")
held = Held()
"""
    work = start(notebook(cell, "1/0"))
    assert work.wait() == 0
    run = work.folder / "run"
    assert [
        (run / name).read_text() for name in ("left_open.txt", "hook.txt", "thread.txt", "held.txt", "kept.txt")
    ] == [
        "all of it",
        "ran",
        "done",
        "closed",
        "kept",
    ]


def test_a_foreign_language_is_refused(start: Start) -> None:
    work = start(notebook("x <- 1", language="R", kernel="ir"))
    assert work.wait() == 0
    assert (work.result["state"], work.result["reason"]) == ("FAILED", "refused")
    assert "'r'" in work.result["error"]["message"]


def test_a_kernel_that_is_not_there_is_this_environments_python(start: Start) -> None:
    work = start(notebook("import sys; print(sys.executable)", kernel="my-own-environment"))
    assert work.wait() == 0
    assert said(work).strip() == sys.executable


def test_missing_packages_are_told_all_at_once(start: Start) -> None:
    work = start(notebook("1"), flags=("-S",))
    assert work.wait() == 0
    assert work.result["reason"] == "refused"
    assert "pip install nbformat nbclient ipykernel" in work.result["error"]["message"]


def test_a_result_fits_its_line(start: Start) -> None:
    work = start(notebook("raise ValueError('\\N{SNOWMAN}' * 300_000)"))
    assert work.wait() == 0
    assert work.result["error"]["message"].startswith("☃")


def test_a_fault_of_ours_is_told(start: Start, tmp_path: Path) -> None:
    work = start(notebook("1"), input=str(tmp_path / "gone.ipynb"))
    assert work.wait() == 0
    assert work.result["error"]["type"] == "FileNotFoundError"


def test_without_a_reader_the_exit_code_says_so(tmp_path: Path) -> None:
    spec = {"input": str(tmp_path / "gone.ipynb"), "output": "", "parameters": {}, "events": str(tmp_path / "none")}
    layout.put_json(str(tmp_path / "spec.json"), spec)
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert work_notebook.main([str(tmp_path / "spec.json")]) == 1
    finally:
        signal.signal(signal.SIGTERM, before)


def test_saving_takes_a_small_part_of_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(work_notebook, "time", SimpleNamespace(monotonic=lambda: now[0]))
    saver = work_notebook.Saver(notebook("1"), str(tmp_path / "out.ipynb"))
    saves = []
    monkeypatch.setattr(saver, "save", lambda: saves.append(now[0]) or work_notebook.Saver.save(saver))
    for _ in range(100):
        saver.perhaps()
        now[0] += 0.1
    assert 4 <= len(saves) <= 6
    assert nbformat.read(tmp_path / "out.ipynb", as_version=4).cells[0].source == "1"
    assert [path.name for path in tmp_path.iterdir()] == ["out.ipynb"]


def test_a_stream_event_fits_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, str]] = []
    monkeypatch.setattr(
        work_notebook.events,
        "send",
        lambda path, event: bool(told.append(event)) or bool(work_notebook.journal.line(event)),
    )
    voice = work_notebook.Voice("")
    voice.hear(nbformat.v4.new_output("stream", name="stdout", text="😀" * 20_000))
    voice.flush()
    assert "".join(event["text"] for event in told) == "😀" * 20_000


def test_the_kernel_is_left_quickly(start: Start) -> None:
    work = start(notebook("1"))
    assert work.wait() == 0
    ended = nbformat.read(work.output, 4).metadata.papermill.end_time
    assert ended
    assert time.time() - work.output.stat().st_mtime < 2


def test_packages_that_the_code_imports_are_told_all_at_once_before_it_runs(start: Start) -> None:
    work = start(notebook("print('began')"), packages=["no_such_one", "json", "nor_this"], machine="hpc")
    assert work.wait() == 0
    assert (work.result["state"], work.result["reason"]) == ("FAILED", "refused")
    message = work.result["error"]["message"]
    assert f"{sys.executable} on " in message
    assert "has no no_such_one, no nor_this, which the code needs. `farpoint env hpc` builds" in message
    assert not work.of("stream")
