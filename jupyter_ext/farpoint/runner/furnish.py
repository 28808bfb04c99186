"""An environment built here from what was sent: uv, wheels and a list; whole and under its key, or not at all.

Knows files and uv; which packages it is to hold is decided on the other side.
"""

import os
import shutil
import time
from typing import Any, Dict, List, Mapping, Optional

from . import command, deliver, guard, layout, login, pythons

READY = "farpoint.json"  # written last: an environment that has it is whole
STALE = 3600.0  # seconds after which whoever was building must have been ended
_OFFLINE = ("--offline", "--no-index")

Request = Mapping[str, Any]


def look(statedir: str, key: str, names: List[str]) -> Optional[Dict[str, Any]]:
    """The Python of the environment of that key, as `pythons.ask` tells it; None where there is none that is whole."""
    folder = _folder(statedir, key)
    if not os.path.exists(os.path.join(folder, READY)):
        return None
    return pythons.ask([os.path.join(folder, "bin", "python")], names)


def build(statedir: str, blobs: deliver.Blobs, request: Request) -> Dict[str, Any]:
    """{"ok", "said", "python"}: an environment of `base` with the `requirements`, by the wheels sent or by an index.

    `wheels` says file name → digest of what was put; without them, packages come from the index that uv knows here.
    """
    folder, names = _folder(statedir, request["key"]), list(request["names"])
    known = look(statedir, request["key"], names)
    if known:
        return {"ok": True, "said": "", "python": known}
    layout.make_private(os.path.dirname(folder))
    with _Alone(folder + ".building"):
        shutil.rmtree(folder, ignore_errors=True)
        said = _make(statedir, folder, blobs, request)
        if said:
            shutil.rmtree(folder, ignore_errors=True)
            return {"ok": False, "said": said, "python": None}
        layout.put_json(os.path.join(folder, READY), {"format": 1, "requirements": list(request["requirements"])})
    return {"ok": True, "said": "", "python": look(statedir, request["key"], names)}


def _make(statedir: str, folder: str, blobs: deliver.Blobs, request: Request) -> str:
    """Why it could not be made, '' where it is."""
    uv = uv_program(statedir, blobs, request.get("uv"))
    if uv is None:
        return "there is no uv"
    env = dict(os.environ, UV_PYTHON_DOWNLOADS="never", UV_LINK_MODE="copy", UV_NO_PROGRESS="1", UV_NO_CONFIG="1")
    if request["wheels"] is None:
        del env["UV_NO_CONFIG"]  # an index of the site's own may be set there
    env["UV_CACHE_DIR"] = cache = folder + ".cache"
    env["UV_HTTP_TIMEOUT"] = "15"
    try:
        said = ran([uv, "venv", "--python", request["base"], folder], env, request["seconds"])
        return said or _install(uv, folder, blobs, request, env)
    finally:
        shutil.rmtree(cache, ignore_errors=True)


def _install(uv: str, folder: str, blobs: deliver.Blobs, request: Request, env: Mapping[str, str]) -> str:
    listed = os.path.join(folder, "requirements.txt")
    layout.put(listed, "\n".join(list(request["requirements"]) + [""]).encode("utf-8"))
    argv = [uv, "pip", "install", "--python", os.path.join(folder, "bin", "python"), "-r", listed]
    if request["exact"]:
        argv.append("--no-deps")
    wheels = os.path.join(folder, "wheels")
    if request["wheels"] is not None:
        layout.make_private(wheels)
        for name, digest in request["wheels"].items():
            os.symlink(blobs.path(digest), os.path.join(wheels, guard.relative(name)))
        argv += list(_OFFLINE) + ["--find-links", wheels]
    try:
        return ran(argv, env, request["seconds"])
    finally:
        shutil.rmtree(wheels, ignore_errors=True)


def uv_program(statedir: str, blobs: deliver.Blobs, digest: Optional[str]) -> Optional[str]:
    """The uv that was sent, else one that is here."""
    if digest is None:
        return shutil.which("uv") or shutil.which("uv", path=login.environment().get("PATH", ""))
    folder = os.path.join(statedir, "environments")
    program = os.path.join(folder, "uv-" + guard.sha256(digest)[:16])
    if not os.path.exists(program):
        layout.make_private(folder)
        beside = "%s.%d.part" % (program, os.getpid())
        shutil.copyfile(blobs.path(digest), beside)
        os.chmod(beside, 0o700)
        os.rename(beside, program)
    return program


def ran(argv: List[str], env: Mapping[str, str], seconds: float) -> str:
    """Why the program failed, '' where it did not."""
    done = command.run(argv, seconds, env=env)
    if done["exit"] == 0:
        return ""
    if done["exit"] is None:
        return "%s did not end in %g s" % (os.path.basename(argv[0]), seconds)
    return str(done["stderr"] or done["stdout"]).strip()[-1500:] or "%s ended with %s" % (argv[0], done["exit"])


def _folder(statedir: str, key: str) -> str:
    name = guard.relative(key)
    if "/" in name:
        raise guard.Refused("%r is no name for an environment" % (key,))
    return os.path.join(statedir, "environments", name)


class _Alone:
    """Nobody else builds meanwhile; one who was killed is not waited for."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        mine = layout.dump({"host": os.uname().nodename, "pid": os.getpid(), "t": time.time()})
        if layout.link_exclusive(self._path, mine):
            return
        if time.time() - os.stat(self._path).st_mtime < STALE:
            raise guard.Refused("somebody is building this environment just now (%s). Ask again later" % self._path)
        os.unlink(self._path)
        self.__enter__()

    def __exit__(self, *_: object) -> None:
        os.unlink(self._path)
