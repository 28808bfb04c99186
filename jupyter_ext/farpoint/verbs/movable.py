"""A Python as one archive that runs wherever it is unpacked: CPython finds its library from its program's place.

Knows the files of an installed Python; must not know where the archive goes, nor why.
"""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from farpoint.verbs import elf

SYSTEMS = ("/usr", "/lib", "/lib64", "/etc", "/")  # a distribution's: its parts are where its packages put them
_LIBRARIES = ("/usr/lib", "/usr/lib64", "/lib", "/lib64")
_C = ("libc.so.", "libm.so.", "libdl.so.", "libpthread.so.", "librt.so.", "libutil.so.", "ld-")  # of each system
_FOLDERS = frozenset({"site-packages", "dist-packages", "__pycache__", "test", "tests", "idle_test"})
_ENDINGS = (".pyc", ".a", ".o", ".exe")
_HOME = "lib"  # where the shared libraries of its own are, in the archive

Files = dict[str, Path]  # name in the archive → the file that is there


def why_not(prefix: Path, minor: tuple[int, int]) -> str:
    """Why the Python installed in `prefix` cannot be moved; '' where it can.

    >>> why_not(Path("/usr"), (3, 11))
    "/usr is the distribution's, whose parts are not in one place"
    """
    if str(prefix) in SYSTEMS:
        return f"{prefix} is the distribution's, whose parts are not in one place"
    name = _name(minor)
    if not (prefix / "bin" / name).is_file():
        return f"{prefix} has no bin/{name}"
    if not any((prefix / folder / name / "os.py").is_file() for folder in ("lib", "lib64")):
        return f"{prefix} has no lib/{name}"
    return ""


def pack(prefix: Path, minor: tuple[int, int], target: Path) -> None:
    """Write the Python installed in `prefix` to the file `target`; the same Python gives the same bytes.

    Left out are packages, caches, test suites and static libraries. Shared libraries that it needs go with it, unless
    they are the system's own; programs that look for them in a place of this computer look beside themselves instead.
    """
    files = _files(prefix, _name(minor))
    with (
        target.open("wb") as raw,
        gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive,
    ):
        for name, data, runs in _moved(files, prefix):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o755 if runs else 0o644
            archive.addfile(member, io.BytesIO(data))


def _name(minor: tuple[int, int]) -> str:
    return f"python{minor[0]}.{minor[1]}"


def _files(prefix: Path, name: str) -> Files:
    found: Files = {f"bin/{name}": (prefix / "bin" / name).resolve()}
    for folder in (f"lib/{name}", f"lib64/{name}", f"include/{name}"):
        if folder.startswith("lib64") and (prefix / "lib64").is_symlink():
            continue  # another name of lib
        found.update(_below(prefix, folder))
    return found


def _below(prefix: Path, folder: str) -> Iterator[tuple[str, Path]]:
    for top, folders, names in os.walk(prefix / folder):
        folders[:] = [each for each in folders if each not in _FOLDERS and not each.startswith("config-")]
        for each in names:
            path = Path(top, each)
            if not each.endswith(_ENDINGS) and path.is_file():
                yield path.relative_to(prefix).as_posix(), path


def _moved(files: Files, prefix: Path) -> Iterator[tuple[str, bytes, bool]]:
    """Name, bytes and whether it is a program, of all files and of the libraries these need, in the order of names."""
    changed = dict[str, bytes]()
    waiting = [name for name in files if name.startswith("bin/") or ".so" in PurePosixPath(name).name]
    while waiting:
        name = waiting.pop()
        data = files[name].read_bytes()
        found = elf.libraries(data)
        if found is None:
            continue
        own = {f"{_HOME}/{each}": path for each in found.needed if (path := _own(each, found, files[name], prefix))}
        waiting += [each for each in own if each not in files]
        files.update({each: path for each, path in own.items() if each not in files})
        if own or any(_is_elsewhere(folder) for folder in found.folders):
            changed[name] = elf.looking_in(data, _way(name))
    for name, path in sorted(files.items()):
        yield name, changed.get(name) or path.read_bytes(), os.access(path, os.X_OK)


def _own(needed: str, found: elf.Libraries, source: Path, prefix: Path) -> Path | None:
    """The library of that name that is this Python's own; None where it is the system's, or not found."""
    if needed.startswith(_C):
        return None
    folders = [folder.replace("$ORIGIN", str(source.parent)) for folder in found.folders] + [str(prefix / _HOME)]
    for folder in folders:
        path = Path(folder, needed).resolve()
        if path.is_file():
            return None if str(path).startswith(tuple(f"{each}/" for each in _LIBRARIES)) else path
    return None


def _is_elsewhere(folder: str) -> bool:
    return folder.startswith("/") and not folder.startswith(_LIBRARIES)


def _way(name: str) -> str:
    """From the folder of a file of the archive to its libraries.

    >>> _way("lib/python3.11/lib-dynload/_ssl.so"), _way("bin/python3.11"), _way("lib/libz.so.1")
    ('$ORIGIN/../..', '$ORIGIN/../lib', '$ORIGIN')
    """
    way = os.path.relpath(f"/{_HOME}", f"/{PurePosixPath(name).parent}")
    return "$ORIGIN" if way == "." else f"$ORIGIN/{way}"
