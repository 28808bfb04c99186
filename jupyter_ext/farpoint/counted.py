"""What the user says about a run's key: a word that stands for the code, an answer that is added, names left out.

Knows pieces as digests and parameters as values; must not know how code is read or where a run goes.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from farpoint import identity
from farpoint.errors import BadInput, nearest
from farpoint.runner import kinds, layout, values
from farpoint.runner.parcels import Parcel

PIECE = "key"
_DATA = ("file ", "environment")  # the pieces that are no code, whatever stands for it


@dataclass(frozen=True, slots=True)
class Counted:
    """`key`: a text in place of the code, or a function whose answer for a point is added to its key.

    `ignore`: names of parameters, and of globals that the code reads, which count for nothing.

    >>> rule = counted("v3", "verbose")
    >>> rule.pieces({"function f": "12ab", "file mesh.json": "34cd"}).keys() == {"file mesh.json", "key"}
    True
    >>> rule.of({}, {"x": 1, "verbose": True}) == rule.of({}, {"x": 1, "verbose": False})
    True
    """

    key: str | Callable[..., Any] | None = None
    ignore: frozenset[str] = field(default_factory=frozenset)

    def pieces(self, found: Mapping[str, str], data: Iterable[str] = ()) -> dict[str, str]:
        """The pieces that count; `data` names those that no text stands for, besides files and the environment."""
        if not isinstance(self.key, str):
            return dict(found)
        kept = set(data)
        left = {name: digest for name, digest in found.items() if name.startswith(_DATA) or name in kept}
        return {**left, PIECE: layout.digest(self.key.encode())}

    def point(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters that count."""
        return {name: value for name, value in parameters.items() if name not in self.ignore}

    def answer(self, parameters: Mapping[str, Any]) -> str | None:
        """A digest of what the user's function says of a point, None where there is none. BadInput where it cannot."""
        return _answer(self.key, parameters) if callable(self.key) else None

    def of(self, pieces: Mapping[str, str], parameters: Mapping[str, Any], answer: str | None = None) -> str:
        """The key of a run; `answer` is the function's of this point where that is known."""
        answer = answer or self.answer(parameters)
        return identity.key(pieces if answer is None else {**pieces, PIECE: answer}, self.point(parameters))

    def check(self, known: Iterable[str], task: str) -> None:
        """Refuse a name to ignore that the task does not have: it would be a slip nobody sees. BadInput."""
        names = sorted(known)
        for name in sorted(self.ignore - set(names)):
            has = f"it has: {', '.join(names)}" if names else "it has none"
            raise BadInput(
                f"ignore={name!r}: {task} has no parameter or value of that name ({has}).{nearest(name, names)}"
            )

    def told(self) -> dict[str, Any]:
        """What scan.json keeps of it; empty where nothing was said."""
        said: dict[str, Any] = {"key": self.key} if isinstance(self.key, str) else {}
        return {**said, "ignore": sorted(self.ignore)} if self.ignore else said


def counted(key: object = None, ignore: str | Iterable[str] | None = None) -> Counted:
    """What was said, checked: `key` a text or a function, `ignore` a name or several. BadInput.

    >>> counted(3)
    Traceback (most recent call last):
    farpoint.errors.BadInput: key=3 is neither a text nor a function. Say key="3", or key=lambda: 3.
    """
    if not (key is None or callable(key) or (isinstance(key, str) and key)):
        raise BadInput(f'key={key!r} is neither a text nor a function. Say key="{key}", or key=lambda: {key!r}.')
    names = [ignore] if isinstance(ignore, str) else list(ignore or ())
    odd = next((name for name in names if not str(name).isidentifier()), None)
    if odd is not None:
        raise BadInput(f"ignore={odd!r} is not a name. Say the names of parameters or globals: ignore=['verbose'].")
    return Counted(key, frozenset(names))


def from_document(document: Mapping[str, Any]) -> Counted:
    """What scan.json kept."""
    return Counted(document.get("key"), frozenset(document.get("ignore", ())))


def _answer(ask: Callable[..., Any], parameters: Mapping[str, Any]) -> str:
    """A digest of what the user's function says of a point, called with those of its parameters that it takes."""
    given = _taken(ask, parameters)
    for name, value in given.items():
        if isinstance(value, Parcel):
            raise BadInput(
                f"key= asks for {name!r}, which is large or no plain data ({value}). Let it ask for another."
            )
    try:
        said = ask(**given)
    except Exception as fault:
        raise BadInput(
            f"the function of key= failed with {type(fault).__name__}: {fault}. It is called here."
        ) from fault
    try:
        return layout.digest(values.canonical({"said": said}).encode())
    except kinds.Refused as fault:
        raise BadInput(f"the function of key= returned a {type(said).__name__}: {fault}. Return plain data.") from fault


def _taken(ask: Callable[..., Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters the function takes by name; all where it takes any. BadInput names one that is not there."""
    kind = inspect.Parameter
    try:
        wanted = inspect.signature(ask).parameters.values()
    except (TypeError, ValueError):
        return {}
    if any(each.kind is kind.VAR_KEYWORD for each in wanted):
        return dict(parameters)
    by_name = [each for each in wanted if each.kind in (kind.POSITIONAL_OR_KEYWORD, kind.KEYWORD_ONLY)]
    lacking = [each.name for each in by_name if each.default is kind.empty and each.name not in parameters]
    if lacking:
        known = ", ".join(parameters) or "none"
        raise BadInput(f"the function of key= takes {lacking[0]!r}, which the point does not have (it has: {known}).")
    return {each.name: parameters[each.name] for each in by_name if each.name in parameters}
