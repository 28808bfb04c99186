"""The names a cell reads, assigns and deletes, found in its compiled code, where scoping is Python's own.

Compiles, never runs. Must not know a kernel, a namespace's values or what becomes of the names.
"""

from __future__ import annotations

import ast
import dis
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

from farpoint.errors import BadTask

WORD = re.compile(r"[^\W\d]\w*")
_CELL_MAGICS = {"capture", "prun", "time", "timeit"}  # their body is Python that runs here
_LINE_MAGICS = {"prun", "time", "timeit"}
_LOADS = {"LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS"}
_OPTION = re.compile(r"\s*-\w+(\s*\d+)?(?=\s)")


@dataclass(frozen=True, slots=True)
class Names:
    """What a cell does with names of its namespace. `words` may be names: they stand in texts, magics and eval."""

    reads: frozenset[str] = frozenset()
    assigns: frozenset[str] = frozenset()
    deletes: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    last: str = ""  # the name assigned last, by which people would call the cell


@dataclass(slots=True)
class _Found:
    reads: set[str] = field(default_factory=set)
    assigns: set[str] = field(default_factory=set)
    deletes: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    last: str = ""


def names(source: str) -> Names:
    """The names of a cell, IPython's syntax included. BadTask where it cannot be read as a cell.

    A name counts as read unless a line above, outside any block, has surely assigned it.

    >>> found = names("y = [a * k for a in x]\\nk = len(y)")
    >>> sorted(found.reads), sorted(found.assigns)
    (['k', 'len', 'x'], ['k', 'y'])
    """
    found = _Found()
    _cell(source, found)
    every = (frozenset(each) for each in (found.reads, found.assigns, found.deletes, found.words))
    return Names(*every, last=found.last)


def python_of(source: str) -> str:
    """The cell as the Python that IPython would run."""
    from IPython.core.inputtransformer2 import TransformerManager

    return str(TransformerManager().transform_cell(source))


def _cell(source: str, found: _Found) -> None:
    text = source.lstrip()
    if text.startswith("%%"):
        line, _, body = text.partition("\n")
        magic, _, rest = line[2:].partition(" ")
        _cell_magic(magic.strip(), rest, body, found)
        return
    _python(python_of(source), found)


def _cell_magic(magic: str, line: str, body: str, found: _Found) -> None:
    if magic not in _CELL_MAGICS:
        found.words |= set(WORD.findall(f"{line}\n{body}"))
        return
    inner = _Found()
    _cell(body, inner)
    if magic == "capture":
        found.assigns |= {word for word in _split(line) if word.isidentifier()}
    elif magic == "timeit":
        inner.assigns.clear()
        _cell(_OPTION.sub("", f" {line} ").strip(), inner)
    found.reads |= inner.reads
    found.assigns |= inner.assigns
    found.deletes |= inner.deletes
    found.words |= inner.words
    found.last = inner.last


def _python(source: str, found: _Found) -> None:
    try:
        tree = ast.parse(source)
        compile(source, "<cell>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except (SyntaxError, ValueError) as fault:
        raise BadTask(f"the cell cannot be read: {fault}. Nothing was sent.") from fault
    sure: set[str] = set()
    for statement in tree.body:
        made = compile(ast.Module([statement], []), "<cell>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        here = _Found()
        _code(made, here, top=True)
        found.reads |= here.reads - sure
        found.assigns |= here.assigns
        found.deletes |= here.deletes
        found.last = _called_by(statement) or found.last
        sure = (sure | _bound(statement)) - here.deletes
        _late(statement, found, sure)
    _texts(tree, found)


def _late(statement: ast.stmt, found: _Found, sure: set[str]) -> None:
    """`del x` after which `x` is read means a read that fails, here as there: nothing to send for it."""
    if isinstance(statement, ast.Delete):
        found.reads |= {target.id for target in statement.targets if isinstance(target, ast.Name)} - sure


def _code(code: CodeType, found: _Found, *, top: bool) -> None:
    for step in dis.get_instructions(code):
        name, value = step.opname, step.argval
        if name in _LOADS and (top or name == "LOAD_GLOBAL" or _is_class(code)):
            found.reads.add(value)
        elif name == "STORE_GLOBAL" or (top and name == "STORE_NAME"):
            found.assigns.add(value)
        elif name == "DELETE_GLOBAL" or (top and name == "DELETE_NAME"):
            found.deletes.add(value)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _code(constant, found, top=False)


def _is_class(code: CodeType) -> bool:
    return not code.co_flags & 0x0002  # CO_NEWLOCALS: a function's own; a class body looks up names as a module does


def _bound(statement: ast.stmt) -> set[str]:
    """Names that a statement outside any block surely assigns."""
    if isinstance(statement, ast.Assign):
        return {name for target in statement.targets for name in _targets(target)}
    if isinstance(statement, ast.AnnAssign):
        return set(_targets(statement.target)) if statement.value is not None else set()
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.partition(".")[0] for alias in statement.names}
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.With | ast.AsyncWith):
        return {name for item in statement.items if item.optional_vars for name in _targets(item.optional_vars)}
    return set()


def _called_by(statement: ast.stmt) -> str:
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return ""
    return min(_bound(statement), default="")


def _targets(target: ast.expr) -> Iterator[str]:
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, ast.Starred):
        yield from _targets(target.value)
    elif isinstance(target, ast.Tuple | ast.List):
        for each in target.elts:
            yield from _targets(each)


def _texts(tree: ast.Module, found: _Found) -> None:
    """Words of texts; of a magic's line they are read as the magic reads them."""
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            found.words |= set(WORD.findall(node.value))
        elif isinstance(node, ast.Call) and _attribute(node) == "run_line_magic":
            _line_magic([getattr(argument, "value", None) for argument in node.args], found)


def _line_magic(given: list[Any], found: _Found) -> None:
    if len(given) < 2 or given[0] not in _LINE_MAGICS or not isinstance(given[1], str):
        return
    inner = _Found()
    try:
        _cell(_OPTION.sub("", f" {given[1]} ").strip(), inner)
    except BadTask:
        return
    found.reads |= inner.reads
    found.assigns |= inner.assigns if given[0] != "timeit" else set()


def _attribute(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


def _split(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


def needed(found: Names, namespace: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """(names the cell reads, names it may read) of those a namespace has.

    >>> needed(names("f'{a}'.format(x='b')"), {"a": 1, "b": 2, "c": 3})
    (['a'], ['b'])
    """
    reads = [name for name in sorted(found.reads) if name in namespace]
    return reads, [name for name in sorted(found.words - found.reads) if name in namespace]
