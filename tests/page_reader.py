"""A reader of run folders made from docs/run-folder.md alone: it knows how tables look, not what they say."""

from __future__ import annotations

import json
import re
import zlib
from pathlib import Path
from typing import Any

PRIMITIVES = {
    "int": lambda value: type(value) is int,
    "number": lambda value: type(value) in (int, float),
    "text": lambda value: type(value) is str,
    "bool": lambda value: type(value) is bool,
    "null": lambda value: value is None,
    "object": lambda value: type(value) is dict,
    "typed": lambda value: True,  # looked into by Reader.typed
}


class NotOnThePage(Exception):
    """Something in a folder that no row of the page speaks of, or that is not as its row says."""


def rows(page: str, head: str) -> list[list[str]]:
    """The cells of all tables whose first column has this heading."""
    found: list[list[str]] = []
    table: list[str] | None = None  # the first cells of the table we are in
    for line in page.splitlines():
        cells = [cell.strip().replace("`", "") for cell in line.strip().strip("|").split(" |")]
        if not line.startswith("|"):
            table = None
        elif table is None:
            table = cells
        elif table[0] == head and not set(line) <= set("|- "):
            found.append(cells)
    return found


class Reader:
    """Strict: what no row allows is an error, although the page lets readers pass over what is new."""

    def __init__(self, page: str) -> None:
        self.primitives = {row[0] for row in rows(page, "type")}
        self.limits = {row[0]: int(row[1]) for row in rows(page, "limit")}
        self.files = {row[0]: row[1] for row in rows(page, "file")}
        self.objects: dict[str, dict[str, str]] = {}
        for name, field, kind, _ in rows(page, "object"):
            self.objects.setdefault(name, {})[field] = kind
        self.events = {row[0]: (row[1].split(", "), fields(row[2])) for row in rows(page, "event")}
        self.kinds = {row[0]: fields(row[1]) for row in rows(page, "kind")}

    def folder(self, folder: Path) -> dict[str, Any]:
        """What every file of a folder holds, by its name: documents, events or text."""
        names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
        return {name: self.file(folder, name) for name in names}

    def file(self, folder: Path, name: str) -> Any:
        pattern = next((pattern for pattern in self.files if re.fullmatch(as_regex(pattern), name)), None)
        if pattern is None:
            raise NotOnThePage(f"no row for a file {name}")
        holds, data = self.files[pattern], (folder / name).read_bytes()
        if holds.startswith("object "):
            document = json.loads(data)
            self.check(holds[len("object ") :].split(":")[0], document, name)
            return document
        if holds.startswith("events"):
            return self.journal(data, pattern.split("/")[-1].split(".")[0])
        return data.decode()

    def journal(self, data: bytes, file: str) -> list[dict[str, Any]]:
        found = []
        for piece in data[: data.rfind(b"\n") + 1].split(b"\n"):
            if len(piece) >= self.limits["line"] or not re.match(b"[0-9a-f]{8} ", piece):
                continue
            if int(piece[:8], 16) == zlib.crc32(piece[9:]):
                found.append(json.loads(piece[9:]))
                self.event(found[-1], file)
        return found

    def event(self, event: dict[str, Any], file: str) -> None:
        if event["e"] not in self.events:
            raise NotOnThePage(f"no row for the event {event['e']}")
        files, known = self.events[event["e"]]
        if file not in files:
            raise NotOnThePage(f"an event {event['e']} in {file}")
        self.fields({"e": "text", "t": "number", **known}, event, event["e"])

    def check(self, kind: str, value: Any, place: str) -> None:
        """NotOnThePage where a value is none of the types, given as the page writes them."""
        faults = []
        for choice in kind.split(" or "):
            try:
                return self.check_one(choice, value, place)
            except NotOnThePage as fault:
                faults.append(str(fault))
        raise NotOnThePage("; ".join(faults))

    def check_one(self, kind: str, value: Any, place: str) -> None:
        outer, _, inner = kind.partition(" of ")
        if outer in ("list", "map") and inner:
            if type(value) is not {"list": list, "map": dict}[outer]:
                raise NotOnThePage(f"{place} is no {kind}")
            for at, item in value.items() if outer == "map" else enumerate(value):
                self.check(inner, item, f"{place}.{at}")
        elif kind in self.primitives:
            if not PRIMITIVES[kind](value):
                raise NotOnThePage(f"{place} is no {kind}: {value!r}")
            if kind == "typed":
                self.typed(value, place)
        elif kind in self.objects:
            self.fields(self.objects[kind], value, place)
        elif kind != f'"{value}"':
            raise NotOnThePage(f"{place} is no {kind}: {value!r}")

    def fields(self, known: dict[str, str], value: Any, place: str) -> None:
        if type(value) is not dict:
            raise NotOnThePage(f"{place} is no object: {value!r}")
        missing = [name for name in known if not name.endswith("?") and name not in value]
        strange = [name for name in value if name not in known and name + "?" not in known]
        if missing or strange:
            raise NotOnThePage(f"{place} lacks {missing} or has unknown {strange}")
        for name, item in value.items():
            self.check(known.get(name) or known[name + "?"], item, f"{place}.{name}")

    def typed(self, value: Any, place: str) -> None:
        if type(value) is list:
            for at, item in enumerate(value):
                self.typed(item, f"{place}[{at}]")
        elif type(value) is dict and "$" not in value:
            for at, item in value.items():
                self.typed(item, f"{place}[{at!r}]")
        elif type(value) is dict:
            if value["$"] not in self.kinds:
                raise NotOnThePage(f"no row for the kind {value['$']} of {place}")
            self.fields({"$": "text", **self.kinds[value["$"]]}, value, place)


def fields(cell: str) -> dict[str, str]:
    """{"i": "int", "step?": "number or null"} of "i: int; step?: number or null"."""
    return {
        name.strip(): kind.strip()
        for name, _, kind in (part.partition(":") for part in cell.split(";"))
        if name.strip()
    }


def as_regex(pattern: str) -> str:
    return re.sub(r"<\w+>", "[0-9]+", pattern.replace(".", r"\."))
