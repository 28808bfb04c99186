"""A user's desk: a folder with a small notebook, a state folder of its own, and fresh Python processes to work in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def notebook(parameters: str, *cells: str) -> dict[str, Any]:
    """A notebook whose first cell is tagged `parameters`."""
    made = [_cell(parameters, ["parameters"]), *(_cell(source, []) for source in cells)]
    return {"cells": made, "metadata": {"kernelspec": KERNEL}, "nbformat": 4, "nbformat_minor": 5}


def _cell(source: str, tags: list[str]) -> dict[str, Any]:
    text = textwrap.dedent(source).strip()
    return {
        "cell_type": "code", "id": f"c{abs(hash(text)) % 10**8}", "metadata": {"tags": tags}, "source": text,
        "outputs": [], "execution_count": None,
    }  # fmt: skip


@dataclass
class Desk:
    """One user's folder and state."""

    folder: Path

    @property
    def project(self) -> Path:
        """The project's folder."""
        return self.folder / "project"

    def write(self, made: dict[str, Any], name: str = "task.ipynb") -> Path:
        """Save a notebook in the project."""
        self.project.mkdir(exist_ok=True)
        path = self.project / name
        path.write_text(json.dumps(made))
        return path

    def settings(self, text: str) -> None:
        """Write farpoint.toml."""
        self.project.mkdir(exist_ok=True)
        (self.project / "farpoint.toml").write_text(textwrap.dedent(text))

    def start(self, code: str, **environment: str) -> subprocess.Popen[str]:
        """A fresh Python process running `code` in the project."""
        self.project.mkdir(exist_ok=True)
        env = {**os.environ, "FARPOINT_STATE": str(self.folder / "state"), **environment}
        return subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code)], cwd=self.project, env=env, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, code: str, timeout: float = 240, **environment: str) -> str:
        """What a fresh process printed; its error if it failed. One that takes too long is ended and shown."""
        process = self.start(code, **environment)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            pytest.fail("took more than {} s: {} {}".format(timeout, *process.communicate()))
        assert process.returncode == 0, err
        return out

    def effects(self, name: str = "effects.txt") -> list[str]:
        """Lines the runs appended to a file of the project, one per effect."""
        path = self.project / name
        return path.read_text().split() if path.exists() else []
