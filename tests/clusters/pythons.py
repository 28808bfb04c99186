"""Pythons and an environment that another user of this computer can read: the far side's, which knows no farpoint.

Trees are linked to where they are on the same disk, else copied; knows neither ssh nor farpoint.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path

LEFT_OUT = shutil.ignore_patterns("test", "tests", "idlelib", "__pycache__", "*.a", "farpoint*", "_farpoint*", "*.pth")


PRETENDED = """\
#!/bin/sh
[ -z "{complaint}" ] || {{ echo "$0: {complaint}" >&2; exit 127; }}
case "$*" in
*farpoint-brought*) echo "farpoint-brought {minor} $(cd "$(dirname "$0")/.." && pwd -P)" ;;
*) echo 'farpoint-python {{"path": "'"$0"'", "real": "'"$0"'", "version": {version}, "prefix": "/", "has": []}}' ;;
esac
"""


def open_to_all(path: Path) -> bool:
    """Whether every folder above lets everybody through."""
    return all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents)


def readable(prefix: Path, target: Path) -> Path:
    """A Python's tree that everybody can use: the given one where everybody can, else `target`, made from it."""
    if open_to_all(prefix / "bin" / "python3"):
        return prefix
    _copy(prefix, target, symlinks=True)
    for program in (target / "bin").glob("python3.*"):
        if program.is_file() and not program.is_symlink():
            _find_library_beside(program, prefix)
    return target


def another() -> Path:
    """The tree of a Python from 3.6 on that is not our minor version, the oldest there is; ours if there is none."""
    found = dict(sorted((_version(prefix), prefix) for prefix in _prefixes()))
    others = [prefix for version, prefix in found.items() if (3, 6) <= version != sys.version_info[:2]]
    return others[0] if others else Path(sys.base_prefix)


def environment(folder: Path) -> Path:
    """The Python of an environment of our minor version with all that ours has, but farpoint itself."""
    base = readable(Path(sys.base_prefix), folder / "base")
    python = base / "bin" / f"python3.{sys.version_info.minor}"
    made = folder / "environment"
    subprocess.run([python, "-m", "venv", "--without-pip", made], check=True)
    names = {"base": str(made), "platbase": str(made), "installed_base": str(base)}
    for kind in ("purelib", "data"):
        source = Path(sysconfig.get_path(kind)) if kind == "purelib" else Path(sys.prefix) / "share" / "jupyter"
        target = Path(sysconfig.get_path(kind, vars=names)) if kind == "purelib" else made / "share" / "jupyter"
        if source.is_dir():
            _copy(source, target)
    return made / "bin" / "python"


def pretended(prefix: Path, complaint: str = "") -> Path:
    """A tree that looks like a Python of our minor version and answers as one, or complains as its loader would."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for folder in ("bin", f"lib/{name}"):
        (prefix / folder).mkdir(parents=True)
    (prefix / "lib" / name / "os.py").write_text("")
    program = prefix / "bin" / name
    version = list(sys.version_info[:3])
    program.write_text(PRETENDED.format(complaint=complaint, version=version, minor=f"{version[0]}.{version[1]}"))
    program.chmod(0o755)
    return prefix


def _prefixes() -> Iterator[Path]:
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    yield from versions.glob("3.*")
    yield Path("/usr")


def _version(prefix: Path) -> tuple[int, int]:
    """(major, minor) of a tree; (0, 0) where there is no Python in it."""
    try:
        asked = "import sys; print(*sys.version_info[:2])"
        said = subprocess.run([prefix / "bin" / "python3", "-I", "-S", "-c", asked], capture_output=True, check=False)
        major, minor = said.stdout.split()
        return int(major), int(minor)
    except (OSError, ValueError):
        return 0, 0


def _copy(source: Path, target: Path, *, symlinks: bool = False) -> None:
    shutil.copytree(
        source, target, symlinks=symlinks, ignore=LEFT_OUT, copy_function=_linker(), dirs_exist_ok=True,
        ignore_dangling_symlinks=True,
    )  # fmt: skip
    for folder, _, _ in os.walk(target):
        os.chmod(folder, 0o755)


def _linker() -> Callable[[str, str], object]:
    def link(source: str, target: str) -> object:
        try:
            if os.stat(source).st_mode & 0o004 and not os.path.islink(source):
                return os.link(source, target)
        except OSError:
            pass  # another disk
        copied = shutil.copy2(source, target)
        os.chmod(copied, os.stat(copied).st_mode | 0o444)
        return copied

    return link


def _find_library_beside(program: Path, prefix: Path) -> None:
    """A program that looks for its library where only its owner can look is told to look in its own tree."""
    data = program.read_bytes()
    old = os.fsencode(prefix / "lib") + b"\0"
    new = b"$ORIGIN/../lib".ljust(len(old), b"\0")
    program.unlink()  # it may be a link to the original
    program.write_bytes(data.replace(old, new) if len(new) == len(old) else data)
    program.chmod(0o755)
