import json
import threading
from typing import Any

import pytest

from farpoint.api.run import Run
from farpoint.project import Project
from farpoint.ui import follow, progress
from still import finish

Farpoint = Any


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the run printed; the last element counts."""
    texts = ["hello\n"]
    monkeypatch.setattr(Run, "stdout", property(lambda _: texts[-1]))
    return texts


def test_what_it_printed(toy: Farpoint, printed: list[str]) -> None:
    assert toy("logs", "toy/1").stdout == "hello\n"
    found = json.loads(toy("logs", "toy/1", "--json").stdout)
    assert (found["scan"], found["point"], found["run_state"], found["text"]) == ("toy", 1, "QUEUED", "hello\n")
    printed.append("no end of line \x1b[31mred")
    assert toy("logs", "toy/1").stdout == "no end of line red\n"
    printed.append("")
    assert toy("logs", "toy/1").output == ""


def test_which_of_several(toy: Farpoint) -> None:
    done = toy("logs", "toy")
    assert (done.exit_code, done.stderr) == (2, "Error: toy has 4 points. Say which: toy/0\n")


def test_following_prints_what_is_new_until_the_end(toy: Farpoint, project: Project, printed: list[str]) -> None:
    def goes_on() -> None:
        printed.append("hello\nagain\n")
        finish(project, "toy", 1, "FAILED")

    timer = threading.Timer(0.3, goes_on)
    timer.start()
    done = toy("logs", "-f", "toy/1")
    timer.join()
    assert (done.exit_code, done.stdout) == (1, "hello\nagain\n")
    lines = [json.loads(line) for line in toy("logs", "-f", "toy/1", "--json").stdout.splitlines()]
    assert lines == [{"text": "hello\nagain\n"}, {"state": "FAILED", "reason": "exception"}]


def test_a_new_attempt_begins_anew(
    toy: Farpoint, project: Project, printed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def waits(_: Project, look: Any) -> None:
        look()
        printed.append("other\n")
        look()

    monkeypatch.setattr(follow.waiting, "wait_for", waits)
    done = toy("logs", "-f", "toy/1")
    assert done.stdout == "hello\nother\n"
    assert "a new attempt" in done.stderr


def test_an_interrupt_leaves_the_run(toy: Farpoint, printed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(follow.waiting, "wait_for", interrupted)
    done = toy("logs", "-f", "toy/1")
    assert done.exit_code == 130
    assert "the run goes on. farpoint logs -f toy/1 follows again" in done.stderr
    monkeypatch.setattr(progress, "until_ended", interrupted)
    done = toy("watch")
    assert done.exit_code == 130
    assert done.stderr == "stopped watching; 4 runs go on. farpoint watch watches again\n"


def test_watch_ends_with_the_work(toy: Farpoint, project: Project) -> None:
    def ends() -> None:
        for number in range(4):
            finish(project, "toy", number, "FAILED" if number == 3 else "COMPLETED")

    timer = threading.Timer(0.3, ends)
    timer.start()
    done = toy("watch", "toy")
    timer.join()
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert lines[0] == "toy: 4 QUEUED"
    assert lines[-1].startswith("toy: 4 points · 3 COMPLETED · 1 FAILED")
    assert done.stderr == "", "quiet in a pipe"


def test_watch_tells_each_change_as_an_object_a_line(toy: Farpoint, project: Project) -> None:
    def ends() -> None:
        for number in range(4):
            finish(project, "toy", number)

    timer = threading.Timer(0.3, ends)
    timer.start()
    done = toy("watch", "--json")
    timer.join()
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == 0
    assert said[0] == {"scan": "toy", "counts": {"QUEUED": 4}, "waits": []}
    assert said[-1]["counts"] == {"COMPLETED": 4}


def test_one_look(toy: Farpoint, project: Project) -> None:
    finish(project, "toy", 0)
    done = toy("watch", "--once")
    assert done.exit_code == 0
    assert done.stdout.startswith("toy: 3 points · 3 QUEUED")
    (found,) = json.loads(toy("watch", "--once", "--json").stdout)
    assert found["counts"] == {"QUEUED": 3}


def test_nothing_to_watch(toy: Farpoint, project: Project) -> None:
    for number in range(4):
        finish(project, "toy", number)
    done = toy("watch")
    assert (done.exit_code, done.stderr) == (0, "nothing is unfinished\n")
