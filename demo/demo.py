"""The Gray–Scott map in 24 points on this computer: `make demo`.

Everything here is what anyone would write in a notebook; running it again finds the finished runs and repeats nothing.
"""

from pathlib import Path

import farpoint as fp

HERE = Path(__file__).parent
NOTEBOOK = HERE.parent / "notebooks" / "gray_scott.ipynb"
KILL = [0.051, 0.057, 0.061, 0.063]
FEED = [0.018, 0.022, 0.026, 0.034, 0.042, 0.058]


def main() -> None:
    print(f"Scanning {NOTEBOOK.name} at {len(KILL) * len(FEED)} points on this computer …", flush=True)
    scan = fp.Scan(NOTEBOOK, fp.grid(kill=KILL, feed=FEED), name="gray_scott")
    scan.submit()
    scan.wait()

    table = scan.table
    print(table[["kill", "feed", "pattern", "islands", "wavelength", "run_state", "run_seconds"]].to_string())

    sheet, page = HERE / "contact_sheet.png", HERE / "gray_scott.html"
    scan.contact_sheet(sheet, columns=len(FEED))
    scan.to_html(page)
    print(f"""
The map of patterns      {sheet}
An explorer to play with {page}   (open it in a browser; it needs nothing else)
Each point's notebook    {scan.folder}

Try next:
  make demo                                          run it again: everything is found, nothing is repeated
  .venv/bin/farpoint table gray_scott                the same table from a terminal
  edit KILL or FEED in demo/demo.py, make demo       only the new points run
  docs/getting-started.md                            the same with a notebook of your own""")


if __name__ == "__main__":
    main()
