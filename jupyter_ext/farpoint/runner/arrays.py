"""Typed values of numpy: scalars and plain arrays, exact in type, dtype, byte order and bits.

Numpy is looked at only where it is loaded already, imported only to make its values; must not know containers.
"""

import sys
from typing import Any, Optional

from .kinds import (
    Made,
    Refused,
    decode_bytes,
    decode_float,
    decode_text,
    encode_bytes,
    encode_float,
    encode_text,
)

INLINE = 32 * 1024  # bytes of an array that may stand in a line
KINDS = "biufcMmUS"  # numpy's letters of the dtypes whose bytes are the value on every machine


def encode(value: Any, inline: Optional[int] = INLINE) -> Optional[Made]:
    """A numpy scalar or array as typed JSON; None for anything else. Refused for dtypes that differ between machines.

    `inline` is the largest array in bytes, None for any.

    >>> import numpy
    >>> encode(numpy.float32(0.5))
    {'$': 'np', 'dtype': 'float32', 'value': 0.5}
    """
    numpy = sys.modules.get("numpy")
    if not isinstance(value, getattr(numpy, "generic", ())) and type(value) is not getattr(numpy, "ndarray", encode):
        return None
    check_dtype(value)
    if type(value) is getattr(numpy, "ndarray", None):
        return _encode_array(value, inline)
    return _encode_scalar(value)


def check_dtype(value: Any) -> None:
    """Refused where the value's dtype has no bytes that mean the same everywhere."""
    dtype = value.dtype
    if dtype.kind == "O":
        raise Refused("is an array of Python objects", "give .tolist(), or .astype() a number or text dtype")
    if dtype.kind == "V":
        raise Refused("has the structured dtype %s" % dtype, "give its fields one by one, as a dict of arrays")
    if dtype.kind not in KINDS:
        raise Refused("has the dtype %s" % dtype, "give .tolist(), or .astype() a number or text dtype")
    if dtype.kind in "fc" and dtype.itemsize > {"f": 8, "c": 16}[dtype.kind]:
        raise Refused("has the dtype %s, which differs between machines" % dtype, "give float64 or complex128")


def decode(typed: Made) -> Any:
    """What `encode` was given; an array of its own that may be written to. ImportError where numpy is missing."""
    return _decode_array(typed) if typed["$"] == "nd" else _decode_scalar(typed)


def _encode_scalar(value: Any) -> Made:
    import numpy as np

    dtype = value.dtype
    if np.dtype(dtype.str).type is not type(value):
        raise Refused(
            "is a numpy.%s" % type(value).__name__, "give numpy.%s(value)" % np.dtype(dtype.str).type.__name__
        )
    if dtype.kind == "U":
        return {"$": "np", "dtype": "str", "value": encode_text("".join(value))}  # str() drops trailing nulls
    if dtype.kind == "S":
        return {"$": "np", "dtype": "bytes", "value": encode_bytes(bytes(value))}
    if dtype.kind == "f":
        content: Any = encode_float(float(value))
    elif dtype.kind == "c":
        content = [encode_float(float(value.real)), encode_float(float(value.imag))]
    elif dtype.kind in "Mm":
        content = int(value.view("i8"))
    else:
        content = value.item()
    return {"$": "np", "dtype": dtype.name, "value": content}


def _decode_scalar(typed: Made) -> Any:
    import numpy as np

    name, content = typed["dtype"], typed["value"]
    if name == "str":
        return np.str_(decode_text(content))
    if name == "bytes":
        return np.bytes_(decode_bytes(content))
    dtype = _known(np.dtype(name))
    if dtype.kind in "Mm":
        return np.array(content, "i8").view(dtype)[()]
    if dtype.kind == "c":
        content = complex(decode_float(content[0]), decode_float(content[1]))
    elif dtype.kind == "f":
        content = decode_float(content)
    return dtype.type(content)


def _encode_array(value: Any, inline: Optional[int]) -> Made:
    if inline is not None and value.nbytes > inline:
        raise Refused(
            "is an array of %d bytes, more than the %d that travel as a value" % (value.nbytes, inline),
            "save it in a file and name the file",
        )
    little = value.astype(value.dtype.newbyteorder("<"), order="C")
    return {"$": "nd", "dtype": value.dtype.str, "shape": list(value.shape), "base64": encode_bytes(little.tobytes())}


def _decode_array(typed: Made) -> Any:
    import numpy as np

    dtype, data = _known(np.dtype(typed["dtype"])), decode_bytes(typed["base64"])
    little = np.ndarray(tuple(typed["shape"]), dtype.newbyteorder("<"), bytearray(data))
    if little.nbytes != len(data):
        raise ValueError("an array of %s needs %d bytes and has %d" % (typed["shape"], little.nbytes, len(data)))
    return little.astype(dtype)


def _known(dtype: Any) -> Any:
    if dtype.kind not in KINDS:
        raise ValueError("no value has the dtype %s" % dtype)
    return dtype
