"""A host for the widget's module without a kernel: the page talks to a ScanWidget of this very process.

The model in the page has the interface that anywidget gives: get, set, save_changes, send, on and off.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from farpoint.ui import modules
from farpoint.ui.scan_widget import ScanWidget

if TYPE_CHECKING:
    from playwright.sync_api import Page

PAGE = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>widget</title><style>%s</style></head>
<body><main><h1>A page with the widget</h1><div id="place"></div></main></body></html>"""
HOST = """
const bytes = (text) => new DataView(Uint8Array.from(atob(text), (each) => each.charCodeAt(0)).buffer);
const read = (value) => (value && value.$bytes !== undefined ? bytes(value.$bytes) : value);
const calls = {};
const state = {};
const own = new Set();
const fire = (name, ...given) => (calls[name] || []).forEach((call) => call(...given));
window.drawn = 0;
window.model = {
  get: (name) => state[name],
  set: (name, value) => { state[name] = value; own.add(name); fire(`change:${name}`); },
  save_changes: async () => {
    const changed = Object.fromEntries([...own].map((name) => [name, state[name]]));
    own.clear();
    window.take(JSON.parse(await window.farpointSet(JSON.stringify(changed))));
  },
  send: async (content) => {
    const told = JSON.parse(await window.farpointAsk(JSON.stringify(content)));
    window.take(told.state);
    fire("msg:custom", told.content, told.buffers.map(bytes));
  },
  on: (name, call) => (calls[name] ??= []).push(call),
  off: (name, call) => { calls[name] = (calls[name] || []).filter((each) => each !== call); },
};
window.take = (changes) => {
  for (const [name, value] of Object.entries(changes)) {
    if (own.has(name)) continue; // what the page has just set is newer
    state[name] = read(value);
    fire(`change:${name}`);
  }
};
"""


class Host:
    """A page with one widget in it."""

    def __init__(self, page: Page, widget: ScanWidget) -> None:
        self.page = page
        self.widget = widget
        self._known: dict[str, str] = {}
        self._said: list[tuple[Any, list[bytes]]] = []
        widget.send = lambda content, buffers=None: self._said.append((content, buffers or []))  # type: ignore[method-assign]
        page.expose_function("farpointAsk", self._ask)
        page.expose_function("farpointSet", self._set)
        page.set_content(PAGE % modules.style())
        page.add_script_tag(content=HOST)
        self.push()
        text = modules.script().replace(
            "export default { render };",
            "window.end = render({ model: window.model, el: document.querySelector('#place') });",
        )
        page.add_script_tag(content=text, type="module")
        page.locator(".fpw").wait_for()

    def push(self) -> None:
        """Tell the page what changed here."""
        self.page.evaluate("(changes) => window.take(changes)", self._changed())

    def view(self, name: str) -> None:
        """Open one of the tabs."""
        self.page.locator(".fpw-tabs").get_by_role("tab", name=name).click()

    def _changed(self) -> dict[str, Any]:
        changed = {}
        for name in ScanWidget.class_own_traits(sync=True):
            if not name.startswith("_"):
                value = _plain(getattr(self.widget, name))
                text = json.dumps(value)
                if self._known.get(name) != text:
                    changed[name], self._known[name] = value, text
        return changed

    def _ask(self, text: str) -> str:
        self.widget._handle_custom_msg(json.loads(text), [])
        content, buffers = self._said.pop()
        told = [base64.b64encode(each).decode() for each in buffers]
        return json.dumps({"content": content, "buffers": told, "state": self._changed()})

    def _set(self, text: str) -> str:
        for name, value in json.loads(text).items():
            setattr(self.widget, name, value)
            self._known[name] = json.dumps(_plain(value))
        return json.dumps(self._changed())


def _plain(value: Any) -> Any:
    return {"$bytes": base64.b64encode(value).decode()} if isinstance(value, bytes) else value
