"""Calls as points: which argument has which name, and values that are too large or too strange for a line as parcels.

Knows signatures and values; pickles arguments once. Must not know runs, machines or disks.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from farpoint.errors import BadPoints, BadTask, nearest
from farpoint.functions import walk
from farpoint.points import grid
from farpoint.runner import kinds, layout, pickles, values
from farpoint.runner.parcels import Parcel

COUNT = "replicate"  # tells equal calls apart
LINE = 32 * 1024  # bytes of typed JSON that stand in job.json; more goes into a file


@dataclass(frozen=True, slots=True)
class Shape:
    """How a function takes its arguments. Without a signature everything is `args` and `kwargs`."""

    positional: tuple[str, ...] = ()
    star: str | None = "args"
    stars: str | None = "kwargs"
    named: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    signature: inspect.Signature | None = None

    def call(self) -> dict[str, Any]:
        """What the other side must know to call it."""
        return {
            "positional": list(self.positional), "star": self.star, "stars": self.stars, "named": list(self.named),
        }  # fmt: skip

    def bind(self, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of a call by name. TypeError as the call itself would raise."""
        if self.signature is None:
            return {"args": arguments, "kwargs": dict(named)}
        bound = self.signature.bind(*arguments, **named).arguments
        extra = bound.pop(self.stars, {}) if self.stars else {}
        return {**bound, self.stars: extra} if self.stars and extra else bound


def shape_of(function: Callable[..., Any]) -> Shape:
    """The shape of a function.

    >>> shape_of(lambda a, *rest, b=1: a).call()
    {'positional': ['a'], 'star': 'rest', 'stars': None, 'named': ['b']}
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return Shape()
    kind = inspect.Parameter
    every = signature.parameters.values()
    return Shape(
        tuple(each.name for each in every if each.kind in (kind.POSITIONAL_ONLY, kind.POSITIONAL_OR_KEYWORD)),
        next((each.name for each in every if each.kind is kind.VAR_POSITIONAL), None),
        next((each.name for each in every if each.kind is kind.VAR_KEYWORD), None),
        tuple(each.name for each in every if each.kind is kind.KEYWORD_ONLY),
        tuple(
            each.name for each in every
            if each.default is kind.empty and each.kind not in (kind.VAR_POSITIONAL, kind.VAR_KEYWORD)
        ),
        signature,
    )  # fmt: skip


def column_shape_of(function: Callable[..., Any]) -> Shape:
    """The shape of a function whose arguments can all be columns; else the one that puts all into two."""
    shape = shape_of(function)
    try:
        grid(**{name: [0] for name in (*shape.positional, *shape.named, shape.star, shape.stars) if name})
    except BadPoints:
        return Shape()
    return Shape() if COUNT in (*shape.positional, *shape.named) else shape


def check_names(shape: Shape, names: tuple[str, ...], task: str) -> None:
    """Refuse names of points that the function has no argument for, and arguments that no name gives. BadPoints."""
    known = [*shape.positional, *shape.named, *([shape.star] if shape.star else [])]
    for name in names:
        if name not in known and name != COUNT and not shape.stars:
            raise BadPoints(f"{task} has no argument {name!r} (it has: {', '.join(known)}).{nearest(name, known)}")
    lacking = [name for name in shape.needed if name not in names]
    if lacking and shape.signature is not None:
        raise BadPoints(f"{task} needs {lacking[0]!r}, which is neither scanned nor given. Say {lacking[0]}=….")


@dataclass(slots=True)
class Parcels:
    """The arguments that travel as files, by digest."""

    blobs: dict[str, bytes] = field(default_factory=dict)

    def pack_call(self, call: Mapping[str, Any]) -> dict[str, Any]:
        """All arguments of a call."""
        return {name: self.pack(value, name) for name, value in call.items()}

    def pack(self, value: Any, name: str) -> Any:
        """The value itself where it stands in a line, a Parcel otherwise. BadTask names what cannot travel."""
        if type(value) is Parcel:
            return value
        if pickles.is_large_array(value):
            data = pickles.array_bytes(value)
            words = f"{'×'.join(map(str, value.shape))} {value.dtype}"
            return self._parcel("npy", data, f"array {words}", layout.digest(data))
        try:
            typed = values.encode(value)
            data = layout.dump(typed)
        except kinds.Refused:
            return self._pickle(value, name)
        if len(data) <= LINE:
            return value
        return self._parcel("json", data, _words(value), layout.digest(values.canonical(value).encode()))

    def _pickle(self, value: Any, name: str) -> Parcel:
        same, beside = walk.same(value, name), dict[str, bytes]()
        try:
            data = pickles.pack(value, "argument", beside)
        except Exception as fault:
            raise BadTask(f"{name} is a {type(value).__qualname__} and cannot travel: {fault}.") from fault
        self.blobs.update(beside)
        return self._parcel("pickle", data, _words(value), same, tuple(beside))

    def _parcel(self, codec: str, data: bytes, words: str, same: str, beside: tuple[str, ...] = ()) -> Parcel:
        sha256 = layout.digest(data)
        self.blobs[sha256] = data
        return Parcel(codec, sha256, len(data), words, same, beside)


def _words(value: Any) -> str:
    length = f" of {len(value)}" if isinstance(value, list | tuple | dict | set | frozenset) else ""
    return f"{type(value).__qualname__}{length}"
