from __future__ import annotations

import builtins

import pytest

from cell_table import TABLE, Snippet
from farpoint import names
from farpoint.errors import BadTask

UNCOUNTED = {*dir(builtins), "get_ipython"}


def test_the_table_is_large_enough() -> None:
    assert len(TABLE) >= 60


@pytest.mark.parametrize("snippet", TABLE, ids=lambda snippet: snippet.source[:40])
def test_names_of_a_cell(snippet: Snippet) -> None:
    found = names.names(snippet.source)
    assert found.reads - UNCOUNTED == set(snippet.reads.split())
    assert found.assigns == set(snippet.assigns.split())


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("df.query('v > @limit')", {"limit"}),
        ("!convert {name}.png", {"name"}),
        ("%run -i {script}", {"script"}),
        ("%%bash\necho {who}", {"who"}),
        ("eval('a + b')", {"a", "b"}),
    ],
)
def test_words_in_texts_may_be_names(source: str, words: set[str]) -> None:
    found = names.names(source)
    assert words <= found.words
    assert not words & found.reads


def test_a_docstring_names_nothing() -> None:
    assert "x" not in names.names('def f():\n    "about x"\n').words


@pytest.mark.parametrize("source", ["x = = 1", "def f(:", "return 3 +"])
def test_what_is_no_cell_is_refused(source: str) -> None:
    with pytest.raises(BadTask, match="cannot be read"):
        names.names(source)


@pytest.mark.parametrize(
    ("source", "last"), [("import os\ny = 1", "y"), ("import os", ""), ("b, a = 1, 2", "a"), ("def f(): pass", "f")]
)
def test_what_people_would_call_it(source: str, last: str) -> None:
    assert names.names(source).last == last
