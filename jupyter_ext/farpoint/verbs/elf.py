"""Where a program of Linux looks for its shared libraries: read from its bytes, and changed in them.

Knows the ELF format (elf(5)) as far as that needs; opens no file.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_NEEDED, _STRTAB, _RPATH, _RUNPATH = 1, 5, 15, 29  # tags of the dynamic section
_LOAD, _DYNAMIC = 1, 2  # kinds of segments


@dataclass(frozen=True, slots=True)
class Libraries:
    """The names of those it `needed`, and the folders it says to look in; their text is at `at`, `room` bytes long."""

    needed: tuple[str, ...]
    folders: tuple[str, ...] = ()
    at: int = 0
    room: int = 0


def libraries(data: bytes) -> Libraries | None:
    """What a program or library of 64 bits says; None where these bytes are none, or one without any.

    >>> libraries(b"#!/bin/sh") is None
    True
    """
    if data[:4] != b"\x7fELF" or data[4] != 2:
        return None
    order = "<" if data[5] == 1 else ">"
    try:
        return _read(data, order)
    except struct.error:
        return None  # cut short: whoever starts it will be told


def looking_in(data: bytes, folder: str) -> bytes:
    """The same program, looking in `folder` alone; as it is where it says no folder, or there is no room to say it."""
    found = libraries(data)
    new = folder.encode()
    if found is None or found.room < len(new):
        return data
    return data[: found.at] + new.ljust(found.room, b"\0") + data[found.at + found.room :]


def _read(data: bytes, order: str) -> Libraries | None:
    start, size, count = *struct.unpack_from(f"{order}Q", data, 0x20), *struct.unpack_from(f"{order}HH", data, 0x36)
    loaded, dynamic = list[tuple[int, int, int]](), None
    for number in range(count):
        at = start + number * size
        (kind,) = struct.unpack_from(f"{order}I", data, at)
        offset, address, _, length = struct.unpack_from(f"{order}QQQQ", data, at + 8)
        if kind == _LOAD:
            loaded.append((address, offset, length))
        elif kind == _DYNAMIC:
            dynamic = offset, length
    if dynamic is None:
        return None
    told = [struct.unpack_from(f"{order}qQ", data, dynamic[0] + at) for at in range(0, dynamic[1], 16)]
    texts = _in_file(next((value for tag, value in told if tag == _STRTAB), 0), loaded)
    needed = tuple(_text(data, texts + value).decode() for tag, value in told if tag == _NEEDED)
    by_tag = dict(told)
    where = by_tag.get(_RUNPATH, by_tag.get(_RPATH))  # where both are, the loader reads the first (ld.so(8))
    if where is None:
        return Libraries(needed)
    path = _text(data, texts + where)
    return Libraries(needed, tuple(filter(None, path.decode().split(":"))), texts + where, len(path))


def _in_file(address: int, loaded: list[tuple[int, int, int]]) -> int:
    return next((address - begin + at for begin, at, length in loaded if begin <= address < begin + length), address)


def _text(data: bytes, at: int) -> bytes:
    return data[at : data.index(b"\0", at)]
