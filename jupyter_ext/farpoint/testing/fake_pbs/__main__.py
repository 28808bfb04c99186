"""One program of the stand-in: `python -m farpoint.testing.fake_pbs qstat <folder> …`.

Only finds the command.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from farpoint.testing.fake_pbs import changing, looking, submitting
from farpoint.testing.fake_pbs.server import run

COMMANDS: dict[str, Callable[[Path, list[str]], None]] = {
    "run": lambda folder, words: run(folder, *words),
    "qsub": submitting.qsub,
    "qstat": looking.qstat,
    "qselect": looking.qselect,
    "pbsnodes": looking.pbsnodes,
    "qdel": changing.qdel,
    "qhold": changing.hold("u"),
    "qrls": changing.hold(""),
}

if __name__ == "__main__":
    COMMANDS[sys.argv[1]](Path(sys.argv[2]), sys.argv[3:])
