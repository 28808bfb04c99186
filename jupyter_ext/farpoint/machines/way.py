"""The way to a machine: its transport and its sign-in.

Knows settings and transports; no scheduler and no verb.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from farpoint.errors import BadConfig
from farpoint.machines.base import Place
from farpoint.transports.base import Transport
from farpoint.transports.link import Link
from farpoint.transports.login import KEEP, Login, check_host
from farpoint.transports.pipe import Pipe
from farpoint.transports.ssh import Ssh

THERE = "~/.farpoint"  # the state folder on another computer


def link_to(place: Place, *, here: bool) -> Link:
    """The link to a machine's agent; `here`: the work itself runs on that computer."""
    config = place.config
    transport = place.choose("transport", config.transport or ("ssh" if config.host else "pipe"), _TRANSPORTS)
    statedir = config.statedir or (THERE if config.host else str(place.statedir))
    return Link(place.name, transport(place, here), statedir, config.workdir, keep=config.agent == "on")


def login_of(place: Place) -> Login | None:
    """The sign-in of a machine that has a host."""
    if not place.config.host:
        return None
    keep = KEEP if place.config.keep_login is None else place.config.keep_login
    beside = place.statedir.with_name(".ssh")  # machines of one host share it
    return Login(place.name, check_host(place.name, place.config.host), beside, keep)


def _pipe(place: Place, _: bool) -> Transport:
    return Pipe(place.config.python)


def _ssh(place: Place, here: bool) -> Transport:
    """Where the work itself runs on that computer, the agent does not step back: what it starts would do so too."""
    login = login_of(place)
    if login is None:
        raise BadConfig(f"machine {place.name!r} is reached by ssh, but has no host. Set host = to what ssh is told.")
    return Ssh(login, place.config.python, nice=0) if here else Ssh(login, place.config.python)


_TRANSPORTS: Mapping[str, Callable[[Place, bool], Transport]] = {"pipe": _pipe, "ssh": _ssh}
