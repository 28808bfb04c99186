"""On a real Slurm, with a real OpenMPI: a run of several ranks is one job, one launcher and one row."""

from __future__ import annotations

import json

import pytest

from clusters.daemons import require

pytestmark = [pytest.mark.xdist_group("slurm"), pytest.mark.slow, pytest.mark.timeout(400)]

SETTINGS = """
[machines.here]
scheduler = "slurm"
grace = 3
poll = 0.5
beat = 1.0
env = {OMPI_ALLOW_RUN_AS_ROOT = "1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM = "1"}
"""
FUNCTION = """
import json, os
import farpoint as fp

@fp.remote("here", tasks=4, memory="100 MB")
def f(x):
    import os
    rank, size = (int(os.environ["OMPI_COMM_WORLD_" + word]) for word in ("RANK", "SIZE"))
    print("rank", rank, "of job", os.environ["SLURM_JOB_ID"], flush=True)
    {body}
    return {{"rank": rank, "size": size, "x": x}}

scan = f.map([5])
scan.wait()
print(json.dumps([[run.state, run.reason, run.error, run.stdout] for run in scan]))
print(json.dumps([scan.table[name].tolist() for name in ("rank", "size", "x") if name in scan.table]))
"""


@pytest.fixture
def here(desk, slurm):
    """The user's desk beside a Slurm that has no launcher of its own in its settings."""
    require(["mpirun"])
    desk.settings(SETTINGS)
    yield lambda body: [
        json.loads(line) for line in desk.run(FUNCTION.format(body=body), **slurm.env).splitlines()[-2:]
    ]
    slurm.clear()


def test_four_ranks_are_one_job_and_rank_0_has_the_word(here, slurm):
    before = {job[0] for job in slurm.jobs()}
    rows, values = here("pass")
    mine = [job for job in slurm.jobs() if job[0] not in before]

    assert [row[0] for row in rows] == ["COMPLETED"], rows
    assert values == [[0], [4], [5]]
    assert len(mine) == 1, mine
    said = {line.partition("] ")[2] or line for line in rows[0][3].splitlines() if "rank " in line}
    assert said == {f"rank {rank} of job {mine[0][0]}" for rank in range(4)}


def test_a_rank_that_fails_ends_the_run_as_failed_and_is_named(here):
    rows, values = here("import signal; signal.pause() if rank != 2 else 1 / 0")

    assert [row[0] for row in rows] == ["FAILED"], rows
    assert rows[0][2]["message"].startswith("rank 2: "), rows
    assert "rank" not in values
