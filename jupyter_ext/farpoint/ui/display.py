"""A scan as the output of a cell: live while the kernel is there, and a page that still works when it is gone.

Knows IPython's display; the widget and the page are made elsewhere.
"""

from __future__ import annotations

import sys
import weakref
from typing import TYPE_CHECKING, Any

from farpoint.api.markup import Markup, element
from farpoint.api.scan import Scan

if TYPE_CHECKING:
    from farpoint.ui.scan_widget import ScanWidget

MIME = "application/vnd.farpoint.scan+json"
STATIC = "farpoint-static"  # what stands in for the widget: widget.css hides it while the widget before it lives
GONE = "The kernel of this widget is gone. Run the cell again to have it back: nothing that was submitted is lost."
# Lab says "model not found", or that it is loading for ever, where a widget has no kernel: the other half of the rule.
_DEAD = (
    ".jp-OutputArea-child:has(> .lm-Panel):not(:has(.fpw:not(.jupyter-widgets-disconnected *)))"
    f":has(+ .jp-OutputArea-child .{STATIC})"
)
STYLE = Markup(
    f"{_DEAD}{{display:none}}.{STATIC}>p{{display:none}}{_DEAD} + .jp-OutputArea-child .{STATIC}>p{{display:block}}"
)

_widgets: weakref.WeakKeyDictionary[Scan, ScanWidget] = weakref.WeakKeyDictionary()


def register(shell: Any) -> None:
    """Have this IPython show scans and their widgets by `show` and `show_widget`."""
    formatter = shell.display_formatter.ipython_display_formatter
    formatter.for_type(Scan, show)
    formatter.for_type_by_name("farpoint.ui.scan_widget", "ScanWidget", show_widget)


def in_notebook() -> bool:
    """True where outputs reach a front end that may have widgets."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return hasattr(shell, "kernel")


def bundle(scan: Scan) -> dict[str, Any]:
    """The scan by its id, as the widget, as a table and as text: every front end takes the first that it knows."""
    told = {"format": 1, "project": scan.project.id, "root": str(scan.project.root), "scan": scan.name}
    return {MIME: told, **_view(widget(scan)), "text/html": scan._repr_html_(), "text/plain": repr(scan)}


def _view(widget: ScanWidget) -> dict[str, Any]:
    view: Any = widget._repr_mimebundle_() or {}
    return dict(view[0] if isinstance(view, tuple) else view)  # with metadata, in later versions


def widget(scan: Scan) -> ScanWidget:
    """The one widget of this Scan object."""
    from farpoint.ui.scan_widget import ScanWidget

    if scan not in _widgets:
        _widgets[scan] = ScanWidget(scan)
    _widgets[scan].follow()
    return _widgets[scan]


def show(scan: Scan) -> None:
    """Display a scan. Below the widget lies the static page, not seen while the widget lives; it is made anew whenever
    the last open point has ended, so that what is saved is whole.
    """
    if not in_notebook():
        print(repr(scan))
        return
    if not scan.asked and not len(scan):  # a selection of nothing has nothing to watch, and no form
        _publish({"text/html": scan._repr_html_(), "text/plain": repr(scan)})
        return
    _publish(bundle(scan))
    _publish_page(widget(scan))


def show_widget(widget: ScanWidget) -> None:
    """Display a widget: as a scan is, once something was submitted; before that, a sentence stands in for it."""
    if not in_notebook():
        print(repr(widget))
        return
    _publish(_view(widget))
    _publish_page(widget)


def _publish_page(widget: ScanWidget) -> None:
    given = {"transient": {"display_id": f"farpoint-{widget.project.new_run_id()}"}}

    def again() -> None:
        _publish(_page_of(widget), update=True, **given)

    _publish(_page_of(widget), **given)
    widget.when_over(again)


def _page_of(widget: ScanWidget) -> dict[str, str]:
    scan = widget.scan if widget.begun else None
    return {"text/html": str(page(scan)), "text/plain": ""}


def _publish(data: dict[str, Any], **given: Any) -> None:
    from IPython.display import publish_display_data

    publish: Any = publish_display_data  # it ships no types
    publish(data, **given)


def page(scan: Scan | None) -> Markup:
    """The static explorer in a frame of its own, where its script can reach nothing else of the notebook; without a
    scan, words that are seen where the widget ought to be.
    """
    inside = element("p", GONE) if scan is None else scan.explorer().frame
    return element("div", element("style", STYLE), inside, class_=STATIC)
