"""`%remote`, in a project whose machine stands still."""

from __future__ import annotations

from typing import Any

import pytest

from farpoint.errors import BadInput
from farpoint.project import Project
from farpoint.ui import magics
from still import finish


class Shell:
    """What a magic sees of IPython."""

    def __init__(self) -> None:
        self.user_ns: dict[str, Any] = {}


def test_a_cell_that_waits_is_held_and_released(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    shell = Shell()
    magics.remote_cell(shell, "--detach --as sim", "y = 1")
    capsys.readouterr()
    run = shell.user_ns["sim"].id
    magics.remote_line(shell, "hold sim")
    assert capsys.readouterr().out == f"{run} is QUEUED (held)\n"
    magics.remote_line(shell, f"release {run}")
    assert capsys.readouterr().out == f"{run} is QUEUED\n"
    finish(project, "sim", 0)
    magics.remote_line(shell, "hold sim")
    assert capsys.readouterr().out == f"{run} had ended already: COMPLETED\n"


def test_what_it_does_not_know_is_refused_with_what_it_knows(project: Project) -> None:
    with pytest.raises(BadInput, match="say %remote ls, or %remote show, pull, cancel, hold or release and a run's id"):
        magics.remote_line(Shell(), "halt sim")
