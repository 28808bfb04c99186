"""A scan as the output of a cell: live while the kernel is there, and a page that still works when it is gone.

Knows IPython's display; the widget and the page are made elsewhere.
"""

from __future__ import annotations

import sys
import weakref
from typing import TYPE_CHECKING, Any

from farpoint.api.markup import element
from farpoint.api.scan import Scan

if TYPE_CHECKING:
    from farpoint.ui.scan_widget import ScanWidget

MIME = "application/vnd.farpoint.scan+json"
STATIC = "farpoint-static"  # the class by which the living widget finds the page that it stands in for

_widgets: weakref.WeakKeyDictionary[Scan, ScanWidget] = weakref.WeakKeyDictionary()


def register(shell: Any) -> None:
    """Have this IPython show scans by `show`."""
    shell.display_formatter.ipython_display_formatter.for_type(Scan, show)


def in_notebook() -> bool:
    """True where outputs reach a front end that may have widgets."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return hasattr(shell, "kernel")


def bundle(scan: Scan) -> dict[str, Any]:
    """The scan by its id, as the widget, as a table and as text: every front end takes the first that it knows."""
    told = {"format": 1, "project": scan.project.id, "root": str(scan.project.root), "scan": scan.name}
    view: Any = widget(scan)._repr_mimebundle_() or {}
    shown = view[0] if isinstance(view, tuple) else view  # with metadata, in later versions
    return {MIME: told, **shown, "text/html": scan._repr_html_(), "text/plain": repr(scan)}


def widget(scan: Scan) -> ScanWidget:
    """The one widget of this Scan object."""
    from farpoint.ui.scan_widget import ScanWidget

    if scan not in _widgets:
        _widgets[scan] = ScanWidget(scan)
    return _widgets[scan]


def show(scan: Scan) -> None:
    """Display a scan. Below the widget lies the static page, not seen while the widget lives; it is made anew when the
    last point has ended, so that what is saved is whole.
    """
    if not in_notebook():
        print(repr(scan))
        return
    _publish(bundle(scan))
    name = f"farpoint-{scan.project.new_run_id()}"
    _publish_page(scan, name, update=False)
    if any(not state.final for state in scan.standing().values()):
        widget(scan).when_over(lambda: _publish_page(scan, name, update=True))


def _publish_page(scan: Scan, name: str, *, update: bool) -> None:
    _publish({"text/html": str(page(scan)), "text/plain": ""}, transient={"display_id": name}, update=update)


def _publish(data: dict[str, Any], **given: Any) -> None:
    from IPython.display import publish_display_data

    publish: Any = publish_display_data  # it ships no types
    publish(data, **given)


def page(scan: Scan) -> Any:
    """The static explorer in a frame of its own, where its script can reach nothing else of the notebook."""
    return element("div", scan.explorer().frame, class_=STATIC)
