"""The clusters of the tests themselves: they serve other users, and nothing of them outlives the test run."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from clusters.daemons import require, until
from clusters.slurm import PROGRAMS

pytestmark = [pytest.mark.xdist_group("slurm"), pytest.mark.slow]
TESTS = Path(__file__).parents[1]
SERVE = """
import sys
from clusters.slurm import cluster
with cluster(accounting=False, min_job_age=300) as slurm:
    slurm.run("sbatch", "-o", "/dev/null", "--wrap", "sleep 600")
    print(slurm.env["SLURM_CONF"], flush=True)
    sys.stdin.read()
"""


def serving(conf: str) -> list[str]:
    """Programs that were started for the cluster of this file and still run."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("SLURM_CONF") == conf and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.name())
        except psutil.Error:
            continue
    return found


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL], ids=["interrupted", "killed"])
def test_no_daemon_outlives_whoever_started_it(end: signal.Signals) -> None:
    require(PROGRAMS)
    server = subprocess.Popen(
        [sys.executable, "-c", SERVE], cwd=TESTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert server.stdout is not None
    conf = server.stdout.readline().strip()
    assert "slurmctld" in serving(conf)
    server.send_signal(end)
    server.communicate()
    until(lambda: not {"slurmctld", "slurmd", "munged"} & set(serving(conf)), "its daemons are gone")
    if end is signal.SIGINT:
        assert serving(conf) == []  # nor its jobs
        assert not Path(conf).exists()
    shutil.rmtree(Path(conf).parent, ignore_errors=True)


def test_another_user_has_jobs_there_too(slurm) -> None:
    if os.getuid() != 0:
        pytest.skip("only root becomes another user")
    env = {**os.environ, **slurm.env}
    submitted = subprocess.run(
        ["sbatch", "--wait", "-o", "/dev/null", "--wrap", "test $(id -un) = nobody"],
        user="nobody", env=env, cwd="/", check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert "Submitted batch job" in submitted.stdout
