"""A run of a function, as a process of its own: unpickle it, call it, tell what it returned or raised.

Knows its own spec and the pipe to the pilot; must not know jobs, claims or schedulers.
"""

import json
import linecache
import os
import sys
import types
from typing import Any, Dict, List, Tuple

from . import events, faults, layout, packages, parcels, pickles, returns, values

SPARE = "_farpoint"  # where the cloudpickle lies that made the pickle: another version may not read it
COUNT = "replicate"  # tells equal points apart; no argument where the function has none of that name


def main(arguments: List[str]) -> int:
    """`work_python <spec.json>`: call the function described there. 0 where the result could be told."""
    spec = layout.read_json(arguments[0])
    folder = os.path.dirname(os.path.abspath(arguments[0]))
    _find_farpoint(spec["modules"])
    _by_line()
    missing = packages.lacking(spec.get("packages") or [])
    if missing:
        error = {"type": "Refused", "message": packages.told(missing, spec), "traceback": ""}
        return _end(spec, faults.told("refused", None, error))
    try:
        function, positional, named = load(spec)
    except pickles.Foreign as refusal:
        return _end(spec, faults.told("refused", None, {"type": "Refused", "message": str(refusal), "traceback": ""}))
    except BaseException as fault:
        return _end(spec, faults.result(fault, folder, spec["results_key"]))
    try:
        returned = finished(function(*positional, **named))
    except BaseException as fault:
        return _end(spec, faults.result(fault, folder, spec["results_key"]))
    try:
        for event in returns.records(returned, spec, folder):
            events.send(spec["events"], event)
    except Exception as fault:
        return _end(spec, faults.result(fault, folder, spec["results_key"]))
    return _end(spec, {"e": "result", "state": "COMPLETED", "reason": "", "exit": 0, "error": None})


def load(spec: Dict[str, Any]) -> Tuple[Any, List[Any], Dict[str, Any]]:
    """(function, positional arguments, named ones). Foreign where the task is another Python's."""
    with open(spec["input"], "rb") as file:
        data = file.read()
    header, _ = pickles.split(data)
    for name, text in header.get("sources", {}).items():  # so that a traceback shows the lines of a notebook's cell
        linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    function = pickles.unpack(data, spec["arguments"])
    given = {name: _value(typed, spec["arguments"]) for name, typed in spec["parameters"].items()}
    return (function, *arrange(given, header["call"]))


def finished(returned: Any) -> Any:
    """What an async function comes to; anything else is itself."""
    if not isinstance(returned, types.CoroutineType):
        return returned
    import asyncio

    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(returned)
    finally:
        loop.close()


def arrange(given: Dict[str, Any], call: Dict[str, Any]) -> Tuple[List[Any], Dict[str, Any]]:
    """Arguments by name as positional and named ones; `call` says the function's positional names, * and **.

    >>> arrange({"a": 1, "rest": (2, 3), "k": 4}, {"positional": ["a"], "star": "rest", "stars": None, "named": ["k"]})
    ([1, 2, 3], {'k': 4})
    """
    given = dict(given)
    positional: List[Any] = []
    rest = given.pop(call["star"], ()) if call["star"] else ()
    for name in call["positional"]:
        if name not in given:
            break
        positional.append(given.pop(name))
    extra = given.pop(call["stars"], {}) if call["stars"] else {}
    if COUNT not in call["named"] + call["positional"]:
        given.pop(COUNT, None)
    given.update(extra)
    return positional + list(rest), given


def _value(typed: Any, folder: str) -> Any:
    value = values.decode(typed)
    if type(value) is not parcels.Parcel:
        return value
    path = os.path.join(folder, value.sha256)
    if value.codec == "npy":
        return pickles.read_array(path)
    with open(path, "rb") as file:
        data = file.read()
    return values.decode(json.loads(data.decode("ascii"))) if value.codec == "json" else pickles.unpack(data, folder)


def _find_farpoint(modules: str) -> None:
    """First on the path the cloudpickle that came along; last what a function finds where farpoint is not installed."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path.insert(0, os.path.join(modules, SPARE))
    sys.path.append(os.path.join(here, "stand_in"))


def _by_line() -> None:
    """What is printed is seen at once, not when a buffer is full."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")


def _end(spec: Dict[str, Any], result: Dict[str, Any]) -> int:
    sent = events.send(spec["events"], result)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass  # a closed stream has nothing left to say
    return 0 if sent else 1
