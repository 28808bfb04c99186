"""Whether the packages that code needs are in this environment: all that lack are told at once, before it runs.

Looks and imports nothing. Must not know what the code is.
"""

import os
import sys
from importlib.util import find_spec
from typing import Any, Iterable, List, Mapping

NOTEBOOK = ("nbformat", "nbclient", "ipykernel")  # what a notebook cannot run without


def lacking(names: Iterable[str], folder: str = ".") -> List[str]:
    """Those of the names that cannot be imported here, by code that runs in `folder`.

    >>> lacking(["json", "no_such_package"])
    ['no_such_package']
    """
    return [name for name in names if not (_found(name) or _beside(name, folder))]


def _found(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, AttributeError, ValueError):  # odd, but something of that name is there
        return True


def _beside(name: str, folder: str) -> bool:
    return os.path.isfile(os.path.join(folder, name + ".py")) or os.path.isdir(os.path.join(folder, name))


def told(names: List[str], spec: Mapping[str, Any]) -> str:
    """What lacks, where, and what to do about it.

    >>> told(["scipy"], {"machine": "hpc"}).partition(" has ")[2]
    'no scipy, which the code needs. `farpoint env hpc` builds an environment like yours there, environment= names one.'
    """
    machine = spec.get("machine") or "local"
    if set(names) <= set(NOTEBOOK):
        mend = "Install what is missing there (pip install %s), or name another environment." % " ".join(names)
    elif machine == "local":
        mend = "Install what is missing there, or name another Python by environment=."
    else:
        mend = "`farpoint env %s` builds an environment like yours there, environment= names one." % machine
    return "%s on %s has no %s, which the code needs. %s" % (
        sys.executable, os.uname().nodename, ", no ".join(names), mend,
    )  # fmt: skip
