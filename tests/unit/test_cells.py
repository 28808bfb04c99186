"""Python made of IPython's lines, without touching the lines that are Python already."""

from __future__ import annotations

import ast

import pytest

from farpoint import cells

M = "__magic__"


@pytest.mark.parametrize(
    "source, expected",
    [
        ("x = 1\ny = 2", "x = 1\ny = 2"),
        ("", ""),
        ("%matplotlib inline", f"{M}('%matplotlib inline')"),
        ("  !ls", f"  {M}('!ls')"),
        ("x = !ls  -l\ny", f"{M}('x = !ls -l')\ny"),
        ("x = %time f()", f"{M}('x = %time f()')"),
        ("df.head?", f"{M}('df.head?')"),
        ("?df", f"{M}('?df')"),
        ("!echo a \\\n  b\nx", f"{M}('!echo a \\\\ b')\nx"),
        ("x = (7\n  % 4)", "x = (7\n  % 4)"),
        ("x = 7 \\\n  % 4", "x = 7 \\\n  % 4"),
        ("x = '''\n%a\n'''\n%b", f"x = '''\n%a\n'''\n{M}('%b')"),
        ("x = 'it''s' # don't (\n%b", f"x = 'it''s' # don't (\n{M}('%b')"),
        ("x = r'\\' # '\n%b", f"x = r'\\' # '\n{M}('%b')"),
        ("!echo it's (\nx = 1", f'{M}("!echo it\'s (")\nx = 1'),
        ("if a:\n    %run x.py\nelse:\n    b", f"if a:\n    {M}('%run x.py')\nelse:\n    b"),
        ("a % b", "a % b"),
        ("x = {'a': 1}['b'] != 2", "x = {'a': 1}['b'] != 2"),
        ("x = a\n%=3", f"x = a\n{M}('%=3')"),
        ("%%time\nx = 1", f"{M}('%%time')\nx = 1"),
        ("\n%%capture out\n%b\ny", f"{M}('%%capture out')\n{M}('%b')\ny"),
        ("%%bash\nls (", f"{M}('%%bash\\nls (')\n"),
        ("%%", f"{M}('%%\\n')\n"),
        (")))\n%a", f")))\n{M}('%a')"),
    ],
)
def test_ipythons_lines_become_calls(source: str, expected: str) -> None:
    assert cells.as_python(source) == expected


def test_what_comes_out_can_be_parsed() -> None:
    source = "%load_ext x\nimport a\nb = !ls\nif b:\n    !rm {b}\nawait c(\n  b % 2,\n)\nb?\n"
    assert len(ast.parse(cells.as_python(source)).body) == 6


def test_code_cells() -> None:
    notebook = {
        "cells": [
            {"cell_type": "raw", "source": "r", "metadata": {}},
            {"cell_type": "code", "source": ["a\n", "b"], "metadata": {"tags": ["t"]}},
            {"cell_type": "code", "source": "c", "metadata": {"tags": ["skip-execution"]}},
            {"cell_type": "code", "source": "d", "metadata": {"tags": None}},
        ]
    }
    assert cells.code_cells(notebook) == [(1, "a\nb", frozenset({"t"})), (3, "d", frozenset())]
    assert cells.code_cells({}) == []
