"""What happens to a cell's names in the kernel it was sent to: they arrive before it, and what it changed leaves after.

Runs inside that kernel. Must not know jobs, pilots or Jupyter's messages.
"""

import json
import os
import re
import sys
from typing import Any, Dict, List, Set

from . import carrying, inside, layout, values

NAMES = "values/names.json"
_IPYTHON = re.compile(r"_(i*|\d+|i\d+|_+|oh|dh|sh|exit_code)$")
_HIDDEN = frozenset(["In", "Out", "get_ipython", "exit", "quit", "open"])
_NUMBERS = (bool, int, float, str)

_plan: Dict[str, Any] = {}
_before: Dict[str, Any] = {}
_sums: Dict[str, str] = {}


def arrive(notebook: str, folder: str, pickling: str) -> None:
    """Set the names that were sent with the cell. `notebook` says which; their files lie below `folder`.

    `pickling` is where the cloudpickle lies that pickled them: another version may not read it.
    """
    sys.path.insert(0, pickling)
    with open(notebook, encoding="utf-8") as file:
        _plan.update(json.load(file)["metadata"]["farpoint"])
    names = _names()
    carrying.unpack(_plan["values"], folder, names, _plan["key"])
    for name, typed in _plan["values"].items():
        if isinstance(typed, dict) and typed.get("$") == "pickled" and not isinstance(names[name], _Code):
            _sums[name] = carrying.digest(names, name)
    _before.update(names)


def leave(own: str) -> None:
    """Write down what the cell assigned, changed and deleted, into values/names.json below `own`."""
    names = _names()
    asked = _plan.get("returns")
    new, changed = _assigned(names), _mutated(names, own)
    found = new | changed
    if asked:
        found = {name for name in asked if name in names}
    stays = set(_plan["values"]) | set(inside.point()["parameters"]) | _HIDDEN  # the caller has them
    packed = carrying.pack(names, sorted(found), own, _plan["key"], without=stays - found)
    gone = [name for name in _plan["values"] if name not in names]
    missing = [name for name in asked or () if name not in names]
    refused = {name: why for name, why in packed.refused.items() if getattr(names[name], "closed", False) is not True}
    refused.update({name: "%s was never assigned" % name for name in missing})
    told = {
        "format": layout.FORMAT, "values": packed.values, "changed": sorted(changed & found),
        "left": _left(names, own), "deleted": gone, "refused": refused, "error": _error(names, own),
    }  # fmt: skip
    layout.make_private(os.path.join(own, "values"))
    layout.put(os.path.join(own, NAMES), layout.dump(told))
    _record(packed.values)


class _Kinds(type):
    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, type) or type(value).__name__ in ("function", "builtin_function_or_method", "method")


class _Code(metaclass=_Kinds):
    """Functions and classes: a cell does not change them, it assigns new ones."""


def _names() -> Dict[str, Any]:
    import IPython

    shell: Any = IPython.get_ipython()
    found: Dict[str, Any] = shell.user_ns
    return found


def _assigned(names: Dict[str, Any]) -> Set[str]:
    """Names that are new or stand for something else than before."""
    wanted = set(_plan.get("assigns", ()))
    given = inside.point()["parameters"]
    return {
        name
        for name, value in names.items()
        if (name not in _before or value is not _before[name])
        and name not in _HIDDEN
        and name not in given
        and (name in wanted or not (_IPYTHON.match(name) or name.startswith("__")))
    }


def _mutated(names: Dict[str, Any], own: str) -> Set[str]:
    """Names that were sent and stand for the same thing as then, which is no more as it was."""
    same = [name for name in _plan["values"] if name in names and names[name] is _before.get(name)]
    return {name for name in same if _other(name, _plan["values"][name], names[name], own)}


def _left(names: Dict[str, Any], own: str) -> Dict[str, Any]:
    """Things that were changed and then lost their name: somebody there may hold them by another one."""
    found = {}
    for name, sent in _plan["values"].items():
        value = _before.get(name)
        if names.get(name, _plan) is value or not isinstance(value, (list, dict, set, bytearray)):
            continue
        if _other(name, sent, value, own):
            try:
                found[name] = values.encode_large(value, own, name)
            except ValueError:
                continue
    return found


def _other(name: str, sent: Any, value: Any, own: str) -> bool:
    """Whether the value of a name is no more what was sent."""
    if name in _sums:
        return carrying.digest(_names(), name) != _sums[name]
    kind = sent.get("$") if isinstance(sent, dict) else None
    if kind in ("module", "pickled"):
        return False
    if kind == "same":
        return _other(sent["name"], _plan["values"][sent["name"]], value, own)
    if not isinstance(sent, (dict, list)):
        return False
    try:
        now = values.encode_large(value, os.path.join(own, "compared"), name)
    except ValueError:
        return True
    return layout.dump(now) != layout.dump(sent)


def _error(names: Dict[str, Any], own: str) -> Any:
    """The exception the cell ended with, pickled where it can be made again."""
    fault = getattr(sys, "last_value", None)
    if fault is None:
        return None
    path = "values/error.pkl"
    fault = _alone(fault, set())
    try:
        carrying.write_pickle(os.path.join(own, path), fault, names, {}, _plan["key"])
        again = carrying.read_pickle(os.path.join(own, path), dict(names), _plan["key"])
        if type(again).__name__ != type(fault).__name__:
            raise ValueError("it became a %s" % type(again).__name__)
        str(again)
    except Exception:
        if os.path.exists(os.path.join(own, path)):
            os.unlink(os.path.join(own, path))
        return None
    return {"path": path, "type": type(fault).__name__}


def _alone(fault: BaseException, seen: Set[int]) -> BaseException:
    """The exception without frames: they stay here."""
    waiting: List[Any] = [fault]
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        each.__traceback__ = None
        waiting += [each.__cause__, each.__context__, *getattr(each, "exceptions", ())]
    return fault


def _record(found: Dict[str, Any]) -> None:
    """Numbers and short texts the cell assigned become columns, but for those it recorded itself."""
    for name, typed in found.items():
        scalar = type(typed) in _NUMBERS or (isinstance(typed, dict) and typed.get("$") in ("np", "float", "complex"))
        if scalar and name not in inside.recorded and not name.startswith("_") and len(str(typed)) < 1000:
            inside.tell(name, values.decode(typed))
