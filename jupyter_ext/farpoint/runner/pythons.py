"""Every Python of at least 3.6 on this computer that a user could run code with, also behind `module avail`.

Starts each once, for a bounded time; which one is taken is decided by others.
"""

import glob
import json
import os
import re
import shutil
import time
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from . import command

Python = Dict[str, Any]

OLDEST = (3, 6)
EACH = 10.0  # seconds one of them may take to say what it is
MODULES = 6  # that many modules are loaded to see what is in them
_PROGRAM = re.compile(r"python(3(\.[0-9]+)?)?\Z")
_PLACES = (
    "/usr/bin", "/usr/local/bin", "/opt/*/bin", "/opt/conda/envs/*/bin", "~/.local/bin", "~/.pyenv/versions/*/bin",
    "~/*conda3/bin", "~/*conda3/envs/*/bin", "~/*forge*/bin", "~/*forge*/envs/*/bin", "~/.conda/envs/*/bin",
    "~/.local/share/uv/python/*/bin", "~/.virtualenvs/*/bin", "~/venv/bin", "~/.venv/bin",
)  # fmt: skip
_MODULE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+/-]*\Z")
_OF_PYTHON = re.compile(r"(?i)(^|/)(c?python|anaconda|(mini|micro)?conda|(mini|mamba)forge|mamba)[0-9]*(/|-|$)")
_MARK = "farpoint-python "

# Run by each candidate: an older one than 3.6 fails in it, which is an answer too.
_ASK = """
import importlib.util, json, os, sys
has = [name for name in sys.argv[1:] if importlib.util.find_spec(name)]
told = {"path": sys.executable, "version": list(sys.version_info[:3]), "prefix": sys.prefix, "has": has}
told["real"] = os.path.realpath(sys.executable)
print("\\nfarpoint-python " + json.dumps(told))
"""


def find(search: str, names: Sequence[str], seconds: float, also: Iterable[str] = ()) -> List[Python]:
    """Those on the PATH `search`, in the usual places, behind modules, and those of `also`; the ones named first first.

    Each says path, version, prefix, which of the modules `names` it has, and `module`, the one to load for it. After
    `seconds` no other is asked.
    """
    until = time.monotonic() + seconds
    found: Dict[Tuple[str, str], Python] = {}
    for path in _candidates(search, also):
        if time.monotonic() > until:
            break
        _keep(found, ask([path], names), "")
    for module in _modules(until):
        if time.monotonic() > until:
            break
        inside = 'module load %s >/dev/null 2>&1 && exec python3 "$@"' % module
        _keep(found, ask(["bash", "-l", "-c", inside, "bash"], names), module)
    return list(found.values())


def ask(argv: Sequence[str], names: Sequence[str], env: Optional[Mapping[str, str]] = None) -> Optional[Python]:
    """What the Python started by `argv` is; None where it is none, too old, or does not say in time.

    >>> import sys
    >>> ask([sys.executable], ["json", "no_such_module"])["has"]
    ['json']
    """
    done = command.run(list(argv) + ["-c", _ASK] + list(names), EACH, env=env)
    _, mark, said = done["stdout"].rpartition(_MARK)
    if not mark or done["exit"] != 0:
        return None
    told: Python = json.loads(said)
    return told if tuple(told["version"][:2]) >= OLDEST and told["path"] else None


def _keep(found: Dict[Tuple[str, str], Python], told: Optional[Python], module: str) -> None:
    if told:
        key = (os.path.realpath(told["path"]), told["prefix"])
        found.setdefault(key, dict(told, module=module))


def _candidates(search: str, also: Iterable[str]) -> List[str]:
    """Paths of programs, one for each program and environment there is."""
    listed = list(also)
    for folder in search.split(os.pathsep) + _expanded() + _conda():
        names = [name for name in _listed(folder) if _PROGRAM.match(name)]
        listed += [os.path.join(folder, name) for name in sorted(names, reverse=True)]
    found: Dict[Tuple[str, str], str] = {}
    for path in listed:
        if os.access(path, os.X_OK) and os.path.isfile(path):
            found.setdefault((os.path.realpath(path), _environment(path)), path)
    return list(found.values())


def _environment(path: str) -> str:
    """The virtual environment a program belongs to: the same file is another Python there."""
    above = os.path.dirname(os.path.dirname(os.path.abspath(path)))
    return above if os.path.exists(os.path.join(above, "pyvenv.cfg")) else ""


def _expanded() -> List[str]:
    return [path for place in _PLACES for path in sorted(glob.glob(os.path.expanduser(place)))]


def _conda() -> List[str]:
    """conda writes every environment it makes into one file."""
    try:
        with open(os.path.expanduser("~/.conda/environments.txt"), "rb") as file:
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    return [os.path.join(line.strip(), "bin") for line in lines if line.strip()]


def _listed(folder: str) -> List[str]:
    try:
        return os.listdir(folder) if os.path.isabs(folder) else []
    except OSError:
        return []


def _modules(until: float) -> List[str]:
    """Environment modules that may hold a Python, the newest first; [] where there are no modules."""
    left = until - time.monotonic()
    if left <= 0 or not shutil.which("bash"):
        return []
    done = command.run(["bash", "-l", "-c", "module -t avail 2>&1"], min(left, 2 * EACH))
    return sorted(set(modules(done["stdout"])), key=_newness, reverse=True)[:MODULES] if done["exit"] == 0 else []


def modules(said: str) -> List[str]:
    """The names that `module -t avail` printed and that sound like a Python.

    >>> modules("/opt/modules:\\npython/3.11.4(default)\\ngcc/12\\nanaconda3/2023.09\\nlang/Python/3.10\\n")
    ['python/3.11.4', 'anaconda3/2023.09', 'lang/Python/3.10']
    """
    names = [re.sub(r"(\([^)]*\)|<[^>]*>)+$", "", line.strip()) for line in said.splitlines()]
    return [name for name in names if _MODULE.match(name) and not name.endswith("/") and _OF_PYTHON.search(name)]


def _newness(name: str) -> List[Tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"([0-9]+)", name)]
