"""Programs end in time, and a submit happens once per serial whoever asks, how often and how badly it ends."""

from __future__ import annotations

import json
import sys
import threading
import time

from farpoint.runner import command, layout


def test_exit_code_and_text(tmp_path) -> None:
    done = command.run(["sh", "-c", "pwd; cat; echo bad >&2; exit 3"], 10, stdin="given\n", folder=str(tmp_path))
    assert done == {"exit": 3, "stdout": f"{tmp_path}\ngiven\n", "stderr": "bad\n"}


def test_a_program_that_is_not_there_says_so() -> None:
    done = command.run(["no-such-program"], 10)
    assert done["exit"] == 127
    assert "no-such-program" in done["stderr"]


def test_a_program_over_its_time_ends_with_its_children(tmp_path) -> None:
    begun = time.monotonic()
    done = command.run(["sh", "-c", f"sleep 60 & echo $! > {tmp_path}/pid; echo begun; wait"], 0.5)
    assert (done["exit"], done["stdout"]) == (None, "begun\n")
    assert time.monotonic() - begun < 20
    pid = int((tmp_path / "pid").read_text())
    for _ in range(100):
        if state(pid) in ("", "Z"):
            break
        time.sleep(0.05)
    assert state(pid) in ("", "Z")


def state(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def test_a_child_that_lives_on_does_not_hold_us_up() -> None:
    begun = time.monotonic()
    done = command.run(["sh", "-c", "sleep 5 & echo done"], 20)
    assert done["stdout"] == "done\n"
    assert time.monotonic() - begun < 4


def test_ten_ask_and_it_is_submitted_once(tmp_path) -> None:
    argv = ["sh", "-c", f"echo ran >> {tmp_path}/ran; sleep 0.3; echo id-7"]
    notes: list[object] = []
    threads = [
        threading.Thread(target=lambda: notes.append(command.submit(str(tmp_path), 1, argv, 10))) for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "ran").read_text() == "ran\n"
    known = [note for note in notes if note is not None]
    assert len(known) >= 1
    assert {note["stdout"] for note in known} == {"id-7\n"}
    later = command.submit(str(tmp_path), 1, ["false"], 10)
    assert later["stdout"] == "id-7\n"
    assert later["argv"] == argv


def test_another_serial_is_another_submit(tmp_path) -> None:
    assert command.submit(str(tmp_path), 1, ["echo", "one"], 10)["stdout"] == "one\n"
    assert command.submit(str(tmp_path), 2, ["echo", "two"], 10)["stdout"] == "two\n"


def test_a_submit_that_was_begun_and_did_not_end_is_unknown(tmp_path) -> None:
    layout.link_exclusive(str(tmp_path / "submit.1.claim"), b"{}")
    assert command.submit(str(tmp_path), 1, ["sh", "-c", f"touch {tmp_path}/ran"], 10) is None
    assert not (tmp_path / "ran").exists()


def test_a_submit_without_an_end_is_noted_as_such(tmp_path) -> None:
    note = command.submit(str(tmp_path), 1, [sys.executable, "-c", "import time; time.sleep(60)"], 0.3)
    assert note["exit"] is None
    assert json.loads((tmp_path / "submit.1.json").read_text()) == note
