"""No file outside `schedulers/` names a queue system or one of its commands: an adapter is a file, and edits none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "jupyter_ext" / "farpoint"
WORDS = (
    "slurm", "slurmctld", "sbatch", "squeue", "sacct", "scancel", "scontrol", "sinfo", "srun", "salloc",
    "pbs", "openpbs", "torque", "sge", "gridengine", "qsub", "qstat", "qdel", "qacct", "qconf", "qhold", "qrls",
    "lsf", "bsub", "bjobs", "bkill", "condor", "condor_submit", "condor_q", "oarsub", "flux",
)  # fmt: skip
NAMED = re.compile(rf"(?<![A-Za-z0-9])_*({'|'.join(WORDS)})(?![A-Za-z0-9])", re.IGNORECASE)
ALLOWED: dict[tuple[str, str], str] = {
    ("runner/ranks.py", "slurm"): "a launcher tells its ranks by a variable of that name (SLURM_PROCID)",
    ("runner/ranks.py", "srun"): "an example of a launcher in a docstring",
    ("verbs/template.py", "srun"): "an example of a launcher, in a remark of the entry to fill in",
}
STAND_INS = ("testing/fake_pbs/",)  # programs that play a queue system's commands bear their names


def named(text: str) -> set[str]:
    return {found[1].lower() for found in NAMED.finditer(text)}


def test_nothing_outside_names_a_queue_system() -> None:
    files = [path for path in PACKAGE.rglob("*") if path.suffix in {".py", ".js", ".ts", ".html", ".css"}]
    outside = [path for path in files if path.relative_to(PACKAGE).parts[0] != "schedulers"]
    outside = [path for path in outside if not str(path.relative_to(PACKAGE)).startswith(STAND_INS)]
    assert len(outside) > 100
    found = {
        (str(path.relative_to(PACKAGE)), word) for path in outside for word in named(path.read_text(encoding="utf-8"))
    }
    assert found - ALLOWED.keys() == set()
    assert ALLOWED.keys() - found == set(), "an exception nobody needs any more"


@pytest.mark.parametrize("text", ['run(["sbatch"])', "SLURM_JOB_ID", "class Sge:", "a Slurm job", "_qsub_", "qstat -f"])
def test_the_look_would_notice(text: str) -> None:
    assert named(text)


@pytest.mark.parametrize("text", ["jsub_mit", "message", "usage", "sge1x", "resubmit", "fluxes"])
def test_the_look_is_not_foolish(text: str) -> None:
    assert not named(text)
