"""Why jobs wait is asked of the scheduler only where something waits, and once in a while."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from farpoint.machines.why import PAUSE, Why
from farpoint.model import QueueEntry
from farpoint.schedulers.direct import Direct
from farpoint.schedulers.sge import Sge
from farpoint.testing.fakes import FakeClock

ANSWER = (
    "<detailed_job_info><messages><element><SME_message_list><element><MES_job_number_list><ulong_sublist>"
    "<ULNG_value>3</ULNG_value></ulong_sublist></MES_job_number_list><MES_message>no slots</MES_message>"
    "</element></SME_message_list></element></messages></detailed_job_info>"
)


def waits(job: str, token: str = "ours", said: str = "") -> QueueEntry:
    return QueueEntry(job, token, True, "qw", pending=True, waiting=said)


def test_it_is_asked_once_in_a_while_and_of_ours() -> None:
    clock, asked = FakeClock(1000.0), list[list[str]]()

    def run(argv: list[str]) -> Mapping[str, Any]:
        asked.append(argv)
        return {"exit": 0, "stdout": ANSWER, "stderr": ""}

    def told(why: Why, *entries: QueueEntry) -> Sequence[str]:
        return [each.waiting for each in why.told(entries, {"ours"}, run)]

    why = Why(Sge(), clock)
    assert told(why, QueueEntry("1", "ours", True, "r"), waits("2", said="held"), waits("9", "theirs")) == [
        "",
        "held",
        "",
    ]
    assert asked == []
    for _ in range(3):
        assert told(why, waits("3"), waits("4")) == ["no slots", ""]
    assert asked == [["qstat", "-xml", "-j", "3,4"]]
    assert told(why, waits("5")) == [""]
    assert len(asked) == 2, "another job waits"
    clock.now += PAUSE
    assert told(why, waits("5")) == [""]
    assert len(asked) == 3
    assert told(Why(Direct(), clock), waits("3")) == [""]
    assert len(asked) == 3
