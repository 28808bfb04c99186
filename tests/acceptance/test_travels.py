"""What travels with a notebook, and a notebook that uses farpoint itself, where farpoint is not installed."""

from __future__ import annotations

import json

from desk import notebook


def test_modules_and_data_beside_the_notebook_travel_and_saved_files_come_back(desk):
    desk.write(
        notebook(
            "x = 1",
            "import helpers\nfrom package.deep import offset",
            "rows = open('data/table.csv').read().split()\nmore = open('input.json').read()",
            "import farpoint as fp\nfp.record(y=helpers.double(x) + offset, rows=len(rows), more=more)",
            "open('out/result.txt', 'w').write('saved') if not __import__('os').makedirs('out') else None",
        )
    )
    (desk.project / "helpers.py").write_text("def double(x):\n    return 2 * x\n")
    (desk.project / "package").mkdir()
    (desk.project / "package/__init__.py").write_text("")
    (desk.project / "package/deep.py").write_text("offset = 100\n")
    (desk.project / "data").mkdir()
    (desk.project / "data/table.csv").write_text("a\nb\nc\n")
    (desk.project / "mesh_07.json").write_text("{}")
    shown = desk.run(
        """
        import farpoint as fp
        scan = fp.Scan("task.ipynb", fp.grid(x=[1, 2]), files={"input.json": "mesh_07.json"}, save=["out/*.txt"])
        print(scan.preview().files if hasattr(scan.preview(), "files") else scan.preview())
        scan.submit().wait(timeout=60)
        table = scan.table
        print(table.run_state.tolist(), table.y.tolist(), table.rows.tolist(), table.more.tolist())
        print([(run.folder / "out/result.txt").read_text() for run in scan])
        """
    ).splitlines()

    assert shown[-2] == "['COMPLETED', 'COMPLETED'] [102, 104] [3, 3] ['{}', '{}']"
    assert shown[-1] == "['saved', 'saved']"


def test_parameters_arrive_equal_of_the_same_type_and_in_the_order_they_were_given(desk):
    desk.write(
        notebook("zeta = 1\nalpha = None", "import farpoint as fp\nfp.record(kind=type(alpha).__name__, back=alpha)")
    )
    shown = desk.run(
        """
        import datetime, decimal, json
        import numpy as np
        import farpoint as fp
        given = [np.float32(0.1), (1, 2), decimal.Decimal("1.50"), datetime.date(2026, 1, 2), 10**30, None,
                 float("inf"), np.arange(3), b"\\x00", {"a": [1, {2: 3}]}]
        scan = fp.Scan("task.ipynb", fp.grid(zeta=[2], alpha=given)).submit().wait(timeout=100)
        table = scan.table
        for number, value in enumerate(given):
            back = table.back[number]
            assert type(back).__name__ == table.kind[number] == type(value).__name__, (value, back, table.kind[number])
            assert np.array_equal(back, value) if isinstance(value, np.ndarray) else back == value, (value, back)
        cells = json.loads((scan[0].folder / "output.ipynb").read_text())["cells"]
        print("".join(cells[1]["source"]).splitlines()[1:])
        """
    ).splitlines()[-1]

    assert shown.index("zeta = 2") < shown.index("alpha = ")


def test_an_edited_module_runs_again_and_says_so(desk):
    desk.write(notebook("x = 1", "import helpers", "import farpoint as fp\nfp.record(y=helpers.f(x))"))
    (desk.project / "helpers.py").write_text("def f(x):\n    return x\n")
    script = """
        import farpoint as fp
        scan = fp.Scan("task.ipynb", fp.grid(x=[1, 2])).submit().wait(timeout=60)
        print(scan.table.y.tolist(), scan.table.run_version.tolist())
    """
    first = desk.run(script).splitlines()[-1]
    (desk.project / "helpers.py").write_text("def f(x):\n    # only a remark\n    return x\n")
    same = desk.run(script).splitlines()[-1]
    (desk.project / "helpers.py").write_text("def f(x):\n    return x + 10\n")
    other = desk.run(script).splitlines()

    assert first == same == "[1, 2] [1, 1]"
    assert other[-1] == "[11, 12] [2, 2]"
    assert any("helpers.py" in line for line in other), other


def test_a_notebook_that_uses_farpoint_runs_unchanged_where_farpoint_is_not_installed(desk, bare_environment):
    work = notebook(
        "x = 1",
        "%load_ext farpoint\nimport farpoint as fp",
        "@fp.remote(cpus=2)\ndef relax(value):\n    return value * 2",
        "scan = fp.Scan('task.ipynb', fp.grid(x=[1, 2]))\nscan.submit()",
        "fp.record(y=relax(x))\nfp.progress(0.5, 'half')",
        "import os\nline = os.open(os.environ['EFFECTS'], os.O_WRONLY | os.O_APPEND | os.O_CREAT)\n"
        "os.write(line, b'once\\n')",
    )
    desk.write(work)
    shown = desk.run(
        f"""
        import json
        import farpoint as fp
        scan = fp.Scan("task.ipynb", fp.grid(x=range(4)), environment={str(bare_environment)!r})
        scan.submit().wait(timeout=100)
        print(json.dumps([scan.table.run_state.tolist(), scan.table.y.tolist(), scan.table.run_error.tolist()]))
        """,
        EFFECTS=str(desk.project / "effects.txt"),
    ).splitlines()[-1]

    assert json.loads(shown)[:2] == [["COMPLETED"] * 4, [0, 2, 4, 6]], shown
    assert len(desk.effects()) == 4
