"""Pickles that say first what may read them: functions, arguments and results that are no plain data.

Compares the Python in a plain header before anything is unpickled. Must not know jobs, runs or who sends.
"""

import functools
import hashlib
import hmac
import io
import json
import os
import pickle
import sys
from typing import Any, Dict, List, Optional, Set, Tuple

from . import arrays, in_place, kinds, large, layout

FORMAT = 1
HERE = "%d.%d" % sys.version_info[:2]
_PACKAGE = __package__ or "farpoint_runner"


class Foreign(ValueError):
    """A pickle of another Python, another format, or not signed by whom it should be."""


def pack(value: Any, kind: str, beside: Optional[Dict[str, bytes]] = None, **about: Any) -> bytes:
    """A header line and the pickle. With `beside`, large arrays are put there by digest and not into the pickle.

    Whatever pickling raises, it raises.
    """
    import cloudpickle

    header = {"format": FORMAT, "kind": kind, "python": HERE, "cloudpickle": cloudpickle.__version__}
    header.update(about)
    return layout.dump(header) + b"\n" + _dump(value, beside)


def unpack(data: bytes, folder: str = "") -> Any:
    """What was packed; arrays put beside it are read from `folder`. Foreign where this Python must not read it."""
    header, body = split(data)
    if header["python"] != HERE:
        raise Foreign(
            "pickled by Python %s, and %s is %s: a pickle is read by the same minor version alone. "
            "Name an environment with Python %s." % (header["python"], sys.executable, HERE, header["python"])
        )
    return _Reader(io.BytesIO(body), folder).load()


def split(data: bytes) -> Tuple[Dict[str, Any], bytes]:
    """(header, pickle), nothing unpickled."""
    line, newline, body = data.partition(b"\n")
    try:
        header: Dict[str, Any] = json.loads(line.decode("ascii"))
        if newline and header["format"] <= FORMAT and header["python"]:
            return header, body
    except (ValueError, LookupError, TypeError):
        pass
    raise Foreign("no pickle of this format: is it from a newer farpoint?")


def seal(data: bytes, key: str) -> bytes:
    """The same with a signature in a first line of its own, so that only what the run wrote is unpickled here."""
    return _sign(data, key).encode("ascii") + b"\n" + data


def unseal(data: bytes, key: str) -> bytes:
    """What was sealed. Foreign where the signature is not that of `key`.

    >>> unseal(seal(b"data", "ab12"), "ab12")
    b'data'
    """
    sign, _, body = data.partition(b"\n")
    if not key or not hmac.compare_digest(sign, _sign(body, key).encode("ascii")):
        raise Foreign("not signed by the job it should be from: it is not unpickled")
    return body


def _sign(data: bytes, key: str) -> str:
    return hmac.new(bytes.fromhex(key), data, hashlib.sha256).hexdigest()


def _dump(value: Any, beside: Optional[Dict[str, bytes]]) -> bytes:
    from cloudpickle import CloudPickler

    class Writer(CloudPickler):  # type: ignore[misc] # cloudpickle ships no types
        """Takes large arrays out, and a function that would run elsewhere as one that runs where it is."""

        def __init__(self, file: Any, protocol: int) -> None:
            super().__init__(file, protocol=protocol)
            self.seen: List[Any] = []

        def persistent_id(self, thing: Any) -> Optional[Tuple[str, str, int]]:
            if beside is None or not is_large_array(thing):
                return None
            for place, (known, digest) in enumerate(self.seen):
                if known is thing:
                    return "npy", digest, place
            data = array_bytes(thing)
            digest = layout.digest(data)
            beside[digest] = data
            self.seen.append((thing, digest))
            return "npy", digest, len(self.seen) - 1

        def reducer_override(self, thing: Any) -> Any:
            if getattr(type(thing), "__runs_elsewhere__", False):
                return in_place.Here, (thing.__wrapped__,)
            return super().reducer_override(thing)

    buffer = io.BytesIO()
    writer = Writer(buffer, protocol=min(5, pickle.HIGHEST_PROTOCOL))
    writer.dump(value)
    return buffer.getvalue()


def is_large_array(thing: Any) -> bool:
    """Whether it is a plain numpy array that is worth a file of its own."""
    plain = kinds.is_exactly(thing, "numpy", "ndarray") and thing.dtype.kind in arrays.KINDS
    return bool(plain and thing.nbytes > arrays.INLINE)


def array_bytes(array: Any) -> bytes:
    """The array as an npy file."""
    made = large.as_file(array)
    assert made is not None
    return made[1]


class _Reader(pickle.Unpickler):
    """Finds arrays by their digest, farpoint's own things under the name they have here, and classes that are here.

    A class that travelled by value and is known here stays as it is: cloudpickle would put copies of its methods into
    it, which no longer see what the notebook assigns.
    """

    def __init__(self, file: Any, folder: str) -> None:
        super().__init__(file)
        self._folder = folder
        self._arrays: Dict[int, Any] = {}
        self._known: Set[type] = set()

    def persistent_load(self, told: Any) -> Any:
        _, digest, place = told
        if place not in self._arrays:
            self._arrays[place] = read_array(os.path.join(self._folder, digest))
        return self._arrays[place]

    def find_class(self, module: str, name: str) -> Any:
        for ours in ("farpoint.runner", "farpoint_runner"):
            if module.startswith(ours + "."):
                module = _PACKAGE + module[len(ours) :]
        found = super().find_class(module, name)
        if module.startswith("cloudpickle.") and name in ("_make_skeleton_class", "_class_setstate"):
            return functools.partial(self._class if name == "_make_skeleton_class" else self._fill, found)
        return found

    def _class(self, make: Any, kind: Any, name: str, bases: Any, words: Any, tracker: Any, *rest: Any) -> Any:
        import cloudpickle

        known: Any = getattr(cloudpickle.cloudpickle, "_DYNAMIC_CLASS_TRACKER_BY_ID", {}).get(tracker)
        if known is None:  # of an earlier session, perhaps
            known = vars(sys.modules["__main__"]).get(name)
            here = isinstance(known, type) and known.__qualname__ == name and known.__module__ == "__main__"
            if not here or words.get("__module__") != "__main__" or known.__bases__ != bases:
                return make(kind, name, bases, words, tracker, *rest)
        self._known.add(known)
        return known

    def _fill(self, fill: Any, made: Any, state: Any) -> Any:
        return made if made in self._known else fill(made, state)


def read_array(path: str) -> Any:
    """The array of an npy file."""
    import numpy as np

    return np.load(path, allow_pickle=False)
