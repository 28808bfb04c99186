import inspect
import json
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from farpoint import errors
from farpoint.ui import exits
from farpoint.ui.cli import COMMANDS, main

HEAVY = {"IPython", "matplotlib", "nbformat", "numpy", "pandas", "sqlite3", "tqdm", "rich"}


def run(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "farpoint", *args], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_explains_itself_with_an_example(name: str) -> None:
    context = click.Context(main, info_name="farpoint")
    command = main.get_command(context, name)
    assert command
    assert command.name == name
    assert command.help
    assert command.help.splitlines()[0] == COMMANDS[name][1], "the list and the command say different things"
    assert f"Example:\n  farpoint {name}" in inspect.cleandoc(command.help)
    assert all(parameter.help for parameter in command.params if isinstance(parameter, click.Option))
    assert "as_json" in {parameter.name for parameter in command.params}


def test_help_is_light_and_tells_the_exit_codes() -> None:
    code = "import sys; from farpoint.ui.cli import main; main(['--help'], standalone_mode=False)"
    script = f"try:\n exec({code!r})\nfinally:\n print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", "import sys\n" + script], capture_output=True, text=True, timeout=60, check=True
    )
    assert not HEAVY & {name.partition(".")[0] for name in done.stderr.split()}
    for number, meaning in exits.MEANING:
        assert f"  {number}" in done.stdout
        assert meaning in done.stdout
    for name in COMMANDS:
        assert f"  {name} " in done.stdout


def test_alone_it_prints_a_short_help() -> None:
    done = run()
    assert done.returncode == 0
    assert 5 < len(done.stdout.splitlines()) < 15
    assert all(name in done.stdout for name in COMMANDS)


def test_version() -> None:
    assert run("--version").stdout == f"farpoint {sys.modules['farpoint'].__version__}\n"


def test_the_nearest_command_is_named() -> None:
    done = CliRunner().invoke(main, ["shw"])
    assert done.exit_code == 2
    assert "no command 'shw'. Did you mean 'show'?" in done.stderr
    assert not done.stdout


@pytest.mark.parametrize(
    "fault, code",
    [
        (errors.BadPoints("x"), 2),
        (errors.CodeChanged("x"), 2),
        (errors.InsideRun("x"), 2),
        (errors.NotFound("x"), 4),
        (errors.Unreachable("x"), 3),
        (errors.MachineError("x"), 3),
        (errors.StoreError("x"), 3),
        (errors.RunLost("x"), 1),
        (click.UsageError("x"), 2),
        (click.Abort(), 130),
        (KeyboardInterrupt(), 130),
        (PermissionError(13, "Permission denied", "x.csv"), 2),
        (BrokenPipeError(), 141),
        (TypeError("x"), 70),
    ],
)
def test_exit_codes(fault: BaseException, code: int) -> None:
    assert exits.code_of(fault) == code


def test_a_state_decides_before_a_pause() -> None:
    assert exits.of_states(["COMPLETED", "CANCELLED"]) == 0
    assert exits.of_states(["COMPLETED"], paused=True) == 3
    assert exits.of_states(["LOST"], paused=True) == 1


def broken(monkeypatch: pytest.MonkeyPatch, fault: BaseException, *args: str) -> object:
    def raises(**_: object) -> None:
        raise fault

    monkeypatch.setattr(main, "get_command", lambda *_: click.Command("ls", callback=raises, params=[
        click.Option(["--json", "as_json"], is_flag=True)]))  # fmt: skip
    return CliRunner().invoke(main, ["ls", *args])


def test_a_fault_of_ours_is_one_line_and_says_how_to_see_more(monkeypatch: pytest.MonkeyPatch) -> None:
    done = broken(monkeypatch, TypeError("no such thing"))
    assert done.exit_code == 70
    assert done.stderr.count("\n") == 1
    assert "TypeError: no such thing" in done.stderr
    assert "FARPOINT_DEBUG=1" in done.stderr


def test_debugging_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FARPOINT_DEBUG", "1")
    done = broken(monkeypatch, errors.NotFound("nothing"))
    assert isinstance(done.exception, errors.NotFound)


def test_with_json_an_error_is_json_too(monkeypatch: pytest.MonkeyPatch) -> None:
    done = broken(monkeypatch, errors.NotFound("there is \x1b[31mnothing"), "--json")
    assert json.loads(done.stdout) == {"error": {"type": "NotFound", "message": "there is nothing"}, "exit": 4}
    assert done.stderr == "Error: there is nothing\n"


def test_an_interrupt_says_that_work_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    done = broken(monkeypatch, KeyboardInterrupt(), "--json")
    assert done.exit_code == 130
    assert "goes on" in done.stderr
    assert done.stdout == ""


def test_a_reader_that_went_away_is_no_fault() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "farpoint", "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    assert process.wait(60) in {0, 141}
    assert process.stderr.read() == ""
    process.stderr.close()
