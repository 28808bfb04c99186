from __future__ import annotations

from typing import Any

import pytest

from farpoint.ui.tagged import Routed, load


class Shell:
    """A shell that is answering a message."""

    def __init__(self, code: str, kind: str = "execute_request", **metadata: Any) -> None:
        self.message = {"header": {"msg_type": kind}, "content": {"code": code}, "metadata": metadata}
        self.kernel = self
        self.input_transformers_cleanup: list[Any] = []

    def get_parent(self, _channel: str) -> dict[str, Any]:
        return self.message


CODE = "x = 1\nx"
LINES = ["x = 1\n", "x"]


@pytest.mark.parametrize(
    ("tags", "first"),
    [(["remote"], "%%remote\n"), (["a", "remote:hpc"], "%%remote hpc\n"), (["remotely"], None), ([], None)],
)
def test_the_tag_decides(tags: list[str], first: str | None) -> None:
    assert Routed(Shell(CODE, tags=tags))(LINES) == ([first, *LINES] if first else LINES)


def test_only_the_cell_itself_is_routed() -> None:
    assert Routed(Shell(CODE, tags=["remote"]))(["y = 2\n"]) == ["y = 2\n"]
    assert Routed(Shell(CODE, "is_complete_request", tags=["remote"]))(LINES) == LINES
    assert Routed(Shell("%%remote\nx", tags=["remote"]))(["%%remote\n", "x"]) == ["%%remote\n", "x"]


def test_outside_a_kernel_nothing_is_routed() -> None:
    assert Routed(object())(LINES) == LINES


def test_loading_twice_routes_once() -> None:
    shell = Shell(CODE, tags=["remote"])
    load(shell)
    load(shell)
    assert len(shell.input_transformers_cleanup) == 1
