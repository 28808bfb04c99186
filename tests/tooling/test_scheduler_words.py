"""The page about queue systems' words says what the tables in the code say."""

from __future__ import annotations

from pathlib import Path

from farpoint.model import SYSTEM_FAULTS
from farpoint.schedulers import pbs_words, sge_words, slurm_words

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "schedulers.md"


def ends(cause: str | None) -> str:
    """What a run is whose job ended so, where its journal says nothing of its end."""
    if cause is None:
        return "what its journal says; LOST, `gone`, if that says nothing"
    if cause == "cancelled":
        return "CANCELLED, `cancelled outside farpoint`"
    return f"LOST, `{cause}`; starts again" if cause in SYSTEM_FAULTS else f"FAILED, `{cause}`"


def lives(*, pending: bool) -> str:
    return "QUEUED" if pending else "RUNNING, or QUEUED until it began"


def states() -> list[str]:
    rows = ["| Slurm says | which means | the run is |", "|---|---|---|"]
    for word, state in slurm_words.STATES.items():
        then = lives(pending=state.pending) if state.live else ends(state.cause)
        rows.append(f"| `{word}` | {state.says} | {then} |")
    return rows


def reasons() -> list[str]:
    rows = ["| Slurm says | which means | starts by itself |", "|---|---|---|"]
    for word, reason in slurm_words.REASONS.items():
        if reason.cause is None or reason.never:
            rows.append(f"| `{word}` | {reason.says} | {'no' if reason.never else 'yes'} |")
    return rows


def test_the_page_has_every_state_and_every_reason_of_slurm() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for table in (states(), reasons()):
        wanted = "\n".join(table)
        assert wanted in page, f"put this table into {PAGE.name}:\n{wanted}"


def sge_letters() -> list[str]:
    rows = ["| in `state` | which means |", "|---|---|"]
    return [*rows, *(f"| `{letter}` | {says} |" for letter, says in sge_words.LETTERS.items())]


def sge_states() -> list[str]:
    rows = ["| `qstat` says | the run is |", "|---|---|"]
    for letters in ("qw", "hqw", "Rq", "t", "r", "Rr", "s", "S", "T", "dr", "Eqw", "z"):
        state = sge_words.state(letters)
        then = lives(pending=state.pending) if state.live else ends(state.cause)
        if state.live and state.cause:
            then = f"as before; {ends(state.cause)} once it is gone"
        rows.append(f"| `{letters}` | {then} |")
    return rows


def sge_failures() -> list[str]:
    rows = ["| `failed` | which says | the run is |", "|---|---|---|"]
    for number, failure in sge_words.FAILURES.items():
        own = number in (0, 12, 13, 14, 15, 16, 17, 30, 100)
        then = "by `exit_status`" if own else ends(failure.cause)
        rows.append(f"| {number} | {failure.says} | {then} |")
    return rows


def pbs_states() -> list[str]:
    rows = ["| `job_state` | which means | the run is |", "|---|---|---|"]
    for letter, state in pbs_words.STATES.items():
        then = (
            lives(pending=state.pending) if state.live else "by `Exit_status`" if state.live is False else "as before"
        )
        rows.append(f"| `{letter}` | {state.says} | {then} |")
    return rows


def pbs_statuses() -> list[str]:
    rows = ["| `Exit_status` | which means | the run is |", "|---|---|---|"]
    return [*rows, *(f"| {code} | {says} | {ends(cause)} |" for code, (says, cause) in pbs_words.STATUSES.items())]


def test_the_page_has_every_word_of_grid_engine_and_pbs() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for table in (sge_letters(), sge_states(), sge_failures(), pbs_states(), pbs_statuses()):
        wanted = "\n".join(table)
        assert wanted in page, f"put this table into {PAGE.name}:\n{wanted}"
