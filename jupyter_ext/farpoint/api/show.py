"""How scans and runs look when a cell ends with them: text and HTML.

Knows rows and the present time only: no network, no prompt, and not where anything lies.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from farpoint.api.markup import Markup, element
from farpoint.api.summary import (
    COLOURS,
    caption,
    cause,
    clean,
    counts,
    failures,
    headline,
    seconds_of,
    short,
    span,
    waits,
)
from farpoint.model import RunRow, State
from farpoint.table import column_name, names_of, recorded, value

_STYLE = """
.fp{font-size:13px;line-height:1.45;max-width:100%}
.fp .fp-head{margin:2px 0 6px}
.fp .fp-head b{font-weight:600}
.fp .fp-bar{display:flex;height:8px;border-radius:4px;overflow:hidden;max-width:640px;margin:0 0 8px;
 background:rgba(128,128,128,.18)}
.fp .fp-bar span{display:block;height:100%}
.fp table{border-collapse:collapse;font-size:inherit;color:inherit;margin:4px 0;border:0;
 font-variant-numeric:tabular-nums}
.fp .fp-wrap{overflow-x:auto}
.fp th,.fp td{padding:2px 10px;text-align:left;white-space:nowrap;background:none;
 border:0;border-bottom:1px solid rgba(128,128,128,.2)}
.fp th{font-weight:600;opacity:.75}
.fp .fp-n{text-align:right}
.fp .fp-note{opacity:.75;margin:4px 0}
.fp .fp-stuck{margin:2px 0 6px;padding-left:10px;border-left:3px solid #c99a2e}
.fp .fp-bad{margin:6px 0 2px}
.fp .fp-bad div{padding-left:10px;border-left:3px solid #d9484f;margin:2px 0}
.fp pre{max-height:22em;overflow:auto;margin:4px 0;padding:8px;border-radius:4px;font-size:12px;
 background:rgba(128,128,128,.1)}
.fp .fp-pics{display:flex;flex-wrap:wrap;gap:8px;margin:6px 0}
.fp figure{margin:0;width:150px}
.fp figure img{width:150px;height:110px;object-fit:contain;background:#fff;border-radius:4px;
 border:1px solid rgba(128,128,128,.25)}
.fp figcaption{font-size:11px;opacity:.8;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
"""


@dataclass(frozen=True, slots=True)
class View:
    """All that is needed to show a scan: nothing here is looked up anywhere."""

    title: str
    rows: Sequence[RunRow]
    now: float
    names: Sequence[str] | None = None
    troubles: Sequence[str] = ()  # what keeps it from going on
    messages: Sequence[str] = ()
    pictures: Mapping[int, str] = field(default_factory=dict)  # point number → data URI


@dataclass(frozen=True, slots=True)
class Sheet:
    """Some rows as short texts: `states` colours a line, `gap` is the line before which rows were left out."""

    headers: list[str]
    lines: list[list[str]]
    numeric: list[bool]
    states: list[State]
    gap: int | None


def sheet(rows: Sequence[RunRow], names: Sequence[str] | None = None, limit: int = 12) -> Sheet:
    """The first and last rows as texts: parameters, recorded values, and how each run stands."""
    head = limit if len(rows) <= limit else limit - limit // 3
    shown = list(rows[:head]) + (list(rows[head - limit :]) if len(rows) > limit else [])
    names = names_of(rows) if names is None else names
    found = [recorded(row) for row in shown]
    own = list(dict.fromkeys(name for each in found for name in each))
    tail = ["run_state", "run_seconds"] + (["run_reason"] if any(row.reason for row in shown) else [])
    cells: list[list[Any]] = []
    for row, values in zip(shown, found, strict=True):
        ours = {"run_state": state_words(row), "run_seconds": seconds_of(row), "run_reason": row.reason}
        cells.append(
            [row.number, *(value(row.parameters.get(name)) for name in names), *(values.get(name) for name in own)]
            + [ours[name] for name in tail]
        )
    headers = ["point", *names, *(column_name(name, names) for name in own), *tail]
    numeric = [all(each is None or _is_number(each) for each in column) for column in zip(*cells, strict=True)]
    lines = [["" if each is None else short(each, 32) for each in line] for line in cells]
    gap = head if len(rows) > limit else None
    return Sheet([clean(each) for each in headers], lines, numeric, [row.state for row in shown], gap)


def _is_number(found: object) -> bool:
    return isinstance(found, (int, float)) and not isinstance(found, bool)


def state_words(row: RunRow) -> str:
    """The state, with how far a running one is."""
    if row.state is State.RUNNING and row.progress is not None:
        return f"{row.state} {round(100 * row.progress)} %"
    return str(row.state)


def text(view: View, width: int | None = None) -> str:
    """A scan as text: one line of progress, a compact table, what failed, what is to be known."""
    width = width or shutil.get_terminal_size().columns
    parts = [headline(view.title, view.rows, view.now)]
    parts += [f"  ! {clean(line)}" for line in view.troubles]
    if view.rows:
        parts += text_table(sheet(view.rows, view.names), width)
    parts += [f"  … {line}" for line in waits(view.rows)]  # never cut: its end says what to do
    bad = failures(view.rows)
    parts += ["", *(f"  ✗ {_fit(line, width - 4)}" for line in bad)] if bad else []
    parts += [f"  ! {clean(message)}" for message in view.messages]
    return "\n".join(parts)


def text_table(shown: Sheet, width: int) -> list[str]:
    """Lines of a table at most `width` characters wide; columns that find no room become one `…`."""
    columns = [[header, *column] for header, column in zip(shown.headers, zip(*shown.lines, strict=True), strict=True)]
    wide = [max(len(each) for each in column) for column in columns]
    kept = _columns_that_fit(shown.headers, wide, width)
    lines = []
    for position in range(len(shown.lines) + 1):
        cells = []
        for column in kept:
            if column is None:
                cells.append("…")
            elif shown.numeric[column]:
                cells.append(columns[column][position].rjust(wide[column]))
            else:
                cells.append(columns[column][position].ljust(wide[column]))
        lines.append("  ".join(cells).rstrip())
        if position and position == shown.gap:
            lines.append("…")
    return lines


def _columns_that_fit(headers: Sequence[str], wide: Sequence[int], width: int) -> list[int | None]:
    """Indices of columns to show, None for those left out: ours give way first, then values from the right."""
    kept = list(range(len(headers)))
    state = headers.index("run_state")

    def room(chosen: Sequence[int]) -> int:
        return sum(wide[column] + 2 for column in chosen) - 2 + (3 if len(chosen) < len(headers) else 0)

    while len(kept) > 2 and room(kept) > width:
        kept.remove(kept[-1] if kept[-1] != state else kept[-2])
    if len(kept) == len(headers):
        return list(kept)
    missing = next(column for column in range(len(headers)) if column not in kept)
    return [*(column for column in kept if column < missing), None, *(column for column in kept if column > missing)]


def _fit(line: str, width: int) -> str:
    return line if len(line) <= width else line[: max(width - 1, 1)] + "…"


def html(view: View) -> str:
    """A scan as HTML for a notebook: bar, pictures, table, failures, messages; colours follow the theme."""
    return element(
        "div",
        style(),
        element("div", headline(view.title, view.rows, view.now), class_="fp-head"),
        bar(view.rows),
        [element("div", f"! {clean(line)}", class_="fp-stuck") for line in view.troubles],
        pictures(view),
        html_table(sheet(view.rows, view.names, limit=20)) if view.rows else None,
        [element("div", line, class_="fp-note") for line in waits(view.rows)],
        bad_news(failures(view.rows)),
        [element("div", f"! {clean(message)}", class_="fp-note") for message in view.messages],
        class_="fp",
    )


def style() -> Markup:
    """The style sheet of all our reprs, scoped to `.fp`."""
    return Markup(f"<style>{_STYLE}</style>")


def bar(rows: Sequence[RunRow]) -> Markup:
    """A bar of the states, each as long as its share, with its name for those who point at it or cannot see it."""
    found = counts(rows)
    label = ", ".join(f"{count} {state}" for state, count in found.items())
    parts = [
        element(
            "span", style=f"width:{100 * count / len(rows):.3f}%;background:{COLOURS[state]}", title=f"{count} {state}"
        )
        for state, count in found.items()
    ]
    return element("div", parts, class_="fp-bar", role="img", aria_label=label)


def pictures(view: View) -> Markup:
    """The points' pictures, small; nothing where there are none."""
    by_number = {row.number: row for row in view.rows}
    figures = [
        element(
            "figure",
            element("img", src=uri, alt=f"picture of point {number}"),
            element("figcaption", f"{number}: {caption(by_number[number].parameters)}"),
        )
        for number, uri in view.pictures.items()
        if number in by_number
    ]
    return element("div", figures, class_="fp-pics") if figures else Markup("")


def html_table(shown: Sheet) -> Markup:
    """A sheet as an HTML table, states by word and colour."""
    state = shown.headers.index("run_state")
    heads = zip(shown.headers, shown.numeric, strict=True)
    head = element("tr", [element("th", name, class_="fp-n" if numeric else None) for name, numeric in heads])
    lines: list[Markup] = []
    for position, (line, word) in enumerate(zip(shown.lines, shown.states, strict=True)):
        if position == shown.gap:
            lines.append(element("tr", element("td", "…", colspan=len(shown.headers))))
        cells = [
            element(
                "td",
                each,
                class_="fp-n" if shown.numeric[column] else None,
                style=f"color:{COLOURS[word]};font-weight:600" if column == state else None,
            )
            for column, each in enumerate(line)
        ]
        lines.append(element("tr", cells))
    return element("div", element("table", element("thead", head), element("tbody", lines)), class_="fp-wrap")


def bad_news(lines: Sequence[str]) -> Markup:
    """What failed, one line each."""
    return element("div", [element("div", line) for line in lines], class_="fp-bad") if lines else Markup("")


def run_line(row: RunRow) -> str:
    """A run in one line: `run 7 of tokamak: FAILED (exception) after 12 s on local`."""
    parts = [f"run {row.number} of {clean(row.scan)}: {state_words(row)}"]
    if row.reason and row.state.final:
        parts.append(f"({clean(row.reason)})")
    if row.seconds is not None:
        parts.append(f"after {span(row.seconds)}")
    if row.machine:
        parts.append(f"on {clean(row.machine)}")
    return " ".join(parts) + (f", attempt {row.attempt}" if row.attempt > 1 else "")


def run_text(row: RunRow) -> str:
    """A run as text: its line, its parameters, what it recorded, and its error."""
    lines = [run_line(row)]
    pairs = _pairs(row)
    wide = max((len(name) for name, _ in pairs), default=0)
    lines += [f"  {name.ljust(wide)}  {shown}" for name, shown in pairs]
    if row.state in (State.FAILED, State.LOST):
        lines.append(f"  ✗ {clean(cause(row))}")
    return "\n".join(lines)


def _pairs(row: RunRow) -> list[tuple[str, str]]:
    known = {name: value(found) for name, found in row.parameters.items()}
    own = {column_name(name, row.parameters): found for name, found in recorded(row).items()}
    return [(clean(name), short(found, 70)) for name, found in {**known, **own}.items()]


def traceback_of(row: RunRow) -> str:
    """The far traceback's text without terminal colours; empty where there is none."""
    return clean(row.error.get("traceback") or "") if row.error else ""


def run_html(row: RunRow, picture: str | None = None) -> str:
    """A run as HTML for a notebook."""
    pairs = [element("tr", element("th", name), element("td", shown)) for name, shown in _pairs(row)]
    trace = traceback_of(row)
    failed = row.state in (State.FAILED, State.LOST)
    wide = "max-width:480px;background:#fff"
    image = element("img", src=picture, alt=f"picture of point {row.number}", style=wide) if picture else None
    return element(
        "div",
        style(),
        element(
            "div",
            element("span", "● ", style=f"color:{COLOURS[row.state]}"),
            run_line(row),
            class_="fp-head",
        ),
        element("div", element("table", pairs), class_="fp-wrap") if pairs else None,
        image,
        bad_news([clean(cause(row))]) if failed else None,
        element("details", element("summary", "traceback"), element("pre", trace)) if failed and trace else None,
        class_="fp",
    )
