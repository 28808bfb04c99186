"""start, ps and kill as the scheduler adapter calls them: real pilots, and scripts that stand in for them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from farpoint.runner import direct, layout, process

TOKEN = "fpaaaaaaaaaaaaa"
STUBBORN = "#!/bin/sh\ntrap '' TERM\necho ready\nsleep 60 &\nwait\nwait\n"


@pytest.fixture
def call(far):
    """Run a verb from the zip; every job that was started is ended at the end."""
    ids = []

    def run(verb, *arguments, python=sys.executable, **env):
        argv = [python, "-I", "-S", str(far.zip), verb, "--statedir", str(far.statedir), *arguments]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, env={**os.environ, **env})
        if verb == "start":
            ids.append(done.stdout.strip())
        return done

    yield run
    for path in far.job.glob("direct/d*.json"):
        for member in layout.read_json(str(path))["members"]:
            process.end_all(member, "FARPOINT_JOB_ID=" + path.stem)


def script(far, text):
    layout.make_private(str(far.job))
    layout.put(str(far.job / layout.SCRIPT), text.encode(), 0o700)


def started(far, call, pilots, text, ready="ready"):
    script(far, text)
    done = call("start", "--token", TOKEN, "--pilots", str(pilots))
    assert (done.returncode, done.stderr) == (0, "")
    (job_id,) = done.stdout.split()
    outputs = [far.job / "direct" / f"{job_id}.{member}.out" for member in range(pilots)]
    far.until(lambda: all(ready in path.read_text() for path in outputs))
    return job_id


def members(far, job_id):
    (path,) = far.job.glob(f"direct/{job_id}.*[en]")
    return layout.read_json(str(path))["members"]


def test_start_ps_and_a_good_end(far, call):
    far.place("print(1)", 6)
    script(far, "#!/bin/sh\nexec " + " ".join(f"'{word}'" for word in far.argv()[:-1]) + ' "$FARPOINT_MEMBER"\n')
    done = call("start", "--token", TOKEN, "--pilots", "3")
    job_id = done.stdout.strip()
    assert re.fullmatch(r"d[a-z0-9-]*-[0-9a-f]{8}", job_id)
    far.until(lambda: len(far.events("ended")) == 3)
    assert sorted(far.standing()) == list(range(6))
    pilots = far.events("pilot")
    assert sorted((e["job"], e["member"]) for e in pilots) == [(job_id, k) for k in range(3)]
    recorded = [{k: v for k, v in member.items() if k != "member"} for member in members(far, job_id)]
    assert recorded == [e["host"] for e in sorted(pilots, key=lambda e: e["member"])]
    for member in recorded:
        while process.alive(member):
            os.sched_yield()
    host = os.uname().nodename
    assert call("ps").stdout == f"{job_id} {TOKEN} 0 3 0 {host}\nend 1\n"
    assert call("ps").stdout == "end 0\n"
    assert call("ps", "--token", TOKEN).stdout == f"{job_id} {TOKEN} 0 3 0 {host}\nend 1\n"
    assert call("ps", "--token", "fpbbbbbbbbbbbbb").stdout == "end 0\n"


def test_pilots_are_sessions_of_their_own_and_outlive_whoever_started_them(far, call):
    job_id = started(
        far, call, 2, "#!/bin/sh\necho ready $FARPOINT_MEMBER $FARPOINT_JOB_ID $FARPOINT_RUN\nexec sleep 60\n"
    )
    assert call("ps").stdout.startswith(f"{job_id} {TOKEN} 2 0 0 ")
    for number, member in enumerate(members(far, job_id)):
        row = process.look(member["pid"])
        assert row.session == member["pid"]
        assert os.readlink(f"/proc/{member['pid']}/fd/0") == os.devnull
        assert (far.job / f"direct/{job_id}.{number}.out").read_text() == f"ready {number} {job_id}\n"
        assert not set(os.listdir(f"/proc/{member['pid']}/fd")) - {"0", "1", "2"}


def test_what_a_run_was_told_is_not_told_to_pilots_it_starts(far, call):
    script(far, "#!/bin/sh\nenv > env\necho ready\n")
    call(
        "start",
        "--token",
        TOKEN,
        "--pilots",
        "1",
        FARPOINT_RUN="outer/0",
        FARPOINT_SPEC="/spec",
        FARPOINT_JOB_ID="outer",
    )
    environment = far.until(lambda: (far.job / "env").exists() and "ready" and (far.job / "env").read_text())
    assert "FARPOINT_RUN" not in environment
    assert "FARPOINT_SPEC" not in environment
    assert "FARPOINT_JOB_ID=outer" not in environment


def test_kill_asks_first(far, call):
    job_id = started(far, call, 2, "#!/bin/sh\necho ready\nexec sleep 60\n")
    began = time.monotonic()
    assert call("kill", job_id).returncode == 0
    assert time.monotonic() - began < 4
    assert not any(map(process.alive, members(far, job_id)))
    assert call("kill", job_id).returncode == 0
    assert call("kill", "dno-such-00000000", "not an id", "../../x").returncode == 0


def test_kill_ends_whoever_does_not_listen_and_what_it_runs_in_other_sessions(far, call):
    text = STUBBORN.replace("sleep 60 &", "setsid sh -c 'echo $$ > stray; exec sleep 60' &\nsleep 60 &")
    job_id = started(far, call, 1, text)
    stray = process.identity(int(far.until(lambda: (far.job / "stray").exists() and (far.job / "stray").read_text())))
    began = time.monotonic()
    assert call("kill", job_id).returncode == 0
    assert time.monotonic() - began >= 5
    for known in [stray, *members(far, job_id)]:
        while process.alive(known):
            os.sched_yield()


def test_kill_never_hits_a_stranger_that_has_the_pid_now(far, call):
    job_id = started(far, call, 1, "#!/bin/sh\necho ready\n")
    stranger = subprocess.Popen(["sleep", "60"], start_new_session=True)
    path = far.job / f"direct/{job_id}.json"
    document = layout.read_json(str(path))
    document["members"][0]["pid"] = stranger.pid
    layout.put_json(str(path), document)
    assert call("kill", job_id).returncode == 0
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_another_host_is_unknown_and_not_killed_from_here(far, call):
    job_id = started(far, call, 1, "#!/bin/sh\necho ready\nexec sleep 60\n")
    path = far.job / f"direct/{job_id}.json"
    document = layout.read_json(str(path))
    ours = dict(document["members"][0])
    document["members"][0]["id"], document["host"] = "elsewhere", "login2"
    layout.put_json(str(path), document)
    assert call("ps").stdout == f"{job_id} {TOKEN} 0 0 1 login2\nend 1\n"
    assert call("ps").stdout == f"{job_id} {TOKEN} 0 0 1 login2\nend 1\n"
    refused = call("kill", job_id)
    assert refused.returncode == 1
    assert "login2" in refused.stderr
    assert process.alive(ours)
    process.end_all(ours, "NO=mark")


@pytest.mark.parametrize("when", ["before the record", "before the go"])
def test_a_start_that_is_cut_off_leaves_no_pilot_that_is_not_on_record(far, monkeypatch, when):
    script(far, "#!/bin/sh\ntouch ran\n")
    code = f"""
import sys; sys.path.insert(0, {str(far.zip)!r})
from farpoint_runner import direct, layout
import os, signal
put = layout.put_json
def cut(path, document):
    if {when == "before the go"}:
        put(path, document)
    os.write(1, str(document["members"][0]["pid"]).encode())
    os.kill(os.getpid(), signal.SIGKILL)
layout.put_json = cut
direct.start(["--statedir", {str(far.statedir)!r}, "--token", {TOKEN!r}, "--pilots", "1"])
"""
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, timeout=60)
    assert done.returncode == -signal.SIGKILL
    pid = int(done.stdout)
    while (row := process.look(pid)) is not None and not row.dead:
        os.sched_yield()
    assert not (far.job / "ran").exists()
    assert len(list(far.job.glob("direct/*.json"))) == (when == "before the go")


def test_the_oldest_python_there_is_will_do(far, call, old_python):
    script(far, STUBBORN)
    job_id = call("start", "--token", TOKEN, "--pilots", "1", python=old_python).stdout.strip()
    assert call("ps", python=old_python).stdout.startswith(f"{job_id} {TOKEN} 1 0 0 ")
    assert call("kill", job_id, python=old_python).returncode == 0
    assert not any(map(process.alive, members(far, job_id)))


def test_thousands_of_old_jobs_cost_little(far, call):
    for n in range(2000):
        folder = far.statedir / "jobs" / f"fp{n:013d}" / "direct"
        folder.mkdir(parents=True)
        body = {
            "job": f"dh-{n:08x}",
            "token": f"fp{n:013d}",
            "host": "h",
            "members": [{**process.identity(), "began": "1"}],
        }
        (folder / f"dh-{n:08x}.json").write_text(json.dumps(body))
    assert call("ps").stdout.count("\n") == 2001
    began = time.process_time()
    assert list(direct.jobs(str(far.statedir))) == []
    assert time.process_time() - began < 1.0
