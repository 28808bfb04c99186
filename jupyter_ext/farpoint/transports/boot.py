"""How an agent comes to life on a machine that has nothing but a Python: one constant command, the rest through stdin.

Knows the first bytes of the stream; frames and verbs come after it.
"""

from __future__ import annotations

import contextlib
import functools
import json
import time
from collections.abc import Mapping
from typing import Any

from farpoint.runner import layout
from farpoint.transports.base import Dead, Stream, Transport

OPENING = 30.0  # seconds an agent has to say that it is there
NOISE = 1 << 24  # bytes that login scripts may print before it does

# One line, with no character that any shell would touch inside quotes of either kind.
LOADER = "import io, json; boot, h = json.loads(io.FileIO(0, closefd=False).readline().decode()); exec(boot)"

MARK = b"\nfarpoint agent 1: "

BOOT = r"""
import hashlib, os, sys
os.umask(0o077)
sys.dont_write_bytecode = True
state = os.path.realpath(os.path.expanduser(h["statedir"]))
folder = os.path.join(state, "runner")
path = os.path.join(folder, h["sha"][:16] + ".zip")

def say(word):
    os.write(1, ("\nfarpoint agent 1: %s\n" % word).encode())

def intact():
    try:
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest() == h["sha"]
    except OSError:
        return False

def receive():
    os.makedirs(folder, 0o700, exist_ok=True)
    part = "%s.%s-%d.part" % (path, os.uname()[1], os.getpid())
    with open(part, "wb") as file:
        left = h["size"]
        while left:
            data = os.read(0, min(left, 65536))
            if not data:
                os.unlink(part)
                sys.exit("the runner did not arrive whole")
            file.write(data)
            left -= len(data)
        file.flush()
        os.fsync(file.fileno())
    os.rename(part, path)
    if not intact():
        sys.exit("the runner arrived damaged in " + path)

if not intact():
    say("need")
    try:
        receive()
    except OSError as fault:
        sys.exit("%s: %s" % (fault.filename or path, fault.strerror))
sys.path.insert(0, path)
from farpoint_runner import agent
say("have")
agent.main(h)
"""


@functools.cache
def runner() -> tuple[str, bytes]:
    """(sha256, bytes) of the runner as it is sent and cached."""
    data = layout.build_zip()
    return layout.digest(data), data


def runner_path(statedir: str) -> str:
    """Where the far side keeps it.

    >>> runner_path("/state").rpartition("/")[0]
    '/state/runner'
    """
    return f"{statedir}/runner/{runner()[0][:16]}.zip"


def open_stream(transport: Transport, given: Mapping[str, Any]) -> Stream:
    """A stream with an agent at its end, ready for the first frame. Dead where none came to life, with what was said.

    `given` says statedir, workdir, idle, beat and nice.
    """
    sha, data = runner()
    transport.ready()
    stream = Stream(transport.argv(LOADER), transport.env())
    until = time.monotonic() + OPENING
    try:
        header = [BOOT, {**given, "sha": sha, "size": len(data)}]
        with contextlib.suppress(Dead):  # it has ended already: what it said before is the better reason
            stream.write(transport.preamble(LOADER) + json.dumps(header).encode() + b"\n", OPENING)
        word = _word(stream, until)
        if word == b"need":
            stream.write(data, OPENING)
            word = _word(stream, until)
        if word != b"have":
            raise Dead(f"its agent said {word!r}")
    except Dead as fault:
        stream.kill()
        said = stream.complaints()
        stream.close()
        raise transport.why(said) or Dead(f"{fault}{f' ({said})' if said else ''}") from fault
    except BaseException:
        stream.kill()
        stream.close()
        raise
    return stream


def _word(stream: Stream, until: float) -> bytes:
    """The word after the next mark; whatever a login script printed before it is passed over."""
    got, passed = b"", 0
    while True:
        before, mark, after = got.partition(MARK)
        if mark and b"\n" in after:
            return after.partition(b"\n")[0]
        if not mark:
            got = before[-len(MARK) :]
            passed += len(before) - len(got)
        if passed > NOISE:
            raise Dead(f"it printed {passed} bytes and no agent started. Silence its login scripts")
        more = stream.read(until)
        if not more:
            raise Dead("no agent started")
        got += more
