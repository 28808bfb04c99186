from __future__ import annotations

import pytest

from farpoint.errors import BadInput
from farpoint.ui import line as lines


def test_a_whole_line() -> None:
    found = lines.read(
        "hpc --cpus=8 --time 1h --file a.json=b.json --file c.txt --return x --return y --as sim --detach"
    )
    assert found.words == ["hpc"]
    assert found.resources == {"cpus": "8", "time": "1h"}
    assert found.files == {"a.json": "b.json", "c.txt": "c.txt"}
    assert found.many["return"] == ["x", "y"]
    assert found.once["as"] == "sim"
    assert found.flags == {"detach"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("--cpu 3", "Did you mean 'cpus'"),
        ("--cpus", "needs a value"),
        ("--cpus --rerun", "needs a value"),
        ("--cpus 1 --cpus 2", "given twice"),
        ("--as 'sim", "Close its quotes"),
        ("--rerun=yes", "no option --rerun"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        lines.read(text)


def test_axes_and_a_machine() -> None:
    words, axes = lines.axes(lines.read("hpc x=0:1:3 y=1,2 word='a b',c").words)
    assert lines.machine(words) == "hpc"
    assert axes == {"x": [0.0, 0.5, 1.0], "y": [1, 2], "word": ["a b", "c"]}


def test_one_word_too_many() -> None:
    with pytest.raises(BadInput, match="'b' is one word too many"):
        lines.machine(["a", "b"])
    with pytest.raises(BadInput, match="stands twice"):
        lines.axes(["x=1", "x=2"])
