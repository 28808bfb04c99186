"""A stand-in for PBS: qsub, qstat, qdel, qhold, qrls and qselect on PATH, which run scripts as real processes.

Says what OpenPBS 23.06 says, in its forms and with its exit codes, as recorded. Knows nothing of the rest of farpoint.
"""

from __future__ import annotations

import json
import shlex
import signal
import sys
from pathlib import Path

from farpoint.testing.fake_pbs.server import state_of, tell

PROGRAMS = ("qsub", "qstat", "qdel", "qhold", "qrls", "qselect", "pbsnodes")


def install(folder: Path, *, history: bool = False, slots: int = 4) -> Path:
    """Put the programs into `folder`; returns the folder for PATH. `slots` jobs run at once."""
    programs = folder / "bin"
    programs.mkdir(parents=True)
    (folder / "spool").mkdir()
    state = {"next": 1000, "history": history, "slots": slots, "jobs": {}}
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "lock").touch()
    for name in PROGRAMS:
        words = shlex.join([sys.executable, "-I", "-m", __name__, name, str(folder)])
        (programs / name).write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        (programs / name).chmod(0o755)
    return programs


def set_server(folder: Path, how: str) -> None:
    """`up`; `down`: refuses connections; `stopped`: nobody gets an answer, and what was asked is done later."""
    (folder / "server").write_text(how)


def stop(folder: Path) -> None:
    """End every job."""
    with state_of(folder) as state:
        for job in state["jobs"].values():
            job["left"] = []
            for part in job["parts"].values():
                tell(part, signal.SIGKILL)
