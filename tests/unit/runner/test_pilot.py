"""Pilots from the real zip: slices, limits, orders, what is kept, and what a full disk or a bad program does."""

from __future__ import annotations

import os
import signal
import subprocess
import textwrap
import time
from pathlib import Path

import pytest

from farpoint.runner import bell, layout, process
from farpoint.runner.claims import Claims
from page_reader import Reader

PRINT = "import json, os; print(json.load(open(os.environ['FARPOINT_PARAMETERS']))['x'] * 2)"
FOREVER = "import signal; signal.pause()"

SEND = textwrap.dedent("""
    import json, os, zlib
    def send(**event):
        body = json.dumps(event).encode()
        with open(os.environ["FARPOINT_EVENTS"], "wb", buffering=0) as pipe:
            pipe.write(b"%08x %s\\n" % (zlib.crc32(body), body))
""")


def gone(pid: int) -> bool:
    row = process.look(pid)
    return row is None or row.dead


def test_every_run_of_every_slice_is_run_once_and_written_down(far):
    far.place(PRINT, 5, per_slice=2)
    far.run()
    assert [e["i"] for e in far.events("started")] == [0, 1, 2, 3, 4]
    assert [(e["s"], e["c"]) for e in far.events("claimed")] == [(0, 0), (1, 0), (2, 0)]
    assert {i: (o["state"], o["reason"], o["exit"]) for i, o in far.standing().items()} == dict.fromkeys(
        range(5), ("COMPLETED", "", 0)
    )
    assert far.printed() == "0\n2\n4\n6\n8\n"
    first, last = far.events()[0], far.events()[-1]
    assert (first["e"], first["job"], first["member"], first["start"]) == ("pilot", "d1", 0, 0)
    assert set(first["host"]) >= {"name", "boot", "ns", "pid", "began"}
    assert (last["e"], last["reason"]) == ("ended", "")
    outcome = far.events("outcome")[0]
    assert outcome["ended"] >= outcome["started"]
    assert outcome["memory"] > 1 << 20
    assert outcome["host"] == os.uname().nodename
    assert not list((far.job / "bells").iterdir())
    assert not list(far.job.glob("pilots/*/reserve"))


def test_a_failing_run_does_not_stop_the_others(far):
    far.place("import os, sys; sys.exit('no such mesh' if os.environ['FARPOINT_SEED'] == '0' else 0)", 2, per_slice=2)
    far.run()
    bad, good = far.standing()[0], far.standing()[1]
    assert (bad["state"], bad["reason"], bad["exit"]) == ("FAILED", "exit code 1", 1)
    assert bad["error"]["message"] == "exit code 1: no such mesh"
    assert good["state"] == "COMPLETED"


def test_a_run_killed_by_a_signal_takes_what_it_started_with_it(far):
    far.place(
        "import os, subprocess\nprint(subprocess.Popen(['sleep', '60']).pid, flush=True)\nos.kill(os.getpid(), 9)"
    )
    far.run()
    assert far.one()["reason"] == "killed by signal 9"
    assert far.one()["exit"] is None
    assert gone(int(far.printed()))


@pytest.mark.parametrize(
    "argv, code",
    [(["/nowhere/bin/python", "x"], 127), (["/etc/passwd"], 126)],
)
def test_a_program_that_cannot_be_started_is_an_outcome_that_says_so(far, argv, code):
    far.place(argv)
    far.run()
    outcome = far.one()
    assert (outcome["state"], outcome["reason"], outcome["exit"]) == ("FAILED", f"exit code {code}", code)
    assert argv[0] in outcome["error"]["message"]


def test_a_run_longer_than_its_time_is_ended_with_everything_in_its_session(far):
    stubborn = (
        "import signal, subprocess; signal.signal(15, signal.SIG_IGN)\n"
        "print(subprocess.Popen(['sleep', '60']).pid, flush=True); signal.pause()"
    )
    far.place(stubborn, [{"time": 0.5}])
    far.run()
    outcome = far.one()
    assert (outcome["state"], outcome["reason"]) == ("FAILED", "timeout")
    assert 5.0 < outcome["seconds"] < 15.0
    assert gone(int(far.printed()))


def test_a_run_that_ends_well_when_asked_to_stop_has_completed(far):
    told = "send(e='result', state='COMPLETED', reason='', exit=0, error=None)"
    block = "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [15])\n"
    far.place(block + SEND + "signal.sigwait([15]); " + told, [{"time": 0.5}])
    far.run()
    assert far.one()["state"] == "COMPLETED"


def test_memory_of_the_whole_tree_counts(far):
    child = "x = bytearray(80 << 20); import time; time.sleep(60)"
    start = f"subprocess.Popen([sys.executable, '-c', {child!r}])"
    script = f"import subprocess, sys; both = [{start} for _ in range(2)]; both[0].wait()"
    far.place(script, [{"memory": 120 << 20}])
    far.run()
    outcome = far.one()
    assert (outcome["state"], outcome["reason"]) == ("FAILED", "out of memory")
    assert outcome["memory"] > 120 << 20


def test_memory_that_processes_share_counts_once(far):
    script = "import os, time; x = bytearray(60 << 20); [os.fork() for _ in range(2)]; time.sleep(2.5)"
    far.place(script, [{"memory": 120 << 20}])
    far.run()
    assert far.one()["state"] == "COMPLETED"


def test_events_of_a_run_reach_the_journal(far):
    script = SEND + textwrap.dedent("""
        send(e="record", name="energy", value=3.5, step=None)
        send(e="progress", done=0.5, text="half")
        send(e="stream", name="stderr", text="careful")
        send(e="claimed", s=9, c=9)
        error = {"type": "E", "message": "m", "traceback": "t" * 65350}
        send(e="result", state="FAILED", reason="exception", exit=None, error=error)
    """)
    far.place(script)
    far.run()
    record, progress, outcome = far.one("record"), far.one("progress"), far.one()
    assert (record["i"], record["c"], record["name"], record["value"]) == (0, 0, "energy", 3.5)
    assert (progress["done"], progress["text"]) == (0.5, "half")
    assert far.printed("stderr") == "careful"
    assert [e["s"] for e in far.events("claimed")] == [0]
    assert (outcome["state"], outcome["reason"], outcome["error"]["type"]) == ("FAILED", "exception", "E")
    assert len(outcome["error"]["traceback"]) == 20000


def test_the_environment_of_a_run(far):
    names = ["FARPOINT_RUN", "FARPOINT_SEED", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES"]
    told = f"[os.environ.get(n) for n in {names}], sys.path[1].endswith('modules'), os.getcwd()"
    slots = {"cpus": 4, "memory": None, "gpus": 2}
    far.place(f"import os, sys; print({told})", [{"cpus": 3, "gpus": 1}], slots=slots)
    far.run(CUDA_VISIBLE_DEVICES="6,7")
    folder = far.work / far.one("started")["folder"]
    assert far.printed() == f"['{far.job.name}/0', '0', '3', '6'] True {folder}\n"
    assert oct(folder.stat().st_mode)[-3:] == "700"


def test_inputs_are_copies_and_what_is_saved_is_listed(far, monkeypatch):
    script = (
        "import os; os.makedirs('a/b'); open('a/b/x.h5', 'w').write('1'); open('same.h5', 'a').close()\n"
        "open('changed.h5', 'a').write('2'); os.symlink('/etc/passwd', 'p.h5')"
    )
    far.place(script, inputs={"same.h5": b"s", "changed.h5": b"c", "sub/deep.txt": b"d"}, save=["**/*.h5", "sub"])
    far.run()
    found = {e["path"]: (e["size"], e["role"], e["sha256"]) for e in far.events("artifact")}
    assert found == {
        "a/b/x.h5": (1, "saved", layout.digest(b"1")),
        "changed.h5": (2, "saved", layout.digest(b"c2")),
    }
    assert (far.work / "inputs/changed.h5").read_bytes() == b"c"


def test_an_input_that_is_gone_is_named(far):
    far.place(PRINT, inputs={"mesh.json": b"{}"})
    (far.work / "inputs/mesh.json").unlink()
    far.run()
    assert (far.one()["state"], far.one()["reason"]) == ("FAILED", "gone")
    assert "mesh.json" in far.one()["error"]["message"]


def test_output_is_kept_at_both_ends_and_the_loss_is_stated(far):
    far.place("import sys; [print('%07d' % n) for n in range(100000)]")
    far.run()
    text = far.printed()
    (lost,) = far.events("lost", layout.STREAM)
    assert text.startswith("0000000\n0000001\n")
    assert text.endswith("0099999\n")
    assert len(text) == 512 << 10
    assert lost["bytes"] == 800000 - (512 << 10)


def test_a_cancelled_run_is_ended_and_the_next_one_runs(far):
    far.place(f"import os\nif os.environ['FARPOINT_SEED'] == '0':\n    {FOREVER}", 3, per_slice=3)
    pilot = far.pilot()
    far.until(lambda: far.events("started"))
    far.order({"cancel": [0, 2]})
    assert pilot.wait(30) == 0
    assert {i: o["state"] for i, o in far.standing().items()} == {0: "CANCELLED", 1: "COMPLETED", 2: "CANCELLED"}
    assert [e["i"] for e in far.events("started")] == [0, 1]
    assert far.standing()[0]["reason"] == "cancelled"


def test_what_somebody_waits_for_is_taken_first(far):
    far.place(PRINT, 5)
    far.order({"first": [3]})
    far.order({"first": [4, 9]})
    far.run()
    assert [event["s"] for event in far.events("claimed")] == [4, 3, 0, 1, 2]


def test_stop_cancels_what_is_held_and_leaves_the_rest(far):
    far.place(FOREVER, 4, per_slice=2)
    pilot = far.pilot()
    far.until(lambda: far.events("started"))
    far.order({"stop": True})
    assert pilot.wait(30) == 0
    assert {i: o["state"] for i, o in far.standing().items()} == {0: "CANCELLED", 1: "CANCELLED"}
    assert far.one("ended")["reason"] == "cancelled"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2])
def test_a_pilot_asked_to_stop_counts_nothing_and_says_so(far, number):
    far.place(FOREVER, 2)
    pilot = far.pilot()
    far.until(lambda: far.events("started"))
    pilot.send_signal(number)
    assert pilot.wait(30) == 0
    assert far.one("interrupted")["reason"] == "stopped"
    assert far.one("ended")["reason"] == "stopped"
    assert not far.standing()


def test_a_signal_to_the_whole_group_is_no_failure_of_the_run(far):
    far.place(FOREVER)
    pilot = far.pilot()
    far.until(lambda: far.events("started"))
    spec = str(far.work / far.one("started")["folder"] / ".farpoint/spec.json")
    mark = "FARPOINT_SPEC=" + spec
    (child,) = far.until(lambda: process.marked(process.table(), mark))
    os.kill(child, signal.SIGTERM)
    time.sleep(0.1)  # as late as a scheduler may be, whose own signal this stands for
    pilot.send_signal(signal.SIGTERM)
    assert pilot.wait(30) == 0
    assert far.one("interrupted")["reason"] == "stopped"
    assert not far.standing()


def test_a_fence_ends_the_run_in_hand(far):
    far.place(FOREVER)
    pilot = far.pilot()
    far.until(lambda: far.events("started"))
    layout.link_exclusive(str(far.job / layout.claim_name(0, 1)), layout.dump({"revoked": True, "by": "o", "t": 0.0}))
    bell.ring(str(far.job / "bells"))
    assert pilot.wait(30) == 0
    assert far.one("interrupted")["reason"] == "superseded"
    assert not far.standing()


def test_a_claim_lost_in_the_last_moment_counts_nothing(far):
    """No beat and no bell tells: the pilot itself looks before it writes an outcome."""
    claim = layout.claim_name(0, 1)
    far.place(f"open({str(far.job / claim)!r}, 'w').write('{{\"revoked\": true}}')", beat=60.0)
    far.run()
    assert far.one("interrupted")["reason"] == "superseded"
    assert not far.standing()


def test_a_killed_pilot_leaves_nothing_running(far):
    far.place("import os, signal; print(os.getpid(), flush=True); signal.pause()")
    pilot = far.pilot()
    child = int(far.until(far.printed))
    pilot.kill()
    pilot.wait()
    end = time.monotonic() + 10
    while not gone(child):
        assert time.monotonic() < end
        os.sched_yield()


def test_a_bell_rings_for_progress_that_comes_fast_and_for_the_last_of_it(far):
    far.place(
        SEND
        + "import time\nfor n in range(50):\n"
        + "    send(e='progress', done=n / 49, text=''); time.sleep(0.01)\ntime.sleep(0.5)"
    )
    rung = bell.Bell(str(far.statedir / "bells"))
    pilot = far.pilot()
    last = far.until(lambda: [e for e in far.events("progress") if e["done"] == 1.0])
    assert last
    assert rung.drain()
    rung.close()
    assert pilot.wait(30) == 0


def test_two_jobs_of_one_token_share_the_slices(far):
    far.place("import os; open(os.environ['FARPOINT_SEED'] + '.ran', 'x')", 30)
    started = [far.pilot(0, "d1"), far.pilot(0, "d2"), far.pilot(1, "d2")]
    assert [pilot.wait(60) for pilot in started] == [0, 0, 0]
    assert sorted(e["i"] for e in far.events("started")) == list(range(30))
    assert len(far.standing()) == 30


def test_slices_put_later_are_taken_too(far):
    far.place(FOREVER.replace("signal.pause()", "signal.sigtimedwait([], 1)"), 2, per_slice=2)
    later = far.job / layout.slice_name(1)
    layout.put_json(str(far.job / layout.slice_name(0)), {"format": 1, "slice": 0, "runs": [0]})
    pilot = far.pilot()
    far.until(lambda: far.events("started"))
    layout.put_json(str(later), {"format": 1, "slice": 1, "runs": [1]})
    assert pilot.wait(30) == 0
    assert sorted(far.standing()) == [0, 1]


def test_pilots_wait_for_slots(far):
    far.place("import time; time.sleep(0.2)", 6, slots={"cpus": 2, "memory": None, "gpus": 0})
    far.run(members=4)
    spans = [(o["started"], o["ended"]) for o in far.standing().values()]
    busy = [sum(a <= start < b for a, b in spans) for start, _ in spans]
    assert len(spans) == 6
    assert max(busy) <= 2


def test_a_journal_on_a_full_disk(far):
    far.place(PRINT, 40, per_slice=40)
    pilot = subprocess.Popen(
        ["/bin/sh", "-c", 'ulimit -f 4; trap "" XFSZ; exec "$@"', "sh", *far.argv()],
        env={**os.environ, "FARPOINT_JOB_ID": "d1"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    out, err = pilot.communicate(timeout=120)
    assert (pilot.returncode, err) == (0, b""), (out, err)
    from farpoint.runner import journal
    from farpoint.runner.ledger import PREFIX

    said = [line[len(PREFIX) :] for line in out.decode().splitlines() if line.startswith(PREFIX)]
    events, _ = journal.parse("".join(line + "\n" for line in said).encode())
    told = {e["i"] for e in events if e["e"] == "outcome"} | set(far.standing())
    assert told == set(range(40))
    assert events


def test_the_oldest_python_there_is_will_do(far, old_python):
    far.place(PRINT, [{"time": 60, "memory": 1 << 30}] * 2, slots={"cpus": 1, "memory": 1 << 30, "gpus": 0})
    far.run(python=old_python)
    assert {o["state"] for o in far.standing().values()} == {"COMPLETED"}


FAILS_UNTIL = "import os, sys; sys.exit(3 if int(os.getcwd().rsplit('.', 1)[1]) < {} else 0)"  # claim number
BEGUN = "open('begun', 'w').close()"  # a run is journalled as started a moment before it is


def test_a_run_that_failed_is_executed_again_by_its_pilot_as_often_as_was_allowed(far):
    far.place(FAILS_UNTIL.format(2), [{"retries": 2}, {"retries": 5}], per_slice=2)
    far.run()
    assert [(e["i"], e["c"], e["folder"], e.get("attempt")) for e in far.events("started")] == [
        (0, 0, "runs/0.0", None), (0, 1, "runs/0.1", 2), (0, 2, "runs/0.2", 3), (1, 2, "runs/1.2", None),
    ]  # fmt: skip
    told = [(e["i"], e["c"], e["attempt"], e["reason"], e["exit"]) for e in far.events("retried")]
    assert told == [(0, 0, 1, "exit code 3", 3), (0, 1, 2, "exit code 3", 3)]
    assert {i: (o["c"], o["state"]) for i, o in far.standing().items()} == {0: (2, "COMPLETED"), 1: (2, "COMPLETED")}
    assert [body["start"] for body in Claims(str(far.job)).of(0)] == [0, 0, 0]


def test_the_last_failure_is_the_outcome(far):
    far.place(FAILS_UNTIL.format(9), [{"retries": 1}])
    far.run()
    assert [e["attempt"] for e in far.events("retried")] == [1]
    assert (far.one()["state"], far.one()["reason"], far.one()["c"]) == ("FAILED", "exit code 3", 1)


@pytest.mark.parametrize(
    "script, limits, reason",
    [
        (FOREVER, {"time": 0.5}, "timeout"),
        ("import time; x = bytearray(120 << 20); time.sleep(60)", {"memory": 60 << 20}, "out of memory"),
    ],
)
def test_what_needs_other_resources_is_not_tried_again(far, script, limits, reason):
    far.place(script, [{"retries": 3, **limits}])
    far.run()
    assert (far.one()["state"], far.one()["reason"], far.one()["c"]) == ("FAILED", reason, 0)
    assert not far.events("retried")


def test_a_program_ended_by_a_signal_is_tried_again_and_what_it_left_does_not_run_beside_the_next(far):
    script = (
        "import os, subprocess\n"
        "if os.getcwd().endswith('.0'):\n"
        "    print(subprocess.Popen(['sleep', '60'], stdout=-3, stderr=-3).pid, flush=True)\n"
        "    os._exit(9)\n"
    )
    far.place(script, [{"retries": 1}])
    far.run()
    assert far.one()["state"] == "COMPLETED"
    assert gone(int(far.printed()))


def test_a_run_whose_end_is_wanted_is_not_tried_again(far):
    far.place(
        f"import signal, sys; signal.signal(15, lambda *_: sys.exit(3)); {BEGUN}; signal.pause()", [{"retries": 9}]
    )
    far.pilot()
    far.until((far.work / "runs" / "0.0" / "begun").exists)
    far.order({"cancel": [0]})
    far.until(lambda: far.events("outcome"))
    assert (far.one()["state"], far.one()["c"]) == ("CANCELLED", 0)


def test_a_fence_forbids_another_try(far):
    far.place(
        f"import os, time\n{BEGUN}\nwhile not os.path.exists('go'): time.sleep(0.02)\nraise SystemExit(3)",
        [{"retries": 9}],
    )
    pilot = far.pilot()
    far.until((far.work / "runs" / "0.0" / "begun").exists)
    pilot.send_signal(signal.SIGSTOP)  # nothing is looked at before the run has failed
    assert Claims(str(far.job)).link(0, 1, {"revoked": True, "by": "o", "t": 1.0})
    (far.work / "runs" / "0.0" / "go").write_text("")
    time.sleep(0.5)
    pilot.send_signal(signal.SIGCONT)
    far.until(lambda: far.events("ended"))
    assert far.one("interrupted")["reason"] == "superseded"
    assert not far.events("retried") + far.events("outcome")
    assert len(far.events("started")) == 1


def test_a_start_after_a_requeue_goes_on_counting_where_the_one_before_was_killed(far):
    script = "import os, signal, sys\nsignal.pause() if os.getcwd().endswith('.1') else sys.exit(3)\n"
    far.place(script, [{"retries": 2}])
    first = far.pilot()
    far.until(lambda: len(far.events("started")) == 2)
    first.kill()
    first.wait()
    far.run()
    assert [(e["c"], e.get("attempt")) for e in far.events("started")] == [(0, None), (1, 2), (2, 2), (3, 3)]
    assert [(e["c"], e["attempt"]) for e in far.events("retried")] == [(0, 1), (2, 2)]
    assert (far.one()["state"], far.one()["c"]) == ("FAILED", 3)


def test_what_a_pilot_writes_is_as_the_page_says(far):
    page = Reader((Path(__file__).parents[3] / "docs" / "run-folder.md").read_text(encoding="utf-8"))
    far.place(FAILS_UNTIL.format(1) + "; print('x')", [{"retries": 1}])
    far.run()
    for kind in (layout.JOURNAL, layout.STREAM):
        (path,) = far.job.glob(f"pilots/*/{kind}")
        assert page.journal(path.read_bytes(), path.stem) == far.events(file=kind)
