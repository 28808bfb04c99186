"""On a real Slurm: scans end, jobs end in every way Slurm knows, and each says so in our words."""

from __future__ import annotations

import json

import pytest

pytestmark = [pytest.mark.xdist_group("slurm"), pytest.mark.slow]

SETTINGS = """
[machines.here]
scheduler = "slurm"
grace = 3
poll = 0.5
"""


@pytest.fixture
def here(desk, slurm):
    desk.settings(SETTINGS)
    return desk


def test_a_function_is_scanned(here, slurm):
    said = here.run(
        """
        import json, farpoint as fp
        def f(x):
            return {"y": x * x}
        scan = fp.Scan(f, fp.grid(x=[1, 2, 3]), name="s").submit(on="here")
        scan.wait()
        print(json.dumps([scan.table[column].tolist() for column in ("y", "run_state", "run_machine")]))
        """,
        **slurm.env,
    )
    assert json.loads(said.splitlines()[-1]) == [[1, 4, 9], ["COMPLETED"] * 3, ["here"] * 3]
