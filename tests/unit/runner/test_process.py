"""Who a process is, and what belongs to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from farpoint.runner import process

STRAY = """
import os, sys, time
between = os.fork()
if between:
    os.waitpid(between, 0)
    sys.exit()
os.setsid()
if os.fork():
    sys.exit()
print(os.getpid(), flush=True)
time.sleep(60)
"""


@pytest.fixture
def sleeper():
    started = subprocess.Popen(["sleep", "60"], start_new_session=True)
    yield started
    started.kill()
    started.wait()


def test_a_process_lives_until_it_ends_even_if_nobody_waited_for_it(sleeper):
    known = process.identity(sleeper.pid)
    assert process.alive(known) is True
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert process.alive(known) is False
    sleeper.wait()
    assert process.alive(known) is False
    with pytest.raises(ProcessLookupError):
        process.identity(sleeper.pid)


@pytest.mark.parametrize(
    "change, answer",
    [({"began": "1"}, False), ({"boot": "other"}, False), ({"ns": "pid:[1]"}, None), ({"id": "other"}, None),
     ({"id": "other", "boot": "other"}, None), ({"pid": 2**22 + 1}, False)],
)  # fmt: skip
def test_what_differs_decides_what_is_known(change, answer):
    assert process.alive({**process.identity(), **change}) is answer


def test_a_signal_never_reaches_another_process_of_the_same_pid(sleeper):
    known = process.identity(sleeper.pid)
    assert not process.tell({**known, "began": "1"}, signal.SIGKILL)
    assert sleeper.poll() is None
    assert process.tell(known, signal.SIGTERM)
    assert sleeper.wait(10) == -signal.SIGTERM
    assert not process.tell(known, signal.SIGTERM)


def test_a_stray_that_left_its_session_is_found_by_its_mark():
    mark = "FARPOINT_SPEC=" + os.urandom(4).hex()
    name, _, value = mark.partition("=")
    leader = subprocess.Popen([sys.executable, "-c", STRAY], env={name: value}, stdout=subprocess.PIPE)
    stray = int(leader.stdout.readline())
    leader.wait(10)
    leader.stdout.close()
    known = process.identity(stray)
    assert process.marked(process.table(), mark) == {stray}
    assert process.end_all(None, mark + "0") == 0
    assert process.end_all(None, mark) == 1
    watched = process.watch(known)
    assert watched is None or os.close(watched) is None
    while process.alive(known):
        os.sched_yield()


def test_a_session_is_ended_only_while_its_leader_is_who_it_was():
    script = "import subprocess, time; subprocess.Popen(['sleep', '60']); print(flush=True); time.sleep(60)"
    leader = subprocess.Popen([sys.executable, "-c", script], start_new_session=True, stdout=subprocess.PIPE)
    leader.stdout.readline()
    known = process.identity(leader.pid)
    assert process.end_all({**known, "began": "1"}, "NO=mark") == 0
    assert leader.poll() is None
    assert process.end_all(known, "NO=mark") == 2
    assert leader.wait(10) == -signal.SIGKILL
    leader.stdout.close()


def test_memory_of_pages_that_are_shared_counts_once_where_it_matters():
    rows = process.table()
    own = rows[os.getpid()].rss
    assert process.memory(rows, [os.getpid()]) == own
    assert 0 < process.memory(rows, [os.getpid()], limit=0) <= own * 1.1


@pytest.mark.parametrize(
    "line, file, text",
    [("0::/job/task", "job/task/memory.events", "oom 1\noom_kill 3\n"),
     ("9:memory:/job", "memory/job/memory.oom_control", "under_oom 0\noom_kill 3\n"), ("4:cpu:/job", "other", "")],
)  # fmt: skip
def test_kills_for_want_of_memory_are_counted_in_our_own_group(monkeypatch, tmp_path, line, file, text):
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(text)
    read = process._text
    monkeypatch.setattr(process, "CGROUPS", str(tmp_path))
    monkeypatch.setattr(process, "_text", lambda path: line + "\n" if path == "/proc/self/cgroup" else read(path))
    assert process.short_of_memory() == (3 if text else 0)


def test_without_proc_ps_says_the_same(monkeypatch, sleeper):
    monkeypatch.setattr(process, "PROC", False)
    row = process.look(sleeper.pid)
    assert row is not None
    assert (row.parent, row.session, row.dead) == (os.getpid(), sleeper.pid, False)
    assert row.rss > 0
    assert sleeper.pid in process.table()
    assert process.alive(process.identity(sleeper.pid))
