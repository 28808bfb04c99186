"""HTML as data: elements whose every text and attribute passes through one `esc`, so no text ever becomes markup.

Knows no scan and no run.
"""

from __future__ import annotations

import html
import re

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
_VOID = frozenset({"img", "input", "meta", "br", "rect", "line", "circle", "path", "polyline"})
_NAME = re.compile(r"[a-z][a-zA-Z0-9-]*")


class Markup(str):
    """Text that is HTML already, because `element` or this package made it."""

    __slots__ = ()


def esc(text: object) -> str:
    """Any text as HTML text or attribute value.

    >>> esc('<b onclick="x">')
    '&lt;b onclick=&quot;x&quot;&gt;'
    """
    bare = _UNPRINTABLE.sub("\ufffd", str(text)).encode("utf-8", "replace").decode("utf-8")
    return html.escape(bare, quote=True)


def element(name: str, *children: object, **attributes: object) -> Markup:
    """One element. Children that are not `Markup` are text; `class_` and `data_x` are `class` and `data-x`.

    What is None is left out.

    >>> element("td", "<x>", class_="n", title=None)
    '<td class="n">&lt;x&gt;</td>'
    """
    found = [(key.rstrip("_").replace("_", "-"), each) for key, each in attributes.items() if each is not None]
    if not all(_NAME.fullmatch(each) for each in (name, *(key for key, _ in found))):
        raise ValueError(f"{name!r} with {sorted(attributes)} is not an element")
    head = "".join([name, *(f' {key}="{esc(each)}"' for key, each in found)])
    if name in _VOID:
        return Markup(f"<{head}>" if name in ("img", "input", "meta", "br") else f"<{head}/>")
    return Markup(f"<{head}>{join(children)}</{name}>")


def join(children: object) -> Markup:
    """Several children in a row; nested lists are flattened, None is nothing."""
    if children is None:
        return Markup("")
    if isinstance(children, Markup):
        return children
    if isinstance(children, (list, tuple)):
        return Markup("".join(join(child) for child in children))
    return Markup(esc(children))
