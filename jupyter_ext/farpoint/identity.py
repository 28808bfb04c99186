"""Who a run is: the key made of its code, its parameters, its files and its environment; and which of these changed.

Knows sources as text and files as digests; reads nothing itself. What does not change a result must not change a key.
"""

from __future__ import annotations

import difflib
import hashlib
import io
import json
import re
import token as kinds
import tokenize
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from farpoint import cells
from farpoint.runner import paper, values

KEY_FORMAT = 1

_SKIPPED = {tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER}
_PIECE_STARTS = {getattr(kinds, name, None) for name in ("FSTRING_START", "TSTRING_START")} - {None}
_PIECE_ENDS = {getattr(kinds, name, None) for name in ("FSTRING_END", "TSTRING_END")} - {None}
_LAYOUT = {tokenize.NEWLINE: "\n", tokenize.INDENT: "\t", tokenize.DEDENT: "\b"}
_COMPOUND = frozenset(
    {"if", "elif", "else", "for", "while", "with", "try", "except", "finally", "def", "class", "async", "@"}
)
_WORD = re.compile(r"[^\W\d]\w*")


class _Token(NamedTuple):
    text: str
    name: bool = False  # a word that may be a variable


def pieces(
    notebook: Mapping[str, Any],
    parameters_names: Iterable[str],
    modules: Mapping[str, str],
    files: Mapping[str, str],
    environment: object = None,
) -> dict[str, str]:
    """What a run's result depends on besides its parameters: a piece's name, for people, → sha256 of its content.

    `modules`: path → source, as they travel in `modules/` or without it; `files`: path → digest. Cells without code are
    not counted, so adding a comment cell renames nothing. Defaults that a parameter overrides do not count, unless the
    parameters cell computes with them.

    >>> cell = {"cell_type": "code", "metadata": {}, "source": "y = x + 1  # a comment"}
    >>> list(pieces({"cells": [cell]}, ["x"], {"model.py": "a = 1"}, {}))
    ['cell 1', 'module model.py', 'environment']
    """
    names = frozenset(parameters_names)
    found = {f"cell {number}": _digest(text) for number, text in _cell_texts(notebook, names)}
    found |= {
        f"module {path.removeprefix('modules/')}": _digest(normal(text)) for path, text in sorted(modules.items())
    }
    found |= {f"file {name}": digest for name, digest in sorted(files.items())}
    found["environment"] = _digest(json.dumps(environment or None, sort_keys=True, default=str))
    return found


def code_version(pieces: Mapping[str, str]) -> str:
    """One sha256 for all pieces."""
    return _digest(json.dumps([KEY_FORMAT, sorted(pieces.items())]))


def key(pieces: Mapping[str, str], parameters: Mapping[str, Any]) -> str:
    """The key of a run: equal keys mean that the result would be the same. sha256 in hex; Refused for a bad value.

    >>> key({}, {"a": 1, "b": 2}) == key({}, {"b": 2, "a": 1}), key({}, {"a": 1}) == key({}, {"a": 1.0})
    (True, False)
    """
    return _digest(json.dumps([KEY_FORMAT, code_version(pieces), values.canonical(dict(parameters))]))


def seed(name: str, parameters: Mapping[str, Any]) -> int:
    """A number for random generators, 0 to 2**31-1: the same for the same point of the same scan, on any computer.

    >>> seed("ising", {"T": 2.3}) == seed("ising", {"T": 2.3}), 0 <= seed("ising", {"T": 2.4}) < 2**31
    (True, True)
    """
    return int(_digest(json.dumps(["seed", name, values.canonical(dict(parameters))]))[:8], 16) >> 1


def changed(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """The pieces that differ, in words for people: changed ones by name, others with (new) or (gone).

    A cell put in between is new; those after it, though their numbers moved, are not changed.

    >>> changed({"cell 1": "a", "cell 2": "b"}, {"cell 1": "a", "cell 2": "x", "cell 3": "b", "file m.json": "c"})
    ['cell 2 (new)', 'file m.json (new)']
    """
    said = _changed_cells(_cells_of(old), _cells_of(new))
    for name in dict.fromkeys([*old, *new]):
        if name.startswith("cell "):
            continue
        if name not in new:
            said.append(f"{name} (gone)")
        elif name not in old:
            said.append(f"{name} (new)")
        elif old[name] != new[name]:
            said.append(name)
    return said


def normal(source: str) -> str:
    """The source without what cannot change its meaning: comments, blank lines, spacing, the width of indents.

    What cannot be read as Python stays as it is, but for blank lines and trailing spaces.

    >>> normal("x=1 # one\\n\\nif x :\\n  y = 'a b'") == normal("x = 1\\nif x:\\n        y = 'a b'\\n")
    True
    """
    return _joined(_tokens(source))


def _cell_texts(notebook: Mapping[str, Any], names: frozenset[str]) -> Iterator[tuple[int, str]]:
    """(number among the cells that have code, normal text) of each cell, as far as it counts."""
    given = names | {"seed"}  # a seed that is declared is always the run's
    place = cells.parameters_place(notebook)
    replaced = bool(names) or paper.declares(notebook.get("cells", ()), "seed")
    number = 0
    for cell in cells.code_cells(notebook):
        if replaced and "injected-parameters" in cell.tags:
            continue  # an older run's
        tokens = _tokens(cells.as_python(_unplaced(cell.source)))
        if not _joined(tokens).strip():
            continue
        number += 1
        text = _joined(_without(tokens, given) if cell.place == place else tokens).strip()
        if text:
            yield number, f"goes on\n{text}" if "raises-exception" in cell.tags else text


def _unplaced(source: str) -> str:
    """The cell without a `%%remote …` line: where it would run does not change what it computes."""
    text = source.lstrip()
    return text.partition("\n")[2] if text.split(None, 1)[:1] == ["%%remote"] else source


def _tokens(source: str) -> list[_Token]:
    try:
        return list(_significant(source))
    except (tokenize.TokenError, SyntaxError, ValueError):
        lines = (line.rstrip() for line in source.splitlines())
        return [_Token(f"{line}\n") for line in lines if line]


def _significant(source: str) -> Iterator[_Token]:
    """Tokens that mean something; an f-string is one piece, as Python 3.11 has it."""
    lines = source.splitlines(keepends=True)
    depth, start = 0, (0, 0)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in _PIECE_STARTS:
            start = start if depth else token.start
            depth += 1
        elif token.type in _PIECE_ENDS:
            depth -= 1
            if not depth:
                yield _Token(_between(lines, start, token.end))
        elif depth or token.type in _SKIPPED:
            continue
        elif token.type == tokenize.ERRORTOKEN or token.string in {"!", "$", "?"}:  # no Python, in old and new words
            raise ValueError(token.string)
        else:
            yield _Token(_LAYOUT.get(token.type, token.string), token.type == tokenize.NAME)


def _between(lines: Sequence[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    (first, left), (last, right) = start, end
    if first == last:
        return lines[first - 1][left:right]
    return "".join([lines[first - 1][left:], *lines[first : last - 1], lines[last - 1][:right]])


def _joined(tokens: Iterable[_Token]) -> str:
    return " ".join(token.text for token in tokens)


def _without(tokens: Sequence[_Token], names: frozenset[str]) -> list[_Token]:
    """The tokens of a parameters cell without the defaults of `names`; a default that others read stays."""
    statements = [(_assigned(statement), statement) for statement in _statements(tokens)]
    dropped = {name for targets, _ in statements for name in targets if targets <= names}
    while True:
        kept = [statement for targets, statement in statements if not (targets and targets <= dropped)]
        read = {word for statement in kept for token in statement for word in _words(token)}
        if not dropped & read:
            return [token for statement in kept for token in statement]
        dropped -= read


def _words(token: _Token) -> list[str]:
    """The variables a token may stand for: a name, or any word of an f-string or of a magic's line."""
    quote = re.match(r"[A-Za-z]*['\"]", token.text)
    inside = quote and ("f" in quote[0].lower() or "t" in quote[0].lower() or token.text[1:2] in "%!")
    return _WORD.findall(token.text) if inside else [token.text] if token.name else []


def _statements(tokens: Sequence[_Token]) -> Iterator[list[_Token]]:
    """Split at the ends of top-level lines, and at semicolons where no block begins on the line."""
    statement: list[_Token] = []
    brackets = indent = 0
    for token in tokens:
        statement.append(token)
        brackets += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(token.text, 0)
        indent += {"\t": 1, "\b": -1}.get(token.text, 0)
        ends = token.text == "\n" or (token.text == ";" and statement[0].text not in _COMPOUND)
        if ends and not brackets and not indent:
            yield statement
            statement = []
    if statement:
        yield statement


def _assigned(statement: Sequence[_Token]) -> frozenset[str]:
    """The names a statement sets, if that is all it does: `a = 1`, `a: int = 1`, `a = b = 1`, `a, b = 1, 2`."""
    texts = [token.text for token in statement]
    equals = [index for index, text in enumerate(texts) if text == "=" and _level(texts[:index]) == 0]
    if not equals:
        return frozenset()
    targets = texts[: equals[-1]]
    if ":" in targets:
        targets = targets[: targets.index(":")]
    if any(not (text.isidentifier() or text in {"=", ",", "(", ")"}) for text in targets):
        return frozenset()
    return frozenset(text for text in targets if text.isidentifier())


def _level(texts: Sequence[str]) -> int:
    return sum({"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(text, 0) for text in texts)


def _cells_of(pieces: Mapping[str, str]) -> list[str]:
    """The cells' digests in their order."""
    numbered = {int(name[5:]): digest for name, digest in pieces.items() if re.fullmatch(r"cell \d+", name)}
    return [numbered[number] for number in sorted(numbered)]


def _changed_cells(old: Sequence[str], new: Sequence[str]) -> list[str]:
    said: list[str] = []
    for _, first, end, start, stop in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if old[first:end] == new[start:stop]:
            continue
        both = min(end - first, stop - start)
        said += [f"cell {number + 1}" for number in range(start, start + both)]
        said += [f"cell {number + 1} (new)" for number in range(start + both, stop)]
        said += [f"cell {number + 1} (gone)" for number in range(first + both, end)]
    return said


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
