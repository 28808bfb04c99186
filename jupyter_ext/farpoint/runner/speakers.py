"""What a rank prints, passed on a line at a time: a launcher mixes what several print, and lines are to stay whole.

Knows descriptors and lines; must not know which rank it is, or what is printed.
"""

import os
import select
import signal
import sys
import time
from typing import List, Tuple

from . import layout

AT_ONCE = 1 << 16
MANY = 64  # reads after which nothing can be left in a pipe but what is written meanwhile
SOON = 0.2  # seconds the beginning of a line waits for its end, where it may go without

Speaker = Tuple[int, int]  # its process, and the pipe on which it is told that nothing follows


def start(prefix: str) -> List[Speaker]:
    """From here on what this process and its children print goes through two that pass on whole lines behind `prefix`.

    Without a prefix an unfinished line is passed on as well when it has waited: a bar of progress is one. Processes and
    not threads, so that nothing of them is left in the one that runs the user's code.
    """
    # Launchers end a rank with SIGTERM; its last words are still passed on, and a speaker's pipe ends with the rank.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT, signal.SIGHUP))
    try:
        return [_fork(descriptor, prefix.encode("ascii")) for descriptor in (1, 2)]
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def stop(speakers: List[Speaker]) -> None:
    """All that was printed is passed on before this ends: a launcher may end with it whatever is left.

    Programs that were started and left print into nothing from now on; nobody waits for them.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass  # a closed stream has nothing left to say
    nothing = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nothing, descriptor)
    os.close(nothing)
    for pid, told in speakers:
        try:
            os.write(told, b".")
        except OSError:
            pass  # it has ended already
        os.waitpid(pid, 0)
        os.close(told)


def _fork(descriptor: int, prefix: bytes) -> Speaker:
    reading, writing = os.pipe()
    hearing, telling = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(writing)
        os.close(telling)
        os.close(3 - descriptor)  # of the other one, which would else not see its end
        try:
            _pass_on(reading, hearing, descriptor, prefix)
        finally:
            os._exit(0)
    os.close(reading)
    os.close(hearing)
    os.dup2(writing, descriptor)
    os.close(writing)
    return pid, telling


def _pass_on(reading: int, hearing: int, descriptor: int, prefix: bytes) -> None:
    """Until nobody can print any more, or it is told that nothing follows and has read what there is."""
    rest, since, told, left = b"", 0.0, False, MANY
    heard = [hearing]
    while True:
        wait = 0.0 if told else max(0.0, since + SOON - time.monotonic()) if rest and not prefix else None
        ready = select.select([reading, *heard], [], [], wait)[0]
        if hearing in ready:  # at its end without a word: the rank died or became another program
            told, heard = bool(os.read(hearing, 1)), []
        if reading in ready:
            data = os.read(reading, AT_ONCE)
            lines = (rest + data).split(b"\n")
            since = since if rest and len(lines) == 1 else time.monotonic()
            rest = lines.pop()
            _say(descriptor, b"".join(prefix + line + b"\n" for line in lines))
            left -= told
            over = not data or not left
        else:
            over = told and hearing not in ready
        overdue = rest and not prefix and time.monotonic() >= since + SOON
        if rest and (over or overdue):
            _say(descriptor, prefix + rest + (b"\n" if prefix else b""))
            rest = b""
        if over:
            return


def _say(descriptor: int, data: bytes) -> None:
    if data:
        layout.write_all(descriptor, data)
