"""A kernel's side of cells without a kernel: reads {"notebook", "inputs", "own"} a line, runs the cell, answers.

Started by a test as a process of its own; the names go both ways as they do in a run.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from farpoint.runner import namespace


def run(shell: InteractiveShell, order: dict[str, str]) -> dict[str, Any]:
    shell.reset(new_session=False)
    for kept in (namespace._plan, namespace._before, namespace._sums):
        kept.clear()
    sys.__dict__.pop("last_value", None)
    with open(order["notebook"], encoding="utf-8") as file:
        source = json.load(file)["cells"][0]["source"]
    namespace.arrive(order["notebook"], order["inputs"], "")
    done = shell.run_cell(source)
    namespace.leave(order["own"])
    return {"result": repr(done.result), "raised": type(done.error_in_exec).__name__}


def main() -> None:
    shell = InteractiveShell.instance()
    shell.showtraceback = lambda *_, **__: None
    for line in sys.stdin:
        with contextlib.redirect_stdout(io.StringIO()):
            answer = run(shell, json.loads(line))
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
