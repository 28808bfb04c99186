from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from farpoint.runner import carrying, in_place

KEY = "ab" * 32


def names_of(source: str) -> dict[str, Any]:
    """A namespace in which functions were defined, as in a notebook."""
    found: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(source, "<cell>", "exec"), found)
    return found


def carried(source: str, folder: Path, *names: str, into: dict[str, Any] | None = None) -> dict[str, Any]:
    packed = carrying.pack(names_of(source), names, str(folder), KEY)
    assert not packed.refused
    target: dict[str, Any] = {} if into is None else into
    carrying.unpack(json.loads(json.dumps(packed.values)), str(folder), target, KEY)
    return target


def test_a_function_brings_what_it_uses_and_lives_where_it_came_to(tmp_path: Path) -> None:
    there = carried("k = 2\nunused = 3\ndef g(a): return a * k\ndef f(a): return g(a) + 1", tmp_path, "f")
    assert there["f"](5) == 11
    there["k"] = 10
    assert there["f"](5) == 51
    assert "unused" not in there


def test_a_function_that_sets_a_global_sets_it_there(tmp_path: Path) -> None:
    there = carried("n = 0\ndef bump():\n    global n\n    n += 1", tmp_path, "bump")
    there["bump"]()
    assert there["n"] == 1


def test_two_names_of_one_list_stay_so(tmp_path: Path) -> None:
    there = carried("a = [1]\nb = a\nc = [1]", tmp_path, "a", "b", "c")
    assert there["a"] is there["b"]
    assert there["c"] is not there["a"]


def test_an_object_holds_the_list_that_has_a_name(tmp_path: Path) -> None:
    there = carried("a = [1]\nclass Box: pass\nbox = Box(); box.held = a", tmp_path, "a", "box")
    assert there["box"].held is there["a"]


def test_an_array_in_an_object_is_not_sent_twice(tmp_path: Path) -> None:
    source = "import numpy as np\nbig = np.arange(1e5)\nclass Box: pass\nbox = Box(); box.held = big"
    there = carried(source, tmp_path, "big", "box")
    assert there["box"].held is there["big"]
    assert (tmp_path / "values" / "names.pkl").stat().st_size < 10_000


def test_a_remote_function_runs_where_it_came_to(tmp_path: Path) -> None:
    class Placed:
        __runs_elsewhere__ = True

        def __init__(self, function: Any) -> None:
            self.__wrapped__ = function

    here = names_of("k = 3\ndef f(a): return a * k")
    here["f"] = Placed(here["f"])
    packed = carrying.pack(here, ["f"], str(tmp_path), KEY)
    there: dict[str, Any] = {}
    carrying.unpack(packed.values, str(tmp_path), there, KEY)
    assert isinstance(there["f"], in_place.Here)
    assert there["f"](2) == 6


def test_names_that_stay_are_not_looked_at(tmp_path: Path) -> None:
    here = names_of("k = 2\ndef f(a): return a * k")
    assert set(carrying.pack(here, ["f"], str(tmp_path), KEY, without=["k"]).values) == {"f"}


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("m = M(); m.inner = M(); m.inner.lock = threading.Lock()", "m.inner.lock → thread lock"),
        ("m = {'a': [1, (i for i in [])]}", "m['a'][1] → generator"),
        ("def make():\n    lock = threading.Lock()\n    return lambda: lock\nm = make()", "m → lock → thread lock"),
        ("m = open('/dev/null')\nm.close()", "m → open file"),
    ],
)
def test_what_cannot_travel_is_named(source: str, why: str, tmp_path: Path) -> None:
    here = names_of("import threading\nclass M: pass\n" + source)
    assert carrying.pack(here, ["m"], str(tmp_path), KEY).refused == {"m": why}


def test_a_pickle_of_another_python_is_not_opened(tmp_path: Path) -> None:
    packed = carrying.pack(names_of("def f(): pass"), ["f"], str(tmp_path), KEY)
    path = tmp_path / "values" / "names.pkl"
    path.write_bytes(path.read_bytes().replace(f'"{carrying.PYTHON}"'.encode(), b'"2.7"', 1))
    with pytest.raises(carrying.Refused, match=r"by Python 2\.7 and this is"):
        carrying.unpack(packed.values, str(tmp_path), {}, KEY)


def test_a_pickle_somebody_else_wrote_is_not_opened(tmp_path: Path) -> None:
    packed = carrying.pack(names_of("def f(): pass"), ["f"], str(tmp_path), KEY)
    with pytest.raises(carrying.Refused, match="not signed"):
        carrying.unpack(packed.values, str(tmp_path), {}, "cd" * 32)


def test_what_was_changed_is_changed_where_it_is(tmp_path: Path) -> None:
    mine = [1]
    held = {"a": mine, "arr": np.zeros(2)}
    array = held["arr"]
    told = {"values": {"a": [1, 2], "arr": None, "gone": 1}, "changed": ["a"], "deleted": ["gone"]}
    told["values"].pop("arr")
    carrying.adopt(told, str(tmp_path), held, KEY)
    assert held["a"] is mine
    assert mine == [1, 2]
    assert held["arr"] is array
    assert "gone" not in held


def test_a_lock_in_a_class_is_found() -> None:
    class Model:
        lock = threading.Lock()

    from farpoint.runner import culprits

    assert [path for path, _ in culprits.parts("Model", Model)] == ["Model.lock"]
