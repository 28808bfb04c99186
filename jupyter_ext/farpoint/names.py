"""The names a cell reads, assigns and deletes, found in its compiled code, where scoping is Python's own.

Compiles, never runs. Must not know a kernel, a namespace's values or what becomes of the names.
"""

from __future__ import annotations

import ast
import dis
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

from farpoint.errors import BadTask

WORD = re.compile(r"[^\W\d]\w*")
_CELL_MAGICS = {"capture", "prun", "time", "timeit"}  # their body is Python that runs here
_LINE_MAGICS = {"prun", "time", "timeit"}
_LOADS = {"LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS"}
_MODULE = frozenset({"__annotations__", "__doc__", "__module__", "__name__", "__qualname__"})  # the compiler's own
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

    A name counts as read unless the cell has surely assigned it before, whichever way it took.

    >>> found = names("y = [a * k for a in x]\\nk = len(y)")
    >>> sorted(found.reads), sorted(found.assigns)
    (['k', 'len', 'x'], ['k', 'y'])
    """
    found = _Found()
    _cell(source, found)
    reads, assigns, deletes, words = (
        frozenset(each) - _MODULE for each in (found.reads, found.assigns, found.deletes, found.words)
    )
    return Names(reads, assigns, deletes, words, found.last)


def python_of(source: str) -> str:
    """The cell as the Python that IPython would run."""
    from IPython.core.inputtransformer2 import TransformerManager

    manager: Any = TransformerManager  # it ships no types
    return str(manager().transform_cell(source))


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
    except SyntaxError as fault:
        line = (fault.text or "").strip()
        raise BadTask(f"the cell cannot be read: {fault.msg}{f', at {line!r}' if line else ''}.") from fault
    except ValueError as fault:
        raise BadTask(f"the cell cannot be read: {fault}.") from fault
    _block(tree.body, found, frozenset())
    for statement in tree.body:
        found.last = _called_by(statement) or found.last
    _texts(tree, found)


def _block(statements: Sequence[ast.stmt], found: _Found, sure: frozenset[str]) -> frozenset[str]:
    """Note what statements do, one after the other; the names that are surely assigned after them."""
    for statement in statements:
        walk = _COMPOUND.get(type(statement))
        if walk is not None:
            sure = walk(statement, found, sure)
        elif not isinstance(statement, ast.Break | ast.Continue):
            sure = _simple(statement, found, sure)
    return sure


def _simple(statement: ast.stmt, found: _Found, sure: frozenset[str]) -> frozenset[str]:
    made = compile(ast.Module([statement], []), "<cell>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    here = _Found()
    first = _code(made, here, top=True)
    if isinstance(statement, ast.Delete):
        here.reads |= {target.id for target in statement.targets if isinstance(target, ast.Name)}
    found.reads |= here.reads - sure
    found.assigns |= here.assigns
    found.deletes |= here.deletes
    return (sure | first | _bound(statement)) - here.deletes


def _expressions(given: Iterable[ast.expr | None], found: _Found, sure: frozenset[str]) -> frozenset[str]:
    for each in given:
        if each is not None:
            sure = _simple(ast.copy_location(ast.Expr(each), each), found, sure)
    return sure


def _assigned(given: Iterable[str], found: _Found) -> frozenset[str]:
    names = frozenset(given)
    found.assigns |= names
    return names


def _loop(loop: Any, found: _Found, sure: frozenset[str]) -> frozenset[str]:
    """A loop over something is taken to go round at least once: what it assigns is not asked of the caller."""
    sure = _expressions([loop.iter], found, sure)
    if not isinstance(loop.target, ast.Name | ast.Tuple | ast.List):
        _expressions([_stored(loop.target)], found, sure)
    inner = _block(loop.body, found, sure | _assigned(_targets(loop.target), found))
    return _block(loop.orelse, found, inner)


def _stored(target: ast.expr) -> ast.expr | None:
    """What a target such as `a.b` or `a[i]` reads."""
    return target.value if isinstance(target, ast.Attribute | ast.Subscript) else None


def _while(loop: Any, found: _Found, sure: frozenset[str]) -> frozenset[str]:
    sure = _expressions([loop.test], found, sure)
    inner = _block(loop.body, found, sure)
    always = isinstance(loop.test, ast.Constant) and bool(loop.test.value)
    return _block(loop.orelse, found, inner if always else sure)


def _if(branch: Any, found: _Found, sure: frozenset[str]) -> frozenset[str]:
    sure = _expressions([branch.test], found, sure)
    sides = [(side, _block(side, found, sure)) for side in (branch.body, branch.orelse)]
    ways = [after for side, after in sides if not _leaves(side)]
    return frozenset.intersection(*ways) if ways else sure


def _leaves(block: Sequence[ast.stmt]) -> bool:
    return bool(block) and isinstance(block[-1], ast.Raise | ast.Return | ast.Break | ast.Continue)


def _with(block: Any, found: _Found, sure: frozenset[str]) -> frozenset[str]:
    for item in block.items:
        sure = _expressions([item.context_expr], found, sure)
        if item.optional_vars is not None:
            _expressions([_stored(item.optional_vars)], found, sure)
            sure |= _assigned(_targets(item.optional_vars), found)
    return _block(block.body, found, sure)


def _try(block: Any, found: _Found, sure: frozenset[str]) -> frozenset[str]:
    ways = [_block(block.orelse, found, _block(block.body, found, sure))]
    for handler in block.handlers:
        inner = _expressions([handler.type], found, sure) | _assigned([handler.name] if handler.name else [], found)
        end = _block(handler.body, found, inner)
        if not _leaves(handler.body):
            ways.append(end - {handler.name or ""})
    return _block(block.finalbody, found, frozenset.intersection(*ways))


def _match(block: Any, found: _Found, sure: frozenset[str]) -> frozenset[str]:
    sure = _expressions([block.subject], found, sure)
    for case in block.cases:
        patterns = list(ast.walk(case.pattern))
        caught = {node.name for node in patterns if isinstance(node, ast.MatchAs | ast.MatchStar) and node.name}
        caught |= {node.rest for node in patterns if isinstance(node, ast.MatchMapping) and node.rest}
        read = [node.cls for node in patterns if isinstance(node, ast.MatchClass)]
        read += [node.value for node in patterns if isinstance(node, ast.MatchValue)]
        inner = _expressions([*read], found, sure) | _assigned(caught, found)
        _block(case.body, found, _expressions([case.guard], found, inner))
    return sure


_COMPOUND: dict[type[ast.stmt], Callable[[Any, _Found, frozenset[str]], frozenset[str]]] = {
    ast.For: _loop, ast.AsyncFor: _loop, ast.While: _while, ast.If: _if, ast.With: _with, ast.AsyncWith: _with,
    ast.Try: _try, ast.TryStar: _try, ast.Match: _match,
}  # fmt: skip


def _code(code: CodeType, found: _Found, *, top: bool) -> frozenset[str]:
    """Note the names of compiled code; those it assigns before it may go one way or another."""
    first: set[str] = set()
    straight = True
    for step in dis.get_instructions(code):
        name, value = step.opname, step.argval
        straight = straight and "JUMP" not in name
        if name in _LOADS and (top or name == "LOAD_GLOBAL" or _is_class(code)):
            found.reads |= {value} - first
        elif name == "STORE_GLOBAL" or (top and name == "STORE_NAME"):
            found.assigns.add(value)
            first |= {value} if straight and top else set()
        elif name == "DELETE_GLOBAL" or (top and name == "DELETE_NAME"):
            found.deletes.add(value)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _code(constant, found, top=False)
    return frozenset(first)


def _is_class(code: CodeType) -> bool:
    return not code.co_flags & 0x0002  # CO_NEWLOCALS: a function's own; a class body looks up names as a module does


def _bound(statement: ast.stmt) -> set[str]:
    """Names that a simple statement surely assigns."""
    if isinstance(statement, ast.Assign):
        return {name for target in statement.targets for name in _targets(target)}
    if isinstance(statement, ast.AnnAssign):
        return set(_targets(statement.target)) if statement.value is not None else set()
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.partition(".")[0] for alias in statement.names}
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
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
