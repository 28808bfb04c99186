from __future__ import annotations

import threading

from farpoint.api.scan import Scan
from farpoint.model import State
from farpoint.points import grid
from farpoint.project import Project
from farpoint.ui.live import Pulse
from still import finish


def test_many_changes_are_told_in_few_words_and_the_last_for_certain(project: Project) -> None:
    scan = Scan("toy.ipynb", grid(x=list(range(200))), project=project).submit()
    told: list[int] = []
    whole = threading.Event()

    def tell() -> None:
        told.append(sum(state is State.COMPLETED for state in scan.standing().values()))
        if told[-1] == 200:
            whole.set()

    pulse = Pulse(project, tell)
    pulse.start()
    for number in range(200):
        finish(scan.project, scan.name, number)
    assert whole.wait(30)
    pulse.stop()
    assert told[-1] == 200
    assert len(told) < 100


def test_with_nothing_open_it_tells_once_and_ends(project: Project) -> None:
    told = threading.Event()
    pulse = Pulse(project, told.set)
    pulse.start()
    assert told.wait(10)
    pulse.stop()
    assert pulse._thread is None
