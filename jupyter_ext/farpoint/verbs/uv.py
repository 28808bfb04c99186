"""uv and pip of this side: where they are, one that runs there, and a Python that uv manages.

Knows their command lines; must not know what is built with them.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from farpoint.errors import BadInput, MachineError
from farpoint.machines import batch
from farpoint.runner import layout

FETCH = 180.0  # seconds a Python may take to come

Say = Callable[[str], None]


def here() -> Path:
    """The uv of this environment or of the PATH; BadInput says how to get one."""
    beside = Path(sys.prefix, "bin", "uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        raise BadInput("building an environment needs uv here: pip install 'farpoint[env]', or pip install uv.")
    return Path(found)


def send(machine: batch.Machine, survey: Mapping[str, Any], say: Say) -> str:
    """Put a uv that runs there; its digest."""
    with tempfile.TemporaryDirectory(prefix="farpoint-uv-") as folder:
        program = _for(survey, Path(folder))
        digest = layout.digest_file(str(program))
        if machine.send({digest: program}):
            say(f"uv sent ({program.stat().st_size / 1e6:.0f} MB)")
        return digest


def is_our_kind(survey: Mapping[str, Any]) -> bool:
    """Whether the other computer runs the programs of this one."""
    return (sys.platform, platform.machine()) == ("linux", survey["machine"])


def _for(survey: Mapping[str, Any], folder: Path) -> Path:
    """Ours where the other computer is of our kind, else the one in uv's wheel for its kind."""
    if is_our_kind(survey):
        return here()
    import zipfile

    with pip() as program:
        kinds = [f"--platform=manylinux2014_{survey['machine']}", f"--platform=manylinux_2_17_{survey['machine']}"]
        argv = [*program, "download", "--quiet", "--no-deps", "--only-binary=:all:", *kinds, "-d", str(folder), "uv"]
        if complaint(argv):
            raise MachineError(f"there is no uv for {survey['machine']}. Install uv there, and try again.")
    (wheel,) = folder.glob("uv-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        inner = next(name for name in archive.namelist() if name.endswith("/scripts/uv"))
        return Path(archive.extract(inner, folder))


@contextmanager
def pip() -> Iterator[list[str]]:
    """A command that is pip: this environment's own, else one that uv brings for the moment."""
    if not complaint([sys.executable, "-m", "pip", "--version"]):
        yield [sys.executable, "-m", "pip"]
        return
    yield [str(here()), "run", "--no-project", "--with", "pip", "python", "-m", "pip"]


def complaint(argv: Sequence[str]) -> str:
    """What a program said that failed; '' where it did not."""
    env = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(argv, check=False, capture_output=True, text=True, env=env, stdin=subprocess.DEVNULL)
    return "" if done.returncode == 0 else done.stderr.strip() or f"{argv[0]} ended with {done.returncode}"


def managed(minor: tuple[int, int], survey: Mapping[str, Any], folder: Path) -> Path | None:
    """Where a Python for the other computer is that uv manages here, or fetches into `folder` now; None without one.

    Such a Python is made to be moved (python-build-standalone).
    """
    try:
        program = here()
    except BadInput:
        return None
    version = f"{minor[0]}.{minor[1]}"
    if is_our_kind(survey):
        found = _said([program, "python", "find", "--no-project", version], UV_PYTHON_DOWNLOADS="never")
        if found:
            return Path(found).resolve().parent.parent
    kind = f"cpython-{version}-linux-{survey['machine']}-{'gnu' if survey['libc'] else 'musl'}"
    _said([program, "python", "install", kind], UV_PYTHON_INSTALL_DIR=str(folder), UV_PYTHON_INSTALL_BIN="0")
    whole = [path for path in folder.glob(f"cpython-{version}.*-linux-{survey['machine']}-*") if not path.is_symlink()]
    return max(whole, default=None)


def _said(argv: Sequence[str | Path], **more: str) -> str:
    """What uv printed; '' where it failed or took too long."""
    bounds = {"UV_HTTP_TIMEOUT": "15", "UV_HTTP_RETRIES": "1", "UV_NO_PROGRESS": "1"}
    env = {**os.environ, "UV_PYTHON_PREFERENCE": "only-managed", **bounds, **more}
    try:
        done = subprocess.run(
            argv, check=False, capture_output=True, text=True, env=env, stdin=subprocess.DEVNULL, timeout=FETCH
        )
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
