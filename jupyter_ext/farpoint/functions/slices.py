"""The part of the user's own modules that a name reaches: its statement, those that it reads, and so on, over files.

Reads source files as they would travel; runs nothing. Must not know functions, pickles or runs.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from farpoint.errors import BadTask
from farpoint.functions import origin

WHOLE = "*"
_DEFINES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.Import, ast.ImportFrom)


@dataclass(frozen=True, slots=True)
class Statement:
    """One top-level statement: its text without comments, the names it binds, reads, and takes from modules."""

    text: str
    binds: frozenset[str]
    reads: frozenset[str]
    uses: frozenset[tuple[str, str]]  # (name of a module here, attribute)
    imports: tuple[tuple[str, str, str], ...]  # (bound name, module, attribute or WHOLE)
    always: bool
    texts: frozenset[str] = frozenset()


@dataclass(slots=True)
class Slices:
    """Pieces found so far: `module helpers.py: f` → text. `modules` are the user's own, name → file."""

    pieces: dict[str, str] = field(default_factory=dict)
    modules: dict[str, Path] = field(default_factory=dict)
    ignore: frozenset[str] = frozenset()  # names that count for nothing
    met: set[str] = field(default_factory=set)  # those of them that were met
    texts: set[str] = field(default_factory=set)  # that the statements have: some may name files
    _parsed: dict[str, list[Statement]] = field(default_factory=dict)
    _seen: set[tuple[str, str]] = field(default_factory=set)

    def reach(self, module: str, name: str) -> bool:
        """Add what `name` of `module` depends on (WHOLE: all of the module); False for a module not the user's own."""
        waiting = [(module, name)]
        own = origin.file_of(module) is not None
        while waiting:
            at = waiting.pop()
            if at not in self._seen:
                self._seen.add(at)
                waiting += self._step(*at)
        return own

    def _step(self, module: str, name: str) -> list[tuple[str, str]]:
        """Note the statements of one name; where to look next."""
        if name in self.ignore:
            self.met.add(name)
            return []
        below = f"{module}.{name}"
        if name != WHOLE and origin.file_of(below) is not None and not self._binds(module, name):
            return [(below, WHOLE)]
        statements = self._statements(module)
        if statements is None:
            return []
        everything = name == WHOLE or any(star for each in statements for *_, star in each.imports if star == WHOLE)
        chosen = [each for each in statements if everything or each.always or name in each.binds]
        onward: list[tuple[str, str]] = []
        for each in chosen:
            label = ", ".join(sorted(each.binds)) or "statements"
            key = f"module {module}: {label}"
            text = self.pieces.get(key, "")
            if each.text not in text.split("\0"):
                self.pieces[key] = f"{text}\0{each.text}" if text else each.text
            self.texts |= each.texts
            onward += self._onward(module, each, statements)
        return onward

    def _onward(self, module: str, one: Statement, statements: list[Statement]) -> Iterator[tuple[str, str]]:
        bound = {alias: (source, attribute) for each in statements for alias, source, attribute in each.imports}
        for alias, attribute in one.uses:
            if alias in bound and bound[alias][1] == "":
                yield bound[alias][0], attribute
        whole = one.reads - {alias for alias, _ in one.uses}
        for read in one.reads:
            yield module, read
            if read in bound and bound[read][1]:
                yield bound[read]
            elif read in bound and read in whole:
                yield bound[read][0], WHOLE
        yield from ((source, attribute) for alias, source, attribute in one.imports if attribute == WHOLE)

    def _binds(self, module: str, name: str) -> bool:
        return any(name in each.binds for each in self._statements(module) or ())

    def _statements(self, module: str) -> list[Statement] | None:
        if module not in self._parsed:
            file = origin.file_of(module)
            if file is None:
                return None
            self.modules[module] = file
            self._parsed[module] = list(_parse(module, file))
        return self._parsed[module]


def _parse(module: str, file: Path) -> Iterator[Statement]:
    if file.suffix != ".py":
        yield Statement(f"compiled {file.name} {file.stat().st_size}", frozenset(), frozenset(), frozenset(), (), True)
        return
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError) as fault:
        raise BadTask(f"the module {str(file)!r} cannot be read: {fault}. Mend it, or do not use it.") from fault
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for node in _without_docstrings(tree).body:
        yield _statement(node, package)


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and type(first.value.value) is str:
                node.body = node.body[1:] or ([] if isinstance(node, ast.Module) else [ast.Pass()])
    return tree


def _statement(node: ast.stmt, package: str) -> Statement:
    reads, binds, uses = set(), set(), set()
    imports: list[tuple[str, str, str]] = []
    bare: set[str] = set()
    owned = {id(each.value) for each in ast.walk(node) if isinstance(each, ast.Attribute)}
    for each in ast.walk(node):
        if isinstance(each, ast.Name):
            if isinstance(each.ctx, ast.Load):
                reads.add(each.id)
                bare |= {each.id} if id(each) not in owned else set()
        elif isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name):
            uses.add((each.value.id, each.attr))
        elif isinstance(each, ast.Global):
            reads.update(each.names)
        elif isinstance(each, ast.Import | ast.ImportFrom):
            imports += _imports(each, package)
    for each in _outer(node):
        binds |= {each.id} if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store) else set()
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            binds.add(each.name)
        elif isinstance(each, ast.Import | ast.ImportFrom):
            binds |= {alias for alias, _, _ in _imports(each, package)}
    uses = {pair for pair in uses if pair[0] not in bare}
    return Statement(
        ast.unparse(node), frozenset(binds), frozenset(reads), frozenset(uses), tuple(imports),
        always=not isinstance(node, _DEFINES), texts=frozenset(_texts(node)),
    )  # fmt: skip


def _texts(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and type(each.value) is str:
            yield each.value


def _outer(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes whose names are the module's: not those inside functions and classes."""
    yield node
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
        for child in ast.iter_child_nodes(node):
            yield from _outer(child)


def _imports(node: ast.Import | ast.ImportFrom, package: str) -> list[tuple[str, str, str]]:
    """(bound name, module, attribute): `import a.b` binds a; `from a import b` binds b, WHOLE for a star."""
    if isinstance(node, ast.Import):
        found = [(one.asname or one.name.partition(".")[0], one.name, one.asname) for one in node.names]
        return [(bound, name if given else name.partition(".")[0], "") for bound, name, given in found]
    parents = package.split(".") if package else []
    base = parents[: len(parents) - node.level + 1] if node.level else []
    source = ".".join([*base, *([node.module] if node.module else [])])
    star = [("", source, WHOLE) for one in node.names if one.name == "*"]
    return star + [(one.asname or one.name, source, one.name) for one in node.names if one.name != "*"]
