"""Recorded values too large for a line, as files that other programs read too: npy, parquet or typed JSON.

Knows one file per value and checks its digest; must not know who recorded it or when it is fetched.
"""

import io
import os
import re
import sys
from typing import Any, List, Optional, Tuple

from . import arrays, layout
from .kinds import Made, Refused, Typed, is_exactly

FOLDER = "values"
TABLES = ("DataFrame", "Series")


def as_file(value: Any) -> Optional[Tuple[str, bytes]]:
    """(ending, bytes) of a value that has a file format of its own: numpy arrays and pandas tables; else None."""
    if is_exactly(value, "numpy", "ndarray"):
        arrays.check_dtype(value)
        return ".npy", _npy(value)
    if any(is_exactly(value, "pandas", name) for name in TABLES):
        return ".parquet", _parquet(value)
    return None


def store(value: Any, ending: str, data: bytes, folder: str, name: str) -> Made:
    """Put `data` into `folder`/values and describe it. OSError where the disk does not take it."""
    sha256 = layout.digest(data)
    path = "%s/%s-%s%s" % (FOLDER, re.sub("[^A-Za-z0-9_]", "_", name)[:60], sha256[:12], ending)
    layout.make_private(os.path.join(folder, FOLDER))
    layout.put(os.path.join(folder, path), data)
    return {
        "$": "file",
        "path": path,
        "sha256": sha256,
        "size": len(data),
        "type": type(value).__name__,
        "shape": _shape(value),
    }


def load(typed: Made, folder: str) -> Any:
    """The array or table of a file, or the bytes of its typed JSON. ValueError if the file was changed."""
    path = os.path.join(folder, typed["path"])
    with open(path, "rb") as file:
        data = file.read()
    if layout.digest(data) != typed["sha256"]:
        raise ValueError("%s is not the file that was recorded: its sha256 differs; fetch it again" % path)
    if path.endswith(".npy"):
        import numpy as np

        return np.load(io.BytesIO(data), allow_pickle=False)
    if path.endswith(".parquet"):
        import pandas as pd

        frame = pd.read_parquet(io.BytesIO(data))
        return frame if typed["type"] == "DataFrame" else _series(frame)
    return data


def _npy(value: Any) -> bytes:
    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, value, allow_pickle=False)
    return buffer.getvalue()


def _parquet(value: Any) -> bytes:
    frame = (
        value.to_frame("value" if value.name is None else str(value.name))
        if type(value).__name__ == "Series"
        else value
    )
    buffer = io.BytesIO()
    try:
        frame.to_parquet(buffer)
    except ImportError:
        raise Refused(
            "is a %s, and nothing under %s writes parquet" % (type(value).__name__, sys.executable),
            "install pyarrow there, or give value.to_dict('list')",
        ) from None
    except (ValueError, TypeError, ArithmeticError) as error:
        raise Refused(
            "is a %s parquet cannot hold (%s)" % (type(value).__name__, error), "give plain columns"
        ) from None
    return buffer.getvalue()


def _series(frame: Any) -> Any:
    return frame[frame.columns[0]]


def _shape(value: Typed) -> Optional[List[int]]:
    shape = getattr(value, "shape", None)
    if shape is None:
        shape = [len(value)] if hasattr(value, "__len__") else None
    return None if shape is None else [int(length) for length in shape]
