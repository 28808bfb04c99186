import pytest

from farpoint.errors import BadResources, CodeChanged, InsideRun, NotFound
from farpoint.ui import words


@pytest.mark.parametrize(
    "python, here",
    [
        ("↻ toy: 4 results found again; rerun=True repeats them", "↻ toy: 4 results found again; --rerun repeats them"),
        (
            "↻ toy: 1 point FAILED before; .failed.retry() starts them anew",
            "↻ toy: 1 point FAILED before; farpoint retry toy --failed starts them anew",
        ),
        ("fetch() tries again", "farpoint fetch tries again"),
        ("rerun=True", "--rerun"),
    ],
)
def test_python_is_said_in_the_command_lines_words(python: str, here: str) -> None:
    assert words.spoken(python) == here


def test_faults() -> None:
    changed = CodeChanged('cell 1 changed. Say changed="rerun" to repeat them or changed="keep" to keep their results.')
    assert words.of_fault(changed).endswith("--changed rerun to repeat them or --changed keep to keep their results.")
    assert words.of_fault(BadResources("cpus=99 is more than …")) == "--cpus 99 is more than …"
    assert words.of_fault(InsideRun("Say submit(nested=True) if that is meant.")) == "Say --nested if that is meant."
    assert words.of_fault(NotFound("time=3 is a user's own")) == "time=3 is a user's own"
    assert words.of_fault(NotFound("\x1b[31mred\x07")) == "red"


def test_colours_only_where_somebody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert words.painted("1 FAILED") == "1 FAILED"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert "\x1b[31mFAILED\x1b[0m" in words.painted("1 FAILED")
    monkeypatch.setenv("NO_COLOR", "1")
    assert words.painted("1 FAILED") == "1 FAILED"
