"""Every recorded answer of a real OpenPBS 23.06.06 that an adapter reads, and what it means.

`hist` keeps a job history, `nohist` (how PBS is delivered) none; `down` has no server, `stopped` one that is frozen.
"""

from __future__ import annotations

import re

import pytest

from farpoint.model import QueueEntry
from farpoint.schedulers.pbs import Pbs
from recordings import Recording, recorded, token

SAID = {
    f"{folder}/{name}": recording
    for folder in ("hist", "nohist", "down", "stopped")
    for name, recording in recorded(f"openpbs-23.06.06/{folder}").items()
}
ENDS = {
    "final_ok": None,
    "final_kill9": "killed by signal 9",
    "final_term": "killed by signal 15",
    "final_exit255": "exit code 255",
    "final_hdr": None,
    "final_badvar": None,
    "final_noshebang": None,
    "final_stdin": None,
    "final_dashdash": None,
    "final_binary": "exit code 254",
    "final_walltime": "killed by signal 10",  # it trapped the signal of the limit, and qsig killed it
    "final_held": "cancelled",
    "final_dep": "dependency",
    "final_array_0": None,
    "final_array_3": "exit code 5",
    "final_array_6": "cancelled",  # deleted while it waited
    "final_array_step": None,  # the array itself, which says nothing of its members
    "h2_final_wall": "timeout",
    "h2_final_wallexit": "timeout",
    "h2_final_wallsimple": "timeout",
    "h2_final_qdeltrap": "cancelled",
    "h2_final_qdelw": "cancelled",
    "h2_final_unkdep": "dependency",
    "qstat_x_done_json": None,
}
ALIVE = {
    "final_badout": "E",
    "final_toobig": "Q",
    "final_toomany": "Q",
    "final_depfail": "H",
    "final_norerun": "R",
    "final_rerun": "R",
}
REFUSED = re.compile(
    r"qsub_(dos|err_(nofile|queue|res|name|longname|walltime|walltimefmt|array|arraybig|array1|array11))"
)


def ours(text: str) -> str:
    """The same jobs under tokens."""
    return re.sub(
        r'("(\d+)(?:\[\d*\])?\.vm":\s*\{\s*"Job_Name":\s*)"[^"]*"', lambda found: f'{found[1]}"{token(found[2])}"', text
    )


def entries(said: Recording, past: bool = False) -> tuple[QueueEntry, ...] | None:
    parse = Pbs().parse_accounting if past else Pbs().parse_status
    return parse(said.code, ours(said.out), said.err)


def these(program: str, *words: str) -> list[str]:
    """Names of recordings of one program with all of these words, and without history unless it is asked for."""
    return [
        name for name, said in SAID.items()
        if said.argv[0] == program and set(words) <= set(said.argv) and ("-x" in words) == ("-x" in said.argv)
    ]  # fmt: skip


@pytest.mark.parametrize("name", these("qsub"))
def test_submits(name: str) -> None:
    said = SAID[name]
    receipt = Pbs().parse_submit(said.code, said.out, said.err)
    if REFUSED.fullmatch(name.partition("/")[2]):
        assert receipt.kind == "refused"
        assert said.err.splitlines()[0].strip() in receipt.raw
    else:
        assert (receipt.kind, receipt.job_id) == ("accepted", said.out.strip())


@pytest.mark.parametrize("name", [name for name in SAID if name.startswith(("down/", "stopped/"))])
def test_nothing_is_concluded_from_a_server_that_does_not_answer(name: str) -> None:
    said = SAID[name]
    assert Pbs().parse_submit(said.code, said.out, said.err).kind == "unknown"
    assert entries(said) is None
    assert entries(said, past=True) is None
    assert Pbs().parse_queues(said.code, said.out, said.err) is None


@pytest.mark.parametrize("name", [f"hist/{name}" for name in ENDS])
def test_ends(name: str) -> None:
    (entry,) = entries(SAID[name], past=True) or ()
    assert (entry.live, entry.cause) == (False, ENDS[name.partition("/")[2]])
    assert entry.raw.startswith("F")


@pytest.mark.parametrize("name", [f"hist/{name}" for name in ALIVE])
def test_what_has_not_ended_is_in_no_account(name: str) -> None:
    assert entries(SAID[name], past=True) == ()
    (entry,) = entries(SAID[name]) or ()
    assert entry.live
    assert entry.raw.startswith(ALIVE[name.partition("/")[2]])


def test_no_recorded_end_is_left_out() -> None:
    finals = {name.partition("/")[2] for name in SAID if name.startswith("hist/") and "final_" in name}
    assert finals == {name for name in ENDS if "final_" in name} | ALIVE.keys()


@pytest.mark.parametrize("name", [name for name in these("qstat", "-x") if name.startswith("nohist/")])
def test_without_history_the_account_is_empty(name: str) -> None:
    assert entries(SAID[name], past=True) == ()


def test_every_job_of_a_whole_account() -> None:
    ends = {entry.job_id: entry.cause for entry in entries(SAID["hist/qstat_xf_json"], past=True) or ()}
    assert ends == {
        **dict.fromkeys(["1033.vm", "1034.vm"], "cancelled"),
        **dict.fromkeys([f"{n}.vm" for n in (1038, 1044, 1045, 1046, 1048, 1049, 1050, 1058)]),
        "1039.vm": "exit code 3", "1040.vm": "killed by signal 11", "1041.vm": "killed by signal 9",
        "1042.vm": "killed by signal 15", "1043.vm": "exit code 255", "1047.vm": "exit code 127",
        "1052.vm": "exit code 254", "1057.vm": "dependency",
    }  # fmt: skip


WAITS = {
    "Q": {"Can Never Run: Insufficient amount of resource: ncpus (R: 999 A: 8 T: 8)",
          "Can Never Run: Insufficient amount of resource: ncpus (R: 100 A: 8 T: 8)",
          "Not Running: Not enough free nodes available", "Job Array Began at Fri Nov 20 at 18:32"},
    "H": {"H: held by its user; release it", "H: held by the system, or waits for another job"},
    "W": {"W: waits for its hour"},
}  # fmt: skip


@pytest.mark.parametrize("name", [*these("qstat", "-f", "-F"), "hist/qstat_xf_json"])
def test_every_letter_of_every_look(name: str) -> None:
    if SAID[name].argv[1] in ("-B", "-Q"):
        return
    for entry in entries(SAID[name]) or ():
        letter = entry.raw[0]
        assert entry.live is (letter not in "XF")
        assert entry.pending is (letter in "QHW")
        assert entry.waiting in (WAITS[letter] if entry.pending else {""})


@pytest.mark.parametrize("folder", ["hist", "nohist"])
def test_an_array_member_by_member(folder: str) -> None:
    seen = entries(SAID[f"{folder}/qstat_json_array_t"]) or ()
    assert len({(entry.job_id, entry.token) for entry in seen}) == 1
    alive = {entry.member for entry in seen if entry.live}
    causes = {entry.member: entry.cause for entry in seen if entry.cause}
    assert [entry.member for entry in seen] == list(range(10))
    if folder == "hist":
        assert (alive, causes) == ({7, 8, 9}, {3: "exit code 5", 4: "killed by signal 11"})
    else:  # a member that ended shows its array's fields: two of these failed, and PBS does not say so
        assert (alive, causes) == ({9}, {})


@pytest.mark.parametrize(
    "name", ["nohist/qstat_json_unknown", "hist/qstat_done_json", "nohist/qstat_empty_json"]
)  # fmt: skip
def test_jobs_that_are_gone_are_an_answer(name: str) -> None:
    assert entries(SAID[name]) == ()


@pytest.mark.parametrize(
    "name", ["hist/qstat_json_mix_unknown", "nohist/qstat_json_mix_unknown", "hist/qstat_x_mix_json"]
)
def test_the_others_are_shown_beside_one_that_is_gone(name: str) -> None:
    seen = entries(SAID[name]) or ()
    assert [entry.raw for entry in seen if entry.live] == [
        "R, substate 42, Job run at Fri Nov 20 at 18:32 on (vm:ncpus=1)"
    ]


@pytest.mark.parametrize("folder", ["hist", "nohist"])
def test_the_limits_of_queues(folder: str) -> None:
    said = SAID[f"{folder}/qstat_Qf_json"]
    queues = Pbs().parse_queues(said.code, said.out, said.err) or ()
    assert {queue.name: queue.time for queue in queues} == {"workq": None, "short": 600}
