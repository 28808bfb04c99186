"""An index without a network: wheels packed again from the packages of this environment.

Knows the files of installed packages (PEP 376) and the name a wheel has (PEP 427); nothing of farpoint.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement


def pack(names: Iterable[str], folder: Path) -> list[Path]:
    """A wheel of each of the packages and of all they need."""
    waiting, seen = list(names), {}
    while waiting:
        name = waiting.pop().replace("_", "-").lower()
        if name in seen:
            continue
        found = seen[name] = distribution(name)
        needed = map(Requirement, found.requires or ())
        waiting += [each.name for each in needed if not each.marker or each.marker.evaluate({"extra": ""})]
    return [_pack(found, folder) for found in seen.values()]


def _pack(found: Distribution, folder: Path) -> Path:
    kinds = [line.partition(": ")[2] for line in (found.read_text("WHEEL") or "").splitlines() if line[:4] == "Tag:"]
    python, abi, platform = (
        ".".join(dict.fromkeys(parts)) for parts in zip(*(kind.split("-") for kind in kinds), strict=True)
    )
    name = found.metadata["Name"].replace("-", "_").replace(".", "_")
    path = folder / f"{name}-{found.version}-{python}-{abi}-{platform}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for file in found.files or ():
            source = Path(str(found.locate_file(file)))
            shipped = source.suffix != ".pyc" and file.name not in ("direct_url.json", "REQUESTED", "INSTALLER")
            if shipped and ".." not in file.parts and source.is_file():
                archive.write(source, str(file))
    return path
