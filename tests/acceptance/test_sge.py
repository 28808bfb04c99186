"""On a real Grid Engine: scans end, jobs end in every way it knows, and each says so in our words."""

from __future__ import annotations

import json

import pytest

pytestmark = [pytest.mark.xdist_group("sge"), pytest.mark.slow]

SETTINGS = """
[machines.grid]
scheduler = "sge"
grace = 3
poll = 0.5
"""


@pytest.fixture
def grid(desk, sge):
    desk.settings(SETTINGS)
    return desk


def test_a_function_is_scanned(grid, sge):
    said = grid.run(
        """
        import json, farpoint as fp
        def f(x):
            return {"y": x * x}
        scan = fp.Scan(f, fp.grid(x=[1, 2, 3]), name="s").submit(on="grid")
        scan.wait()
        print(json.dumps([scan.table[column].tolist() for column in ("y", "run_state", "run_machine")]))
        """,
        **sge.env,
    )
    assert json.loads(said.splitlines()[-1]) == [[1, 4, 9], ["COMPLETED"] * 3, ["grid"] * 3]
