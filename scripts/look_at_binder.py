"""A visitor's look at what `replay_binder.sh` left: the badge's page in a browser, every cell run, a picture of it.

look_at_binder.py <folder> [picture]
"""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import browser  # the tests' browser and server: what a visitor sees is what they test
import lab

ROOT = Path(__file__).parents[1]
PATIENCE = 180_000  # milliseconds: what is not done in three minutes is too much for a visitor
NOT_THEIRS = ("FARPOINT_", "JUPYTER_", "VIRTUAL_ENV")


def main(folder: str, picture: str = "binder.png") -> None:
    made = Path(folder).resolve()
    home, port = made / "home", lab.free_port()
    env = {name: each for name, each in os.environ.items() if not name.startswith(NOT_THEIRS)}
    env |= {"HOME": str(home), "PATH": f"{made}/env/bin:{env['PATH']}", "XDG_STATE_HOME": f"{home}/.local/state"}
    argv = ["./binder/start", "jupyter", "lab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    argv += ["--IdentityProvider.token=", f"--ServerApp.root_dir={home}"]
    url = f"http://127.0.0.1:{port}"
    with lab.started(argv, home, url, made / "lab.log", env=env), browser.chromium() as chromium:
        page = chromium.new_context(viewport={"width": 1280, "height": 1500}).new_page()
        faults: list[str] = []
        page.on("pageerror", lambda fault: faults.append(str(fault)))
        page.goto(f"{url}/{opened()}")
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
        begun = time.monotonic()
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        page.locator(".fpw-legend", has_text="16 COMPLETED").wait_for(timeout=PATIENCE)
        took = time.monotonic() - begun
        page.locator(".fpw-tabs").last.get_by_role("tab", name="Plot").click()
        page.locator("canvas.fpw-plot[aria-label]").last.wait_for(timeout=30_000)
        page.locator(".fpw").last.scroll_into_view_if_needed()
        page.screenshot(path=picture)
    if faults:
        sys.exit("\n".join(faults))
    print(f"A visitor's browser saw the scans and the widget {took:.0f} s after Run All; {picture} shows it.")


def opened() -> str:
    """What the README's badge opens."""
    (url,) = set(re.findall(r"https://mybinder\.org/v2/[^)\s]+", (ROOT / "README.md").read_text()))
    return parse_qs(urlsplit(url).query)["urlpath"][0]


if __name__ == "__main__":
    main(*sys.argv[1:])
