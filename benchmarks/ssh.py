"""What farpoint costs over a slow ssh link, in round trips: a command, and 200 small files. Needs sshd; best as root.

    python benchmarks/ssh.py [--one-way 0.05] [--calls 40] [--files 200]

A relay of our own on the loopback holds every byte back for --one-way seconds, so a round trip takes twice that. A
ratio of 1.0 would be the bare round trip. Beside it: the same command through plain ssh over a shared connection.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from clusters.sshd import far_user, start_sshd
from farpoint.config import MachineConfig
from farpoint.machines import batch
from farpoint.machines.base import Wanted
from farpoint.machines.registry import build_machine
from farpoint.model import JobFiles
from farpoint.runner import layout


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def job(files: int) -> JobFiles:
    """A job with that many small files, all different."""
    blobs = {layout.digest(data): data for data in (os.urandom(2000) for _ in range(files))}
    listed = [
        {"path": f"data/{number}.bin", "digest": digest, "size": 2000, "kind": "file"}
        for number, digest in enumerate(blobs)
    ]
    token = "fp" + "".join(chr(97 + byte % 26) for byte in os.urandom(13))
    task = {"kind": "notebook", "name": "x.ipynb", "digest": next(iter(blobs)), "path": "x.ipynb"}
    document = layout.dump({"format": layout.FORMAT, "token": token, "task": task, "files": listed})
    return JobFiles(token, document, {0: b"{}"}, "#!/bin/sh\n", blobs)


def bring(machine: batch.Machine, there: JobFiles) -> None:
    """A job's slices there, brought as results are."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = [
            Wanted(layout.slice_name(number), Path(folder, str(number)), len(data), layout.digest(data))
            for number, data in there.slices.items()
        ]
        machine.fetch_many(there.token, wanted)


def measure(machine: batch.Machine, ssh: list[str], calls: int, files: int, trip: float) -> None:
    machine.tokens()
    one = statistics.median(seconds(lambda: machine.call("run", argv=["true"], timeout=9)) for _ in range(calls))
    plain = statistics.median(seconds(lambda: subprocess.run([*ssh, "true"], check=True)) for _ in range(10))
    many = min(seconds(lambda: machine.place(job(files))) for _ in range(3))
    again = job(files)
    machine.place(again)
    known = min(seconds(lambda: machine.place(again)) for _ in range(3))
    results = dataclasses.replace(job(1), slices={number: os.urandom(2000) for number in range(files)})
    machine.place(results)
    brought = min(seconds(lambda: bring(machine, results)) for _ in range(3))
    print(f"round trip                      {trip * 1000:6.0f} ms")
    print(f"a command, by the agent         {one / trip:6.2f} round trips (median of {calls})")
    print(f"a command, by multiplexed ssh   {plain / trip:6.2f} round trips")
    print(f"{files} files of 2 kB, new          {many / trip:6.2f} round trips, {many:.2f} s")
    print(f"the same again                  {known / trip:6.2f} round trips, {known:.2f} s")
    print(f"{files} files of 2 kB, brought      {brought / trip:6.2f} round trips, {brought:.2f} s")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--one-way", type=float, default=0.05, help="seconds (default %(default)s)")
    options.add_argument("--calls", type=int, default=40)
    options.add_argument("--files", type=int, default=200)
    given = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="fp-bench-", dir="/var/tmp"))
    folder.chmod(0o755)
    with far_user(folder) as user:
        sshd = start_sshd(folder / "sshd", user)
        try:
            alias, _ = sshd.behind(given.one_way)
            os.environ["PATH"] = sshd.path
            machine = build_machine("far", MachineConfig(host=alias), folder / "state", "bench", time.time)
            assert isinstance(machine, batch.Machine)
            assert machine.login is not None
            machine.tokens()
            ssh = machine.login.argv("true")[:-1]
            measure(machine, ssh, given.calls, given.files, 2 * given.one_way)
            machine.close()
            machine.login.end()
        finally:
            sshd.close()
    subprocess.run(["rm", "-rf", str(folder)], check=False)


if __name__ == "__main__":
    main()
