"""The parameters cell: which one it is, and whether it declares a name. The rest is compared with papermill itself."""

from __future__ import annotations

import pytest

from farpoint.runner import kernel, leaving, paper
from plugins.environment import code


def cell(source: str, *tags: str, kind: str = "code") -> dict[str, object]:
    return {"cell_type": kind, "source": source, "metadata": {"tags": list(tags)} if tags else {}}


@pytest.mark.parametrize(
    "cells, expected",
    [
        ([], None),
        ([cell("a = 1")], None),
        ([cell("a = 1"), cell("b = 2", "x", "parameters"), cell("c", "parameters")], 1),
        ([cell("# parameters\na = 1"), cell("b", "parameters")], 1),
        ([cell("import math"), cell("\n# Parameters of the model\na = 1")], 1),
        ([cell("#@param a"), cell("b")], 0),
        ([cell("# parametersets\na = 1")], None),
        ([cell("# Parameters", kind="markdown")], None),
        ([cell("# Parameters\na = 2", "injected-parameters")], None),
        ([cell("a\n# parameters")], None),
    ],
)
def test_which_cell_holds_the_parameters(cells: list[dict[str, object]], expected: int | None) -> None:
    assert paper.parameters_index(cells) == expected


@pytest.mark.parametrize("source", ["seed = 1", "seed=None", "seed: int = 3", "x = 1\nseed  =  2"])
def test_a_seed_is_declared(source: str) -> None:
    assert paper.declares([code(source, "parameters")], "seed")


@pytest.mark.parametrize("source", ["my_seed = 1", "x = seed = 1", "  seed = 1", "seed == 1", "# seed = 1", "seed"])
def test_a_seed_is_not_declared(source: str) -> None:
    assert not paper.declares([code(source, "parameters")], "seed")


def test_a_time_on_the_full_second_has_a_duration() -> None:
    record = {"start_time": "2024-01-01T00:00:00+00:00"}
    paper._close(record)
    assert record["duration"] > 0


def test_a_disk_without_sockets_gets_ports(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder, transport in ((tmp_path, "ipc"), (tmp_path / "missing", "tcp")):
        made = kernel.manager({}, None, str(folder))
        assert made.transport == transport
        made.context.destroy()
    assert not list(tmp_path.iterdir())


def test_a_broken_file_does_not_keep_others_from_being_written() -> None:
    class Broken:
        @property
        def __class__(self):
            raise RuntimeError

    leaving._flush(Broken())
