"""farpoint: run a notebook far away, at one point or at ten thousand, and get a DataFrame back.

The public door. Names are resolved when first used; nothing heavy is imported here.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from farpoint._version import __version__

if TYPE_CHECKING:
    from farpoint import testing
    from farpoint.api.collect import attach, explore, runs
    from farpoint.api.executor import Executor
    from farpoint.api.gathering import as_completed, wait
    from farpoint.api.remote import remote
    from farpoint.api.run import Run
    from farpoint.api.scan import Scan
    from farpoint.errors import CodeChanged, FarpointError, InsideRun, RunFailed
    from farpoint.points import grid, repeat, sample, zip
    from farpoint.runner.inside import checkpoint, point, progress, record
    from farpoint.ui.scan_widget import ScanWidget

__all__ = [
    "CodeChanged",
    "Executor",
    "FarpointError",
    "InsideRun",
    "Run",
    "RunFailed",
    "Scan",
    "ScanWidget",
    "__version__",
    "as_completed",
    "attach",
    "checkpoint",
    "explore",
    "grid",
    "point",
    "progress",
    "record",
    "remote",
    "repeat",
    "runs",
    "sample",
    "testing",
    "wait",
    "zip",
]

_ROOMS = {
    "farpoint.api.collect": ("attach", "explore", "runs"),
    "farpoint.api.executor": ("Executor",),
    "farpoint.api.gathering": ("as_completed", "wait"),
    "farpoint.api.remote": ("remote",),
    "farpoint.api.run": ("Run",),
    "farpoint.api.scan": ("Scan",),
    "farpoint.errors": ("CodeChanged", "FarpointError", "InsideRun", "RunFailed"),
    "farpoint.points": ("grid", "repeat", "sample", "zip"),
    "farpoint.runner.inside": ("checkpoint", "point", "progress", "record"),
    "farpoint.ui.scan_widget": ("ScanWidget",),
}
_WHERE = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> Any:
    if name == "testing":
        return import_module("farpoint.testing")
    if name not in _WHERE:
        raise AttributeError(f"module 'farpoint' has no attribute {name!r}")
    value = getattr(import_module(_WHERE[name]), name)
    globals()[name] = value
    if "farpoint.api.scan" in sys.modules:
        _show_scans()
    return value


def _show_scans() -> None:
    """Where this is a notebook, scans are displayed as widgets from now on: no `%load_ext` is needed for that."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if hasattr(shell, "kernel"):
        from farpoint.ui import display

        display.register(shell)


def __dir__() -> list[str]:
    return list(__all__)


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext farpoint`: `%%remote` and its kin; inside a run they work in place."""
    from farpoint.runner import inside

    if inside.running():
        inside.load_ipython_extension(shell)
    else:
        from farpoint.ui import magics

        magics.load(shell)
