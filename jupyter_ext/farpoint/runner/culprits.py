"""Why a value cannot travel: the path to the part that is bound to this process.

Knows Python's objects only; what can travel is asked of a function it is given.
"""

import inspect
import types
from typing import Any, Callable, List, Tuple

DEEP = 8  # parts within parts that are looked into
MANY = 1000  # parts of one thing that are looked at
_WORDS = {
    "lock": "thread lock",
    "RLock": "thread lock",
    "TextIOWrapper": "open file",
    "BufferedReader": "open file",
    "BufferedWriter": "open file",
    "FileIO": "open file",
    "generator": "generator",
    "coroutine": "coroutine",
    "async_generator": "generator",
    "socket": "network connection",
    "Connection": "database connection",
    "Thread": "thread",
    "frame": "stack frame",
    "Popen": "running process",
}


def find(path: str, value: Any, dumps: Callable[[Any], Any]) -> Tuple[str, str]:
    """(path to the innermost part that cannot travel, what it is). `dumps` raises for what cannot.

    >>> import pickle, threading
    >>> find("model", {"parts": [1, threading.Lock()]}, pickle.dumps)
    ("model['parts'][1]", 'thread lock')
    """
    seen = set()
    for _ in range(DEEP):
        seen.add(id(value))
        for inner, part in parts(path, value):
            if id(part) not in seen and not _travels(part, dumps):
                path, value = inner, part
                break
        else:
            break
    return path, words(value)


def words(value: Any) -> str:
    """What a value is, in words for people.

    >>> words(x for x in [])
    'generator'
    """
    name = type(value).__name__
    return _WORDS.get(name, name)


def parts(path: str, value: Any) -> List[Tuple[str, Any]]:
    """The parts a value is pickled with, and how each is written."""
    if isinstance(value, dict):
        return [("%s[%r]" % (path, key), part) for key, part in list(value.items())[:MANY]]
    if isinstance(value, (list, tuple, set, frozenset)):
        return [("%s[%d]" % (path, index), part) for index, part in enumerate(list(value)[:MANY])]
    if isinstance(value, types.MethodType):
        return [("%s.__self__" % path, value.__self__)]
    if isinstance(value, types.FunctionType):
        held = inspect.getclosurevars(value).nonlocals
        found = [("%s → %s" % (path, name), part) for name, part in held.items()]
        defaults = enumerate(value.__defaults__ or ())
        return found + [("%s's default %d" % (path, index), part) for index, part in defaults]
    own = dict(getattr(value, "__dict__", None) or {})
    hidden = isinstance(value, type)
    return [("%s.%s" % (path, name), part) for name, part in own.items() if not (hidden and name.startswith("__"))]


def _travels(value: Any, dumps: Callable[[Any], Any]) -> bool:
    try:
        dumps(value)
    except Exception:
        return False
    return True
