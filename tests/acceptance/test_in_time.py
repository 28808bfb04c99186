"""A scan in time: failures kept and retried, code that changed, defaults that do not count, axes that grow."""

from __future__ import annotations

import json

import pytest
from desk import notebook

HEAD = "import farpoint as fp\nscan = fp.Scan('task.ipynb', fp.grid(x=range({n})), name='tokamak')\n"
STATES = "\nprint(json.dumps(scan.table.run_state.value_counts().to_dict()))\n"


def work(guard: str = "", default: int = 1) -> dict:
    return notebook(
        f"x = {default}",
        "import pathlib, os\n"
        "line = os.open(os.environ['EFFECTS'], os.O_WRONLY | os.O_APPEND | os.O_CREAT)\n"
        "os.write(line, f'{x}\\n'.encode())",
        f"{guard or 'pass'}",
        "import farpoint as fp\nfp.record(y=x * x)",
    )


FRAGILE = "if x in (5, 17, 33):\n    raise ValueError(f'{x} is not allowed')"


@pytest.fixture
def forty(desk, monkeypatch):
    monkeypatch.setenv("EFFECTS", str(desk.project / "effects.txt"))
    desk.write(work(FRAGILE))
    return desk


def script(n: int, body: str) -> str:
    return "import json\n" + HEAD.format(n=n) + body + STATES


@pytest.mark.timeout(600)
def test_failures_retry_and_changed_code(forty):
    desk = forty
    shown = json.loads(desk.run(script(40, "scan.submit().wait()"), timeout=300).splitlines()[-1])
    assert shown == {"COMPLETED": 37, "FAILED": 3}

    table = desk.run(
        "import farpoint as fp\nscan = fp.attach('tokamak')\nfailed = scan.failed.table\n"
        "print(failed.run_error.tolist())\nprint([(run.folder / 'output.ipynb').exists() for run in scan.failed])"
    )
    assert table.count("is not allowed") == 3
    assert "[True, True, True]" in table

    desk.write(work("pass  # mended"))
    desk.run(script(40, "scan.submit(changed='keep')\nscan.failed.retry()\nscan.wait()"), timeout=300)
    assert len(desk.effects()) == 43

    again = desk.run(script(40, "scan.submit(changed='keep').wait()"))
    assert len(desk.effects()) == 43
    assert json.loads(again.splitlines()[-1]) == {"COMPLETED": 40}

    desk.run(script(40, "scan.submit(changed='rerun').wait()"), timeout=300)
    assert len(desk.effects()) == 80
    versions = desk.run("import farpoint as fp\nprint(sorted(set(fp.attach('tokamak').table.run_version)))")
    assert versions.strip() == "[2]"
    assert len(list((desk.project / "farpoint_runs/tokamak").glob("point_*/attempt_1/output.ipynb"))) == 40


def test_defaults_and_growing_axes(forty):
    desk = forty
    desk.write(work())
    desk.run(script(3, "scan.submit().wait()"))
    before = {path.name: path.stat().st_ino for path in (desk.project / "farpoint_runs/tokamak").glob("point_*")}
    desk.write(work(default=99))

    desk.run(script(3, "scan.submit().wait()"))
    assert len(desk.effects()) == 3

    desk.run(script(6, "scan.submit().wait()"))
    assert sorted(desk.effects()) == ["0", "1", "2", "3", "4", "5"]
    after = {path.name: path.stat().st_ino for path in (desk.project / "farpoint_runs/tokamak").glob("point_*")}
    assert before.items() <= after.items()
