"""One run as several ranks: with the real mpirun where it is, else with a launcher of a few lines."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from farpoint.runner import journal, ranks

HERE = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
MPIRUN = "mpirun --oversubscribe"
WHO = "import os; rank = int(os.environ['OMPI_COMM_WORLD_RANK'])\n"

needs_mpi = pytest.mark.skipif(shutil.which("mpirun") is None, reason="there is no mpirun here")


@needs_mpi
def test_a_program_is_started_as_so_many_ranks_and_is_one_run(far):
    far.place(
        WHO + "os.write(1, b'rank %d of %s\\n' % (rank, os.environb[b'OMPI_COMM_WORLD_SIZE']))",
        [{"tasks": 4}],
        launcher=MPIRUN,
    )
    far.run(**HERE)

    assert far.one()["state"] == "COMPLETED"
    assert sorted(far.printed().splitlines()) == [f"rank {rank} of 4" for rank in range(4)]


@needs_mpi
def test_a_rank_that_dies_ends_the_run(far):
    far.place(WHO + "import signal, sys; sys.exit(7) if rank == 2 else signal.pause()", [{"tasks": 3}], launcher=MPIRUN)
    far.run(**HERE)

    assert (far.one()["state"], far.one()["reason"]) == ("FAILED", "exit code 7")


@needs_mpi
def test_a_run_of_ranks_is_cancelled_with_all_of_them(far, tmp_path):
    far.place(
        WHO + f"import signal; open({str(tmp_path)!r} + f'/{{rank}}', 'w'); signal.pause()",
        [{"tasks": 3}],
        launcher=MPIRUN,
    )
    pilot = far.pilot(**HERE)
    far.until(lambda: all((tmp_path / str(rank)).exists() for rank in range(3)))
    far.order({"cancel": [0]})
    pilot.communicate(timeout=30)

    assert far.one()["state"] == "CANCELLED"


def test_a_launcher_that_is_missing_is_named(far):
    far.place("pass", [{"tasks": 2}], launcher="/nowhere/mpiexec")
    far.run()

    assert (far.one()["reason"], "/nowhere/mpiexec" in far.one()["error"]["message"]) == ("exit code 127", True)


def test_what_ranks_elsewhere_wrote_is_found_and_the_first_failure_is_named(tmp_path: Path):
    wrote = {
        0: [{"e": "record", "name": "y", "value": 1}, {"e": "result", "state": "COMPLETED"}],
        1: [{"e": "record", "name": "y", "value": 2}],
        2: [{"e": "result", "state": "FAILED", "reason": "exception", "error": {"type": "E", "message": "no mesh"}}],
        3: [{"e": "result", "state": "FAILED", "reason": "exception", "error": {"type": "E", "message": "later"}}],
    }
    for rank, told in wrote.items():
        folder = tmp_path / f"rank.{rank}"
        folder.mkdir()
        (folder / "events").write_bytes(b"".join(journal.line(event) for event in told))
    found = ranks.left(str(tmp_path), 5)

    assert [event["e"] for event in found.events] == ["record", "result"]
    assert found.failure["error"]["message"] == "rank 2: no mesh"


def test_a_rank_knows_its_number_under_any_launcher():
    assert [ranks.number({name: "2"}) for name in ranks.NUMBERED] == [2] * len(ranks.NUMBERED)
    assert ranks.number({"SLURM_PROCID": "0", "OMPI_COMM_WORLD_RANK": "3"}) == 3, "mpirun within a batch job"
