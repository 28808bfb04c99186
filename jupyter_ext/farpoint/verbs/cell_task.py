"""A cell as a task: its source as a small notebook, the names it reads as values that travel with it.

Knows a namespace as a dict; must not know IPython, who asks, or how the result comes back.
"""

from __future__ import annotations

import json
import pickletools
import sys
import tempfile
import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from farpoint import cells, identity, inputs, names, packages
from farpoint.counted import Counted
from farpoint.errors import BadInput, BadTask
from farpoint.functions import walk
from farpoint.functions.slices import Slices
from farpoint.model import InputFile
from farpoint.project import Project
from farpoint.runner import carrying, layout
from farpoint.runner.work_python import SPARE
from farpoint.verbs.source import Source

FILE = "cell.ipynb"
_CODE = (types.FunctionType, type, types.ModuleType)  # what a text can stand for
_OURS = frozenset({"In", "Out", "exit", "get_ipython", "open", "quit"})  # every kernel has its own


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell with the values it needs; made by `prepare`."""

    name: str
    made: Source
    found: names.Names
    kind = "cell"

    def label(self, project: Project) -> str:
        """The cell's first line that says something."""
        lines = [line.strip() for line in json.loads(self.made.data)["cells"][0]["source"].splitlines()]
        return next((line for line in lines if line and not line.startswith(("#", "import ", "from "))), "a cell")[:80]

    def read(
        self, project: Project, names: tuple[str, ...], files: Mapping[str, str], environment: str | None
    ) -> Source:
        """The cell as it was when it was prepared."""
        return self.made


def prepare(
    project: Project,
    source: str,
    namespace: dict[str, Any],
    *,
    files: Mapping[str, str],
    returns: Iterable[str] = (),
    given: Iterable[str] = (),
    name: str | None = None,
    environment: str | None = None,
    folder: Path | None = None,
    counted: Counted = Counted(),
) -> Cell:
    """Make a task of a cell's source and the values of the names it reads, but those `given` by the points.

    Raises BadTask where the cell cannot be read or a value cannot travel; nothing was sent then.
    """
    found = names.names(source)
    given = frozenset(given)
    chosen = tuple(dict.fromkeys(returns))
    key = f"{project.random.getrandbits(256):064x}"
    with tempfile.TemporaryDirectory(prefix="farpoint-") as staging:
        typed = _packed(found, namespace, given, staging, key)
        values = [_kept(project, Path(staging, path)) for path in sorted(_files(typed))]
        modules = sorted(_modules(typed, staging))
    notebook = _notebook(
        source, {"values": typed, "key": key, "returns": list(chosen), "assigns": sorted(found.assigns)}
    )
    where = (folder or Path.cwd()).resolve() / FILE
    gathered = inputs.gather_for(_with_imports(source, modules), where, project.root.resolve(), files)
    if isinstance(counted.key, str) and name is None:
        raise BadInput("key= stands for the cell's code, so that its name has to tell it from others: say --as NAME.")
    pieces, met = _pieces(source, typed, namespace, gathered, environment, counted.ignore)
    counted.check({*typed, *given, *met}, "the cell")
    pieces = counted.pieces(pieces, [f"value {each}" for each in typed if not isinstance(namespace[each], _CODE)])
    noticed = [f"{path} is read by the cell and travels with it" for path in gathered.noticed]
    travels = (*values, *gathered.files, *gathered.modules, *_cloudpickle())
    warnings = (*gathered.warnings, *noticed)
    needs = packages.needed(
        [cells.as_python(source)], inputs.modules_of(gathered.modules), _named_modules(typed.values())
    )
    made = Source(FILE, layout.dump(notebook), pieces, travels, warnings, counted=counted, packages=needs)
    return Cell(name or _name("scan" if given else "cell", found, pieces), made, found)


def _packed(
    found: names.Names, namespace: dict[str, Any], given: frozenset[str], staging: str, key: str
) -> dict[str, Any]:
    without = given | _OURS
    reads, perhaps = names.needed(found, namespace)
    wanted = [name for name in reads if not name.startswith("__")]
    packed = carrying.pack(namespace, wanted, staging, key, without)
    if packed.refused:
        told = "; ".join(packed.refused[name] for name in sorted(packed.refused))
        raise BadTask(f"the cell reads what cannot be sent: {told}. Make it in the cell, or send what it is made of.")
    # A word in a text is only perhaps a name: what cannot travel stays here without a word.
    extra = [name for name in perhaps if not name.startswith("_") and name not in packed.values]
    able = [name for name in extra if not carrying.pack(namespace, [name], staging, key, without).refused]
    return carrying.pack(namespace, [*wanted, *able], staging, key, without).values if able else packed.values


def _files(typed: Mapping[str, Any]) -> set[str]:
    return {each["path"] for each in typed.values() if isinstance(each, dict) and each.get("$") in ("file", "pickled")}


def _kept(project: Project, path: Path) -> InputFile:
    digest = layout.digest_file(str(path))
    _, size = project.folders.keep_blob(path, digest)
    return InputFile(f"values/{path.name}", digest, size, str(project.folders.blob(digest)), "value")


def _modules(typed: Mapping[str, Any], staging: str) -> Iterator[str]:
    """Modules that the values are of: named ones, and those whose classes and functions a pickle refers to."""
    yield from _named_modules(typed.values())
    for path in {each["path"] for each in typed.values() if isinstance(each, dict) and each.get("$") == "pickled"}:
        data = Path(staging, path).read_bytes().partition(b"\n")[2]
        for _, argument, _ in pickletools.genops(data):
            if isinstance(argument, str) and argument in sys.modules and argument != "__main__":
                yield argument


def _named_modules(typed: Iterable[Any]) -> Iterator[str]:
    yield from (each["name"] for each in typed if isinstance(each, dict) and each.get("$") == "module")


def _cloudpickle() -> Iterator[InputFile]:
    """The cloudpickle that pickles here: another version, or none, may be there."""
    import cloudpickle

    for path in sorted(Path(cloudpickle.__file__).parent.glob("*.py")):
        target = f"modules/{SPARE}/cloudpickle/{path.name}"
        yield InputFile(target, layout.digest_file(str(path)), path.stat().st_size, str(path), "module")


def _notebook(source: str, told: Mapping[str, Any]) -> dict[str, Any]:
    """The first line is where the magic stood, so that lines are counted as in the caller's cell."""
    cell: dict[str, Any] = {
        "cell_type": "code", "id": "cell", "metadata": {"tags": []}, "execution_count": None, "outputs": [],
        "source": f"\n{source}",
    }  # fmt: skip
    return {"cells": [cell], "metadata": {"farpoint": dict(told)}, "nbformat": 4, "nbformat_minor": 5}


def _with_imports(source: str, modules: Iterable[str]) -> dict[str, Any]:
    lines = [f"import {name}" for name in modules if all(part.isidentifier() for part in name.split("."))]
    made = [{"cell_type": "code", "metadata": {}, "source": text} for text in ("\n".join(lines), source)]
    return {"cells": made}


def _pieces(
    source: str, typed: Mapping[str, Any], namespace: Mapping[str, Any], gathered: inputs.Gathered,
    environment: str | None, ignore: frozenset[str],
) -> tuple[dict[str, str], set[str]]:  # fmt: skip
    """What the result depends on: the cell, each value, the modules and files, the environment; and all names met."""
    cell = {"cell_type": "code", "metadata": {}, "source": source}
    modules = {item.path: Path(item.source).read_text(encoding="utf-8") for item in gathered.modules}
    digests = {item.path: item.digest for item in gathered.files}
    found = identity.pieces({"cells": [cell]}, (), modules, digests, environment or "")
    met: set[str] = set()
    for name, each in typed.items():
        if name in ignore:
            continue
        pickled = isinstance(each, dict) and each.get("$") == "pickled"
        found[f"value {name}"] = (
            _sum(namespace[name], name, ignore, met) if pickled else layout.digest(layout.dump(each))
        )
    return found, met


def _sum(value: Any, name: str, ignore: frozenset[str], met: set[str]) -> str:
    """What tells a function, a class or an object from another one, in any process."""
    seen = walk.Walk(ignore=ignore, slices=Slices(ignore=ignore))
    tokens = seen.visit(value, name)
    met |= seen.names | seen.slices.met
    return layout.digest(layout.dump([tokens, seen.finish()]))


def _name(kind: str, found: names.Names, pieces: Mapping[str, str]) -> str:
    """A scan's name that the same cell with the same values has again."""
    called = found.last.strip("_") if found.last.isascii() else ""
    parts = [kind, *([called[:40]] if called else []), identity.code_version(pieces)[:8]]
    return "-".join(parts)
