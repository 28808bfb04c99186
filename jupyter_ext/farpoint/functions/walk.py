"""What a function depends on: its code and that of all the user's code it reaches, a digest a piece.

Reads compiled code and values of this process, and sources of the user's own modules. Must not know runs or points.
"""

from __future__ import annotations

import dis
import functools
import hashlib
import json
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from farpoint.errors import BadTask
from farpoint.functions import origin
from farpoint.functions.slices import WHOLE, Slices

_CACHED = type(functools.lru_cache(lambda: None))
_PLAIN = (type(None), bool, int, float, complex, str, bytes, type(...))
_C = (
    types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType, types.MethodWrapperType,
    types.ClassMethodDescriptorType, types.GetSetDescriptorType, types.MemberDescriptorType,
)  # fmt: skip
_UNCOUNTED = frozenset(
    {
        "__abstractmethods__", "__dataclass_fields__", "__dict__", "__doc__", "__firstlineno__", "__module__",
        "__static_attributes__", "__weakref__", "_abc_impl", "__annotate_func__", "__annotations_cache__",
    }
)  # fmt: skip
_HAS_DOCSTRING = 0x4000000  # since Python 3.13
_LOADS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})
_ATTRIBUTES = frozenset({"LOAD_ATTR", "LOAD_METHOD"})

Tokens = list[Any]  # JSON


@dataclass(slots=True)
class Walk:
    """One walk. `pieces`: a piece's name, for people, → sha256; `modules`: the user's own that must travel."""

    pieces: dict[str, str] = field(default_factory=dict)
    slices: Slices = field(default_factory=Slices)
    imported: set[str] = field(default_factory=set)
    referred: set[str] = field(default_factory=set)  # modules that its pickle names, which unpickling imports
    written: set[str] = field(default_factory=set)  # files, or a notebook's cells, with the code that travels by value
    codes: list[types.CodeType] = field(default_factory=list)  # all that travels by value
    ignore: frozenset[str] = frozenset()  # names of globals, closed-over values and arguments that count for nothing
    names: set[str] = field(default_factory=set)  # of all that was met
    texts: set[str] = field(default_factory=set)  # that were met: some may name files
    _labels: dict[int, str] = field(default_factory=dict)
    _kept: list[Any] = field(default_factory=list)  # what has a label, so that its id stays its own
    _open: dict[int, int] = field(default_factory=dict)
    _path: list[str] = field(default_factory=list)

    def finish(self) -> dict[str, str]:
        """All pieces, those of the user's own modules among them."""
        return {**self.pieces, **{name: digest(text) for name, text in sorted(self.slices.pieces.items())}}

    def visit(self, thing: Any, at: str = "") -> Tokens:
        """The tokens of anything; functions and classes of the user become pieces, and a reference here."""
        if type(thing) in _PLAIN:
            self.texts.update([thing] if type(thing) is str else [])
            return [type(thing).__name__, repr(thing)]
        if at:
            self._path.append(at)
        try:
            return self._visit(thing)
        except RecursionError:
            raise BadTask(f"{self._where()} is nested too deep to be told from others. Flatten it.") from None
        finally:
            if at:
                self._path.pop()

    def _where(self) -> str:
        return "".join(self._path) or "the function"

    def _visit(self, thing: Any) -> Tokens:
        thing = _inner(thing)
        if isinstance(thing, types.FunctionType | type):
            return self._defined(thing)
        if isinstance(thing, types.ModuleType):
            return self._module(thing, WHOLE)
        if isinstance(thing, _C):
            return ["c", str(getattr(thing, "__module__", "")), getattr(thing, "__qualname__", repr(type(thing)))]
        if isinstance(thing, types.MethodType):
            return ["method", self.visit(thing.__self__, ".__self__"), self.visit(thing.__func__)]
        if isinstance(thing, types.CodeType):
            return self._code(thing)
        if isinstance(thing, types.CellType):
            return self._cell(thing)
        if id(thing) in self._open:
            return ["again", len(self._open) - self._open[id(thing)]]
        self._open[id(thing)] = len(self._open)
        try:
            return self._data(thing)
        finally:
            del self._open[id(thing)]

    # ------------------------------------------------------------------------------------------ data
    def _data(self, thing: Any) -> Tokens:
        kind = type(thing)
        if kind in (list, tuple):
            return [kind.__name__, *(self.visit(each, f"[{place}]") for place, each in enumerate(thing))]
        if kind is dict or kind is types.MappingProxyType:
            pairs = [[self.visit(key), self.visit(each, f"[{key!r:.40}]")] for key, each in thing.items()]
            return ["dict", *sorted(pairs, key=json.dumps)]
        if kind in (set, frozenset):
            return [kind.__name__, *sorted((self.visit(each) for each in thing), key=json.dumps)]
        if isinstance(thing, property):
            return ["property", *(self.visit(each) for each in (thing.fget, thing.fset, thing.fdel))]
        if kind is getattr(sys.modules.get("numpy"), "ndarray", None) and thing.dtype.kind != "O":
            return ["array", str(thing.dtype), list(thing.shape), hashlib.sha256(thing.tobytes()).hexdigest()]
        return self._reduced(thing)

    def _reduced(self, thing: Any) -> Tokens:
        """Any other object, as pickle would take it apart."""
        try:
            parts = thing.__reduce_ex__(4)
        except Exception as fault:
            kind = f"{type(thing).__module__}.{type(thing).__qualname__}".removeprefix("builtins.")
            raise BadTask(
                f"{self._where()} is a {kind} and cannot travel ({fault}). Make it inside the function."
            ) from fault
        if isinstance(parts, str):
            return ["global", str(getattr(thing, "__module__", "")), parts]
        make, arguments, *rest = parts
        state, items, pairs = [*rest, None, None, None][:3]
        tokens = ["object", self.visit(make), [self.visit(each, f".{place}") for place, each in enumerate(arguments)]]
        tokens.append(self._state(state))
        tokens.append([self.visit(each) for each in items or ()])
        tokens.append(sorted(([self.visit(key), self.visit(each)] for key, each in pairs or ()), key=json.dumps))
        return tokens

    def _state(self, state: Any) -> Tokens:
        if type(state) is dict:
            return ["state", *([str(name), self.visit(state[name], f".{name}")] for name in sorted(state, key=str))]
        return self.visit(state)

    # ------------------------------------------------------------------------------------------ code
    def _defined(self, thing: Any) -> Tokens:
        """A function or a class: a piece of its own, or where it is imported from."""
        if id(thing) in self._labels:
            return ["piece", self._labels[id(thing)]]
        home = origin.home(thing)
        if home is not None:
            return self._module(home, thing.__qualname__.partition(".")[0])
        kind = "class" if isinstance(thing, type) else "function"
        label = self._label(f"{kind} {thing.__qualname__.rpartition('<locals>.')[2]}", thing)
        self.pieces[label] = ""  # its place, though what it reaches comes first
        tokens = self._class(thing) if isinstance(thing, type) else self._function(thing)
        self.pieces[label] = digest(json.dumps(tokens))
        return ["piece", label]

    def _label(self, name: str, thing: Any) -> str:
        count = sum(1 for known in self.pieces if known == name or known.startswith(f"{name} #"))
        label = f"{name} #{count + 1}" if count else name
        self._labels[id(thing)] = label
        self._kept.append(thing)
        return label

    def _module(self, module: types.ModuleType, name: str) -> Tokens:
        if module.__name__ == "builtins" or origin.OURS & {module.__name__.partition(".")[0]}:
            return ["builtin", name]
        self.referred.add(module.__name__)
        if self.slices.reach(module.__name__, name):
            self.imported.add(module.__name__)
            return ["module", module.__name__, name]
        self._package(module.__name__)
        return ["installed", module.__name__, name]

    def _package(self, name: str) -> None:
        top, version = name.partition(".")[0], origin.version(name)
        if version and top not in sys.stdlib_module_names:
            self.pieces[f"package {top}"] = digest(version)

    def _function(self, function: types.FunctionType) -> Tokens:
        found = _globals_of(function.__code__)
        tokens: Tokens = [self._code(function.__code__), *self._defaults(function)]
        free = zip(function.__code__.co_freevars, function.__closure__ or (), strict=False)
        tokens += [["free", name, self._unless_ignored(name, partial(self.visit, cell, name))] for name, cell in free]
        attributes = {name: each for name, each in vars(function).items() if name != "__wrapped__"}
        tokens.append(self._state(attributes))
        for name, used in sorted(found.items()):
            tokens.append(["global", name, self._unless_ignored(name, partial(self._global, function, name, used))])
        for name in sorted(_imported_by(function.__code__)):
            if self.slices.reach(name, WHOLE):
                self.imported.add(name)
            else:
                self._package(name)
        return tokens

    def _unless_ignored(self, name: str, tokens: Callable[[], Tokens]) -> Tokens:
        self.names.add(name)
        return ["ignored"] if name in self.ignore else tokens()

    def _defaults(self, function: types.FunctionType) -> list[Tokens]:
        """What positional and keyword arguments have where they are not given."""
        given, named, code = function.__defaults__, function.__kwdefaults__, function.__code__
        positional = code.co_varnames[: code.co_argcount]
        if self.ignore.intersection(positional):
            kept = zip(positional[len(positional) - len(given or ()) :], given or (), strict=True)
            given = tuple(None if name in self.ignore else value for name, value in kept)
        if named and self.ignore.intersection(named):
            named = {name: value for name, value in named.items() if name not in self.ignore}
        return [self.visit(given, " default "), self.visit(named, " default ")]

    def _global(self, function: types.FunctionType, name: str, used: frozenset[str]) -> Tokens:
        if name not in function.__globals__:
            return ["builtin"]
        thing = _inner(function.__globals__[name])
        if isinstance(thing, types.ModuleType):
            return [self._attribute(thing, each) for each in sorted(used)]
        if isinstance(thing, types.FunctionType | type) or (callable(thing) and not hasattr(thing, "__dict__")):
            return self.visit(thing, name)
        label = self._labels.get(id(thing)) if type(thing) not in _PLAIN else None
        if label is None:
            tokens = self.visit(thing, name)
            label = f"value {name}"
            value = digest(json.dumps(tokens))
            if self.pieces.get(label, value) != value:
                label = self._label(label, thing)
            self.pieces[label] = value
        return ["piece", label]

    def _attribute(self, module: types.ModuleType, path: str) -> Tokens:
        """`module.a.b`: the submodule that holds the first name that is no module."""
        for name in path.split("."):
            below = getattr(module, name, None)
            if not isinstance(below, types.ModuleType):
                return self._module(module, name)
            module = below
        return self._module(module, WHOLE)

    def _cell(self, cell: types.CellType) -> Tokens:
        try:
            inside = cell.cell_contents
        except ValueError:
            return ["empty"]
        return self.visit(inside)

    def _code(self, code: types.CodeType) -> Tokens:
        """Compiled code without its place: neither file nor line, so a moved or commented function is the same."""
        self.written.add(code.co_filename)
        self.codes.append(code)
        # A docstring is a constant that no step loads; constants are told where they are loaded, not by their number.
        steps: Tokens = [
            [step.opname, self.visit(step.argval) if step.opcode in dis.hasconst else step.arg]
            for step in dis.get_instructions(code)
            if step.opname != "EXTENDED_ARG"
        ]
        return [
            "code", steps, list(code.co_names), list(code.co_varnames), list(code.co_freevars),
            list(code.co_cellvars), code.co_flags & ~_HAS_DOCSTRING, code.co_argcount, code.co_kwonlyargcount,
            code.co_posonlyargcount, getattr(code, "co_exceptiontable", b"").hex(),
        ]  # fmt: skip

    # ------------------------------------------------------------------------------------------ classes
    def _class(self, kind: type) -> Tokens:
        tokens: Tokens = [self.visit(base) for base in kind.__bases__]
        tokens.append(self.visit(type(kind)))
        hidden = _UNCOUNTED
        members = getattr(kind, "__members__", None)
        if members is not None and hasattr(kind, "_member_map_"):
            tokens.append([[name, self.visit(member.value)] for name, member in members.items()])
            hidden = hidden | {name for name in vars(kind) if name in members or not callable(vars(kind)[name])}
        for name, each in getattr(kind, "__dataclass_fields__", {}).items():
            tokens.append([name, *(self._field(getattr(each, part, None)) for part in _FIELD)])
        for name in sorted(set(vars(kind)) - hidden):
            tokens.append([name, self._member(vars(kind)[name], name)])
        return tokens

    def _field(self, part: Any) -> Tokens:
        return ["missing"] if type(part).__name__ == "_MISSING_TYPE" else self.visit(part)

    def _member(self, thing: Any, name: str) -> Tokens:
        if name == "__annotations__":
            kinds = {word: kind.__qualname__ if isinstance(kind, type) else repr(kind) for word, kind in thing.items()}
            return [[word, kind] for word, kind in kinds.items()]
        return self.visit(thing, f".{name}")


_FIELD = ("default", "default_factory", "init", "compare", "kw_only")


def digest(text: str) -> str:
    """sha256 of a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def same(value: Any, name: str) -> str:
    """A digest that equal values share in any process, of whatever kind they are. BadTask names what cannot travel."""
    walk = Walk()
    tokens = walk.visit(value, name)
    return digest(json.dumps([tokens, sorted(walk.finish().items())]))


def _inner(thing: Any) -> Any:
    """The function within what only wraps it: ours, functools.lru_cache, a static or class method."""
    while True:
        if getattr(type(thing), "__runs_elsewhere__", False) or isinstance(thing, _CACHED):
            thing = thing.__wrapped__
        elif isinstance(thing, staticmethod | classmethod):
            thing = thing.__func__
        else:
            return thing


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            yield from _codes(each)


def _globals_of(code: types.CodeType) -> dict[str, frozenset[str]]:
    """Global names the code reads → dotted attributes taken of each; "" where it is used as it is."""
    found: dict[str, set[str]] = {}
    for each in _codes(code):
        steps = [step for step in dis.get_instructions(each) if step.opname not in ("CACHE", "EXTENDED_ARG")]
        for place, step in enumerate(steps):
            if step.opname in _LOADS:
                found.setdefault(step.argval, set()).add(".".join(_attributes(steps[place + 1 :])))
    return {name: frozenset(used) for name, used in found.items()}


def _attributes(steps: Iterable[dis.Instruction]) -> Iterator[str]:
    for step in steps:
        if step.opname not in _ATTRIBUTES:
            return
        yield step.argval


def _imported_by(code: types.CodeType) -> set[str]:
    """Modules that are imported inside the function."""
    steps = (step for each in _codes(code) for step in dis.get_instructions(each))
    return {step.argval for step in steps if step.opname == "IMPORT_NAME" and step.argval}
