"""A real JupyterLab (or another front end of the same kernels) on loopback, for tests of what is seen in a notebook."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
START = 60.0  # seconds a server may take


def write_cells(path: Path, *sources: str) -> Path:
    """A notebook of these code cells, never run."""
    cells = [
        {"cell_type": "code", "id": f"cell{n}", "metadata": {}, "source": text, "outputs": [], "execution_count": None}
        for n, text in enumerate(sources)
    ]
    path.write_text(
        json.dumps({"cells": cells, "metadata": {"kernelspec": KERNEL}, "nbformat": 4, "nbformat_minor": 5})
    )
    return path


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass
class Server:
    """A server that runs, and where."""

    url: str
    folder: Path
    process: subprocess.Popen[bytes]

    def ask(self, path: str, method: str = "GET") -> Any:
        """Something of its REST interface."""
        request = urllib.request.Request(f"{self.url}/{path}", method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def end_kernels(self) -> None:
        """Kill every kernel, as an administrator would."""
        for kernel in self.ask("api/kernels"):
            self.ask(f"api/kernels/{kernel['id']}", "DELETE")


def environment(folder: Path) -> dict[str, str]:
    """One in which nothing of this user's Jupyter is seen, and our commands are found."""
    own = {
        name: str(folder / ".jupyter" / name.lower())
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "FARPOINT_STATE")
    }
    return {**os.environ, **own, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


@contextmanager
def started(
    argv: list[str], folder: Path, url: str, log: Path, path: str = "api", env: dict[str, str] | None = None
) -> Iterator[Server]:
    """Start a server in a folder, wait until it answers at `path`, and end it afterwards, with its kernels."""
    with log.open("wb") as out:
        process = subprocess.Popen(argv, cwd=folder, env=env or environment(folder), stdout=out, stderr=out)
    try:
        _answers(f"{url}/{path}", process, log)
        yield Server(url, folder, process)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
        process.wait()


def _answers(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    pause = Event()
    for _ in range(int(START / 0.2)):
        assert process.poll() is None, log.read_text()
        with suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            urllib.request.urlopen(url, timeout=20).read()
            return
        pause.wait(0.2)
    raise AssertionError(f"the server did not answer in {START:g} s: {log.read_text()}")


@contextmanager
def jupyter(folder: Path, app: str = "lab") -> Iterator[Server]:
    """JupyterLab, or `notebook` for Notebook 7, without token, on loopback only."""
    port = free_port()
    flags = [
        "--no-browser", "--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token=",
        "--allow-root", "--ServerApp.disable_check_xsrf=True", f"--ServerApp.root_dir={folder}",
    ]  # fmt: skip
    settings = folder / ".jupyter" / "jupyter_config_dir" / "lab" / "user-settings" / "@jupyterlab"
    quiet = settings / "apputils-extension" / "notification.jupyterlab-settings"
    quiet.parent.mkdir(parents=True)
    quiet.write_text('{"fetchNews": "false", "checkForUpdates": false}')
    argv = [sys.executable, "-m", "jupyter", app, *flags]
    with started(argv, folder, f"http://127.0.0.1:{port}", folder / f"{app}.log") as server:
        yield server
