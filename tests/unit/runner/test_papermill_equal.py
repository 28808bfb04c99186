"""The same notebooks through papermill and through the runner: the same output, field by field."""

from __future__ import annotations

import contextlib
import copy
import json
import re
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
from nbformat.v4 import new_markdown_cell, new_raw_cell

from plugins.environment import Start, code, notebook

# All that differs. Times differ between any two runs and are compared for their presence alone.
DIFFERENT = {
    "metadata.papermill.version",
    "metadata.papermill.input_path",
    "metadata.papermill.output_path",
    "cells[tags=injected-parameters].id",  # random in papermill, too
    "cells[tags=papermill-error-cell-tag].id",
    "metadata.papermill.parameters.j",  # inf: papermill writes Infinity, and no browser can read the notebook
}

PARAMETERS = code("a = 1\nb = 'x'  # a word\n", "parameters")
PLOT = """
import matplotlib.pyplot as plt
figure, axes = plt.subplots(figsize=(2, 1.5))
axes.plot([1, 2, a])
plt.show()
print("after")
figure
"""
DISPLAYS = """
from IPython.display import HTML, Markdown, clear_output, display
display(HTML("<b>hi</b>")); display(Markdown("*md*"))
handle = display("first", display_id="h")
display({"text/plain": "raw", "application/vnd.custom+json": {"k": [1, None]}}, raw=True)
"""
ASYNC = """
import asyncio, threading
async def f():
    await asyncio.sleep(0.01)
    return "awaited"
task = asyncio.create_task(f())
await f()
"""
VALUES = {
    "a": 3,
    "b": 'quo"te\\ and \n newline é ☃',
    "c": None,
    "d": True,
    "e": 1e-300,
    "f": [1, [2.5, "x"], {"k": None}],
    "g": {"a": 1, "b": [False]},
    "h": -1,
    "i": "",
    "j": float("inf"),
}

NOTEBOOKS: dict[str, tuple[Any, dict[str, Any]]] = {
    "plain": (
        notebook(
            PARAMETERS,
            new_markdown_cell("# Title"),
            "a, b, c, d, e, f, g, h, i, j",
            new_raw_cell("raw"),
            "",
            "x = a\nx",
        ),
        VALUES,
    ),
    "nothing given": (notebook(PARAMETERS, "a", "!echo shell", "%%bash\necho bash", code("1/0", "skip-execution")), {}),
    "plots": (notebook(PARAMETERS, PLOT, "%matplotlib inline\nplt.plot([3, 1]);"), {"a": 5}),
    "an error": (
        notebook(PARAMETERS, "print('before')", "def f():\n    raise ValueError('no\\nway')\n\nf()", "print('never')"),
        {"a": 2},
    ),
    "an error that is expected": (
        notebook(PARAMETERS, code("1/0", "raises-exception"), "print('goes on')"),
        {"b": "y"},
    ),
    "exit 0": (notebook("import sys", "print('x')\nsys.exit(0)", "print('never')"), {}),
    "exit": (notebook("import sys", "sys.exit()", "print('never')"), {}),
    "exit 3": (notebook("import sys", "sys.exit(3)", "print('never')"), {}),
    "outputs": (
        notebook(
            PARAMETERS,
            "import sys\nprint('out')\nprint('err', file=sys.stderr, flush=True)",
            DISPLAYS,
            "handle.update('second')",
            "print('gone', flush=True); clear_output(); print('stays')",
            "for i in range(3):\n    print(i, flush=True); clear_output(wait=True)",
            "import warnings\nwarnings.warn('careful')",
            "_, In[1], Out",
            "import logging\nlogging.warning('w')",
            "object()",
        ),
        {"a": 9},
    ),
    "asynchronous": (
        notebook(
            PARAMETERS,
            ASYNC,
            "await task",
            "t = threading.Thread(target=print, args=('thread',)); t.start(); t.join()",
            "%%time\nb",
            "try:\n    input('?')\nexcept Exception as fault:\n    print(type(fault).__name__)",
            "import os, sys\nos.getpid() == os.getpgid(0), __name__, sys.argv[0][-21:]",
            "sorted(name for name in dir() if name[0] != '_')",
        ),
        {"b": "z"},
    ),
    "no parameters cell": (notebook("a = 5\na", "q"), {"q": [1]}),
    "run before": (
        notebook(
            new_markdown_cell(
                "<span>An Exception was encountered</span>", metadata={"tags": ["papermill-error-cell-tag"]}
            ),
            PARAMETERS,
            "a",
            code("# Parameters\na = 77\n", "injected-parameters"),
            "a",
        ),
        {"a": 8},
    ),
}


@pytest.mark.filterwarnings("ignore")  # of papermill's own libraries
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_output_is_papermills(name: str, start: Start, tmp_path: Path) -> None:
    nb, parameters = copy.deepcopy(NOTEBOOKS[name])
    work = start(nb, parameters)
    theirs = papermills(nb, parameters, tmp_path)
    assert work.wait() == 0
    ours = json.loads(work.output.read_text())
    found: set[str] = set()
    compare(settled(theirs), settled(ours), "", found)
    assert found <= DIFFERENT
    failed = name in {"an error", "an error that is expected", "exit 3"}
    assert work.result["state"] == ("FAILED" if failed else "COMPLETED")


@pytest.mark.filterwarnings("ignore")
def test_a_comparison_sees_what_differs(start: Start, tmp_path: Path) -> None:
    found: set[str] = set()
    ours = start(notebook("print(1)", "2"))
    assert ours.wait() == 0
    compare(
        settled(papermills(notebook("print(1)", "3"), {}, tmp_path)),
        settled(json.loads(ours.output.read_text())),
        "",
        found,
    )
    assert found - DIFFERENT == {"cells.source", "cells.outputs.data.text/plain"}


def papermills(nb: Any, parameters: dict[str, Any], folder: Path) -> Any:
    (folder / "theirs").mkdir()
    nbformat.write(nb, folder / "in.ipynb")
    out = folder / "out.ipynb"
    with contextlib.suppress(papermill.PapermillExecutionError):
        papermill.execute_notebook(folder / "in.ipynb", out, parameters, progress_bar=False, cwd=folder / "theirs")
    return json.loads(out.read_text())


def settled(value: Any, key: str = "") -> Any:
    """Without what differs between any two runs: times, addresses, process numbers, the chunks of a stream."""
    if key in {"start_time", "end_time", "duration"} or key.startswith(("iopub.", "shell.")):
        return value is not None
    if isinstance(value, dict):
        return {name: settled(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [settled(item) for item in (whole(value) if key == "outputs" else value)]
    if isinstance(value, str):
        value = re.sub(r"0x[0-9a-f]{6,}", "0x", re.sub(r"ipykernel_\d+/\d+", "ipykernel", value))
        return re.sub(r"(CPU times|Wall time|user|sys|total)(: [\d.]+ [µnm]?s)?.*", r"\1", value)
    return value


def whole(outputs: list[Any]) -> list[Any]:
    merged: list[Any] = []
    for output in outputs:
        last = merged[-1] if merged else {}
        if output["output_type"] == "stream" and last.get("name") == output["name"]:
            last["text"] = "".join(last["text"]) + "".join(output["text"])
        else:
            merged.append(dict(output))
    for output in merged:
        if output["output_type"] == "stream":
            output["text"] = "".join(output["text"])
    return merged


def compare(one: Any, two: Any, path: str, found: set[str]) -> None:
    """Put the path of every field that differs into `found`; a cell without an id of its own goes by its tag."""
    if isinstance(one, dict) and isinstance(two, dict):
        tags = set(one.get("metadata", {}).get("tags", ())) if path == "cells" else set()
        given = tags & {"injected-parameters", "papermill-error-cell-tag"}
        for name in {*one, *two}:
            place = f"cells[tags={given.pop()}].id" if given and name == "id" else f"{path}.{name}".lstrip(".")
            compare(one.get(name, "absent"), two.get(name, "absent"), place, found)
    elif isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
        for first, second in zip(one, two, strict=True):
            compare(first, second, path, found)
    elif one != two or type(one) is not type(two):
        found.add(path)
