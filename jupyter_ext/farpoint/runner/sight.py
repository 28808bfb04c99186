"""Whether a job sees the same folders as the computer it was submitted from, and after how long: both ends of it.

The job answers each file it sees with another, so that no clock is compared. Knows two folders and nothing of runs.
"""

import os
import sys
import time
from typing import Any, Callable, Dict, List, Mapping, Optional

from . import layout, pythons

ROUNDS = 5
PATIENCE = 60.0  # seconds either end waits for the other
STEP = 0.005  # seconds between looks: a network disk tells nobody of a new file
THERE = "there.json"


def main(arguments: List[str]) -> int:
    """`sight <python or ''> <names,…> <statedir> <workdir>`, as a run of a job: its end. 0 where the other was met."""
    python, names, statedir, workdir = arguments
    folders = folders_of(statedir, workdir, os.environ["FARPOINT_RUN"].partition("/")[0])
    about: Dict[str, Any] = {"host": os.uname().nodename, "version": list(sys.version_info[:3]), "folders": {}}
    about["python"] = pythons.ask([os.path.expanduser(python) or sys.executable], names.split(","))
    for name, folder in folders.items():
        about["folders"][name] = _usable(folder)
    if about["folders"]["statedir"]:
        print("%s %s" % (folders["statedir"], about["folders"]["statedir"]), file=sys.stderr)
        return 1
    layout.put_json(os.path.join(folders["statedir"], THERE), about)
    met = [_answer(folder) for name, folder in folders.items() if not about["folders"][name]]
    return 0 if all(met) else 1


def folders_of(statedir: str, workdir: str, token: str) -> Dict[str, str]:
    """Where the two ends meet: a folder of the job in each of the two."""
    both = layout.job_folder(statedir, token), layout.work_folder(workdir, token)
    return {name: os.path.join(folder, "sight") for name, folder in zip(("statedir", "workdir"), both)}


def meet(folders: Mapping[str, str], seconds: float) -> Optional[Dict[str, Any]]:
    """The other end: what the job found, and `lag`, seconds from a file to the answer to it, for each of them.

    None where no job was there after `seconds`.
    """
    here = os.path.join(folders["statedir"], THERE)
    for folder in folders.values():
        layout.make_private(folder)
    if not _seen(lambda: os.path.exists(here), seconds):
        return None
    about: Dict[str, Any] = layout.read_json(here)
    about["lag"] = {name: _rounds(folder) for name, folder in folders.items() if not about["folders"][name]}
    return about


def _usable(folder: str) -> str:
    """Why the job can do nothing in this folder; '' where it can."""
    if not os.path.isdir(folder):
        return "is not there"
    try:
        layout.put(os.path.join(folder, "written-there"), b"")
    except OSError as fault:
        return "cannot be written to: %s" % fault.strerror
    return ""


def _answer(folder: str) -> bool:
    for number in range(ROUNDS):
        asked = os.path.join(folder, "ask.%d" % number)
        if not _seen(_listed(folder, os.path.basename(asked)), PATIENCE):
            return False
        layout.put(os.path.join(folder, "answer.%d" % number), b"")
    return True


def _rounds(folder: str) -> Optional[List[float]]:
    times = []
    for number in range(ROUNDS):
        began = time.monotonic()
        layout.put(os.path.join(folder, "ask.%d" % number), b"")
        if not _seen(_listed(folder, "answer.%d" % number), PATIENCE):
            return None
        times.append(time.monotonic() - began)
    return times


def _listed(folder: str, name: str) -> Callable[[], bool]:
    """By listing: a name once not found may be remembered as absent by a network disk."""
    return lambda: name in os.listdir(folder)


def _seen(there: Callable[[], bool], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not there():
        if time.monotonic() > until:
            return False
        time.sleep(STEP)
    return True
