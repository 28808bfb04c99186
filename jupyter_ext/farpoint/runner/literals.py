"""Typed values as Python expressions that need no farpoint: what a notebook's parameters cell says.

Plain JSON values read exactly as papermill writes them; must not know where the text goes.
"""

import math
from typing import Any, Callable, Dict, Iterable, List

from . import arrays, moments
from .kinds import Made, Typed, decode_bytes, decode_float, decode_int, decode_text

READABLE = 200  # numbers of an array that are written one by one


def expression(typed: Typed) -> str:
    """The expression of a typed value.

    >>> expression([1, "a", {"$": "tuple", "items": [None]}])
    '[1, "a", (None,)]'
    """
    if isinstance(typed, str):
        return _text(typed)
    if isinstance(typed, float):
        return _float(typed)
    if isinstance(typed, list):
        return "[%s]" % _joined(typed)
    if not isinstance(typed, dict):
        return str(typed)
    if "$" not in typed:
        return _dict(typed.items())
    return _KINDS[typed["$"]](typed)


def _text(text: str) -> str:
    return '"%s"' % text.encode("unicode_escape").decode("ascii").replace('"', '\\"')


def _float(number: float) -> str:
    if math.isfinite(number):
        return str(number)
    return "float('%s')" % number


def _int(number: int) -> str:
    try:
        return str(number)
    except ValueError:  # longer than Python prints
        return hex(number)


def _joined(items: Iterable[Typed]) -> str:
    return ", ".join(expression(item) for item in items)


def _dict(pairs: Iterable[Any]) -> str:
    return "{%s}" % ", ".join("%s: %s" % (expression(key), expression(item)) for key, item in pairs)


def _call(module: str, name: str, *arguments: str) -> str:
    return "__import__('%s').%s(%s)" % (module, name, ", ".join(arguments))


def _numbers(numbers: Iterable[int]) -> List[str]:
    return [str(number) for number in numbers]


def _tuple(typed: Made) -> str:
    return "(%s,)" % expression(typed["items"][0]) if len(typed["items"]) == 1 else "(%s)" % _joined(typed["items"])


def _set(typed: Made) -> str:
    return "{%s}" % _joined(typed["items"]) if typed["items"] else "set()"


def _frozenset(typed: Made) -> str:
    return "frozenset([%s])" % _joined(typed["items"])


def _complex(typed: Made) -> str:
    return "complex(%s, %s)" % (expression(typed["real"]), expression(typed["imag"]))


def _span(typed: Made) -> str:
    return "%s(%s)" % (typed["$"], _joined([typed["start"], typed["stop"], typed["step"]]))


def _moment(typed: Made) -> str:
    value = moments.decode({key: part for key, part in typed.items() if key != "tz"})
    names = {"date": ("year", "month", "day"), "time": ("hour", "minute", "second", "microsecond")}
    parts = names["date"] + names["time"] if typed["$"] == "datetime" else names[typed["$"]]
    arguments = _numbers(getattr(value, part) for part in parts)
    if "tz" in typed:
        arguments.append("tzinfo=" + _zone(typed["tz"]))
    if typed.get("fold"):
        arguments.append("fold=1")
    return _call("datetime", typed["$"], *arguments)


def _zone(typed: Made) -> str:
    if "zone" in typed:
        return _call("zoneinfo", "ZoneInfo", _text(typed["zone"]))
    arguments = [_call("datetime", "timedelta", *_numbers(typed["offset"]))]
    if "name" in typed:
        arguments.append(expression(typed["name"]))
    return _call("datetime", "timezone", *arguments)


def _pandas(typed: Made) -> str:
    if typed["value"] is None:
        return "__import__('pandas').NaT"
    if typed["$"] == "duration":
        return _call("pandas", "Timedelta", _call("numpy", "timedelta64", str(typed["value"]), "'%s'" % typed["unit"]))
    moment = _call("pandas", "Timestamp", _call("numpy", "datetime64", str(typed["value"]), "'%s'" % typed["unit"]))
    return moment + ".tz_localize('UTC').tz_convert(%s)" % _zone(typed["tz"]) if "tz" in typed else moment


def _scalar(typed: Made) -> str:
    name, content = typed["dtype"], typed["value"]
    if name == "str":
        return _call("numpy", "str_", expression(content))
    if name == "bytes":
        return _call("numpy", "bytes_", repr(decode_bytes(content)))
    if name.startswith(("datetime64", "timedelta64")):
        return _call("numpy", "array", str(content), "'i8'") + ".view('%s')[()]" % name
    if isinstance(content, list):
        return _call("numpy", name, "complex(%s)" % _joined(content))
    return _call("numpy", "bool_" if name == "bool" else name, expression(content))


def _array(typed: Made) -> str:
    value = arrays.decode(typed)
    if value.dtype.kind in "biuf" and 0 < value.size <= READABLE:
        return _call("numpy", "array", expression(value.tolist()), "'%s'" % typed["dtype"])
    little = typed["dtype"].replace(">", "<")
    data = "bytearray(%s)" % _call("base64", "b64decode", "'%s'" % typed["base64"])
    made = _call("numpy", "ndarray", expression({"$": "tuple", "items": typed["shape"]}), "'%s'" % little, data)
    return made + ".astype('%s')" % typed["dtype"]


_KINDS: Dict[str, Callable[[Made], str]] = {
    "str": lambda typed: _text(decode_text(typed)),
    "int": lambda typed: _int(decode_int(typed)),
    "float": lambda typed: _float(decode_float(typed)),
    "tuple": _tuple,
    "set": _set,
    "frozenset": _frozenset,
    "dict": lambda typed: _dict(typed["items"]),
    "bytes": lambda typed: repr(decode_bytes(typed["base64"])),
    "complex": _complex,
    "decimal": lambda typed: _call("decimal", "Decimal", _text(typed["value"])),
    "fraction": lambda typed: _call(
        "fractions", "Fraction", expression(typed["numerator"]), expression(typed["denominator"])
    ),
    "path": lambda typed: _call("pathlib", typed["type"], expression(typed["value"])),
    "uuid": lambda typed: _call("uuid", "UUID", _text(typed["value"])),
    "range": _span,
    "slice": _span,
    "date": _moment,
    "time": _moment,
    "datetime": _moment,
    "timedelta": lambda typed: _call("datetime", "timedelta", *_numbers(typed["value"])),
    "timestamp": _pandas,
    "duration": _pandas,
    "np": _scalar,
    "nd": _array,
}
