"""Typed values: a Python value as JSON that is decoded to an equal value of the same type, or a refusal.

Everything travels this way, parameters there and records back; must not know notebooks, journals or pickles.
"""

import json
import pathlib
import sys
from typing import Any, Callable, Dict, List, Optional, Set

from . import arrays, kinds, large, layout, literals, moments, parcels
from .kinds import Made, Refused, Typed

__all__ = ["Refused", "canonical", "decode", "encode", "encode_large", "literal", "load_large", "plain"]

DEPTH = 50  # containers within containers; more cannot be read back as an expression by Python 3.6
PARTS = 1000000  # values within one value
LINE = 48 * 1024  # bytes of typed JSON that stand in a journal line; more goes into a file
SHOWN = 1000  # numbers of an array that `plain` spells out

_PATHS = ("PosixPath", "PurePosixPath", "PureWindowsPath")
_MENDS = {
    "DataFrame": "give value.to_dict('list'), or save it in a file and name the file",
    "NAType": "give None",
    "Series": "give value.to_numpy()",
    "bytearray": "give bytes(value)",
    "memoryview": "give bytes(value)",
}


def encode(value: Any) -> Typed:
    """The typed JSON of a value. JSON's own kinds are themselves; any other is {"$": kind, …}.

    Refused where the value would not arrive equal and of the same type; it says where in the value, and the mend.

    >>> encode([1, 2.5, None]), encode((1, "a"))
    ([1, 2.5, None], {'$': 'tuple', 'items': [1, 'a']})
    """
    return _Encoder(arrays.INLINE).encode(value)


def decode(typed: Typed) -> Any:
    """The value of typed JSON. ValueError where it is none of this format, ImportError where numpy, … is missing.

    >>> decode({"$": "tuple", "items": [1, "a"]})
    (1, 'a')
    """
    try:
        return _decode(typed)
    except RecursionError:
        raise ValueError("typed JSON nested deeper than any value of this format") from None
    except ImportError as error:
        raise ImportError("%.80r needs what %s does not have: %s" % (typed, sys.executable, error)) from error
    except (ArithmeticError, AttributeError, LookupError, TypeError) as error:
        raise ValueError("%.200r is no typed value of this format (%r)" % (typed, error)) from error


def literal(value: Any) -> str:
    """A Python expression that evaluates to an equal value of the same type, without farpoint.

    Plain JSON values read exactly as papermill writes them. Refused as `encode`.

    >>> literal({"a": [1, "x"]}), literal((1,))
    ('{"a": [1, "x"]}', '(1,)')
    """
    return literals.expression(encode(value))


def canonical(value: Any) -> str:
    """Text that is the same for equal values of the same type, whatever order a dict was filled in.

    >>> canonical({"b": 1, "a": 2}) == canonical({"a": 2, "b": 1}), canonical(1) == canonical(1.0)
    (True, False)
    """
    return layout.dump(_sorted(encode(value))).decode("ascii")


def plain(value: Any) -> Any:
    """A rendering in plain JSON for people and notebook metadata; not to be decoded. Refused as `encode`.

    >>> plain({"x": (1, float("nan"))})
    {'x': [1, 'nan']}
    """
    return _plain(encode(value))


def encode_large(value: Any, folder: str, name: str = "value") -> Typed:
    """As `encode`, but a large value is put into `folder`/values/ and {"$": "file", …} says which file.

    Arrays are npy, tables of pandas parquet, the rest typed JSON. Refused as `encode`; OSError from the disk.
    """
    small = kinds.is_exactly(value, "numpy", "ndarray") and value.nbytes <= arrays.INLINE
    made = None if small else large.as_file(value)
    if made is not None:
        return large.store(value, made[0], made[1], folder, name)
    typed = _Encoder(None).encode(value)
    data = layout.dump(typed)
    return typed if len(data) <= LINE else large.store(value, ".json", data, folder, name)


def load_large(typed: Made, folder: str) -> Any:
    """The value that `encode_large` put into `folder`. OSError where its file is missing, ValueError if it changed."""
    content = large.load(typed, folder)
    return decode(json.loads(content.decode("ascii"))) if type(content) is bytes else content


class _Encoder:
    """One walk through a value, with the path it has come by."""

    def __init__(self, inline: Optional[int]) -> None:
        self._inline = inline
        self._path: List[str] = []
        self._open: Set[int] = set()
        self._left = PARTS

    def encode(self, value: Any) -> Typed:
        self._left -= 1
        if self._left < 0:
            raise Refused("has more than %d parts" % PARTS, "give a numpy array, or save it in a file")
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is int:
            return kinds.encode_int(value)
        if kind is float:
            return kinds.encode_float(value)
        if kind is str:
            return kinds.encode_text(value)
        if kind in _CONTAINERS:
            return self._container(value)
        return self._other(value)

    def _container(self, value: Any) -> Typed:
        if id(value) in self._open:
            raise self._refused("contains itself", "give data without a cycle")
        if len(self._open) >= DEPTH:
            raise self._refused("lies more than %d containers deep" % DEPTH, "flatten it")
        self._open.add(id(value))
        made = _CONTAINERS[type(value)](self, value)
        self._open.discard(id(value))
        return made

    def _at(self, place: str, value: Any) -> Typed:
        self._path.append(place)
        made = self.encode(value)
        self._path.pop()
        return made

    def items(self, value: Any) -> List[Typed]:
        return [self._at("[%d]" % index, item) for index, item in enumerate(value)]

    def unordered(self, value: Any) -> List[Typed]:
        return sorted((self._at("{%.80r}" % (item,), item) for item in value), key=layout.dump)

    def mapping(self, value: Dict[Any, Any]) -> Typed:
        """As a JSON object only where that keeps the keys and, written with sorted keys, their order."""
        pairs = []
        for key, item in value.items():
            shown = "%.80r" % (key,)
            pairs.append([self._at(" key " + shown, key), self._at("[%s]" % shown, item)])
        names = [key for key, _ in pairs if type(key) is str and key != "$"]
        if len(names) == len(pairs) and names == sorted(names):
            return dict(pairs)
        return {"$": "dict", "items": pairs}

    def _other(self, value: Any) -> Typed:
        try:
            for encoded in (_encode_standard, moments.encode, self._encode_array, parcels.encode):
                made = encoded(value)
                if made is not None:
                    return made
        except Refused as refused:
            raise self._refused(refused.what, refused.mend) from None
        raise self._refused(*_advice(value))

    def _encode_array(self, value: Any) -> Optional[Made]:
        return arrays.encode(value, self._inline)

    def _refused(self, what: str, mend: str) -> Refused:
        return Refused(what, mend, "".join(self._path))


def _span(encoder: _Encoder, value: Any) -> Made:
    start, stop, step = encoder.items([value.start, value.stop, value.step])
    return {"$": type(value).__name__, "start": start, "stop": stop, "step": step}


_CONTAINERS: Dict[type, Callable[[_Encoder, Any], Typed]] = {
    list: _Encoder.items,
    tuple: lambda encoder, value: {"$": "tuple", "items": encoder.items(value)},
    set: lambda encoder, value: {"$": "set", "items": encoder.unordered(value)},
    frozenset: lambda encoder, value: {"$": "frozenset", "items": encoder.unordered(value)},
    dict: _Encoder.mapping,
    range: _span,
    slice: _span,
}


def _encode_standard(value: Any) -> Optional[Made]:
    """Single values of the standard library that JSON lacks, dates aside."""
    if type(value) is bytes:
        return {"$": "bytes", "base64": kinds.encode_bytes(value)}
    if type(value) is complex:
        return {"$": "complex", "real": kinds.encode_float(value.real), "imag": kinds.encode_float(value.imag)}
    if type(value).__name__ in _PATHS and type(value) is getattr(pathlib, type(value).__name__):
        return {"$": "path", "type": type(value).__name__, "value": kinds.encode_text(str(value))}
    if kinds.is_exactly(value, "decimal", "Decimal"):
        return {"$": "decimal", "value": str(value)}
    if kinds.is_exactly(value, "fractions", "Fraction"):
        numerator, denominator = kinds.encode_int(value.numerator), kinds.encode_int(value.denominator)
        return {"$": "fraction", "numerator": numerator, "denominator": denominator}
    if kinds.is_exactly(value, "uuid", "UUID"):
        return {"$": "uuid", "value": str(value)}
    return None


def _advice(value: Any) -> List[str]:
    """What is wrong with a value of no known kind, and the mend."""
    name = type(value).__name__
    if hasattr(type(value), "__members__"):
        return ["is the enum %s" % name, "give its .value"]
    if hasattr(type(value), "_fields"):
        return ["is the named tuple %s" % name, "give tuple(value) or dict(value._asdict())"]
    for base in (bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset):
        if isinstance(value, base):
            return ["is a %s, a kind of %s" % (name, base.__name__), "give %s(value)" % base.__name__]
    mend = _MENDS.get(name, "give numbers, text, lists, dicts, dates or numpy arrays, or save it in a file")
    return ["is a %s" % ("%s.%s" % (type(value).__module__, name)).replace("builtins.", "", 1), mend]


def _decode(typed: Typed) -> Any:
    if isinstance(typed, list):
        return [_decode(item) for item in typed]
    if not isinstance(typed, dict):
        return typed
    if "$" not in typed:
        return {key: _decode(item) for key, item in typed.items()}
    made = _DECODERS.get(typed["$"])
    if made is None:
        raise ValueError("a typed value of kind %r is not of this format: is it from a newer farpoint?" % (typed["$"],))
    return made(typed)


def _decode_standard(typed: Made) -> Any:
    import decimal
    import fractions
    import uuid

    if typed["$"] == "decimal":
        return decimal.Decimal(typed["value"])
    if typed["$"] == "uuid":
        return uuid.UUID(typed["value"])
    return fractions.Fraction(kinds.decode_int(typed["numerator"]), kinds.decode_int(typed["denominator"]))


def _decode_path(typed: Made) -> Any:
    if typed["type"] not in _PATHS:
        raise ValueError("a path has no type %r" % (typed["type"],))
    return getattr(pathlib, typed["type"])(kinds.decode_text(typed["value"]))


def _decode_file(typed: Made) -> Any:
    raise ValueError("the value lies in the file %s; read it with load_large" % typed["path"])


_DECODERS: Dict[str, Callable[[Made], Any]] = {
    "str": kinds.decode_text,
    "int": kinds.decode_int,
    "float": kinds.decode_float,
    "tuple": lambda typed: tuple(_decode(typed["items"])),
    "set": lambda typed: set(_decode(typed["items"])),
    "frozenset": lambda typed: frozenset(_decode(typed["items"])),
    "dict": lambda typed: {_decode(key): _decode(item) for key, item in typed["items"]},
    "bytes": lambda typed: kinds.decode_bytes(typed["base64"]),
    "complex": lambda typed: complex(kinds.decode_float(typed["real"]), kinds.decode_float(typed["imag"])),
    "range": lambda typed: range(*_decode([typed["start"], typed["stop"], typed["step"]])),
    "slice": lambda typed: slice(*_decode([typed["start"], typed["stop"], typed["step"]])),
    "path": _decode_path,
    "decimal": _decode_standard,
    "fraction": _decode_standard,
    "uuid": _decode_standard,
    "date": moments.decode,
    "time": moments.decode,
    "datetime": moments.decode,
    "timedelta": moments.decode,
    "timestamp": moments.decode,
    "duration": moments.decode,
    "np": arrays.decode,
    "nd": arrays.decode,
    "file": _decode_file,
    "parcel": parcels.decode,
}


def _sorted(typed: Typed) -> Typed:
    """Typed JSON in which equal dicts are the same."""
    if isinstance(typed, list):
        return [_sorted(item) for item in typed]
    if not isinstance(typed, dict):
        return typed
    made = {key: _sorted(item) for key, item in typed.items()}
    if made.get("$") == "parcel":
        return parcels.canonical(made)
    if made.get("$") != "dict":
        return made
    if all(type(key) is str and key != "$" for key, _ in made["items"]):
        return dict(made["items"])
    return {"$": "dict", "items": sorted(made["items"], key=layout.dump)}


def _plain(typed: Typed) -> Any:
    if isinstance(typed, list):
        return [_plain(item) for item in typed]
    if not isinstance(typed, dict):
        return typed
    kind = typed.get("$")
    if kind is None:
        return {key: _plain(item) for key, item in typed.items()}
    if kind == "dict":
        return {str(_plain(key)): _plain(item) for key, item in typed["items"]}
    if kind in {"tuple", "set", "frozenset"}:
        return _plain(typed["items"])
    if kind == "float":
        return typed["value"]
    if kind == "str":
        return kinds.decode_text(typed).encode("utf-8", "backslashreplace").decode("utf-8")
    return _plain_numpy(typed) if kind in {"np", "nd"} else str(_decode(typed))


def _plain_numpy(typed: Made) -> Any:
    value = arrays.decode(typed)
    if value.size > SHOWN:
        return "array of %s, %s" % ("×".join(str(length) for length in value.shape), value.dtype)
    if value.dtype.kind == "M":
        return value.astype(str).tolist()
    if value.dtype.kind == "m":
        return value.astype("i8").tolist()
    return _plain(_Encoder(None).encode(value.tolist()))
