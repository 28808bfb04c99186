"""A Python of this kernel's minor version for a machine that has none: fetched there, or sent from here, and tried.

Knows Pythons of this side and the agent's two verbs; must not know what is built on one.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from farpoint.machines import batch
from farpoint.project import Project
from farpoint.runner import layout
from farpoint.verbs import movable, uv
from farpoint.verbs.uv import Say

LOOK = 120.0


@dataclass(frozen=True, slots=True)
class Brought:
    """A `python` there and how it came, or None and why none did."""

    python: Mapping[str, Any] | None
    said: str


@dataclass(frozen=True, slots=True)
class _Own:
    """A Python of this side: where it is installed, and whose it is."""

    prefix: Path
    whose: str


def bring(
    project: Project, machine: batch.Machine, survey: Mapping[str, Any], uv_sent: str | None, say: Say, *, fetch: bool
) -> Brought:
    """One of this kernel's minor version, there. `fetch`: uv may get one there first; `uv_sent` is its digest."""
    minor = sys.version_info[:2]
    known = machine.call("brought", minor=minor, deadline=LOOK).value
    if known:
        return Brought(known, f"Python {_version(known)} that was brought before")
    if fetch:
        say(f"no Python {_dotted(minor)} there; uv looks for one")
        done = _call(machine, minor, uv=uv_sent)
        if done["python"]:
            size = done["size"] / 1e6
            return Brought(done["python"], f"Python {_version(done['python'])} fetched there by uv, {size:.0f} MB")
        say("it cannot fetch one; one goes from here")
    reasons = []
    for own in _of_here(project, minor, survey):
        reason = movable.why_not(own.prefix, minor)
        if not reason:
            found = _send(machine, own, minor, say)
            if found.python:
                return found
            reason = found.said
        reasons.append(f"{own.whose} cannot go there: {reason}")
    return Brought(None, "; ".join(reasons) or f"none of here can go there: it is another kind, {survey['machine']}")


def _of_here(project: Project, minor: tuple[int, int], survey: Mapping[str, Any]) -> Iterator[_Own]:
    """Those that may run there, the likeliest first."""
    managed = uv.managed(minor, survey, project.state / "pythons")
    if managed:
        yield _Own(managed, f"the Python {_dotted(minor)} that uv has here")
    if uv.is_our_kind(survey):
        yield _Own(Path(sys.base_prefix).resolve(), f"this kernel's Python {_dotted(sys.version_info[:3])}")


def _send(machine: batch.Machine, own: _Own, minor: tuple[int, int], say: Say) -> Brought:
    say(f"{own.whose} goes there ({own.prefix})")
    with tempfile.TemporaryDirectory(prefix="farpoint-python-") as folder:
        archive = Path(folder, "python.tar.gz")
        movable.pack(own.prefix, minor, archive)
        digest, size = layout.digest_file(str(archive)), f"{archive.stat().st_size / 1e6:.0f} MB"
        sent = machine.send({digest: archive})
    say(f"{size} sent" if sent else "it is there")
    done = _call(machine, minor, digest=digest)
    if done["python"] is None:
        return Brought(None, done["said"])
    return Brought(done["python"], f"Python {_version(done['python'])} sent from {own.prefix} here, {size}")


def _call(machine: batch.Machine, minor: tuple[int, int], **how: Any) -> Mapping[str, Any]:
    done: Mapping[str, Any] = machine.call(
        "bring", minor=minor, seconds=uv.FETCH, deadline=uv.FETCH + LOOK, **how
    ).value
    return done


def _version(python: Mapping[str, Any]) -> str:
    return _dotted(python["version"])


def _dotted(version: Any) -> str:
    return ".".join(map(str, version))
