"""Installs a wheel in an empty environment outside the checkout and scans a small notebook at three points with it.

python scripts/try_wheel.py dist/farpoint-0.1.0-py3-none-any.whl
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

SCAN = """
import pathlib, farpoint as fp
assert pathlib.Path(fp.__file__).is_relative_to({prefix!r}), fp.__file__
scan = fp.Scan("square.ipynb", fp.grid(x=[1, 2, 3]))
scan.submit()
scan.wait()
print(scan.table[["x", "square", "run_state"]])
assert scan.table["square"].tolist() == [1, 4, 9]
assert set(scan.table["run_state"]) == {{"COMPLETED"}}
"""


def notebook() -> str:
    def code(name: str, source: str, *tags: str) -> dict[str, object]:
        return {
            "cell_type": "code",
            "execution_count": None,
            "id": name,
            "metadata": {"tags": list(tags)},
            "outputs": [],
            "source": source,
        }

    cells = [code("a", "x = 0", "parameters"), code("b", "import farpoint as fp\nfp.record(square=x**2)")]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return json.dumps({"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5})


def install(python: Path, wheel: Path) -> None:
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    pip = [uv, "pip", "install", "--python", python] if uv else [python, "-m", "pip", "install"]
    subprocess.run([*pip, "--quiet", wheel], check=True)


def main(wheel: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="farpoint-wheel-") as name:
        folder = Path(name).resolve()
        venv.create(folder / "env", with_pip=True)
        python = folder / "env" / "bin" / "python"
        install(python, wheel.resolve())

        (folder / "work").mkdir()
        (folder / "work" / "square.ipynb").write_text(notebook(), encoding="utf-8")
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "FARPOINT"))}
        environment["FARPOINT_STATE"] = str(folder / "state")
        script = SCAN.format(prefix=str(folder))
        subprocess.run([python, "-c", script], cwd=folder / "work", env=environment, check=True, timeout=300)
    print(f"{wheel.name}: installs alone and scans.")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
