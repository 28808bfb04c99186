"""The widget's ES modules as the one module text that a notebook's front end is given.

Knows files and the two forms of import and export that our modules use; a bundler's work in ten lines, at run time.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

# In this order each module comes after those that it imports.
ORDER = (
    "dom", "ask", "kernel", "theme", "form", "pixels", "flat", "parallel", "states", "table", "plot", "explore",
    "widget",
)  # fmt: skip
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./[a-z]+\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?function\*? |const |class )", re.MULTILINE)


def folder() -> Path:
    """Where the modules lie: in the installed package, else in the checkout it is installed from."""
    installed = Path(__file__).parent / "static"
    return installed if installed.is_dir() else Path(__file__).parents[3] / "js" / "widget"


@cache
def script() -> str:
    """All modules joined; only the last one's default export is left as an export."""
    texts = [(folder() / f"{name}.js").read_text("utf-8") for name in ORDER]
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", text)) for text in texts)


@cache
def style() -> str:
    """The style sheet."""
    return (folder() / "widget.css").read_text("utf-8")
