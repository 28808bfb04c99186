"""The table of a page: every point and all its values, to sort, to filter and to go to a point from.

Knows rows and markup; table.js does the sorting.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from farpoint.api.axes import is_number
from farpoint.api.markup import Markup, element
from farpoint.api.show import state_words
from farpoint.api.summary import clean, seconds_of, short
from farpoint.model import RunRow
from farpoint.table import column_name, names_of, recorded, value


def section(rows: Sequence[RunRow]) -> Markup:
    """Every point; a click on a heading sorts, the field filters."""
    names = names_of(rows)
    found = [recorded(row) for row in rows]
    own = list(dict.fromkeys(name for each in found for name in each))
    ours = ["run_state", "run_seconds", "run_reason", "run_machine"]
    headers = ["point", *names, *(column_name(name, names) for name in own), *ours]
    lines: list[list[Any]] = [
        [
            row.number,
            *(value(row.parameters.get(name)) for name in names),
            *(each.get(name) for name in own),
            *(state_words(row), seconds_of(row), row.reason, row.machine),
        ]
        for row, each in zip(rows, found, strict=True)
    ]
    numeric = [all(each is None or is_number(each) for each in column) for column in zip(*lines, strict=True)]
    heads = [
        element("th", element("button", clean(name), type_="button"), scope="col", class_="n" if number else None)
        for name, number in zip(headers, numeric or [False] * len(headers), strict=True)
    ]
    body = [_line(row, line, numeric, headers.index("run_state")) for row, line in zip(rows, lines, strict=True)]
    filtering = element("input", type_="search", placeholder="filter", aria_label="filter the table")
    tools = element("div", element("h2", "Table"), filtering, class_="tools")
    table = element("table", element("thead", element("tr", heads)), element("tbody", body))
    return element("section", tools, element("div", table, class_="scroll"), class_="table")


def _line(row: RunRow, line: Sequence[Any], numeric: Sequence[bool], state: int) -> Markup:
    cells = []
    for column, each in enumerate(line):
        text = "" if each is None else short(each, 60)
        kind = "n" if numeric[column] else f"word state-{row.state}" if column == state else None
        exact = None if not numeric[column] else "" if each is None else repr(float(each))
        inside: object = text
        if column == 0:
            inside = element("button", text, type_="button", tabindex=-1, aria_label=f"go to point {text}")
        cells.append(element("td", inside, class_=kind, data_value=exact))
    return element("tr", cells, data_point=row.number)
