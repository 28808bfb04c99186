"""Fixtures `chromium` and `tab`: a real browser for tests of what is seen. Without one they skip; in CI they fail."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

import browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for the tests of a file; it is gone when the next file's begin."""
    why = browser.lacking()
    if why and os.environ.get("CI") == "true":
        pytest.fail(why)
    if why:
        pytest.skip(why)
    with browser.chromium() as found:
        yield found


@pytest.fixture
def tab(chromium: Browser) -> Iterator[browser.Tab]:
    """A page without network; the test fails if it complains of anything."""
    with browser.tab(chromium) as made:
        yield made
