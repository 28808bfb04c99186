"""Whether packages are here, and what is said where they are not."""

from __future__ import annotations

from pathlib import Path

from farpoint.runner import packages


def test_what_lies_in_the_folder_is_there(tmp_path: Path) -> None:
    (tmp_path / "beside.py").touch()
    (tmp_path / "below").mkdir()
    names = ["beside", "below", "gone", "json", "__main__"]
    assert packages.lacking(names, str(tmp_path)) == ["gone"]


def test_the_mend_is_one_that_helps() -> None:
    local, far = {"machine": "local"}, {"machine": "hpc"}
    assert packages.told(["nbclient"], far).endswith("(pip install nbclient), or name another environment.")
    assert packages.told(["scipy"], local).endswith("or name another Python by environment=.")
    assert "`farpoint env hpc` builds" in packages.told(["nbclient", "scipy"], far)
