"""The stand-in's qdel, qhold and qrls.

Changes jobs; shows none.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from farpoint.testing.fake_pbs.server import fail, kill_later, parse, reach, settle, start_what_may, state_of, tell


def qdel(folder: Path, words: list[str]) -> None:
    reach(folder, "qdel", 162)
    with state_of(folder) as state:
        code = max([_delete(state, word) for word in words if not word.startswith("-")], default=0)
        start_what_may(folder, state)
    raise SystemExit(code)


def _delete(state: dict[str, Any], word: str) -> int:
    number, index = parse(word)
    job = state["jobs"].get(number)
    if job is None or job.get("over"):
        sys.stderr.write(f"qdel: Job has finished {word}\n" if job else f"qdel: Unknown Job Id {word}\n")
        return 35 if job else 153
    waiting = [each for each in job["left"] if index in (None, str(each))]
    for each in waiting:
        job["left"].remove(each)
        job["parts"][str(each)] = {"state": "X", "substate": 93 if job["array"] else 91, "unborn": True}
    for each, part in job["parts"].items():
        if index in (None, each) and part["state"] in "RE":
            part["deleted"] = True
            tell(part, signal.SIGTERM)
            kill_later(part)
    settle(state, number)
    return 0


def hold(letter: str) -> Callable[[Path, list[str]], None]:
    def change(folder: Path, words: list[str]) -> None:
        reach(folder, "qhold" if letter else "qrls", 162)
        with state_of(folder) as state:
            for word in words:
                number, _ = parse(word)
                if number not in state["jobs"]:
                    fail(153, f"{'qhold' if letter else 'qrls'}: Unknown Job Id {word}")
                state["jobs"][number]["hold"] = letter
            start_what_may(folder, state)

    return change
