"""Why a value cannot travel: the path to the part that is bound to this process.

Knows Python's objects only; what can travel is asked of a function it is given.
"""

import inspect
import types
from typing import Any, Callable, Iterator, Tuple

DEEP = 8  # parts within parts that are looked into
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


def parts(path: str, value: Any) -> Iterator[Tuple[str, Any]]:
    """The parts a value is pickled with, and how each is written."""
    if isinstance(value, dict):
        for key, part in list(value.items())[:1000]:
            yield "%s[%r]" % (path, key), part
    elif isinstance(value, (list, tuple, set, frozenset)):
        for index, part in enumerate(list(value)[:1000]):
            yield "%s[%d]" % (path, index), part
    elif isinstance(value, types.MethodType):
        yield "%s.__self__" % path, value.__self__
    elif isinstance(value, types.FunctionType):
        for name, part in inspect.getclosurevars(value).nonlocals.items():
            yield "%s → %s" % (path, name), part
        for index, part in enumerate(value.__defaults__ or ()):
            yield "%s's default %d" % (path, index), part
    else:
        held = getattr(value, "__dict__", None)
        for name, part in list(held.items()) if held else ():
            if isinstance(value, type) and name.startswith("__"):
                continue
            yield "%s.%s" % (path, name), part


def _travels(value: Any, dumps: Callable[[Any], Any]) -> bool:
    try:
        dumps(value)
    except Exception:
        return False
    return True
