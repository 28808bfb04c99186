from __future__ import annotations

import threading

from farpoint.ui.turns import Turns


def test_long_work_rests_as_long_as_any_question_is_asked() -> None:
    turns, done = Turns(), threading.Event()

    def work() -> None:
        turns.rest()
        done.set()

    worker = threading.Thread(target=work)
    with turns.first():
        with turns.first():
            worker.start()
        assert not done.wait(0.2)
    assert done.wait(30)
    worker.join()


def test_without_questions_it_goes_on() -> None:
    Turns().rest()
