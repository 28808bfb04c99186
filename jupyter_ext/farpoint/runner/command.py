"""Programs started for the other side: with a deadline, and a submit at most once per serial.

Knows no scheduler: an argv goes in, its exit code and text come out.
"""

import os
import signal
import time
from typing import Any, BinaryIO, Dict, Mapping, Optional, Sequence

from . import layout

MOST_TEXT = 1 << 24  # bytes of a program's output that are kept


def run(
    argv: Sequence[str], timeout: float, stdin: str = "", folder: str = "/", env: Optional[Mapping[str, str]] = None
) -> Dict[str, Any]:
    """{"exit", "stdout", "stderr"}; exit is None after `timeout` seconds, and below 0 for a signal.

    `env` is the program's whole environment, if it is not this one's.

    The output goes to files and not pipes: a child that lives on with them open does not hold us up.

    >>> run(["echo", "hello"], 5.0)["stdout"]
    'hello\\n'
    """
    import subprocess
    import tempfile  # only here: an agent that is just opened need not wait for them

    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(stdin.encode("utf-8"))
        given.seek(0)
        try:
            child = subprocess.Popen(
                list(argv), stdin=given, stdout=out, stderr=err, cwd=folder, env=env, start_new_session=True
            )
        except OSError as fault:
            return {"exit": 127, "stdout": "", "stderr": "%s: %s" % (argv[0], fault.strerror)}
        code: Optional[int] = None
        try:
            code = child.wait(timeout)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        return {"exit": code, "stdout": _text(out), "stderr": _text(err)}


def submit(
    folder: str, serial: int, argv: Sequence[str], timeout: float, env: Optional[Mapping[str, str]] = None
) -> Optional[Dict[str, Any]]:
    """The note of one submit: from the file where it was done before, None where it was begun and its end is not known.

    Whoever links the claim first runs the command; the others find the note, or nothing yet.
    """
    path = os.path.join(folder, layout.submit_name(serial))
    note = _note(path)
    if note is not None:
        return note
    claim = layout.dump({"host": os.uname().nodename, "pid": os.getpid(), "t": time.time()})
    if not layout.link_exclusive(path[: -len("json")] + "claim", claim):
        return _note(path)
    done = run(argv, timeout, folder=folder, env=env)
    note = dict(done, argv=list(argv), t=time.time())
    layout.put_json(path, note)
    return note


def _note(path: str) -> Optional[Dict[str, Any]]:
    try:
        note = layout.read_json(path)
    except FileNotFoundError:
        return None
    return note if isinstance(note, dict) else None


def _text(file: BinaryIO) -> str:
    file.seek(0)
    return file.read(MOST_TEXT).decode("utf-8", "replace")
