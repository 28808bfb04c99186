"""Makes docs/images/widget.png from the real thing: notebooks/gray_scott.ipynb scanned in a real JupyterLab.

python scripts/widget_picture.py [docs/images/widget.png]
"""

import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from PIL import Image

import browser  # the tests' browser and server: what is on the picture is what they test
import lab

ROOT = Path(__file__).parents[1]
CELL = """import farpoint as fp

scan = fp.Scan("gray_scott.ipynb", fp.grid(kill=[0.057, 0.061, 0.063], feed=[0.026, 0.034, 0.042, 0.058]))
scan.submit()
scan"""


def main(target: Path = ROOT / "docs" / "images" / "widget.png") -> None:
    with tempfile.TemporaryDirectory() as name, browser.chromium() as chromium:
        folder = Path(name)
        shutil.copy(ROOT / "notebooks" / "gray_scott.ipynb", folder)
        lab.write_cells(folder / "patterns.ipynb", CELL)
        with lab.jupyter(folder) as server:
            page = chromium.new_context(viewport={"width": 1080, "height": 1250}, device_scale_factor=1.5).new_page()
            page.goto(f"{server.url}/lab/tree/patterns.ipynb")
            page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
            page.keyboard.press("Control+b")  # the file browser is of no interest
            page.locator(".jp-Cell .cm-content").first.click()
            page.keyboard.press("Shift+Enter")
            page.locator('.fpw-bar[aria-valuenow="100"]').wait_for(timeout=900_000)
            page.locator(".fpw-tabs").get_by_role("tab", name="Explore").click()
            for axis, steps in (("kill", 1), ("feed", 2)):
                for _ in range(steps):
                    page.get_by_role("slider", name=axis).press("ArrowRight")
            page.locator(".fpw-stage img").wait_for(timeout=60_000)
            page.get_by_role("button", name="Contact sheet").click()
            page.locator(".fpw-tile img").nth(11).wait_for(timeout=60_000)
            page.locator(".jp-Notebook .jp-Cell").first.screenshot(path=target)
    _shrink(target)
    print(f"{target}: {target.stat().st_size // 1024} KiB")


def _shrink(path: Path) -> None:
    picture = Image.open(path).convert("RGB")
    small = picture.resize((1100, round(picture.height * 1100 / picture.width)), Image.Resampling.LANCZOS)
    small.quantize(200, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
