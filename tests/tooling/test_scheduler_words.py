"""The page about queue systems' words says what the tables in the code say."""

from __future__ import annotations

from pathlib import Path

from farpoint.model import SYSTEM_FAULTS
from farpoint.schedulers import slurm_words

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "schedulers.md"


def states() -> list[str]:
    rows = ["| Slurm says | which means | the run is |", "|---|---|---|"]
    for word, state in slurm_words.STATES.items():
        if state.live:
            then = "QUEUED" if state.pending else "RUNNING, or QUEUED until it began"
        elif state.cause is None:
            then = "what its journal says; LOST, `gone`, if that says nothing"
        elif state.cause == "cancelled":
            then = "CANCELLED, `cancelled outside farpoint`"
        elif state.cause in SYSTEM_FAULTS:
            then = f"LOST, `{state.cause}`; starts again"
        else:
            then = f"FAILED, `{state.cause}`"
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
