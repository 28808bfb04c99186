"""What a function raised, on its way home: words for people, and the exception itself where it can be made again.

Knows exceptions and one folder; must not know how the run was started or who reads this.
"""

import os
import traceback
from typing import Any, Dict, Optional

from . import journal, large, layout, pickles

_OURS = os.path.dirname(os.path.abspath(__file__))


def result(fault: BaseException, folder: str, key: str) -> Dict[str, Any]:
    """The result line of a run that ended with `fault`; the exception goes into a file of `folder`."""
    error: Dict[str, Any] = {"type": type(fault).__name__, "message": words(fault), "traceback": trace(fault)}
    if isinstance(fault, SystemExit):
        code = exit_code(fault.code)
        return told("exit code %d" % code, code, error)
    try:
        error["pickled"] = large.store(fault, ".pkl", pickles.seal(packed(fault), key), folder, "error")["path"]
    except Exception:
        pass  # the words are enough
    return told("exception", None, error)


def told(reason: str, code: Optional[int], error: Dict[str, Any]) -> Dict[str, Any]:
    """The result line of a run that failed, short enough for a journal."""
    made = {"e": "result", "state": "FAILED", "reason": reason, "exit": code, "error": error}
    limit = 24000
    while len(layout.dump(made)) > journal.LIMIT - 1000:
        made["error"] = {name: shorten(text, limit) for name, text in error.items()}
        limit //= 2
    return made


def shorten(text: str, limit: int) -> str:
    """At most about `limit` characters: the beginning and, twice as long, the end."""
    return text if len(text) <= limit else "%s\n…\n%s" % (text[: limit // 3], text[-(limit - limit // 3) :])


def exit_code(given: Any) -> int:
    """As the shell would see it; a message means 1.

    >>> exit_code(3), exit_code(None), exit_code("no")
    (3, 0, 1)
    """
    if given is None:
        return 0
    return int(given) & 0xFF if isinstance(given, int) else 1


def words(fault: BaseException) -> str:
    """The message, also of an exception that cannot say it.

    >>> words(ValueError("no"))
    'no'
    """
    try:
        return _clean(str(fault))
    except BaseException as second:
        return "<%s whose __str__ raised %s>" % (type(fault).__name__, type(second).__name__)


def trace(fault: BaseException) -> str:
    """The traceback from the user's first line on."""
    frames = fault.__traceback__
    while frames is not None and os.path.dirname(frames.tb_frame.f_code.co_filename) == _OURS:
        frames = frames.tb_next
    try:
        return _clean("".join(traceback.format_exception(type(fault), fault, frames)))
    except BaseException:
        return "".join(traceback.format_tb(frames)) + type(fault).__name__ + ": " + words(fault)


def _clean(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def packed(fault: BaseException) -> bytes:
    """The exception as a pickle that was read back once. Raises where no way leads back to an equal one."""
    try:
        data = pickles.pack(fault, "exception")
        if _same(pickles.unpack(data), fault):
            return data
    except Exception:
        pass  # __init__ wants other arguments, or something in it cannot be pickled
    data = pickles.pack((type(fault), fault.args, _attributes(fault)), "parts")
    if not _same(rebuilt(pickles.unpack(data)), fault):
        raise ValueError("an exception of type %s cannot be made again" % type(fault).__name__)
    return data


def rebuilt(thing: Any) -> BaseException:
    """The exception of what `packed` gave, its own __init__ passed over where it was packed in parts."""
    if isinstance(thing, BaseException):
        return thing
    kind, arguments, attributes = thing
    made = kind.__new__(kind, *arguments)
    made.args = arguments
    vars(made).update(attributes)
    return made  # type: ignore[no-any-return]


def _attributes(fault: BaseException) -> Dict[str, Any]:
    """Those of its own attributes that can be pickled."""
    return {name: value for name, value in vars(fault).items() if _travels(value)}


def _travels(value: Any) -> bool:
    try:
        pickles.unpack(pickles.pack(value, "attribute"))
    except Exception:
        return False
    return True


def _same(one: Any, other: BaseException) -> bool:
    return type(one) is type(other) and words(one) == words(other)
