"""A host for the widget's module without a kernel: the page talks to a ScanWidget of this very process.

The model in the page has the interface that anywidget gives: get, set, save_changes, send, on and off.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from clusters.daemons import until
from farpoint.ui import modules
from farpoint.ui.scan_widget import ScanWidget

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

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
    window.hear(JSON.parse(await window.farpointAsk(JSON.stringify(content))));
  },
  on: (name, call) => (calls[name] ??= []).push(call),
  off: (name, call) => { calls[name] = (calls[name] || []).filter((each) => each !== call); },
};
window.hear = (told) => {
  window.take(told.state);
  told.said.forEach(({ content, buffers }) => fire("msg:custom", content, buffers.map(bytes)));
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
        """Tell the page what changed here, and what was answered late."""
        self.page.evaluate("(told) => window.hear(told)", self._told())

    def seen(self, what: Locator) -> None:
        """Go on telling the page what is new until this can be seen."""

        def there() -> bool:
            self.push()
            return what.is_visible()

        until(there, f"{what} is visible")

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
        return json.dumps(self._told())

    def _told(self) -> dict[str, Any]:
        said, self._said = self._said, []
        texts = [(content, [base64.b64encode(each).decode() for each in buffers]) for content, buffers in said]
        return {"said": [{"content": content, "buffers": told} for content, told in texts], "state": self._changed()}

    def _set(self, text: str) -> str:
        for name, value in json.loads(text).items():
            setattr(self.widget, name, value)
            self._known[name] = json.dumps(_plain(value))
        return json.dumps(self._changed())


def _plain(value: Any) -> Any:
    return {"$bytes": base64.b64encode(value).decode()} if isinstance(value, bytes) else value
