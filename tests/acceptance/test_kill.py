"""The submitting process is killed at random moments; a new one finds everything, and every point ran exactly once."""

from __future__ import annotations

import random
import time

import pytest
from desk import notebook

from budget import budget

POINTS = 4
SUBMIT = """
    import farpoint as fp
    fp.Scan("task.ipynb", fp.grid(x=range(4)), name="killed").submit().wait()
"""
COME_BACK = """
    import farpoint as fp
    try:
        scan = fp.attach("killed")
    except fp.FarpointError:
        scan = fp.Scan("task.ipynb", fp.grid(x=range(4)), name="killed").submit()
    scan.wait(timeout=90)
    table = scan.table
    print(table.run_state.tolist(), table.y.tolist(), len(scan.fetch()))
"""


def effect(desk) -> dict:
    return notebook(
        "x = 0",
        f"""
        import os
        line = os.open({str(desk.project / "effects.txt")!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(line, f"{{x}}\\n".encode())
        """,
        "import farpoint as fp\nfp.record(y=x * 10)",
    )


@pytest.mark.parametrize("part", range(2))
def test_nothing_lost_nothing_twice(desk, part, tmp_path):
    dice = random.Random(part)
    for number in range(part, budget("kills"), 2):
        mine = type(desk)(tmp_path / str(number))
        mine.folder.mkdir()
        mine.write(effect(mine))
        moment = dice.uniform(0.0, 3.5)
        process = mine.start(SUBMIT)
        time.sleep(moment)  # the fault's moment, not a wait for anything
        process.kill()
        process.communicate()

        shown = mine.run(COME_BACK)

        assert shown.split() == f"{['COMPLETED'] * POINTS} {[0, 10, 20, 30]} {POINTS}".split(), moment
        assert sorted(mine.effects()) == ["0", "1", "2", "3"], f"killed after {moment:.2f} s"
