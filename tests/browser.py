"""A real Chromium for tests of what is seen: without network, and strict about everything a page complains of.

The fixtures are in plugins/browser.py.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# No sandbox: it needs rights that root in a container does not have. Nothing is asked of anybody's servers.
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--force-color-profile=srgb",
]  # fmt: skip
NAMES = ("chromium", "chromium-browser", "google-chrome")


def executable() -> str | None:
    """The browser of this computer, or the one FARPOINT_CHROMIUM names."""
    return os.environ.get("FARPOINT_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


def lacking() -> str:
    """Why there can be no browser here; empty where there can."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "playwright is not installed (it is in the dependency group `test`)"
    names = ", ".join(NAMES)
    return "" if executable() else f"there is no browser here ({names}): install one, or name it in FARPOINT_CHROMIUM"


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser that is gone afterwards. No asyncio.run can be called in this thread meanwhile."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Tab:
    """A page, and all it complained of or asked a network for."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def open(self, path: Path) -> Page:
        """Open a file from disk."""
        self.page.goto(path.resolve().as_uri())
        return self.page


@contextmanager
def tab(
    browser: Browser, *, dark: bool = False, width: int = 1280, height: int = 900, offline: bool = True
) -> Iterator[Tab]:
    """A page of its own. Afterwards AssertionError where a script failed, the console held an error or a dialog opened,
    and, where it is offline, if anything but a file or a data URI was asked for.
    """
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", offline=offline
    )
    made = Tab(context.new_page())
    note = made.complaints.append
    made.page.on("pageerror", lambda fault: note(f"script error: {fault}"))
    made.page.on("console", lambda said: note(f"console: {said.text}") if said.type in ("error", "warning") else None)
    made.page.on("dialog", lambda box: (note(f"dialog: {box.message}"), box.dismiss()))
    if offline:
        own = ("file:", "data:", "about:")
        made.page.on("request", lambda asked: None if asked.url.startswith(own) else note(f"asked for {asked.url}"))
    try:
        yield made
    finally:
        context.close()
    assert not made.complaints, "\n".join(made.complaints)
