"""What travels with a notebook, what is refused, and which parameters it has."""

from __future__ import annotations

import json
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

import papermill
import pytest

from farpoint import inputs
from farpoint.errors import BadTask
from farpoint.runner import layout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "nb").mkdir()
    return tmp_path / "nb"


def write(folder: Path, *sources: str, name: str = "x.ipynb", tags: tuple[str, ...] = ()) -> Path:
    made = [
        {"cell_type": "code", "metadata": {"tags": list(tags)}, "source": s, "outputs": [], "execution_count": None}
        for s in sources
    ]
    about = {
        "kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"},
        "language_info": {"name": "python"},
    }
    (folder / name).write_text(json.dumps({"cells": made, "metadata": about, "nbformat": 4, "nbformat_minor": 4}))
    return folder / name


def put(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def gather(path: Path, files: dict[str, str] | None = None, **more: Any) -> inputs.Gathered:
    return inputs.gather(path, path.parent.parent, files, **more)


def paths(found: list[Any]) -> list[str]:
    assert all(item.path.startswith("modules/") == (item.kind == "module") for item in found)
    return [item.path.removeprefix("modules/") for item in found]


def test_modules_are_followed(folder: Path) -> None:
    put(
        folder,
        {
            "model.py": "import physics\nfrom pkg.deep import thing",
            "physics.py": "import numpy",
            "unused.py": "1",
            "pkg/__init__.py": "1",
            "pkg/deep.py": "from . import sibling\nfrom .sub import leaf",
            "pkg/sibling.py": "1",
            "pkg/sub/leaf.py": "from ...model import x\nfrom .. import other",
            "pkg/other.py": "1",
            "pkg/alone.py": "1",
        },
    )
    found = gather(write(folder, "%matplotlib inline\nimport model as m, numpy\n!ls"))
    assert paths(found.modules) == [
        "model.py",
        "physics.py",
        "pkg/__init__.py",
        "pkg/deep.py",
        "pkg/other.py",
        "pkg/sibling.py",
        "pkg/sub/leaf.py",
    ]
    assert {item.kind for item in found.modules} == {"module"}
    assert found.modules[0].digest == layout.digest_file(str(folder / "model.py"))


@pytest.mark.parametrize(
    "source",
    [
        "import late",
        "def f():\n    import late",
        "try:\n    from late import x\nexcept ImportError: pass",
        "from late import *",
        "import importlib\nimportlib.import_module('late')",
        "%%time\nimport late",
        "x = (1\n % 2)\n!ls\nimport late",
    ],
)
def test_an_import_is_found_wherever_it_is(folder: Path, source: str) -> None:
    put(folder, {"late.py": "1"})
    assert paths(gather(write(folder, source)).modules) == ["late.py"]


def test_modules_of_the_project_come_after_the_notebooks_own(folder: Path) -> None:
    put(folder, {"both.py": "nb = 1"})
    put(folder.parent, {"both.py": "root = 1", "only.py": "1", "spaced/inner.py": "1"})
    found = gather(write(folder, "import both, only\nfrom spaced import inner"))
    assert paths(found.modules) == ["both.py", "only.py", "spaced/inner.py"]
    assert found.modules[0].source == str(folder / "both.py")


def test_modules_elsewhere_stay(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path_factory.mktemp("other")
    put(other, {"far.py": "1"})
    put(folder.parent, {"src/near.py": "1", "venv/lib/site-packages/installed.py": "1"})
    for place in (other, folder.parent / "src", folder.parent / "venv/lib/site-packages"):
        monkeypatch.syspath_prepend(place)
    assert paths(gather(write(folder, "import far, near, installed")).modules) == ["near.py"]


def test_a_module_named_like_a_standard_one_stays_and_is_told(folder: Path) -> None:
    put(folder, {"random.py": "1"})
    found = gather(write(folder, "import random, json"))
    assert found.modules == []
    assert found.warnings == ["random.py has the name of a standard module: it does not travel. Rename it."]


def test_a_compiled_module_travels_and_is_told(folder: Path) -> None:
    name = f"fast{EXTENSION_SUFFIXES[0]}"
    (folder / name).write_bytes(b"\x7fELF")
    found = gather(write(folder, "import fast"))
    assert paths(found.modules) == [name]
    assert "was compiled on this computer" in found.warnings[0]


def test_files_a_module_finds_beside_itself(folder: Path) -> None:
    put(
        folder, {"pkg/tables.py": "from pathlib import Path\nPath(__file__).parent / 'steel.csv'", "pkg/steel.csv": "1"}
    )
    assert paths(gather(write(folder, "import pkg.tables")).modules) == ["pkg/steel.csv", "pkg/tables.py"]


@pytest.mark.parametrize(
    "source",
    [
        "open('data/a.csv')",
        "p = './data/a.csv'",
        "Path('data') / 'a.csv'",
        "os.path.join('data', 'a.csv')",
        "'data/' + 'a.csv'",
        "!head data/a.csv",
        "%%bash\nhead data/a.csv",
        "open('data/a.csv', 'rb')",
        "f(x=['data/a.csv'])",
        "Path('data', 'a.csv').read_text()",
    ],
)
def test_files_are_noticed(folder: Path, source: str) -> None:
    put(folder, {"data/a.csv": "1,2"})
    found = gather(write(folder, source))
    assert (paths(found.files), found.noticed, found.warnings) == (["data/a.csv"], ["data/a.csv"], [])
    assert (found.files[0].size, found.files[0].kind) == (3, "file")


@pytest.mark.parametrize(
    "source",
    [
        "# open('a.csv')",
        "df.to_csv('a.csv')",
        "open('a.csv', 'w')",
        "open('a.csv', mode='a')",
        "Path('a.csv').write_text('x')",
        "plt.savefig('a.csv')",
        "np.save('a.csv', x)",
        "with Path('a.csv').open('w') as f: pass",
        "%%writefile a.csv\n1",
        "'b.csv'",
        "'data'",
        "'x.ipynb'",
        "'farpoint_runs/a.csv'",
        "'\\x00'",
        "'" + "a" * 5000 + "'",
        "'.'",
    ],
)
def test_files_are_not_noticed(folder: Path, source: str) -> None:
    put(folder, {"a.csv": "1,2", "data/b.csv": "1", "farpoint_runs/a.csv": "1"})
    found = gather(write(folder, source))
    assert (found.files, found.noticed, found.warnings) == ([], [], [])


def test_a_module_names_files_beside_the_notebook(folder: Path) -> None:
    put(folder, {"load.py": "def load(): return open('a.csv')", "a.csv": "1"})
    assert gather(write(folder, "import load")).noticed == ["a.csv"]


def test_what_lies_outside_is_told(folder: Path) -> None:
    put(folder.parent, {"out.csv": "1"})
    found = gather(write(folder, f"'../out.csv'\n'{folder.parent}/out.csv'\n'/bin/sh'\n'../nothing'"))
    assert found.files == []
    assert len(found.warnings) == 2
    assert "files={'out.csv': '../out.csv'}" in found.warnings[0]


def test_links_are_followed(folder: Path) -> None:
    put(folder.parent, {"real.csv": "1"})
    (folder / "link.csv").symlink_to("../real.csv")
    (item,) = gather(write(folder, "'link.csv'")).files
    assert (item.path, item.source) == ("link.csv", str(folder.parent / "real.csv"))


def test_large_files_are_refused_with_two_ways_out(folder: Path) -> None:
    (folder / "big.h5").write_bytes(bytes(2_000))
    (folder / "two.h5").write_bytes(bytes(1_500))
    path = write(folder, "'big.h5'\n'two.h5'")
    with pytest.raises(
        BadTask, match=r"files=\{'big.h5': 'big.h5'\} to send it all the same, or files=\{'big.h5': ''\}"
    ):
        gather(path, limits=inputs.Sizes(each=1_900))
    with pytest.raises(BadTask, match=r"2 files .* together.*The largest is 'big.h5'"):
        gather(path, limits=inputs.Sizes(all=3_000))
    assert gather(path, {"big.h5": "big.h5"}, limits=inputs.Sizes(each=1_900)).noticed == ["two.h5"]
    assert paths(gather(path, {"big.h5": ""}, limits=inputs.Sizes(each=1_900)).files) == ["two.h5"]
    assert inputs.Sizes() == inputs.Sizes(10_000_000, 100_000_000)


@pytest.mark.parametrize(
    "files, expected",
    [
        ({"in.csv": "data/a.csv"}, ["in.csv"]),
        ({"in.csv": "../up.csv"}, ["in.csv"]),
        ({"d": "data"}, ["d/a.csv", "d/deep/c.csv"]),
        ({"": "data"}, ["a.csv", "deep/c.csv"]),
        ({"meshes": "data/*.csv"}, ["meshes/a.csv"]),
        ({".": "data/**/*.csv"}, ["a.csv", "deep/c.csv"]),
        ({"x": "*/*.csv"}, ["x/data/a.csv", "x/other/a.csv"]),
    ],
)
def test_files_that_are_asked_for(folder: Path, files: dict[str, str], expected: list[str]) -> None:
    put(folder.parent, {"up.csv": "1"})
    put(folder, {"data/a.csv": "1", "data/deep/c.csv": "2", "other/a.csv": "3", "data/__pycache__/x.csv": "4"})
    found = gather(write(folder, "1"), files)
    assert (paths(found.files), found.noticed) == (expected, [])


@pytest.mark.parametrize(
    "files, words",
    [
        ({"in.csv": "data/aa.csv"}, "there is no file 'data/aa.csv'.*Did you mean 'a.csv'"),
        ({"in.csv": "nowhere/a.csv"}, "there is no file"),
        ({"in.csv": "*.h5"}, r"no file matches '\*.h5'"),
        ({"../in.csv": "data/a.csv"}, "cannot be a file's name in a run"),
        ({"/in.csv": "data/a.csv"}, "cannot be a file's name"),
        ({".": "data/a.csv"}, "cannot be a file's name"),
        ({".farpoint/spec.json": "data/a.csv"}, "cannot be a file's name"),
        ({"d": "data", "d/a.csv": "other/a.csv"}, "two files would be 'd/a.csv'"),
    ],
)
def test_files_that_cannot_be_had(folder: Path, files: dict[str, str], words: str) -> None:
    put(folder, {"data/a.csv": "1", "other/a.csv": "3"})
    with pytest.raises(BadTask, match=words):
        gather(write(folder, "1"), files)


def test_a_file_asked_for_is_not_noticed_too(folder: Path) -> None:
    put(folder, {"a.csv": "1", "b.csv": "2"})
    found = gather(write(folder, "'a.csv'"), {"a.csv": "b.csv"})
    assert [(item.path, Path(item.source).name) for item in found.files] == [("a.csv", "b.csv")]


@pytest.mark.parametrize("text", [None, "no json", "[]", '{"worksheets": []}'])
def test_what_is_no_notebook(folder: Path, text: str | None) -> None:
    if text is not None:
        (folder / "x.ipynb").write_text(text)
    with pytest.raises(BadTask, match=r"x\.ipynb"):
        gather(folder / "x.ipynb")


def test_a_module_that_is_no_text(folder: Path) -> None:
    (folder / "m.py").write_bytes(b"x = '\xff'")
    with pytest.raises(BadTask, match=r"m\.py.*UTF-8"):
        gather(write(folder, "import m"))


CELL = """
feed: float = 0.04  # how much
n=3
name = 'x'
xs = [1,
  2]
later: int
made = n * 2

if n:
    hidden = 1
"""


def test_parameters(folder: Path) -> None:
    path = write(folder, CELL + "%time 1\n", tags=("parameters",))
    found = inputs.parameters(json.loads(path.read_text()))
    assert found == {
        "feed": (0.04, "float"),
        "n": (3, None),
        "name": ("x", None),
        "xs": ([1, 2], None),
        "later": (None, "int"),
        "made": ("n * 2", None),
    }
    assert isinstance(found["made"].default, inputs.Code)
    assert not isinstance(found["name"].default, inputs.Code)


@pytest.mark.filterwarnings("ignore")  # of papermill's own libraries
def test_parameter_names_are_papermills(folder: Path) -> None:
    for source in (
        CELL.replace("hidden = 1", "pass"),
        "a = 1",
        "",
        "b = {\n 'k': 1,\n}\nc: 'str' = 'x = y'",
    ):
        path = write(folder, source, tags=("parameters",))
        theirs = set(papermill.inspect_notebook(path))
        ours = inputs.parameters(json.loads(path.read_text()))
        assert theirs <= set(ours)
        assert set(ours) - theirs <= {"later", "c"}  # papermill's reader wants a value, and one `=` in a line


def test_parameters_of_a_cell_that_is_only_headed_so(folder: Path) -> None:
    path = write(folder, "import math", "# Parameters\na = 1")
    assert list(inputs.parameters(json.loads(path.read_text()))) == ["a"]
    assert inputs.parameters({"cells": []}) == {}
    assert inputs.parameters(json.loads(write(folder, "a = (", tags=("parameters",)).read_text())) == {}


def test_farpoint_itself_never_travels_even_from_its_own_checkout(tmp_path):
    (tmp_path / "farpoint").mkdir()
    (tmp_path / "farpoint" / "__init__.py").write_text("record = print\n")
    cell = {"cell_type": "code", "metadata": {}, "source": "import farpoint as fp\nfrom farpoint import points"}
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4}))

    assert inputs.gather(tmp_path / "a.ipynb", tmp_path).modules == []
