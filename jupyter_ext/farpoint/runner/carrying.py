"""Names of a namespace on their way to another: each value as data where that is exact, the rest as one pickle.

Knows values and files; must not know cells, runs or who sends. Functions live, after it, where they came to.
"""

import hashlib
import hmac
import importlib
import io
import json
import os
import pickle
import sys
import types
from typing import Any, Dict, FrozenSet, Iterable, List, NamedTuple, Optional, Set, Tuple

from . import culprits, in_place, layout, values

FORMAT = 1
VALUES = "values"
PYTHON = "%d.%d" % sys.version_info[:2]

Namespace = Dict[str, Any]
Typed = Any
Packed = NamedTuple(
    "Packed",
    [
        ("values", Dict[str, Typed]),  # name → typed JSON, in an order in which they can be unpacked
        ("refused", Dict[str, str]),  # name → why it cannot go
    ],
)
_ALIASED = (list, dict, set, bytearray)  # two names of one of these stay two names of one


class Refused(ValueError):
    """A parcel that must not be opened here; the message says why and the mend."""


def pack(namespace: Namespace, names: Iterable[str], folder: str, key: str, without: Iterable[str] = ()) -> Packed:
    """Put the values of `names`, and of all names their functions use, into typed JSON and files of `folder`/values.

    Names of `without` stay, whoever uses them. `key` signs what is pickled.
    """
    packing = _Packing(namespace, folder, frozenset(without))
    packing.take(names)
    return Packed(packing.finished(key), packing.refused)


def unpack(typed: Dict[str, Typed], folder: str, namespace: Namespace, key: str) -> None:
    """Set every name in `namespace`. Refused for a parcel of another Python or with a wrong signature."""
    parcels: Dict[str, Namespace] = {}
    later = []
    for name, each in typed.items():
        kind = each.get("$") if isinstance(each, dict) else None
        if kind in ("pickled", "same"):
            later.append((kind, name, each))
        else:
            namespace[name] = _plain(kind, each, folder)
    for _, name, each in sorted((one for one in later if one[0] == "pickled"), key=lambda one: str(one[1])):
        if each["path"] not in parcels:
            parcels[each["path"]] = read_pickle(os.path.join(folder, each["path"]), namespace, key)
        namespace[name] = parcels[each["path"]][name]
    for _, name, each in (one for one in later if one[0] == "same"):
        namespace[name] = namespace[each["name"]]


def adopt(told: Dict[str, Any], folder: str, namespace: Namespace, key: str) -> None:
    """Do to `namespace` what was done to the other: set names, change things where they are, delete names."""
    for name, typed in told.get("left", {}).items():
        if name in namespace:
            _become(namespace[name], _plain(typed.get("$") if isinstance(typed, dict) else None, typed, folder))
    before = {name: namespace[name] for name in told["changed"] if name in namespace}
    unpack(told["values"], folder, namespace, key)
    for name, thing in before.items():
        if _become(thing, namespace[name]):
            namespace[name] = thing
    for name in told["deleted"]:
        namespace.pop(name, None)


def _become(thing: Any, other: Any) -> bool:
    """Give `thing` the content of `other`, so that all who hold it see the change; False where that cannot be done.

    >>> mine = [1, 2]
    >>> _become(mine, [1, 2, 3]), mine
    (True, [1, 2, 3])
    """
    if type(thing) is not type(other) or thing is other:
        return thing is other
    if isinstance(thing, (list, bytearray)):
        thing[:] = other
    elif isinstance(thing, (dict, set)):
        thing.clear()
        thing.update(other)
    elif type(thing).__name__ == "ndarray" and thing.shape == other.shape and thing.dtype == other.dtype:
        thing[...] = other
    elif _plain_object(thing):
        vars(thing).clear()
        vars(thing).update(vars(other))
    else:
        return False
    return True


def _plain_object(thing: Any) -> bool:
    """Whether all there is to an object stands in its `__dict__`."""
    ordinary = all(getattr(type(thing), name) is getattr(object, name) for name in ("__reduce__", "__reduce_ex__"))
    return ordinary and hasattr(thing, "__dict__") and not isinstance(thing, type) and not callable(thing)


def digest(namespace: Namespace, name: str) -> str:
    """A number for the pickled form of a value: another one means that the value was changed in this process."""
    file = io.BytesIO()
    try:
        _pickler(file, namespace, {}, set()).dump(namespace[name])
    except Exception:
        return ""
    return layout.digest(file.getvalue())


def write_pickle(path: str, content: Any, namespace: Namespace, known: Dict[int, str], key: str) -> None:
    """Pickle `content` into a file that says, before anything is unpickled, which Python it is of, and who signed it.

    Functions of `namespace` belong to the namespace they are unpickled into.
    """
    file = io.BytesIO()
    _pickler(file, namespace, known, set()).dump(content)
    data = file.getvalue()
    head = {"format": FORMAT, "kind": "names", "python": PYTHON, "hmac": _sign(key, data)}
    layout.make_private(os.path.dirname(path))
    layout.put(path, layout.dump(head) + b"\n" + data)


def read_pickle(path: str, namespace: Namespace, key: str) -> Any:
    """What `write_pickle` wrote. Refused where it is of another Python, or not signed with `key`."""
    with open(path, "rb") as file:
        head = json.loads(file.readline().decode("utf-8"))
        data = file.read()
    if head["python"] != PYTHON:
        raise Refused(
            "%s was pickled by Python %s and this is %s: only plain data goes between them. Name an environment "
            "with Python %s, or give plain data." % (os.path.basename(path), head["python"], PYTHON, head["python"])
        )
    if not hmac.compare_digest(str(head["hmac"]), _sign(key, data)):
        raise Refused("%s is not signed by the run it belongs to: it is not opened" % path)
    reader: Any = _Reader(io.BytesIO(data))
    reader.namespace = namespace
    builtins = namespace.get("__builtins__")
    try:
        return reader.load()
    finally:
        if builtins is not None:
            namespace["__builtins__"] = builtins  # cloudpickle puts its own there


def _sign(key: str, data: bytes) -> str:
    return hmac.new(bytes.fromhex(key), data, hashlib.sha256).hexdigest()


def _plain(kind: Optional[str], typed: Typed, folder: str) -> Any:
    if kind == "module":
        return importlib.import_module(typed["name"])
    return values.load_large(typed, folder) if kind == "file" else values.decode(typed)


class _Packing:
    """One walk over names, and over the names that their functions use."""

    def __init__(self, namespace: Namespace, folder: str, without: FrozenSet[str]) -> None:
        self._namespace = namespace
        self._folder = folder
        self._without = without
        self._made: Dict[str, Typed] = {}
        self._pickled: List[str] = []
        self._known: Dict[int, str] = {}
        self.refused: Dict[str, str] = {}

    def take(self, names: Iterable[str]) -> None:
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            known = name in self._made or name in self._pickled or name in self.refused or name in self._without
            if not known and name in self._namespace:
                waiting += sorted(self._one(name))

    def _one(self, name: str) -> Set[str]:
        """Take one name; the names its value uses."""
        value = self._namespace[name]
        if isinstance(value, types.ModuleType):
            self._made[name] = {"$": "module", "name": value.__name__}
            return set()
        if type(value) in _ALIASED and id(value) in self._known:
            self._made[name] = {"$": "same", "name": self._known[id(value)]}
            return set()
        try:
            self._made[name] = values.encode_large(value, self._folder, name)
        except ValueError:  # Refused: no data, or not exactly
            return self._try_pickle(name)
        if type(value) in _ALIASED or isinstance(self._made[name], dict):
            self._known[id(value)] = name
        return set()

    def _try_pickle(self, name: str) -> Set[str]:
        used: Set[str] = set()
        value = self._namespace[name]
        try:
            _pickler(io.BytesIO(), self._namespace, self._known, used).dump(value)
        except Exception as fault:
            path, what = culprits.find(name, value, self._dumps)
            self.refused[name] = "%s → %s" % (path, what or fault)
            return set()
        self._pickled.append(name)
        return used

    def _dumps(self, value: Any) -> None:
        _pickler(io.BytesIO(), self._namespace, {}, set()).dump(value)

    def finished(self, key: str) -> Dict[str, Typed]:
        if not self._pickled:
            return self._made
        content = {name: self._namespace[name] for name in sorted(self._pickled)}
        path = "%s/names.pkl" % VALUES
        write_pickle(os.path.join(self._folder, path), content, self._namespace, self._known, key)
        for name, value in content.items():
            self._made[name] = {"$": "pickled", "path": path, "type": type(value).__name__, "python": PYTHON}
        return self._made


class _Reader(pickle.Unpickler):
    """Functions get the namespace they came to; values that came as data are taken from it."""

    namespace: Namespace

    def find_class(self, module: str, name: str) -> Any:
        for ours in ("farpoint.runner.", "farpoint_runner."):
            if module.startswith(ours):
                module = (__package__ or "farpoint_runner") + "." + module[len(ours) :]
        return super().find_class(module, name)

    def persistent_load(self, told: Tuple[str, str]) -> Any:
        return self.namespace if told[0] == "namespace" else self.namespace[told[1]]


def _pickler(file: Any, namespace: Namespace, known: Dict[int, str], used: Set[str]) -> Any:
    """A cloudpickle that leaves out what functions find in their namespace, and notes in `used` what that is."""
    import cloudpickle

    marker = {"namespace": True}

    class Carrier(cloudpickle.Pickler):  # type: ignore[misc]
        def persistent_id(self, thing: Any) -> Optional[Tuple[str, str]]:
            if thing is marker or thing is namespace:
                return ("namespace", "")
            return ("name", known[id(thing)]) if id(thing) in known else None

        def reducer_override(self, thing: Any) -> Any:
            if getattr(type(thing), "__runs_elsewhere__", False):
                return in_place.Here, (thing.__wrapped__,)
            return super().reducer_override(thing)

        def _dynamic_function_reduce(self, function: Any) -> Any:
            made = super()._dynamic_function_reduce(function)
            if function.__globals__ is namespace:
                held = made[2][1]
                used.update(held["__globals__"])
                held["__globals__"] = {}
            return made

    carrier = Carrier(file, protocol=4)
    carrier.globals_ref[id(namespace)] = marker
    return carrier
