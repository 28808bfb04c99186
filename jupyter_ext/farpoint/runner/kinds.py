"""What the kinds of typed values share: the refusal, exact types without importing them, text, bytes and numbers.

Knows only the standard library; must not know containers, numpy or files.
"""

import base64
import math
import sys
from typing import Any, Dict, Union

Typed = Any  # JSON: itself, or {"$": kind, …}
Made = Dict[str, Any]

# Python refuses to print or read longer integers in decimal when its limit is set low (640 digits is the lowest).
DECIMAL_BITS = 2000


class Refused(ValueError):
    """A value that would not arrive equal and of the same type. `path` is the place inside it, "" for itself.

    >>> str(Refused("is a Color, a kind of int", "give int(value)", "['mesh'][2]"))
    "value['mesh'][2] is a Color, a kind of int; give int(value)"
    """

    def __init__(self, what: str, mend: str, path: str = "") -> None:
        shown = path if len(path) <= 160 else path[:60] + " … " + path[-60:]
        super().__init__("value%s %s; %s" % (shown, what, mend))
        self.what = what
        self.mend = mend
        self.path = path


def is_exactly(value: Any, module: str, name: str) -> bool:
    """The value's type is `module.name` and no subclass, asked without importing the module.

    >>> from decimal import Decimal
    >>> is_exactly(Decimal(1), "decimal", "Decimal"), is_exactly(1, "decimal", "Decimal")
    (True, False)
    """
    return type(value) is getattr(sys.modules.get(module), name, None)


def encode_text(text: str) -> Typed:
    r"""Text as itself; with its bytes where it holds lone surrogates, which files and databases refuse.

    >>> encode_text("é"), encode_text("\ud800")
    ('é', {'$': 'str', 'base64': '7aCA'})
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return {"$": "str", "base64": encode_bytes(text.encode("utf-8", "surrogatepass"))}
    return text


def decode_text(typed: Typed) -> str:
    """What `encode_text` was given."""
    if isinstance(typed, str):
        return typed
    return decode_bytes(typed["base64"]).decode("utf-8", "surrogatepass")


def encode_bytes(data: bytes) -> str:
    """Base64 as text."""
    return base64.b64encode(data).decode("ascii")


def decode_bytes(text: str) -> bytes:
    """What `encode_bytes` was given."""
    return base64.b64decode(text.encode("ascii"), validate=True)


def encode_int(number: int) -> Typed:
    """An integer as itself, in hexadecimal where it is very long.

    >>> encode_int(3), sorted(encode_int(1 << 3000))
    (3, ['$', 'hex'])
    """
    return number if number.bit_length() <= DECIMAL_BITS else {"$": "int", "hex": hex(number)}


def decode_int(typed: Typed) -> int:
    """What `encode_int` was given."""
    return int(typed["hex"], 16) if isinstance(typed, dict) else int(typed)


def encode_float(number: float) -> Union[float, Made]:
    """A float as itself; nan and the infinities, which JSON lacks, by name.

    >>> encode_float(-0.0), encode_float(float("-inf"))
    (-0.0, {'$': 'float', 'value': '-inf'})
    """
    return number if math.isfinite(number) else {"$": "float", "value": repr(number)}


def decode_float(typed: Typed) -> float:
    """What `encode_float` was given."""
    return float(typed["value"] if isinstance(typed, dict) else typed)
