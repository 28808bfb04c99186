"""Four points of a real notebook on this computer, one of which fails: everything a first user sees."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from still import write_notebook

CODE = """
import numpy, farpoint as fp
print("hello", x)
if x == 2:
    raise ValueError("x is two")
fp.record(energy=x * 10.5, profile=numpy.arange(20_000) * x)
from base64 import b64decode
from IPython.display import Image, display
display(Image(b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")))
"""

USER = """
import farpoint as fp

scan = fp.Scan("toy.ipynb", fp.grid(x=[0, 1, 2, 3]))
assert scan.submit().wait(120) is scan
table = scan.table
assert table["run_state"].tolist() == ["COMPLETED", "COMPLETED", "FAILED", "COMPLETED"], table.T.to_string()
assert table["energy"].tolist()[:2] == [0.0, 10.5]
assert table["run_error"][2] == "ValueError: x is two"
assert scan.failed.numbers == (2,)
assert scan[3].result()["profile"].tolist()[:3] == [0, 3, 6]
assert table["profile"][1].load()[5] == 5
assert "hello 1" in scan.logs(1)
assert scan[1].notebook.name == "output.ipynb"
try:
    scan[2].result()
except ValueError as fault:
    assert isinstance(fault, fp.RunFailed)
    assert "raise ValueError" in str(fault)
else:
    raise AssertionError("point 2 should have failed")
assert scan.to_html("toy.html").read_text().count('src="data:image/') == 3
assert scan.contact_sheet("toy.png").points == 4
assert scan.to_xarray()["energy"].isnull().sum() == 1
print(scan)
"""

AGAIN = """
import farpoint as fp

scan = fp.attach("toy")
assert scan.counts == {"COMPLETED": 3, "FAILED": 1}
scan.failed.retry(memory="1 GB").wait(120)
assert [each["state"] for each in scan[2].attempts] == ["FAILED", "FAILED"]
assert fp.Scan("toy.ipynb", fp.grid(x=[1, 3])).submit().wait(60).completed.numbers == (1, 3)
assert len(fp.runs()) == 4
"""


def user(code: str, project: Path) -> str:
    env = {**os.environ, "FARPOINT_STATE": str(project / "state")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project, env=env, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_first_scan(tmp_path: Path) -> None:
    write_notebook(tmp_path / "toy.ipynb", code=CODE)
    said = user(USER, tmp_path)
    assert "✗ point 2: ValueError: x is two  (x=2)" in said
    assert "2 results found again" in user(AGAIN, tmp_path)
