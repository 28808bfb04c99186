import pytest
from hypothesis import given
from hypothesis import strategies as st

from farpoint.errors import BadInput
from farpoint.model import Limits
from farpoint.window import MARGIN, Window, read_per_job, window


def limits(**given):
    return Limits(cpus=64, memory=None, gpus=0, grace=60, poll=10, pilots=100, **given)


def made(runs, *, room=100, time=None, longest=None, array=None, running=None, **more):
    return window(runs, limits(array=array, running=running), room=room, time=time, longest=longest, **more)


def test_a_pilot_for_every_point_up_to_the_window():
    assert made(7).pilots == (7,)
    assert made(2000).pilots == (100,)
    assert made(2000, room=5).pilots == (5,)


def test_an_array_is_split_at_the_sites_limit():
    assert made(1000, array=30).pilots == (25, 25, 25, 25)
    assert made(25, array=10).pilots == (9, 8, 8)


def test_running_pilots_are_shared_out_over_the_jobs():
    assert made(20, running=4).running == (4,)
    assert made(3, running=4).running == (None,), "it does not bind"
    assert made(20, array=10, running=5).running == (3, 2)
    few = made(100, array=10, running=3)
    assert len(few.pilots) == 3
    assert few.running == (1, 1, 1), "no job is left without a pilot that may run"


def test_a_pilot_has_time_for_its_share():
    assert made(10, time=600).walltime == 600 + MARGIN
    assert made(1000, time=600).walltime == 10 * 600 + MARGIN
    assert made(1000, time=600, longest=3600).walltime == 3600
    assert made(10, longest=3600).walltime == 3600, "nothing declared: as long as the queue allows"
    assert made(10).walltime is None


def test_what_finds_no_time_waits():
    assert made(1000, time=600, longest=86400).waits == 0
    assert made(1000, time=600, longest=3600).waits == 1000 - 100 * 5
    assert made(1000, time=3600, longest=3600).waits == 900, "a pilot begins one run, however short its time"


def test_slices():
    assert made(100, per_job=20).size == 20
    assert made(100, per_job=20).pilots == (5,)
    assert made(100, per_job=20, time=600, longest=3600).size == 5, "no slice is longer than a pilot lives"
    assert made(10, per_job=20).size == 10
    assert made(1000, per_job="auto", usual=1.0).size == 10, "all pilots are used before slices grow"
    assert made(10**6, per_job="auto", usual=1.0).size == 600
    assert made(1000, per_job="auto").size == 1, "nothing is known of how long a point takes"


def test_the_warning_is_a_minute_or_a_tenth():
    assert made(1, time=6000).warn == 60
    assert made(1, longest=60).warn == 6
    assert made(1).warn == 0


@given(
    runs=st.integers(1, 3000), room=st.integers(1, 120), array=st.none() | st.integers(1, 50),
    running=st.none() | st.integers(1, 50), per_job=st.none() | st.integers(1, 40),
    time=st.none() | st.integers(1, 9999), longest=st.none() | st.integers(60, 99999),
)  # fmt: skip
def test_every_run_is_dealt_once_and_no_limit_is_crossed(runs, room, array, running, per_job, time, longest):
    found = made(runs, room=room, array=array, running=running, per_job=per_job, time=time, longest=longest)
    cut = [range(start, min(start + found.size, runs)) for start in range(0, runs, found.size)]
    dealt = [i for job in found.deal(cut) for each in job for i in each]
    assert sorted(dealt) == list(range(runs))
    assert all(1 <= count <= (array or count) for count in found.pilots)
    assert sum(found.pilots) <= room
    together = sum(most or count for most, count in zip(found.running, found.pilots, strict=True))
    assert together <= (running or together)
    assert 0 <= found.waits < runs
    assert longest is None or (found.walltime or 0) <= longest


def test_every_job_has_slices_for_its_pilots():
    found = Window((9, 8, 8), (None,) * 3, 1, None).deal([[i] for i in range(25)])
    assert [len(each) for each in found] == [9, 8, 8]


@pytest.mark.parametrize("bad", [0, -1, 1.5, True, "many", ""])
def test_points_per_job_that_cannot_be_read(bad):
    with pytest.raises(BadInput, match="points_per_job"):
        read_per_job(bad)
