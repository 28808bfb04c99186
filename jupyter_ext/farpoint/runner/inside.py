"""What a notebook says while it runs: record progress point checkpoint. The only copy, here and far.

Speaks to the pilot through the run's pipe; outside a run it says nothing. Must not know who reads.
"""

import json
import math
import os
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Optional, Set, Tuple

from . import events, values

_SCRAP = "application/scrapbook.scrap.%s+json"
_specs: Dict[str, Dict[str, Any]] = {}  # by path: progress is asked in tight loops
recorded: Set[str] = set()  # names that `record` was given
_told: List[Any] = [-math.inf, -math.inf, ""]  # when, how far and what progress said last


def record(*, step: Any = None, **named: Any) -> None:
    """Make values columns of the scan's table; with `step=` one point of a series. Never raises for a name or a value.

    A name that is a parameter's, or begins with `run_`, gets `.recorded` behind it. In a notebook each value is also
    kept as a scrap, which scrapbook reads. Outside a run there is nobody to tell, and nothing else happens.

    >>> record(energy=-3.2)
    >>> record(step=10, loss=0.25)
    """
    if step is not None and not named:
        named, step = {"step": step}, None
    spec = _spec()
    for name, value in named.items():
        if spec is not None:
            _tell_value(spec, name, value, step)
        _show(name, value)
    recorded.update(named)


def tell(name: str, value: Any) -> None:
    """Make a value a column without a scrap in the notebook."""
    spec = _spec()
    if spec is not None:
        _tell_value(spec, name, value, None)


def progress(done: Optional[float] = None, text: str = "") -> None:
    """How far this run is: 0 to 1, or None where that is not known, and a few words.

    >>> progress(0.5, "half way")
    """
    if done is not None:
        done = float(done)
        done = None if math.isnan(done) else min(1.0, max(0.0, done))
    if _spec() is None:
        return
    when, before, words = _told
    now = time.monotonic()
    small = done is not None and 0.0 < done < 1.0 and abs(done - before) < 0.01
    if small and text == words and now - when < 0.1:
        return  # a loop may say this a million times
    _told[:] = [now, -math.inf if done is None else done, text]
    events.send(os.environ["FARPOINT_EVENTS"], {"e": "progress", "done": done, "text": str(text)[:500]})


def point() -> Dict[str, Any]:
    """The point this run computes: parameters, number, seed, run, scan. Outside a run all are None or empty.

    >>> point()["parameters"]
    {}
    """
    spec = _spec() or {}
    parameters = {name: values.decode(typed) for name, typed in spec.get("parameters", {}).items()}
    told: Dict[str, Any] = {name: spec.get(name) for name in ("number", "seed", "run", "scan")}
    told["parameters"] = parameters
    return told


def checkpoint() -> Path:
    """A folder that a run finds again when it is started anew on the same machine, e.g. after a requeue.

    Outside a run it is `farpoint_runs/checkpoint` in the working directory. Write into it by rename: a run that is
    being replaced may still be writing.
    """
    spec = _spec()
    if spec is None:
        folder = os.path.abspath(os.path.join("farpoint_runs", "checkpoint"))
    elif spec.get("checkpoint"):
        folder = spec["checkpoint"]
    else:
        run = os.path.dirname(os.path.dirname(os.path.abspath(os.environ["FARPOINT_SPEC"])))
        folder = os.path.join(os.path.dirname(os.path.dirname(run)), "checkpoints", str(spec["i"]))
    os.makedirs(folder, exist_ok=True)
    return Path(folder)


def running() -> bool:
    """Whether this is inside a run.

    >>> running()
    False
    """
    return _spec() is not None


def own_task(task: Any) -> bool:
    """Whether `task` is the notebook that is running here.

    >>> own_task("scan.ipynb")
    False
    """
    spec = _spec()
    if spec is None or not isinstance(task, (str, os.PathLike)):
        return False
    mine = spec.get("task") or spec["input"]
    mine = mine.get("name") or mine["path"] if isinstance(mine, dict) else mine
    return bool(os.path.basename(os.fspath(task)) == os.path.basename(mine))


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext farpoint`: inside a run, `%%remote`, `%%scan` and `%remote` are accepted and run in place."""
    if running():
        from . import in_place

        in_place.load(shell)


def _spec() -> Optional[Dict[str, Any]]:
    """What this run was told, None outside one."""
    path = os.environ.get("FARPOINT_SPEC")
    if not path or "FARPOINT_EVENTS" not in os.environ:
        return None
    if path not in _specs:
        try:
            with open(path, encoding="utf-8") as file:
                _specs[path] = json.load(file)
        except (OSError, ValueError):
            return None
    return _specs[path]


def _tell_value(spec: Dict[str, Any], name: str, value: Any, step: Any) -> None:
    warnings: List[str] = []
    column = name
    if name in spec.get("parameters", {}):
        column = name + ".recorded"
        warnings.append("%r is a parameter: recorded as %r" % (name, column))
    elif name.startswith("run_"):
        column = name + ".recorded"
        warnings.append("names that begin with 'run_' are farpoint's: recorded as %r" % column)
    typed, warning = _typed(name, value)
    if warning:
        warnings.append("%s: %s" % (name, warning))
    place, warning = _step(step)
    if warning:
        warnings.append(warning)
    event = {"e": "record", "name": column, "value": typed, "step": place}
    if warnings:
        event["warn"] = "; ".join(warnings)[:2000]
    try:
        events.send(os.environ["FARPOINT_EVENTS"], event)
    except ValueError:  # a name of many kilobytes
        event.update(name=column[:200], value=_words(value), warn="%r... is too long a name or value" % column[:50])
        events.send(os.environ["FARPOINT_EVENTS"], event)


def _typed(name: str, value: Any) -> Tuple[Any, Optional[str]]:
    """The value as typed JSON, in a file of its own where it is large; as text, with a warning, where it cannot be."""
    try:
        folder = os.path.dirname(os.path.abspath(os.environ["FARPOINT_SPEC"]))
        return values.encode_large(value, folder, name), None
    except Exception as reason:  # Refused, a full disk, or the value's own code
        return _words(value), "kept as text: %s" % reason


def _step(step: Any) -> Tuple[Any, Optional[str]]:
    number = step.item() if hasattr(step, "item") and getattr(step, "size", 1) == 1 else step
    if number is None or (isinstance(number, (int, float)) and not isinstance(number, bool) and math.isfinite(number)):
        return number, None
    return None, "step=%s is not a number: recorded without it" % _words(step)[:100]


def _words(value: Any) -> str:
    try:
        return repr(value)[:4000]
    except Exception as fault:
        return "<%s without a repr: %s>" % (type(value).__name__, type(fault).__name__)


def _show(name: str, value: Any) -> None:
    """Keep the value in the notebook as a scrap: one display_data as scrapbook's glue makes it, not seen by people."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if not hasattr(shell, "kernel"):
        return
    data, encoder = _scrap(value)
    content = {"name": name, "data": data, "encoder": encoder, "version": 1}
    about = {"scrapbook": {"name": name, "data": True, "display": False}}
    import IPython.display

    show: Any = IPython.display.display  # without types of its own
    show({_SCRAP % encoder: content}, metadata=about, raw=True)


def _scrap(value: Any) -> Tuple[Any, str]:
    """(data, encoder) for scrapbook. Its format has no null and no NaN; a text that is JSON gives them back exactly.

    >>> _scrap(3.5), _scrap("done"), _scrap([1.0, float("nan")]), _scrap(None)
    ((3.5, 'json'), ('done', 'text'), ('[1.0, NaN]', 'json'), ('null', 'json'))
    """
    try:
        simple = value.tolist() if _is_small_array(value) else value
        try:
            text = json.dumps(simple)
        except (TypeError, ValueError):
            text = json.dumps(values.plain(value))
    except Exception:
        return _words(value), "text"
    simple = json.loads(text)
    if isinstance(simple, str):
        return simple, "text"
    if len(text) > values.LINE:
        return _words(value), "text"
    return (text, "json") if simple is None or "NaN" in text or "Infinity" in text else (simple, "json")


def _is_small_array(value: Any) -> bool:
    return type(value).__module__ == "numpy" and hasattr(value, "tolist") and value.size <= values.SHOWN
