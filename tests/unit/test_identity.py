"""Which edits change a key, and what is said about them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farpoint import identity


def nb(*sources: str, defaults: str = "a = 1\nb = 2", tags: dict[int, list[str]] | None = None) -> dict[str, Any]:
    cells = [{"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": defaults, "outputs": [1]}]
    for number, source in enumerate(sources, 1):
        kind = "markdown" if source.startswith("<md>") else "code"
        cells.append({"cell_type": kind, "metadata": {"tags": (tags or {}).get(number, [])}, "source": source})
    return {"cells": cells, "metadata": {}}


def version(notebook: dict[str, Any], names: tuple[str, ...] = ("a",), **more: Any) -> str:
    given_ = {"modules": {}, "files": {}, "environment": None, **more}
    return identity.code_version(identity.pieces(notebook, names, **given_))


BASE = 'x = a + 1\nif x:\n    print(f"{x:>5} {a}", "it\'s")'

SAME = {
    "a comment": 'x = a + 1  # more\n# about\nif x:\n    # this\n    print(f"{x:>5} {a}", "it\'s")',
    "blank lines": '\n\nx = a + 1\n\n\nif x:\n\n    print(f"{x:>5} {a}", "it\'s")\n\n',
    "spacing": 'x=a+1\nif x :\n    print( f"{x:>5} {a}" , "it\'s" )   ',
    "the width of an indent": 'x = a + 1\nif x:\n  print(f"{x:>5} {a}", "it\'s")',
    "lines inside brackets": 'x = a + 1\nif x:\n    print(\n        f"{x:>5} {a}",  # one\n        "it\'s")',
    "a joined line": 'x = \\\n    a + 1\nif x:\n    print(f"{x:>5} {a}", "it\'s")',
}
OTHER = {
    "a number": BASE.replace("1", "2"),
    "a name": BASE.replace("x", "y"),
    "an f-string": BASE.replace(":>5", ":>6"),
    "a string": BASE.replace("it's", "its"),
    "a space in a string": BASE.replace("it's", "it's "),
    "one more line": BASE + "\nx",
    "another block": BASE.replace("    print", "    pass\nprint"),
    "an order": 'if x:\n    print(f"{x:>5} {a}", "it\'s")\nx = a + 1',
    "a magic instead": "%run x.py",
}


@pytest.mark.parametrize("edit", SAME)
def test_what_does_not_count(edit: str) -> None:
    assert version(nb(SAME[edit])) == version(nb(BASE))


@pytest.mark.parametrize("edit", OTHER)
def test_what_counts(edit: str) -> None:
    assert version(nb(OTHER[edit])) != version(nb(BASE))


def test_markdown_comment_cells_and_outputs_do_not_count() -> None:
    assert version(nb("<md> # Title", BASE, "# nothing but this", "")) == version(nb(BASE))
    other = nb(BASE)
    other["cells"][0]["outputs"] = [{"text": "another"}]
    assert version(other) == version(nb(BASE))


def test_a_markdown_cell_renames_nothing() -> None:
    old = identity.pieces(nb(BASE, "y = 2"), ["a"], {}, {})
    assert identity.pieces(nb("<md> text", BASE, "# aside", "y = 2"), ["a"], {}, {}) == old
    assert list(old) == ["cell 1", "cell 2", "cell 3", "environment"]


@pytest.mark.parametrize(
    "one, two, same",
    [
        ("%matplotlib inline", "%matplotlib   inline  ", True),
        ("%matplotlib inline", "%matplotlib widget", False),
        ("!ls -l", "!ls  -l", True),
        ("!ls -l # it's", "!ls -l # its", False),
        ('!echo "a  b"', '!echo "a b"', False),
        ("files = !ls", "files  =  !ls", True),
        ("%%bash\necho 1\n", "%%bash\necho 1", True),
        ("%%bash\necho 1", "%%bash\necho 2", False),
        ("%%time\nx=1 # c", "%%time\n\nx = 1", True),
        ("%%time\nx=1", "%%time\nx=2", False),
        ("%%remote hpc --cpus 8\nx = 1", "x = 1", True),
        ("%%remote hpc\nx = 1", "%%remote other --time 1h\nx = 1  # there", True),
        ("%%scan hpc a=1,2\na", "%%scan hpc a=2,3\na", False),
        ("x = (a\n % b)", "x = (a % b)", True),
        ("x = (a\n % b)", "x = (a\n % c)", False),
        ("if x:\n    %run a.py\n    y = 1", "if x:\n  %run  a.py\n  y=1", True),
        ("await f( )", "await f()", True),
        ("print?", "print ?", False),
        ("x = '''\n%not a magic\n'''", "x = '''\n%not  a magic\n'''", False),
        ("x = 1;", "x = 1", False),
        ("this is not (Python", "this is not (Python  \n\n", True),
        ("match x:\n    case 1: y", "match x:\n  case 1 : y", True),
    ],
)
def test_ipythons_lines(one: str, two: str, same: bool) -> None:
    assert (version(nb(one)) == version(nb(two))) is same


@pytest.mark.parametrize(
    "one, two, names, same",
    [
        ("a = 1\nb = 2", "a = 99  # other\nb = 2", "a", True),
        ("a = 1\nb = 2", "b = 2", "a", True),
        ("a = 1\nb = 2", "a = 1\nb = 3", "a", False),
        ("a = 1\nb = 2", "a = 1\nb = 3", "ab", True),
        ("a: int = 1", "a: float = 2.5", "a", True),
        ("a = 1; b = 2", "a = 5; b = 2", "a", True),
        ("a = b = 1", "a = b = 2", "ab", True),
        ("a = b = 1", "a = b = 2", "a", False),
        ("a, b = 1, 2", "a, b = 3, 4", "ab", True),
        ("a, b = 1, 2", "a, b = 3, 4", "a", False),
        ("a = [1,\n  2]", "a = [3]", "a", True),
        ("a = dict(x=1)", "a = dict(x=2)", "a", True),
        ("a = 1\nc = a * 2", "a = 2\nc = a * 2", "a", False),  # c was made from the default
        ("a = 1\nc = f'{a}.txt'", "a = 2\nc = f'{a}.txt'", "a", False),
        ("a = 1\nc = 'a.txt'", "a = 2\nc = 'a.txt'", "a", True),
        ("a = 1\nb = a\nc = b", "a = 2\nb = a\nc = b", "ab", False),
        ("a = 1\nb = a", "a = 2\nb = a", "ab", True),
        ("a = 1\na += 1", "a = 2\na += 1", "a", False),
        ("a.x = 1", "a.x = 2", "a", False),
        ("if a == 1: a = 2", "if a == 1: a = 3", "a", False),
        ("if a: b = 1; a = 2", "if a: b = 1; a = 3", "a", False),
        ("seed = 1", "seed = 2", "a", True),
        ("seed = 1", "seed = 2", "", True),
    ],
)
def test_overridden_defaults_do_not_count(one: str, two: str, names: str, same: bool) -> None:
    first, second = version(nb(BASE, defaults=one), tuple(names)), version(nb(BASE, defaults=two), tuple(names))
    assert (first == second) is same


def test_an_older_injected_cell_does_not_count_where_it_is_replaced() -> None:
    old = nb("a = 7", BASE, tags={1: ["injected-parameters"]})
    assert version(old) == version(nb(BASE))
    assert version(old, ()) != version(nb(BASE), ())


def test_tags_that_change_what_runs_count() -> None:
    assert version(nb(BASE, "1/0", tags={2: ["skip-execution"]})) == version(nb(BASE))
    assert version(nb(BASE, tags={1: ["raises-exception"]})) != version(nb(BASE))


def test_modules_files_and_environment() -> None:
    base = {"modules": {"m.py": "def f(): return 1"}, "files": {"x.csv": "ab"}, "environment": "env"}
    first = version(nb(BASE), **base)
    assert (
        version(nb(BASE), **{**base, "modules": {"m.py": "def f():  # c\n  return 1\n"}}) != first
    )  # a block is not a line
    assert version(nb(BASE), **{**base, "modules": {"m.py": "# c\ndef f() : return 1\n"}}) == first
    assert version(nb(BASE), **{**base, "modules": {"modules/m.py": "def f(): return 1"}}) == first
    assert version(nb(BASE), **{**base, "files": {"x.csv": "cd"}}) != first
    assert version(nb(BASE), **{**base, "files": {"y.csv": "ab"}}) != first
    assert version(nb(BASE), **{**base, "environment": "other"}) != first
    assert version(nb(BASE), environment="") == version(nb(BASE), environment=None)


def test_what_is_said_to_have_changed() -> None:
    old = identity.pieces(nb("x = 1", "y = 2", "z = 3"), ["a"], {"m.py": "1", "gone.py": "1"}, {"f": "1"}, "e")
    new = identity.pieces(
        nb("x = 1", "between", "y = 5", "z = 3"), ["a"], {"m.py": "2", "helpers.py": "1"}, {"f": "2"}, "g"
    )
    assert identity.changed(old, new) == [
        "cell 3",
        "cell 4 (new)",
        "module gone.py (gone)",
        "module m.py",
        "file f",
        "environment",
        "module helpers.py (new)",
    ]
    assert identity.changed(old, old) == []
    shorter = identity.pieces(nb("x = 1", "z = 3"), ["a"], {"m.py": "1", "gone.py": "1"}, {"f": "1"}, "e")
    assert identity.changed(old, shorter) == ["cell 3 (gone)"]
    assert identity.changed({}, new)[0] == "cell 1 (new)"


def test_the_key_knows_types_but_no_order() -> None:
    pieces = identity.pieces(nb(BASE), ["a"], {}, {})
    keys = [identity.key(pieces, {"a": value}) for value in (1, 1.0, True, "1", np.int64(1), [1], (1,), None)]
    assert len(set(keys)) == len(keys)
    assert identity.key(pieces, {"a": 1, "b": 2}) == identity.key(pieces, {"b": 2, "a": 1})
    assert len(keys[0]) == 64


def test_seeds_differ_from_point_to_point() -> None:
    seeds = {identity.seed("scan", {"a": number}) for number in range(1000)}
    assert len(seeds) == 1000
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert identity.seed("other", {"a": 0}) not in seeds
    assert identity.seed("scan", {"a": 0}) == 899255066


LINES = [
    "x = 1",
    "y = [1, 2]",
    "print(f'{x!r:>4} # not a comment')",
    "for i in y:\n    x += i",
    "s = '''a\n# b\n'''",
    "%run a.py",
    "def f(a,\n      b):\n    return a",
    "z = {'a': 1}",
    "@f\ndef g(): pass",
    "t = 'é' + f\"{x}é{y}\"",
    "!ls *.txt",
]
NOISE = st.lists(st.sampled_from(["", "# a comment", "   ", "#%run this", "# 'quote", "\t"]), max_size=3)


@given(
    st.lists(
        st.tuples(st.sampled_from(LINES), NOISE, st.sampled_from(["", "  # trailing", " "])), min_size=1, max_size=8
    )
)
@settings(max_examples=200)
def test_comments_and_blank_lines_never_count(parts: list[tuple[str, list[str], str]]) -> None:
    bare = "\n".join(line for line, _, _ in parts)
    noisy = "\n".join(
        "\n".join([*noise, line if line[0] in "%!" or line.endswith("'''") else line + trailing])
        for line, noise, trailing in parts
    )
    assert version(nb(bare)) == version(nb(noisy))
    assert version(nb(bare)) != version(nb(bare + "\nq"))


@given(st.text(alphabet="abc'\"#%!?(){}[]=\\ \n\t:;\x00é", max_size=40))
@settings(max_examples=300)
def test_any_text_has_a_key(text: str) -> None:
    assert version(nb(text)) == version(nb(text))


GOLDEN = Path(__file__).parents[1] / "golden" / "normal_source.json"


@pytest.mark.parametrize("text", json.loads(GOLDEN.read_text()))
def test_every_python_reads_code_alike(text: str) -> None:
    """The suite runs under several Pythons, whose tokenizers differ; results must be found again after an upgrade."""
    assert identity.normal(text) == json.loads(GOLDEN.read_text())[text]
