"""A verb is found by name; a runner without it says so, and a fault inside it is not hidden."""

from __future__ import annotations

import sys
import types

import pytest

from farpoint.runner import __main__ as main


def module(monkeypatch: pytest.MonkeyPatch, verb: str, function: object) -> None:
    name, attribute = main.VERBS[verb]
    made = types.ModuleType(name)
    setattr(made, attribute, function)
    monkeypatch.setitem(sys.modules, f"farpoint.runner.{name}", made)


def test_a_verb_gets_its_arguments_and_gives_its_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    module(monkeypatch, "kill", lambda arguments: seen.append(arguments) or 3)
    assert main.main(["kill", "--statedir", "/s", "d1"]) == 3
    module(monkeypatch, "ps", lambda arguments: None)
    assert main.main(["ps"]) == 0
    assert seen == [["--statedir", "/s", "d1"]]


def test_the_agent_gets_what_its_caller_says_first(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    module(monkeypatch, "agent", seen.append)
    assert main.main(["agent", '{"statedir": "/s"}']) == 0
    assert seen == [{"statedir": "/s"}]


def test_a_verb_this_runner_was_built_without(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(main.VERBS, "work_python", ("no_such_module", "main"))
    assert main.main(["work_python", "x"]) == 2
    assert "built without 'work_python'" in capsys.readouterr().err


def test_an_import_that_fails_inside_a_verb_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise ImportError("No module named 'fcntl'", name="fcntl")

    with monkeypatch.context() as patch:
        patch.setattr(main.importlib, "import_module", broken)
        with pytest.raises(ImportError, match="fcntl"):
            main.main(["pilot"])
