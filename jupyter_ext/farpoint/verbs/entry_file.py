"""Putting new text into a farpoint.toml: read as settings first, whole or not at all.

Knows one file; what the text says is made elsewhere.
"""

from __future__ import annotations

from pathlib import Path

from farpoint.config import load


def replace(path: Path, text: str) -> None:
    """Put the new text, if it can be read as settings; the old file otherwise stays as it was."""
    real = path.resolve()
    real.parent.mkdir(parents=True, exist_ok=True)
    beside = real.with_name(f".{real.name}.new")
    try:
        beside.write_text(text, encoding="utf-8")
        load(user=beside)
        if real.exists():
            beside.chmod(real.stat().st_mode & 0o777)
        beside.replace(real)
    finally:
        beside.unlink(missing_ok=True)
