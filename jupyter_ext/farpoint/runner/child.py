"""The program of one run: started in a session of its own, heard, held to its limits, and ended with all it started.

Knows processes and pipes; must not know claims, journals or what an event is for.
"""

import codecs
import contextlib
import ctypes
import functools
import os
import signal
import subprocess
import sys
import time
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional

from . import journal, process
from .loop import Loop, Timer

GRACE = 5.0  # seconds between asking a program to end and ending it
SAMPLE = 1.0  # seconds between looks at its memory, more where a look is slow
HURRY = 1.0  # the same for one that takes memory others need
AT_ONCE = 1 << 16  # bytes read from a pipe at a time
MANY = 64  # reads that empty any pipe
TAIL = 4000  # characters of standard error that are kept to explain an end

Hear = Callable[[Dict[str, Any]], None]
Said = Callable[[str, str], None]
Limits = NamedTuple("Limits", [("seconds", Optional[float]), ("memory", Optional[int])])


class Child:
    """One program. `hear(event)` gets what it sends through its pipe, `said(name, text)` what it prints.

    While `running`, step the loop. Then `status` is its exit status (below 0: a signal), `result` what it said of
    itself at last, `cause` why it was ended from here ("" if it was not), `memory` its peak in bytes.
    """

    def __init__(self, loop: Loop, events: str, hear: Hear, said: Said) -> None:
        self._loop = loop
        self._hear = hear
        self._said = said
        self._events = os.open(events, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)  # both: it never seems at its end
        self._buffer = b""
        self._pipes: Dict[str, int] = {}
        self._decoders = {name: codecs.getincrementaldecoder("utf-8")("replace") for name in ("stdout", "stderr")}
        self._timers: List[Timer] = []
        self._program: Optional["subprocess.Popen[bytes]"] = None
        self._who: Optional[process.Identity] = None
        self._mark = ""
        self._killed = False
        self._limits = Limits(None, None)
        self.running = False
        self.status = 0
        self.result: Optional[Dict[str, Any]] = None
        self.cause = ""
        self.memory = 0
        self.errors = ""

    def start(self, argv: List[str], folder: str, environment: Mapping[str, str], limits: Limits) -> None:
        """Start it. OSError where there is no such program, or it cannot be run."""
        self._program = subprocess.Popen(
            argv, cwd=folder, env=dict(environment), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, start_new_session=True, preexec_fn=_die_with(os.getpid()),  # noqa: PLW1509 -- one thread
        )  # fmt: skip
        self._who = process.identity(self._program.pid)
        self._mark = "FARPOINT_SPEC=" + environment["FARPOINT_SPEC"]
        self._limits = limits
        self.running = True
        for name, file in (("stdout", self._program.stdout), ("stderr", self._program.stderr)):
            assert file is not None
            os.set_blocking(file.fileno(), False)
            self._pipes[name] = file.fileno()
            self._loop.add(file.fileno(), functools.partial(self._read, name))
        self._loop.add(self._events, self._listen)
        self._timers.append(self._loop.once(SAMPLE, self._sample))
        if limits.seconds is not None:
            self._timers.append(self._loop.once(limits.seconds, functools.partial(self.end, "timeout")))

    def end(self, cause: str, grace: float = GRACE) -> None:
        """Ask it to end, and end it after `grace` seconds with all it started. The first cause is the cause."""
        if not self.running or self.cause:
            return
        self.cause = cause
        assert self._program is not None
        self._signal_group(signal.SIGTERM)
        self._signal_group(signal.SIGCONT)
        self._timers.append(self._loop.once(grace, self._end_now))

    def reap(self) -> None:
        """Look whether it has ended; then hear what it said last, and end what must not outlive it."""
        if not self.running or not self._ended():
            return
        self.running = False
        self._listen(MANY)
        for name in list(self._pipes):
            self._read(name, MANY)
        if self.cause or (self._killed and self.result is None):
            self._end_now()
        self._wait()
        self._no_timers()

    def close(self) -> None:
        """Let go of everything; the program, if it still runs, is ended."""
        self._no_timers()
        if self.running:
            self._end_now()
            self.running = False
            self._wait()
        self._loop.drop(self._events)
        os.close(self._events)
        for name in list(self._pipes):
            self._shut(name)

    def _no_timers(self) -> None:
        for timer in self._timers:
            self._loop.cancel(timer)
        self._timers = []

    def _ended(self) -> bool:
        """Whether it has ended. It is not waited for yet: its pid, by which its session is known, stays ours."""
        assert self._program is not None
        pid = self._program.pid
        if not hasattr(os, "waitid"):
            row = process.look(pid)
            return row is None or row.dead
        state = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        self._killed = state is not None and state.si_code != os.CLD_EXITED
        return state is not None

    def _wait(self) -> None:
        assert self._program is not None
        _, status, used = os.wait4(self._program.pid, 0)
        self.status = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        self._program.returncode = self.status
        self.memory = max(self.memory, used.ru_maxrss * (1 if sys.platform == "darwin" else 1024))

    def _end_now(self) -> None:
        process.end_all(self._who, self._mark)

    def _signal_group(self, number: int) -> None:
        assert self._program is not None
        with contextlib.suppress(ProcessLookupError, PermissionError):  # it ended, and is not waited for yet
            os.killpg(self._program.pid, number)

    def _sample(self) -> None:
        """Look how much memory it and all it started have; too much ends it."""
        assert self._program is not None
        began = time.monotonic()
        rows = process.table()
        limit = self._limits.memory
        now = process.memory(rows, process.family(rows, self._program.pid), limit)
        self.memory = max(self.memory, now)
        if limit is not None and now > limit:
            self.end("out of memory", HURRY)
        took = time.monotonic() - began
        self._timers.append(self._loop.once(max(SAMPLE, 20 * took), self._sample))

    def _listen(self, times: int = 1) -> None:
        """Events from the pipe."""
        self._buffer += _take(self._events, times)
        events, consumed = journal.parse(self._buffer)
        self._buffer = self._buffer[consumed:]
        for event in events:
            if event.get("e") == "result":
                self.result = event
            elif event.get("e") == "stream":
                self._said(str(event.get("name")), str(event.get("text")))
            else:
                self._hear(event)

    def _read(self, name: str, times: int = 1) -> None:
        """What it printed itself, or what something it started did."""
        data = _take(self._pipes[name], times)
        text = self._decoders[name].decode(data, final=not data)
        if name == "stderr":
            self.errors = (self.errors + text)[-TAIL:]
        if text:
            self._said(name, text)
        if not data and self.running:
            self._shut(name)

    def _shut(self, name: str) -> None:
        assert self._program is not None
        self._loop.drop(self._pipes.pop(name))
        file = self._program.stdout if name == "stdout" else self._program.stderr
        if file is not None:
            file.close()


def _take(descriptor: int, times: int) -> bytes:
    """What is there to be read now, in at most so many reads: a stray may never stop writing."""
    pieces = []
    try:
        for _ in range(times):
            piece = os.read(descriptor, AT_ONCE)
            if not piece:
                break
            pieces.append(piece)
    except BlockingIOError:
        pass
    return b"".join(pieces)


def _die_with(parent: int) -> Callable[[], None]:
    """Makes a process end with its parent, where the system can do that: a killed pilot leaves nothing running."""
    try:
        prctl = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return lambda: None

    def tie() -> None:
        prctl(1, int(signal.SIGKILL), 0, 0, 0)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(1)

    return tie
