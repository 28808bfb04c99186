"""Where a program looks for its libraries: read from a program made by hand and from a real one, and changed."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

from farpoint.verbs import elf

ADDRESS = 0x10000


def program(path: str = "/home/me/py/lib", tag: int = 29, order: str = "<") -> bytes:
    """A program of one segment that needs libpython and looks in `path`."""
    texts = b"\0libpython3.so\0" + path.encode() + b"\0"
    at = 64 + 2 * 56
    dynamic = [(1, 1), (5, ADDRESS + at), (tag, 15), (0, 0)]
    told = b"".join(struct.pack(f"{order}qQ", *each) for each in dynamic)
    header = b"\x7fELF" + bytes([2, 1 if order == "<" else 2]) + bytes(10) + bytes(16) + struct.pack(f"{order}Q", 64)
    header += bytes(64 - len(header) - 10) + struct.pack(f"{order}HHHHH", 56, 2, 0, 0, 0)
    load = struct.pack(f"{order}IIQQQQQQ", 1, 0, 0, ADDRESS, 0, at + len(texts), 0, 0)
    segment = struct.pack(f"{order}IIQQQQQQ", 2, 0, at + len(texts), ADDRESS + at + len(texts), 0, len(told), 0, 0)
    return header + load + segment + texts + told


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("tag", [15, 29])
def test_read(order: str, tag: int) -> None:
    found = elf.libraries(program("/a/lib:$ORIGIN/../lib", tag, order))
    assert found is not None
    assert (found.needed, found.folders) == (("libpython3.so",), ("/a/lib", "$ORIGIN/../lib"))


def test_changed_in_its_place() -> None:
    before = program()
    after = elf.looking_in(before, "$ORIGIN/../lib")
    found = elf.libraries(after)
    assert found is not None
    assert (found.needed, found.folders) == (("libpython3.so",), ("$ORIGIN/../lib",))
    assert len(after) == len(before)
    assert sum(a != b for a, b in zip(after, before, strict=True)) <= len("/home/me/py/lib")


def test_without_room_it_stays_as_it_is() -> None:
    before = program("/py/lib")
    assert elf.looking_in(before, "$ORIGIN/../lib") == before


@pytest.mark.parametrize("data", [b"", b"#!/bin/sh\n", program()[:70], b"\x7fELF\x01\x01" + bytes(60)])
def test_what_is_no_such_program(data: bytes) -> None:
    assert elf.libraries(data) is None
    assert elf.looking_in(data, "$ORIGIN") == data


def test_a_real_one() -> None:
    found = elf.libraries(Path(sys.executable).resolve().read_bytes())
    assert found is not None
    assert any(name.startswith(("libc.", "libc-", "libSystem")) for name in found.needed)
