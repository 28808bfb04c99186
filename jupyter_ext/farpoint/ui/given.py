"""Points from what the command line was given: -p NAME=VALUES, --zip, --points FILE; and files from --file.

Knows texts and paths; no project and no notebook.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from farpoint.errors import BadInput, BadPoints
from farpoint.points import Points, as_points, grid, parse_axis
from farpoint.points import zip as side_by_side


def points(parameters: Sequence[str], *, coupled: bool, file: Path | None) -> Points | None:
    """The points asked for; None for a notebook as it is. Points of a file are combined with every one of -p's."""
    axes = dict(map(axis, parameters))
    if len(axes) < len(parameters):
        names = [text.partition("=")[0].strip() for text in parameters]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadPoints(f"-p {twice} is given twice. Write all its values in one: -p {twice}=1,2,3")
    if coupled and not axes:
        raise BadPoints("--zip puts the values of several -p side by side, and there is no -p.")
    made = (side_by_side if coupled else grid)(**axes) if axes else None
    if file is None:
        return made
    read = as_points(rows(file))
    return read if made is None else read * made


def axis(text: str) -> tuple[str, list[Any]]:
    """NAME=VALUES of one -p.

    >>> axis("feed=0.02:0.06:3")
    ('feed', [0.02, 0.04, 0.06])
    """
    name, sign, written = text.partition("=")
    name = name.strip()
    if not sign or not name:
        raise BadPoints(f"-p {text!r} is not NAME=VALUES: write -p x=1,2,3 or -p x=0:1:11")
    try:
        return name, parse_axis(written)
    except BadPoints as fault:
        raise BadPoints(f"-p {name}: {fault}") from fault


def rows(file: Path) -> list[dict[str, Any]]:
    """The lines of a table: CSV with a line of names, or a JSON list of objects."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as fault:
        raise BadInput(f"--points {str(file)!r} cannot be read: {fault}") from fault
    found = _from_json(file, text) if file.suffix == ".json" else _from_csv(file, text)
    if not found:
        raise BadPoints(f"--points {str(file)!r} has no points: one line of names, then one line a point.")
    return found


def _from_json(file: Path, text: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(text)
    except ValueError as fault:
        raise BadPoints(f"--points {str(file)!r} is not JSON: {fault}") from fault
    if not isinstance(found, list):
        raise BadPoints(f'--points {str(file)!r} is not a list of objects, such as [{{"x": 1}}, {{"x": 2}}].')
    return found


def _from_csv(file: Path, text: str) -> list[dict[str, Any]]:
    lines = [line for line in csv.reader(text.splitlines(keepends=True), skipinitialspace=True) if line]
    names = [name.strip() for name in lines[0]] if lines else []
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise BadPoints(f"--points {str(file)!r} has two columns {twice!r}: a point has each parameter once.")
    for number, line in enumerate(lines[1:], start=2):
        if len(line) != len(names):
            raise BadPoints(f"--points {str(file)!r}, line {number}: {len(line)} values for {len(names)} names.")
    columns = [_column(file, name, [line[at] for line in lines[1:]]) for at, name in enumerate(names)]
    return [dict(zip(names, line, strict=True)) for line in zip(*columns, strict=True)]


def _column(file: Path, name: str, cells: list[str]) -> list[Any]:
    """The values of a column; whole numbers among others become floats, so that a column has one type."""
    found = []
    for number, cell in enumerate(cells, start=2):
        try:
            found.append(read(cell))
        except BadPoints as fault:
            raise BadPoints(f"--points {str(file)!r}, line {number}, {name}: {fault}") from fault
    return [float(each) for each in found] if {type(each) for each in found} == {int, float} else found


def read(cell: str) -> Any:
    """One value as -p reads it, except that commas and colons are text.

    >>> read("0.5"), read("true"), read("12:30"), read("[1, 2]")
    (0.5, True, '12:30', [1, 2])
    """
    text = cell.strip()
    if not text:
        raise BadPoints("there is no value. Every point needs one in every column.")
    if text[0] in "[{(":
        return parse_axis(f"[{text}]")[0]
    return text if "," in text or ":" in text else parse_axis(text)[0]


def files(named: Sequence[str], notebook: Path) -> dict[str, str]:
    """--file NAME=PATH or PATH. Relative paths are seen from here, and kept as the notebook's folder sees them."""
    found = {}
    for text in named:
        name, sign, path = text.partition("=")
        path = path if sign else name
        if not name:
            raise BadInput(f"--file {text!r} is not NAME=PATH: write --file input.json=meshes/07.json")
        if path and not Path(path).expanduser().is_absolute():
            path = os.path.relpath(path, notebook.absolute().parent)
        found[name if sign or not Path(name).is_absolute() else Path(name).name] = str(path)
    return found
