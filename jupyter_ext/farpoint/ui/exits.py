"""What the command line's exit codes mean, and how a fault is told: one clear message, no traceback.

Knows errors and streams; no project, no run.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import click

from farpoint import errors
from farpoint.ui import words

WELL, BADLY, WRONG, PAUSED, UNKNOWN, OURS, CUT, PIPE = 0, 1, 2, 3, 4, 70, 130, 141

MEANING = (
    (WELL, "all is well"),
    (BADLY, "a point FAILED or is LOST, or the doctor found something"),
    (WRONG, "something given cannot be used; nothing was sent"),
    (PAUSED, "a machine does not answer; its work is paused, not lost"),
    (UNKNOWN, "there is no scan, run or machine of that name"),
    (OURS, "a fault of farpoint itself"),
    (CUT, "interrupted; the work goes on"),
)


def debugging() -> bool:
    """True where the user wants tracebacks."""
    return os.environ.get("FARPOINT_DEBUG", "") not in ("", "0")


def code_of(fault: BaseException) -> int:
    """The exit code that a fault ends a command with."""
    if isinstance(fault, click.exceptions.Exit | click.ClickException):
        return fault.exit_code
    if isinstance(fault, KeyboardInterrupt | click.Abort):
        return CUT
    if isinstance(fault, errors.NotFound):
        return UNKNOWN
    if isinstance(fault, errors.Unreachable | errors.MachineError | errors.StoreError):
        return PAUSED
    if isinstance(fault, errors.RunFailed):
        return BADLY
    if isinstance(fault, BrokenPipeError):
        return PIPE
    return WRONG if isinstance(fault, errors.FarpointError | OSError) else OURS


def report(fault: BaseException, *, as_json: bool = False) -> int:
    """Tell a fault on stderr, and on stdout too where JSON is awaited there; its exit code."""
    code = code_of(fault)
    if isinstance(fault, click.exceptions.Exit):
        return code
    if code == PIPE:
        # Whoever read our output has gone; nothing more can be said there, not even by the interpreter's last flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return code
    message = message_of(fault)
    if as_json and code != CUT:
        told = {"error": {"type": type(fault).__name__, "message": message}, "exit": code}
        click.echo(json.dumps(told, ensure_ascii=False))
    if isinstance(fault, click.ClickException):
        fault.show()
    else:
        click.echo(f"Error: {message}" if code != CUT else message, err=True)
    return code


def message_of(fault: BaseException) -> str:
    """What went wrong, and the mend, in the command line's words."""
    if isinstance(fault, click.ClickException):
        return fault.format_message()
    if isinstance(fault, KeyboardInterrupt | click.Abort):
        return "interrupted; work that was handed over goes on (farpoint ls shows it)"
    if isinstance(fault, errors.FarpointError):
        return words.of_fault(fault)
    if isinstance(fault, OSError):
        said = fault.strerror or str(fault)
        return f"{fault.filename}: {said}" if fault.filename else said
    return f"farpoint met a fault of its own: {type(fault).__name__}: {fault}. FARPOINT_DEBUG=1 shows where."


def of_states(states: Any, *, paused: bool = False) -> int:
    """The exit code of a command that tells how points stand."""
    if any(state in ("FAILED", "LOST") for state in states):
        return BADLY
    return PAUSED if paused else WELL
