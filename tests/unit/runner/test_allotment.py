"""A pilot's time: what it still begins, when it stops, and whose fault it is that a run was cut."""

from __future__ import annotations

import math
import signal
import time

import pytest

from farpoint.runner import process
from farpoint.runner.allotment import TIME_UP, Allotment

QUICK = "pass"
SLEEP = "import signal; signal.pause()"


def test_without_a_limit_everything_fits_and_a_stop_is_a_stop():
    time_given = Allotment(None)

    assert math.isinf(time_given.left)
    assert time_given.reason("SIGUSR1") == "stopped"


def test_a_warning_means_that_time_is_up_and_another_signal_only_at_the_end():
    assert Allotment(3600.0).reason("SIGUSR1") == TIME_UP
    assert Allotment(3600.0).reason("SIGTERM") == "stopped"


def test_only_what_began_early_had_the_whole_time():
    age = process.age()  # of the process of this test, which counts
    given = Allotment(100 * (age + 50))

    assert given.was_whole(time.monotonic() + 50)
    assert not given.was_whole(time.monotonic() + 20 * (age + 50))


def test_a_pilot_takes_what_fits_and_leaves_the_rest_for_another(far):
    far.place(QUICK, [{}, {"time": 5000}, {"time": 30}], walltime=600.0)
    far.run()

    assert sorted(far.standing()) == [0, 2]
    assert [event["s"] for event in far.events("claimed")] == [0, 2]
    assert far.one("ended")["reason"] == "time is up"
    assert 590 < far.one("pilot")["walltime"] <= 600


def test_a_fresh_pilot_takes_what_needs_all_of_its_time(far):
    far.place(QUICK, [{"time": 600}], walltime=600.0)
    far.run()

    assert far.one()["state"] == "COMPLETED"


def test_a_run_that_had_all_of_the_time_failed(far):
    far.place(SLEEP, 2, walltime=12.0)
    far.run()

    outcome = far.one()
    assert (outcome["i"], outcome["state"], outcome["reason"]) == (0, "FAILED", "timeout")
    assert "all of its pilot's 12 s" in outcome["error"]["message"]
    assert far.one("ended")["reason"] == "time is up"


def test_a_run_that_began_late_is_interrupted_and_may_start_again(far):
    far.place(
        "import os, signal, time; time.sleep(1.5) if os.environ['FARPOINT_SEED'] == '0' else signal.pause()",
        2,
        walltime=8.0,
    )
    far.run()

    assert far.one()["i"] == 0
    assert (far.one("interrupted")["i"], far.one("interrupted")["reason"]) == (1, "time is up")
    assert far.one("ended")["reason"] == "time is up"


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGUSR2])
def test_the_schedulers_warning_ends_the_run_in_hand_in_good_order(far, number):
    script = "import os, signal, time; time.sleep(1.5) if os.environ['FARPOINT_SEED'] == '0' else signal.pause()"
    far.place(script, 3, walltime=10.0)
    pilot = far.pilot()
    far.until(lambda: len(far.events("started")) == 2)
    pilot.send_signal(number)
    assert pilot.wait(30) == 0

    assert far.one("interrupted")["reason"] == "time is up"
    assert far.one("ended")["reason"] == "time is up"
    assert len(far.events("claimed")) == 2


def test_a_warning_that_comes_early_lets_a_run_finish_that_will_be_done_in_time(far, tmp_path):
    script = f"import time, pathlib\nwhile not pathlib.Path({str(tmp_path / 'go')!r}).exists(): time.sleep(0.05)"
    far.place(script, [{"time": 30}, {"time": 30}], walltime=600.0)
    pilot = far.pilot()
    far.until(lambda: far.events("started"))
    pilot.send_signal(signal.SIGUSR1)
    time.sleep(0.3)  # the fault's moment, not a wait for anything
    (tmp_path / "go").touch()
    assert pilot.wait(30) == 0

    assert far.one()["state"] == "COMPLETED"
    assert far.one("ended")["reason"] == "time is up"


def test_a_program_that_is_being_written_is_tried_again(far, tmp_path):
    program = tmp_path / "tool"
    program.write_text("#!/bin/sh\necho here\n")
    program.chmod(0o755)
    with program.open("a"):  # ETXTBSY while somebody writes it
        far.place([str(program)])
        pilot = far.pilot()
        far.until(lambda: far.events("started"))
        time.sleep(0.3)  # the fault's moment, not a wait for anything
        assert not far.events("outcome")
    pilot.communicate(timeout=30)

    assert far.one()["state"] == "COMPLETED"
