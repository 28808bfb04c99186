import random

import pytest

from farpoint.api.tally import Tally, part_done
from farpoint.model import RunRow, Standing, State
from rows import row


def tally(*rows: RunRow) -> Tally:
    return Tally(enumerate(rows))


def test_a_running_run_is_judged_by_those_that_finished() -> None:
    assert part_done(row(0, "RUNNING", started=100.0), 105.0, 10.0) == 0.5
    assert part_done(row(0, "RUNNING", started=100.0), 500.0, 10.0) == 0.95
    assert part_done(row(0, "RUNNING", started=100.0), 105.0, None) == 0.0
    assert part_done(row(0, "RUNNING", progress=7.0), 105.0, None) == 1.0


def test_without_a_finished_run_progress_tells_the_time() -> None:
    assert tally(row(0, "RUNNING", started=100.0, progress=0.25)).seconds_left(110.0) == pytest.approx(30.0)
    assert tally(row(0, "RUNNING", started=100.0)).seconds_left(110.0) is None
    assert tally(row(0, "QUEUED")).seconds_left(110.0) is None


def test_kept_up_by_changes_the_sums_are_those_of_the_whole() -> None:
    dice = random.Random(5)
    kept = Tally()
    latest: dict[int, Standing] = {}
    for _ in range(2000):
        number, state = dice.randrange(30), dice.choice(list(State))
        progress = dice.choice([None, dice.random()])
        run = Standing(number, state, dice.choice(["", "held", "full"]), dice.choice([None, 3.0]), 10.0, 20.0, progress)
        latest[number] = run
        kept.put([(number, run)])

    whole = Tally(latest.items())
    assert (kept.fraction(12.0), kept.seconds_left(12.0)) == (
        pytest.approx(whole.fraction(12.0)),
        pytest.approx(whole.seconds_left(12.0)),
    )
    assert (kept.bad, kept.ended, kept.over) == (whole.bad, whole.ended, whole.over)
    assert [kept.count(state) for state in State] == [whole.count(state) for state in State]
    assert +kept.reasons == +whole.reasons
