"""What one round of the driver costs beside the number of points, as ratios: a round of a live job must stay flat.

    python benchmarks/rounds.py [--points 500 2000 10000] [--rounds 40]

The machine is `farpoint.testing.fakes.FakeMachine`: its pilots write, nothing is executed, so all that is measured is
this side. A quiet round finds nothing new; in a busy one a handful of runs begin and end, as many for every size.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path

from farpoint.config import Config
from farpoint.model import PlannedRun, Resources
from farpoint.project import Project
from farpoint.runner import layout
from farpoint.testing.fakes import FakeClock, FakeMachine
from farpoint.verbs import accept, jobs, watch

PILOTS = 5


def begin(folder: Path, points: int) -> tuple[Project, FakeMachine, FakeClock]:
    """A scan of so many points, handed over, its pilots at work."""
    clock = FakeClock()
    machine = FakeMachine(clock, random.Random(0), pilots=PILOTS, longest=1, arrays=True)
    project = Project(folder / "project", state=folder / "state", clock=clock, machines={"fake": machine})
    project.config = Config(machines={})
    digest = layout.digest(b"{}")
    document = {
        "format": 1, "scan": "s", "kind": "notebook", "task": "x.ipynb", "created": 0.0, "names": ["x"], "points": [],
        "versions": [], "jobs": [], "machine": "fake", "save": [], "files": {},
    }  # fmt: skip
    body = {"scan": "s", "task": {"kind": "notebook", "name": "x.ipynb", "digest": digest}, "files": [], "save": []}
    runs = [PlannedRun(f"r{n}", n, 1, f"k{n}", {"x": n}, n, 1, Resources()) for n in range(points)]
    arranged = jobs.arrange(machine.limits(), Resources(), points, "fake", most=PILOTS)
    (files,) = jobs.write_jobs(project, machine, body, runs, arranged, {digest: b"{}"})
    accept.accept(project, {**document, "jobs": [files.token]}, [files])
    for _ in range(3):
        clock.now += 1
        watch.tick(project)
    return project, machine, clock


def one_round(project: Project) -> float:
    begun = time.perf_counter()
    watch.tick(project)
    return time.perf_counter() - begun


def measure(points: int, rounds: int) -> tuple[float, float]:
    """Median seconds of a quiet and of a busy round."""
    with tempfile.TemporaryDirectory(prefix="farpoint-rounds-") as name:
        Path(name, "project").mkdir()
        project, machine, clock = begin(Path(name), points)
        quiet, busy = [], []
        for _ in range(rounds):
            clock.now += 1
            quiet.append(one_round(project))
            machine.step()
            busy.append(one_round(project))
        project.close()
    return statistics.median(quiet), statistics.median(busy)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, nargs="+", default=[500, 2000, 10000])
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    found = {points: measure(points, options.rounds) for points in options.points}
    first = found[options.points[0]]
    print("points    quiet round        busy round")
    for points, times in found.items():
        shown = [f"{taken * 1000:6.1f} ms {taken / base:5.2f} ×" for taken, base in zip(times, first, strict=True)]
        print(f"{points:6}  {'  '.join(shown)}")


if __name__ == "__main__":
    main()
