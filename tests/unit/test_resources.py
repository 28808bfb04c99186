"""Times, memory and counts as people write them."""

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from farpoint.errors import BadResources
from farpoint.model import Resources
from farpoint.resources import merge, parse_memory, parse_time, resources, show_memory, show_time

VECTORS = Path(__file__).parents[1] / "golden" / "vectors"


def vectors(name: str) -> list[dict]:
    return json.loads((VECTORS / name).read_text())


@pytest.mark.parametrize("case", vectors("times.json"), ids=repr)
def test_times(case):
    if "error" in case:
        with pytest.raises(BadResources, match=r"write '1h30m'"):
            parse_time(case["in"])
    else:
        assert parse_time(case["in"]) == case["out"]


@pytest.mark.parametrize("case", vectors("memory.json"), ids=repr)
def test_memory(case):
    if "error" in case:
        with pytest.raises(BadResources, match="with a unit"):
            parse_memory(case["in"])
    else:
        assert parse_memory(case["in"]) == (case["out_kib"] and case["out_kib"] * 1024)


@pytest.mark.parametrize("case", vectors("hms.json"), ids=repr)
def test_shown_times(case):
    assert show_time(case["in"]) == case["out"]


@pytest.mark.parametrize(
    "text, seconds",
    [
        ("1.5h", 5400), ("2 days", 172800), ("1d 2h", 93600), ("1 H 30 Min", 5400), ("90:00", 5400), ("0.5s", 1),
        ("49:00:10", 176410), ("none", None), (np.int64(90), 90), (timedelta(hours=1), 3600), (0, 0),
    ],
)  # fmt: skip
def test_more_times(text, seconds):
    assert parse_time(text) == seconds


@pytest.mark.parametrize(
    "wrong",
    ["", "90", " ", "30m1h", "1h1h", "1-00", "1:2:3:4", "1:75:00", "0:60", "h", "1e3s", "١h", -1, 1.5, True, [], "5mm"],
)
def test_ambiguous_times_are_refused(wrong):
    with pytest.raises(BadResources, match="time="):
        parse_time(wrong)


@pytest.mark.parametrize(
    "text, size", [("5 kB", 5120), ("5GiB", 5 << 30), ("1p", 1 << 50), ("1.3k", 1332), (1 << 20, 1 << 20)]
)
def test_more_memory(text, size):
    assert parse_memory(text) == size


@pytest.mark.parametrize("wrong", [4, 4096, 1.5e9, True, -(1 << 30), "1e3k", "5gibb", "G", "-5G"])
def test_memory_without_a_unit_is_refused(wrong):
    with pytest.raises(BadResources, match="with a unit"):
        parse_memory(wrong)


@given(st.integers(0, 10**9))
def test_what_is_shown_as_time_is_read_the_same(seconds):
    assert parse_time(show_time(seconds)) == seconds


@given(st.integers(0, 99), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_units_and_colons_agree(d, h, m, s):
    assert parse_time(f"{d}d{h}h{m}m{s}s") == parse_time(f"{d}-{h}:{m}:{s}") == ((d * 24 + h) * 60 + m) * 60 + s


@given(st.integers(1 << 10, 1 << 60))
def test_what_is_shown_as_memory_is_read_nearly_the_same(size):
    read = parse_memory(show_memory(size))
    assert abs(read - size) <= size * 0.006


@given(st.integers(1, 1023), st.sampled_from("KMGTP"))
def test_whole_units_come_back_exactly(number, unit):
    assert show_memory(parse_memory(f"{number}{unit}")) == f"{number}{unit}B"


def test_resources():
    asked = resources(
        cpus="8", memory="8GB", time="1h", gpus=1, queue="node16_1,node16_2", account="a", extra="--qos=long"
    )
    assert asked == Resources(8, 8 << 30, 3600, 1, 1, 1, "node16_1,node16_2", "a", ("--qos=long",))
    assert resources() == Resources()
    assert resources(extra=["-a", "-b"]).extra == ("-a", "-b")
    assert resources(extra=None).extra == ()
    assert resources(requires="gpu").requires == resources(requires=["gpu", " gpu"]).requires == ("gpu",)
    assert resources(cpus=np.int64(3)).cpus == 3


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"cpu": 1}, "no resource 'cpu' .*Did you mean 'cpus'"),
        ({"walltime": 1}, "Did you mean 'time'"),
        ({"partition": "x"}, "Did you mean 'queue'"),
        ({"memroy": 1}, "Did you mean 'memory'"),
        ({"cpus": 0}, "cpus=0 .*at least 1"),
        ({"cpus": 1.5}, "cpus=1.5"),
        ({"cpus": True}, "cpus=True"),
        ({"gpus": -1}, "at least 0"),
        ({"time": 0}, "time=0"),
        ({"memory": "0GB"}, "memory=0"),
        ({"queue": "a b"}, "queue='a b' is neither a queue's name nor a pattern"),
        ({"queue": ["a", ""]}, "is neither"),
        ({"queue": "-x"}, "is neither"),
        ({"queue": "a\n#SBATCH --x"}, "is neither"),
        ({"account": 3}, "account=3"),
        ({"extra": ["--a\n--b"]}, "one line"),
        ({"extra": 5}, "extra=5"),
        ({"requires": [""]}, "requires=.* is not a list of capabilities"),
        ({"requires": 5}, "requires=5"),
        ({"memory": "x2"}, "no memory was asked"),
        ({"cpus": "x0"}, "leave nothing"),
    ],
)
def test_what_cannot_be_used_is_named(wrong, said):
    with pytest.raises(BadResources, match=said):
        resources(**wrong)


def test_merge():
    base = resources(cpus=4, memory="4GB", time="1h", queue="short")
    more = merge(base, memory="x2", time="x1.5", cpus=" x 1.1")
    assert (more.memory, more.time, more.cpus, more.queue) == (8 << 30, 5400, 5, "short")
    assert merge(base, memory=None).memory is None
    assert merge(base, queue="x2").queue == "x2", "a queue may be called so"
    assert merge(base) == base
