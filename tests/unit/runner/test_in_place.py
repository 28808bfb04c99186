"""farpoint's own words inside a run, with farpoint installed there and without."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from farpoint.runner import in_place
from plugins.environment import Start, code, notebook

OWN = notebook(
    code("x = 1", "parameters"),
    "%load_ext farpoint\nimport farpoint as fp",
    "%%remote hpc --cpus 8 --return y\ny = x + 1\ny",
    "%%scan hpc feed=0.02:0.06:21 x=1,2,3 --cpus 2\nfeed, x",
    "@fp.remote(cpus=4, time='30m')\ndef double(n):\n    return 2 * n",
    "double(2), double.on('hpc').submit(3).result()",
    "scan = fp.Scan('own.ipynb', fp.grid(x=range(10), q=[1, 2]), name='own')\nscan.submit(on='hpc')",
    "%remote pull",
    code("1 + 1", "remote:hpc"),
    "other = fp.Scan('other.ipynb', fp.grid(a=[1, 2]))",
    "try:\n    other.submit(on='hpc')\nexcept fp.InsideRun as refusal:\n    print('InsideRun')",
    "fp.record(energy=1.5); fp.progress(1.0, 'done'); fp.point()['number'], fp.checkpoint().name",
)


def shown(work: Any) -> list[str]:
    return [
        "".join(output.get("text", "") or output.get("data", {}).get("text/plain", "")).strip()
        for cell in work.notebook.cells
        for output in cell.get("outputs", ())
    ]


def test_a_notebook_that_scans_itself_runs_without_farpoint(start: Start, bare_environment: str) -> None:
    work = start(OWN, {"x": 5}, python=bare_environment, name="own.ipynb")
    assert work.wait() == 0
    assert work.result["state"] == "COMPLETED", work.result
    assert shown(work) == [
        "6",
        "(0.02, 5)",
        "(4, 6)",
        "inside a run: this scan's own notebook is running, nothing is submitted",
        "<nothing here, inside a run>",
        "inside a run: %remote pull does nothing here",
        "2",
        "InsideRun",
        "",
        "(7, '0')",
    ]
    assert [cell.execution_count for cell in work.notebook.cells] == list(range(1, 14))
    (told,) = work.of("record")
    assert (told["name"], told["value"]) == ("energy", 1.5)


def test_the_environment_is_bare(start: Start, bare_environment: str) -> None:
    work = start(notebook("import farpoint\nprint(farpoint.__file__)"), python=bare_environment)
    assert work.wait() == 0
    assert "/runner.zip/farpoint_runner/stand_in/farpoint/" in work.text


def test_an_installed_farpoint_comes_first(start: Start) -> None:
    work = start(notebook("%load_ext farpoint\nimport farpoint\nprint(farpoint.__version__)", "%%remote hpc\n3"))
    assert work.wait() == 0
    assert shown(work)[1] == "3"


def test_the_search_path_grows_at_its_end_only(start: Start) -> None:
    work = start(notebook("import sys\nprint(sys.path[-2:])\nprint('farpoint' in sys.modules)"))
    assert work.wait() == 0
    assert work.text.count("runner.zip") == 2
    assert work.text.endswith("False\n")


@pytest.mark.parametrize(
    "lines, expected",
    [
        (["x = 1\n"], ["x = 1\n"]),
        ([], []),
        (["%%remote\n", "x"], ["\n", "x"]),
        (["%%remotely\n", "x"], ["%%remotely\n", "x"]),
        (
            ["%%scan a=1,2,3 b=log:1e-3:1:4 'c=x y,z' --cpus 2\n", "a"],
            ["a = globals().get('a', 1); b = globals().get('b', 0.001); c = globals().get('c', 'x y')\n", "a"],
        ),
        (["%%scan a='\n", "a"], ["a = globals().get('a', \"'\")\n", "a"]),
    ],
)
def test_cell_magics_become_ordinary_cells(lines: list[str], expected: list[str]) -> None:
    assert in_place.strip(lines) == expected


def test_loading_twice_changes_nothing() -> None:
    ran: list[str] = []
    shell = SimpleNamespace(
        input_transformers_cleanup=[],
        run_cell=ran.append,
        register_magic_function=lambda function, kind, name: shell.magics.update({(kind, name): function}),
        magics={},
    )
    in_place.load(shell)
    in_place.load(shell)
    assert shell.input_transformers_cleanup == [in_place.strip]
    shell.magics["cell", "scan"]("a=1,2", "a\n")
    assert ran == ["a = globals().get('a', 1)\na\n"]


def test_a_remote_method_is_a_method() -> None:
    class Model:
        @in_place.remote
        def double(self, n: int) -> int:
            """Twice."""
            return 2 * n

    assert Model().double(4) == 8
    assert Model.double.__doc__ == "Twice."
    assert repr(Model.double) == "<double: runs here, inside a run>"


def test_a_fault_in_place_is_in_its_future() -> None:
    with pytest.raises(ZeroDivisionError):
        in_place.remote(lambda: 1 / 0).submit().result()


def test_nothing_is_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    nothing = in_place.Nothing()
    assert not nothing.wait().table["x"].max()
    assert float(nothing) != float(nothing)
    assert not hasattr(nothing, "_repr_html_")
    assert capsys.readouterr().out.count("\n") == 1
    assert sys.getsizeof(nothing)
