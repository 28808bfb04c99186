"""When is a function the same: over processes, hash seeds and edits, for each kind of code it can reach."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from farpoint.errors import BadTask
from farpoint.functions.walk import Walk, same

BASE = {
    "task.py": """
        import functools, math
        import dataclasses
        import own
        from own import shifted
        K = 7
        UNUSED = 1
        NAMES = {"a", "b", "c"}
        TABLE = [lambda x: x, lambda x: x + 1]
        def helper(x):
            return x * 2
        def other(x):
            return x - 1
        def decorated(scale):
            def wrap(f):
                @functools.wraps(f)
                def inner(x):
                    return scale * f(x)
                return inner
            return wrap
        def closed(n):
            def inner(x):
                return x + n
            return inner
        @dataclasses.dataclass
        class Body:
            mass: float = 1.0
            def weight(self):
                return self.mass * 9
        class Model:
            rate = 3
            def step(self, x):
                return self.helper(x) + self.rate
            def helper(self, x):
                return x / 2
        part = functools.partial(helper)
        add = closed(3)
        @decorated(2)
        def doubled(x):
            return x + 1
        def fact(n):
            return 1 if n < 2 else n * fact(n - 1)
        def stream(n):
            yield from (i * 3 for i in range(n))
        async def later(x):
            return x + 4
        @functools.lru_cache
        def cached(x):
            return x + 6
        def task(x, scale=5):
            y = helper(x) + K + own.modhelper(x) + shifted(x)
            return y + 1
        def wide(x):
            return (TABLE[1](x), part(x), add(x), doubled(x), Body().weight(), Model().step(x), fact(x),
                    list(stream(x)), later, cached(x), x in NAMES, x in {"p", "q", "r"}, {"k": K}, math.pi, bound(x))
        bound = Model().step
        """,
    "own.py": """
        import deep
        from deep import BASE as START
        SHIFT = 4
        UNUSED = 2
        def modhelper(x):
            return x + deep.deeper(x)
        def shifted(x):
            return x + SHIFT + START
        def unused(x):
            return UNUSED
        """,
    "deep.py": """
        BASE = 1
        def deeper(x):
            return x * 11
        """,
}
SAME = {
    "unchanged, new process": [],
    "comment": [("task.py", "def task(x, scale=5):", "def task(x, scale=5):  # note\n            # more\n")],
    "blank lines": [("task.py", "def helper(x):", "\n\n\n        def helper(x):")],
    "docstring": [("task.py", "def task(x, scale=5):", 'def task(x, scale=5):\n            """What it does."""')],
    "unrelated global": [("task.py", "UNUSED = 1", "UNUSED = 100")],
    "unrelated function": [("task.py", "return x - 1", "return x - 100")],
    "moved definition": [
        ("task.py", "        def helper(x):\n            return x * 2\n", ""),
        ("task.py", "        class Model:", "        def helper(x):\n            return x * 2\n        class Model:"),
    ],
    "unrelated in own module": [("own.py", "UNUSED = 2", "UNUSED = 200")],
    "unrelated function in own module": [("own.py", "return UNUSED", "return 5")],
    "comment in own module": [("own.py", "def modhelper(x):", "def modhelper(x):  # here\n")],
    "docstring in own module": [("own.py", "def modhelper(x):", 'def modhelper(x):\n            "about"')],
    "order of a set": [("task.py", '{"a", "b", "c"}', '{"c", "a", "b"}')],
}
CHANGED = {
    "body": [("task.py", "return y + 1", "return y + 5")],
    "helper": [("task.py", "return x * 2", "return x * 3")],
    "global": [("task.py", "K = 7", "K = 8")],
    "type of a global": [("task.py", "K = 7", "K = 7.0")],
    "helper in own module": [("own.py", "x + deep.deeper(x)", "x - deep.deeper(x)")],
    "constant of own module": [("own.py", "SHIFT = 4", "SHIFT = 5")],
    "module of own module": [("deep.py", "x * 11", "x * 12")],
    "constant of module of own module": [("deep.py", "BASE = 1", "BASE = 2")],
    "default": [("task.py", "scale=5", "scale=6")],
    "redefined": [
        ("task.py", "bound = Model().step", "bound = Model().step\n        def helper(x):\n            return 0")
    ],
}
WIDE = {
    "lambda in a list": [("task.py", "lambda x: x + 1", "lambda x: x + 2")],
    "partial": [("task.py", "functools.partial(helper)", "functools.partial(other)")],
    "closure": [("task.py", "add = closed(3)", "add = closed(4)")],
    "decorator": [("task.py", "return scale * f(x)", "return scale + f(x)")],
    "argument of a decorator": [("task.py", "@decorated(2)", "@decorated(3)")],
    "decorated body": [
        ("task.py", "def doubled(x):\n            return x + 1", "def doubled(x):\n            return x + 2")
    ],
    "dataclass field": [("task.py", "mass: float = 1.0", "mass: float = 2.0")],
    "method": [("task.py", "return x / 2", "return x / 3")],
    "class attribute": [("task.py", "rate = 3", "rate = 4")],
    "recursion": [("task.py", "1 if n < 2", "2 if n < 2")],
    "generator": [("task.py", "i * 3", "i * 4")],
    "async": [("task.py", "return x + 4", "return x + 9")],
    "cached": [("task.py", "return x + 6", "return x + 7")],
    "set": [("task.py", '{"a", "b", "c"}', '{"a", "b", "d"}')],
    "set literal": [("task.py", '{"p", "q", "r"}', '{"p", "q", "s"}')],
    "installed attribute": [("task.py", "math.pi", "math.tau")],
}
LOOK = """
import sys
sys.path.insert(0, sys.argv[1])
main = sys.modules["__main__"]
source = open(sys.argv[1] + "/task.py").read()
exec(compile("\\n" * int(sys.argv[3]) + source, "cell-%s" % sys.argv[3], "exec"), vars(main))
from farpoint.functions.walk import same
print(same(vars(main)[sys.argv[2]], "task"))
"""


def key(folder: Path, edits: list[tuple[str, str, str]], name: str, seed: int) -> str:
    """The identity of a function, found in a process of its own, as a notebook has it."""
    for file, text in BASE.items():
        edited = text
        for where, old, new in edits:
            if where == file:
                assert old in edited
                edited = edited.replace(old, new, 1)
        (folder / file).write_text(textwrap.dedent(edited))
    done = subprocess.run(
        [sys.executable, "-B", "-c", LOOK, str(folder), name, str(seed)],
        env={**os.environ, "PYTHONHASHSEED": str(seed)}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("first")
    return {name: key(folder, [], name, 1) for name in ("task", "wide")}


@pytest.mark.parametrize("case", SAME)
@pytest.mark.parametrize("name", ["task", "wide"])
def test_what_changes_nothing(tmp_path: Path, first: dict[str, str], case: str, name: str) -> None:
    assert key(tmp_path, SAME[case], name, 2) == first[name]


@pytest.mark.parametrize("case", CHANGED)
def test_what_changes_it(tmp_path: Path, first: dict[str, str], case: str) -> None:
    assert key(tmp_path, CHANGED[case], "task", 3) != first["task"]


@pytest.mark.parametrize("case", WIDE)
def test_what_changes_what_it_reaches(tmp_path: Path, first: dict[str, str], case: str) -> None:
    assert key(tmp_path, WIDE[case], "wide", 4) != first["wide"]
    assert key(tmp_path, WIDE[case], "task", 4) == first["task"]


def test_pieces_have_names_for_people() -> None:
    scale = 3

    def inner(x: int) -> int:
        return x * scale

    def outer(x: int) -> int:
        return inner(x)

    walk = Walk()
    walk.visit(outer)
    assert list(walk.finish()) == ["function outer", "function inner"]


def test_what_cannot_travel_is_named() -> None:
    class Solver:
        def __init__(self) -> None:
            self.parts = [1, {"lock": open(os.devnull)}]  # noqa: SIM115

    solver = Solver()
    try:
        with pytest.raises(BadTask, match=r"solver\.parts\[1\]\['lock'\] is a _io.TextIOWrapper and cannot travel"):
            same(solver, "solver")
    finally:
        solver.parts[1]["lock"].close()
