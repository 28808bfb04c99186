"""A function that asks for several tasks: real ranks of a real mpirun, and one row of the table."""

from __future__ import annotations

import json
import shutil

import pytest

pytestmark = pytest.mark.skipif(shutil.which("mpirun") is None, reason="there is no mpirun here")

SETTINGS = """
[machines.local]
cpus = 2
launcher = "mpirun --oversubscribe"
"""
ROOT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
FUNCTION = """
import json, os
import farpoint as fp

@fp.remote(tasks={tasks})
def f(x):
    import os
    rank, size = (int(os.environ["OMPI_COMM_WORLD_" + word]) for word in ("RANK", "SIZE"))
    print("hello from", rank, flush=True)
    {body}
    return {{"rank": rank, "size": size, "x": x}}

scan = f.map([5, 6])
scan.wait()
rows = [(run.state, run.error or "", run.stdout) for run in scan]
columns = [name for name in ("rank", "size", "x") if name in scan.table]
print(json.dumps([rows, scan.table[columns].values.tolist()]))
"""


def test_four_ranks_are_one_run_and_rank_0_has_the_word(desk):
    desk.settings(SETTINGS)
    rows, values = json.loads(desk.run(FUNCTION.format(tasks=4, body="pass"), **ROOT).splitlines()[-1])

    assert [row[0] for row in rows] == ["COMPLETED"] * 2
    assert [value[:2] for value in values] == [[0, 4]] * 2
    for _, _, printed in rows:
        assert sorted(printed.split("\n"))[1:] == [
            "[rank 1] hello from 1", "[rank 2] hello from 2", "[rank 3] hello from 3", "hello from 0",
        ]  # fmt: skip


def test_an_exception_in_one_rank_ends_all_and_says_which(desk):
    desk.settings(SETTINGS)
    body = "import signal; signal.pause() if rank != 1 else 1 / 0"
    rows, _ = json.loads(desk.run(FUNCTION.format(tasks=3, body=body), **ROOT).splitlines()[-1])

    assert [row[0] for row in rows] == ["FAILED"] * 2
    assert all("rank 1" in str(row[1]) for row in rows), rows
