"""The `farpoint` a notebook finds in a run where farpoint is not installed: the same words, doing their work in place.

Knows the runner beside it only; submits nothing.
"""

import itertools
from concurrent.futures import ThreadPoolExecutor, as_completed, wait

from farpoint_runner.in_place import Nothing, remote
from farpoint_runner.inside import (
    checkpoint,
    load_ipython_extension,
    own_task,
    point,
    progress,
    record,
)

__all__ = [
    "CodeChanged",
    "Executor",
    "FarpointError",
    "InsideRun",
    "RunFailed",
    "Scan",
    "as_completed",
    "attach",
    "checkpoint",
    "explore",
    "grid",
    "load_ipython_extension",
    "point",
    "progress",
    "record",
    "remote",
    "repeat",
    "runs",
    "sample",
    "wait",
    "zip",
]
_zip = zip


class FarpointError(Exception):
    """Base of every error farpoint raises on purpose."""


class CodeChanged(FarpointError):
    """Completed points were made by other code; never raised here."""


class InsideRun(FarpointError):
    """A run tried to submit work of its own."""


class RunFailed(FarpointError):
    """A run ended without a result; never raised here."""


class Executor(ThreadPoolExecutor):
    """Calls functions right here, one after the other."""

    def __init__(self, on=None, max_workers=None, **options):
        super().__init__(max_workers=1)


class Scan:
    """A scan of the running notebook is nothing here; a scan of another can be made, not submitted."""

    def __new__(cls, task, points=None, **options):
        return Nothing() if own_task(task) else super().__new__(cls)

    def __init__(self, task, points=None, name=None, **options):
        self.task, self.points, self.name = task, points, name

    def __repr__(self):
        return "<Scan of %s, inside a run>" % (self.task,)

    def submit(self, on=None, **options):
        """Raises InsideRun."""
        raise InsideRun(
            "a scan of %s cannot be submitted from inside a run: farpoint is not installed in its environment. "
            "Submit it from outside, or install farpoint there and say nested=True." % (self.task,)
        )

    preview = submit


class Points(list):
    """Points as a list of dicts, with `*` and `+` as farpoint has them."""

    def __mul__(self, other):
        return Points({**one, **two} for one in self for two in other)

    def __add__(self, other):
        return Points([*self, *other])


def grid(**axes):
    """Every combination, the last axis fastest."""
    return Points(dict(_zip(axes, chosen)) for chosen in itertools.product(*(_listed(axis) for axis in axes.values())))


def zip(**axes):
    """The axes side by side."""
    return Points(dict(_zip(axes, chosen)) for chosen in _zip(*(_listed(axis) for axis in axes.values())))


def sample(n, **ranges):
    """Nothing is drawn here: these points run elsewhere."""
    return Points()


def repeat(points, n=1):
    """Nothing is repeated here: these points run elsewhere."""
    return Points()


def attach(where):
    """What was submitted elsewhere is not seen from inside a run."""
    return Nothing()


def explore(scan, **options):
    """What was submitted elsewhere is not seen from inside a run."""
    return Nothing()


def runs(**options):
    """What was submitted elsewhere is not seen from inside a run."""
    return Nothing()


def _listed(axis):
    return list(axis) if hasattr(axis, "__iter__") and not isinstance(axis, str) else [axis]
