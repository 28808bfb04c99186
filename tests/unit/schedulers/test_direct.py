"""`direct` passes the suite every scheduler passes, with the answers of the runner's own start, ps and kill."""

from __future__ import annotations

import pytest

from farpoint.model import QueueEntry
from farpoint.schedulers import base
from farpoint.schedulers.direct import Direct
from farpoint.testing.scheduler_suite import TOKEN, Recorded, Said, SchedulerSuite

PS = f"dnode-0000002a {TOKEN} 2 1 0 node\ndnode-1-deadbeef {TOKEN} 0 3 0 node-1\nend 2\n"


class TestDirect(SchedulerSuite):
    @pytest.fixture
    def scheduler(self) -> Direct:
        return Direct()

    @pytest.fixture
    def recorded(self) -> Recorded:
        entries = (
            QueueEntry("dnode-0000002a", TOKEN, True, "2 alive, 1 dead, 0 unknown on node"),
            QueueEntry("dnode-1-deadbeef", TOKEN, False, "0 alive, 3 dead, 0 unknown on node-1"),
        )
        return Recorded(
            accepted=(Said(0, "dnode-0000002a\n"), "dnode-0000002a"),
            refused=Said(127, "", "/no/python: No such file or directory"),
            status=(Said(0, PS), entries),
            empty=Said(0, "end 0\n"),
            down=(Said(1, "", "OSError: no space"), Said(-9, ""), Said(0, ""), Said(0, PS.removesuffix("end 2\n"))),
            strange=(Said(0, f"dnode-0000002a {TOKEN} 0 1 1 other\nend 1\n"), "1 unknown on other"),
        )


def test_the_commands_are_the_runners_own() -> None:
    paths = base.Paths("/s", "/w", "python3", "/s/runner/0a.zip")
    script = Direct().render(SchedulerSuite.shape, paths)
    runner = ["python3", "-I", "-S", "/s/runner/0a.zip"]
    assert Direct().submit_command(TOKEN, script, paths) == [
        *runner, "start", "--statedir", "/s", "--token", TOKEN, "--pilots", "3",
    ]  # fmt: skip
    assert Direct().status_command({TOKEN: ()}, paths) == [*runner, "ps", "--statedir", "/s"]
    assert Direct().look_up_command(TOKEN, paths) == [*runner, "ps", "--statedir", "/s", "--token", TOKEN]
    assert Direct().cancel_commands(["d-1"], paths) == [[*runner, "kill", "--statedir", "/s", "d-1"]]


def test_a_full_disk_is_no_refusal() -> None:
    assert Direct().parse_submit(1, "", "OSError: No space left on device").kind == "unknown"
