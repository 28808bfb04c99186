"""What farpoint costs beside papermill, as ratios measured side by side: import time, and seconds per point.

    python benchmarks/overhead.py [--points 24] [--rounds 3]

The notebook does nothing, so all that is measured is overhead. papermill runs the same points in a pool of as many
processes as there are cores, which is what people write by hand. The two take turns, and the best round of each counts.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import nbformat

PARAMETERS = nbformat.v4.new_code_cell("x = 0", metadata={"tags": ["parameters"]})


def make_notebook(folder: Path) -> Path:
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path = folder / "empty.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[PARAMETERS, nbformat.v4.new_code_cell("x")], metadata=kernel), path)
    return path


def seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def importing(module: str) -> float:
    return seconds(lambda: subprocess.run([sys.executable, "-c", f"import {module}"], check=True))


def _papermill_point(notebook: Path, target: Path, x: int) -> None:
    import papermill

    papermill.execute_notebook(notebook, target, {"x": x}, progress_bar=False)


def papermill_scan(notebook: Path, folder: Path, points: int) -> None:
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        asked = [pool.submit(_papermill_point, notebook, folder / f"{x}.ipynb", x) for x in range(points)]
        for one in asked:
            one.result()


def farpoint_scan(notebook: Path, points: int, name: str) -> None:
    import farpoint as fp

    scan = fp.Scan(notebook, fp.grid(x=range(points)), name=name)
    scan.submit()
    scan.wait()
    assert set(scan.table["run_state"]) == {"COMPLETED"}


@contextmanager
def quietly() -> Iterator[None]:
    """Kernels talk on stderr; what they said is shown if something fails."""
    with tempfile.TemporaryFile("w+") as said:
        kept = os.dup(2)
        os.dup2(said.fileno(), 2)
        try:
            yield
        except BaseException:
            said.seek(0)
            os.write(kept, said.read().encode())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def best_of(rounds: int, works: dict[str, Callable[[int], float]]) -> dict[str, float]:
    taken: dict[str, list[float]] = {name: [] for name in works}
    for number in range(rounds):
        for name, work in works.items():
            taken[name].append(work(number))
    return {name: min(times) for name, times in taken.items()}


def show(title: str, unit: str, times: dict[str, float], per: int = 1) -> None:
    base = times["papermill"]
    print(f"\n{title}")
    for name, taken in times.items():
        print(f"  {name:10} {taken / per * 1000:8.0f} {unit}   {taken / base:6.2f} × papermill")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()

    imports = {name: lambda _, name=name: importing(name) for name in ("papermill", "farpoint")}
    show("Import", "ms", best_of(max(5, options.rounds), imports))

    with tempfile.TemporaryDirectory(prefix="farpoint-bench-") as name:
        folder = Path(name)
        os.environ["FARPOINT_STATE"] = str(folder / "state")
        os.chdir(folder)
        notebook = make_notebook(folder)
        scans: dict[str, Callable[[int], float]] = {
            "papermill": lambda _: seconds(lambda: papermill_scan(notebook, folder, options.points)),
            "farpoint": lambda number: seconds(lambda: farpoint_scan(notebook, options.points, f"round_{number}")),
        }
        title = f"A notebook that does nothing, at {options.points} points on {os.cpu_count()} cores"
        with quietly():
            taken = best_of(options.rounds, scans)
        show(title, "ms a point", taken, per=options.points)

    print(f"\nRepeat with: {sys.executable} {' '.join(sys.argv)}")


if __name__ == "__main__":
    main()
