"""The kernel a notebook runs in: which one, how it is started, what became of it.

Knows jupyter_client; must not know parameters, events or what a notebook holds.
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
from typing import Any, Optional

from . import leaving

OWN = "python3"  # always this environment's Python


class Refused(Exception):
    """The notebook cannot run in this environment; the message says why and the mend."""


def language_of(metadata: Any) -> str:
    """The language a notebook says it is written in; '' where it does not.

    >>> language_of({"kernelspec": {"name": "ir", "language": "R"}})
    'r'
    """
    spoken = metadata.get("language_info", {}).get("name") or metadata.get("kernelspec", {}).get("language") or ""
    return str(spoken).lower()


def refuse_foreign(metadata: Any) -> None:
    """Refused for a notebook in another language than Python."""
    language = language_of(metadata)
    if language not in ("", "python", "python3", "ipython"):
        raise Refused(
            "the notebook is written in %r; farpoint runs Python notebooks only. Run it with papermill." % language
        )


def name_of(metadata: Any, asked: Optional[str]) -> str:
    """The kernel that a notebook runs in: the one it names where there is one here, else our own."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    name = asked or metadata.get("kernelspec", {}).get("name") or OWN
    try:
        if name != OWN:
            KernelSpecManager().get_kernel_spec(name)
    except NoSuchKernel:
        return OWN
    return str(name)


def manager(metadata: Any, asked: Optional[str], folder: str) -> Any:
    """A kernel manager for the notebook: the kernel it names where there is one here, else this environment's Python.

    `python3` is always this environment's own: a kernel of that name in the user's home may be any Python.
    """
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager

    name = name_of(metadata, asked)
    specs = KernelSpecManager()
    if name != OWN:
        refuse_foreign({"kernelspec": {"language": specs.get_kernel_spec(name).language}})
    else:
        specs.kernel_dirs = []
        _need_ipykernel()
    made = AsyncKernelManager(kernel_name=name, kernel_spec_manager=specs)
    _meet_in(folder, made)
    _hear_all(made.context)
    return made


def _need_ipykernel() -> None:
    try:
        import ipykernel.kernelspec  # noqa: F401 -- asked for its presence
    except ImportError:
        raise Refused(
            "%s has no ipykernel. Install it there (pip install ipykernel), or name another environment."
            % sys.executable
        ) from None


def _meet_in(folder: str, made: Any) -> None:
    """Talk over sockets in the run's folder: ports found free may be taken again before the kernel binds them."""
    made.connection_file = os.path.join(folder, "kernel.json")
    meeting = os.path.relpath(os.path.join(folder, "kernel"))  # relative: a socket's path has room for 107 bytes
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.bind(meeting)
        os.unlink(meeting)
    except OSError:
        return  # not every disk can hold a socket; ports are the other way
    made.transport, made.ip = "ipc", meeting


def _hear_all(context: Any) -> None:
    """Let messages wait: past a thousand of them ZMQ drops, without a word, what a busy notebook prints."""
    import zmq

    context.setsockopt(zmq.RCVHWM, leaving.WAITING)


def keep_in_session() -> None:
    """Make kernels start in this process's session, so that ending the session ends them and all they started.

    jupyter_client gives every kernel a session of its own, in which it would outlive a run that is killed.
    """
    from jupyter_client import launcher

    popen = subprocess.Popen
    die = _dies_with_parent()

    def apart() -> None:
        os.setpgid(0, 0)  # a group of its own: what jupyter_client kills is a group
        die()

    def start(command: Any, **options: Any) -> Any:
        options.update(start_new_session=False, preexec_fn=apart)
        return popen(command, **options)

    setattr(launcher, "Popen", start)  # noqa: B010 -- not a name that launcher exports


def _dies_with_parent() -> Any:
    """A function that makes the calling process die with its parent, where the system can do that."""
    try:
        prctl = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return lambda: None
    return lambda: prctl(1, int(signal.SIGKILL))  # PR_SET_PDEATHSIG


def process_of(made: Any) -> Any:
    """The kernel's process (a Popen); None where the manager does not tell."""
    provisioner = getattr(made, "provisioner", None)
    return getattr(provisioner, "process", None) if provisioner is not None else getattr(made, "kernel", None)


def wait(process: Any, seconds: float) -> Optional[int]:
    """The exit status of a process once it has ended; None where it has not in time, or is not known."""
    try:
        return None if process is None else int(process.wait(timeout=seconds))
    except (subprocess.TimeoutExpired, TypeError, ValueError):
        return None


def how_it_ended(status: Optional[int]) -> str:
    """An exit status as a reason.

    >>> how_it_ended(-9), how_it_ended(3), how_it_ended(None)
    ('killed by signal 9', 'exit code 3', 'exception')
    """
    if status is None:
        return "exception"
    return "killed by signal %d" % -status if status < 0 else "exit code %d" % status
