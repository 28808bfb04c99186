"""A real kernel that a test types into, as a notebook does."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Said:
    """What came of one cell."""

    text: str = ""
    errors: str = ""
    data: list[dict[str, Any]] = field(default_factory=list)
    error: tuple[str, str, str] | None = None  # name, value, traceback

    @property
    def shown(self) -> str:
        """The text of the last thing that was displayed."""
        return str(self.data[-1].get("text/plain", "")) if self.data else ""

    def kinds(self) -> set[str]:
        return {kind for each in self.data for kind in each}


class Kernel:
    """A kernel in a folder."""

    def __init__(self, folder: Path, state: Path, **environment: str) -> None:
        from jupyter_client.kernelspec import KernelSpecManager
        from jupyter_client.manager import KernelManager

        specs = KernelSpecManager()
        specs.kernel_dirs = []
        self.manager = KernelManager(kernel_name="python3", kernel_spec_manager=specs)
        env = {**os.environ, "FARPOINT_STATE": str(state), "IPYTHONDIR": str(state / "ipython"), **environment}
        self.manager.start_kernel(cwd=str(folder), env=env)
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def send(self, code: str, **metadata: Any) -> str:
        """Type a cell and do not wait for it."""
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "stop_on_error": True}
        message = self.client.session.msg("execute_request", {**content, "allow_stdin": False}, metadata=metadata)
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def heard(self, asked: str, timeout: float = 90, until: str | None = None) -> Said:
        """All that came of a cell, up to its end, or until it printed some text."""
        said = Said()
        deadline = time.monotonic() + timeout
        while True:
            message = self.client.get_iopub_msg(timeout=max(0.1, deadline - time.monotonic()))
            if message["parent_header"].get("msg_id") != asked:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                return said
            _note(said, kind, content)
            if until is not None and until in said.text:
                return said

    def run(self, code: str, timeout: float = 90, **metadata: Any) -> Said:
        return self.heard(self.send(code, **metadata), timeout)

    def kill(self) -> None:
        """SIGKILL, and nothing is tidied up."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def _note(said: Said, kind: str, content: dict[str, Any]) -> None:
    if kind == "stream" and content["name"] == "stdout":
        said.text += content["text"]
    elif kind == "stream":
        said.errors += content["text"]
    elif kind in ("display_data", "execute_result"):
        said.data.append(content["data"])
    elif kind == "error":
        said.error = (content["ename"], content["evalue"], "\n".join(content["traceback"]))


@contextmanager
def kernel(folder: Path, state: Path, **environment: str) -> Iterator[Kernel]:
    """A kernel that is gone afterwards, with more in its environment."""
    (folder / ".git").mkdir(parents=True, exist_ok=True)
    state.mkdir(parents=True, exist_ok=True)
    made = Kernel(folder, state, **environment)
    try:
        yield made
    finally:
        made.kill()
