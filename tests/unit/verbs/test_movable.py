"""A Python as an archive: what is in it, that it is the same each time, and that its libraries are with it."""

from __future__ import annotations

import os
import sys
import tarfile
from pathlib import Path

import pytest

from clusters.pythons import pretended
from farpoint.verbs import elf, movable

HERE = sys.version_info[:2]
NAME = f"python{HERE[0]}.{HERE[1]}"


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    made = pretended(tmp_path / "py")
    lib = made / "lib" / NAME
    for left in ("site-packages/numpy", "__pycache__", "test", "unittest/test", "config-3-x86_64", "json", "ctypes"):
        (lib / left).mkdir(parents=True)
        (lib / left / "a.py").write_text("x = 1")
    for left in ("json/a.cpython.pyc", "libpython.a"):
        (lib / left).write_bytes(b"")
    (lib / "LICENSE").symlink_to(lib / "os.py")
    (made / "include" / NAME).mkdir(parents=True)
    (made / "include" / NAME / "Python.h").write_text("")
    return made


def names(archive: Path) -> list[str]:
    with tarfile.open(archive) as opened:
        members = opened.getmembers()
    assert all(member.isreg() and member.mtime == member.uid == 0 for member in members)
    return [member.name for member in members]


def test_what_is_in_it(prefix: Path, tmp_path: Path) -> None:
    movable.pack(prefix, HERE, tmp_path / "one.tar.gz")
    lib = f"lib/{NAME}"
    assert names(tmp_path / "one.tar.gz") == [
        f"bin/{NAME}", f"include/{NAME}/Python.h", f"{lib}/LICENSE", f"{lib}/ctypes/a.py", f"{lib}/json/a.py",
        f"{lib}/os.py",
    ]  # fmt: skip


def test_the_same_python_is_the_same_bytes(prefix: Path, tmp_path: Path) -> None:
    movable.pack(prefix, HERE, tmp_path / "one.tar.gz")
    os.utime(prefix / "bin" / NAME, (1, 1))
    movable.pack(prefix, HERE, tmp_path / "two.tar.gz")
    assert (tmp_path / "one.tar.gz").read_bytes() == (tmp_path / "two.tar.gz").read_bytes()


def test_libraries_that_are_its_own_go_with_it(prefix: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "a place elsewhere"
    elsewhere.mkdir()
    made = program_that_needs("libmine.so.1", elsewhere)
    (prefix / "lib" / NAME / "_mine.so").write_bytes(made)
    (elsewhere / "libmine.so.1").write_bytes(b"mine")
    movable.pack(prefix, HERE, tmp_path / "one.tar.gz")
    assert "lib/libmine.so.1" in names(tmp_path / "one.tar.gz")
    with tarfile.open(tmp_path / "one.tar.gz") as archive:
        file = archive.extractfile(f"lib/{NAME}/_mine.so")
        assert file is not None
        found = elf.libraries(file.read())
    assert found is not None
    assert found.folders == ("$ORIGIN/..",)


def program_that_needs(name: str, folder: Path) -> bytes:
    """An ELF library that needs another, of which it says where it is."""
    import struct

    texts = b"\0" + name.encode() + b"\0" + os.fsencode(folder) + b"\0"
    at = 64 + 2 * 56
    told = b"".join(struct.pack("<qQ", *each) for each in [(1, 1), (5, at), (29, 2 + len(name)), (0, 0)])
    header = (b"\x7fELF\x02\x01" + bytes(26) + struct.pack("<Q", 64)).ljust(54, b"\0") + struct.pack(
        "<5H", 56, 2, 0, 0, 0
    )
    load = struct.pack("<IIQQQQQQ", 1, 0, 0, 0, 0, at + len(texts), 0, 0)
    return header + load + struct.pack("<IIQQQQQQ", 2, 0, at + len(texts), 0, 0, len(told), 0, 0) + texts + told


@pytest.mark.parametrize("prefix_of_one", ["/usr", "/nowhere"])
def test_what_cannot_be_moved_says_why(prefix_of_one: str) -> None:
    assert prefix_of_one in movable.why_not(Path(prefix_of_one), HERE)


def test_what_can_be_moved(prefix: Path) -> None:
    assert movable.why_not(prefix, HERE) == ""
    assert "no bin/python3.1" in movable.why_not(prefix, (3, 1))
