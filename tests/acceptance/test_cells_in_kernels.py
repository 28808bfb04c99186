"""Cells sent away from a real kernel: what comes back, what an interrupt does, what a kill leaves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kernels import Kernel, kernel

pytestmark = pytest.mark.slow

FIGURE = """%%remote
import matplotlib.pyplot as plt
y = g(x).sum()
print("counted", y)
fig, ax = plt.subplots(figsize=(1, 1))
ax.plot(x)
plt.show()
def twice(n):
    return 2 * n + k
y + 1"""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder = tmp_path_factory.mktemp("desk")
    with kernel(folder / "project", folder / "state") as made:
        said = made.run("%load_ext farpoint\nimport numpy as np\nx, k = np.arange(4.0), 3\ndef g(a):\n    return a * k")
        assert said.error is None, said.error
        yield made


def test_a_cell_with_a_value_in_and_a_value_a_function_and_a_figure_out(here: Kernel) -> None:
    said = here.run(FIGURE)
    assert said.error is None, said.error
    assert said.text == "counted 18.0\n"
    assert "image/png" in said.kinds()
    assert said.shown == "np.float64(19.0)"
    assert here.run("y, twice(1)").shown == "(np.float64(18.0), 5)"
    assert here.run("k = 10; twice(1)").shown == "12"
    here.run("k = 3")
    again = here.run(FIGURE + "  # the same, with a comment")
    assert "↻ result of r" in again.text
    assert "--rerun repeats it" in again.text
    assert "image/png" in again.kinds()
    assert "↻" not in here.run(FIGURE.replace("y + 1", "y + 2")).text


def test_an_exception_comes_back_with_its_type_and_the_far_traceback(here: Kernel) -> None:
    here.run(
        "class Broken(Exception):\n    def __init__(self, a, b):\n        super().__init__(a, b)\n        self.a = a"
    )
    said = here.run("%%remote\nimport sys\nprint('careful', file=sys.stderr)\nw = 1\nraise Broken(3, 4)")
    assert said.errors == "careful\n"
    assert said.error is not None
    name, value, trace = said.error
    assert (name, value) == ("Broken", "(3, 4)")
    assert "raise" in trace
    assert "magics.py" not in trace
    assert (
        here.run("import sys\nw, sys.last_value.a, type(sys.last_value.__cause__).__name__").shown
        == "(1, 3, 'RunFailed')"
    )


def test_what_cannot_travel_is_refused_before_anything_is_sent(here: Kernel) -> None:
    here.run("import threading\nclass M: pass\nm = M(); m.inner = M(); m.inner.lock = threading.Lock()")
    before = here.run("l = %remote ls\nlen(l)").shown
    said = here.run("%%remote\nprint(m)")
    assert said.error is not None
    assert "m.inner.lock → thread lock" in said.error[1]
    assert here.run("l = %remote ls\nlen(l)").shown == before


def test_a_tagged_cell_goes_away_and_others_do_not(here: Kernel) -> None:
    code = "import os\nwhere = os.path.basename(os.getcwd())"
    assert here.run(code).error is None
    assert here.run("where").shown == "'project'"
    assert here.run(code, tags=["remote:local"]).error is None
    assert here.run("where").shown == "'0.0'"
    assert here.run(code, tags=["plot"]).error is None
    assert here.run("where").shown == "'project'"


def test_a_profile_reaches_cells_by_their_notebook_their_name_and_its_own(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "farpoint.toml").write_text(
        '[[profiles]]\nname = "wide"\ncpus = 2\n[[profiles]]\nmatch = ["studies/*.ipynb", "sim"]\ntime = "7m"\n'
    )
    asked = "[fp.attach({!r}).project.folders.read_scan({!r})['resources'][each] for each in ('cpus', 'time')]"
    with kernel(tmp_path / "project", tmp_path / "state", JPY_SESSION_NAME="/home/me/studies/a.ipynb") as made:
        made.run("%load_ext farpoint\nimport farpoint as fp")
        said = made.run("%%remote --as plain\np = 1", timeout=120)
        assert "profile studies/*.ipynb, sim (" in said.text, said
        assert made.run(asked.format("plain", "plain")).shown == "[1, 420]"
        assert made.run("%%remote --profile wide --as named\nq = 1").error is None
        assert made.run(asked.format("named", "named")).shown == "[2, None]"
        assert made.run("%%scan n=1,2 --profile wide --as many\nr = n").error is None
        assert made.run(asked.format("many", "many")).shown == "[2, None]"
        said = made.run("tagged = 5", tags=["remote"])
        assert "profile studies/*.ipynb, sim (" in said.text, said
        said = made.run("%%remote --profile wdie\ns = 1")
        assert said.error is not None
        assert said.error[0] == "BadInput"
        assert said.error[1].endswith("Did you mean 'wide'?")


def test_a_key_and_what_is_ignored(here: Kernel) -> None:
    here.run("loud, base = False, 3")
    first = here.run("%%remote --as judged --ignore loud\nv = base + 0 * loud")
    assert (first.error, "↻" in first.text) == (None, False)
    here.run("loud = True")
    assert "↻ result of" in here.run("%%remote --as judged --ignore loud\nv = base + 0 * loud").text
    here.run("base = 4")
    assert "↻" not in here.run("%%remote --as judged --ignore loud\nv = base + 0 * loud").text
    assert here.run("v").shown == "4"
    stays = "%%remote --as kept --key v1\nw = base * 1"
    assert "↻" not in here.run(stays).text
    assert "↻ result of" in here.run(stays.replace("* 1", "* 100")).text
    assert here.run("w").shown == "4"
    assert "↻" not in here.run(stays.replace("v1", "v2").replace("* 1", "* 100")).text
    assert here.run("w").shown == "400"
    said = here.run("%%remote --key v1\nw = 1")
    assert said.error is not None
    assert "say --as NAME" in said.error[1]
    said = here.run("%%remote --ignore lowd\nw = loud")
    assert said.error is not None
    assert "Did you mean 'loud'" in said.error[1]


def test_keys_of_a_scan_over_a_cell(here: Kernel) -> None:
    here.run("%%scan n=1,2 quick=1 --as both --ignore quick\nz = n")
    again = here.run("%%scan n=1,2 quick=2 --as both --ignore quick\nz = n")
    assert "2 of 2 results found again" in again.text


def test_a_scan(here: Kernel) -> None:
    here.run("base = 2")
    cell = "%%scan a=1:2:2 b=10,20\nimport matplotlib.pyplot as plt\nz = a ** base + b\nplt.plot([a, b])\nplt.show()"
    said = here.run(cell)
    assert said.error is None, said.error
    page = said.data[-1]["text/html"]
    assert page.startswith("<iframe")
    assert "allow-same-origin" not in page
    assert here.run("_scan.table[['a', 'b', 'z']].values.tolist()").shown == str(
        [[1, 10, 11], [1, 20, 21], [2, 10, 14], [2, 20, 24]]
    )
    again = here.run(cell.replace("b=10,20", "b=10"))
    assert "2 of 2 results found again" in again.text
    assert here.run("len(_scan)").shown == "2"


def test_what_it_displays_appears_while_it_runs_and_once(here: Kernel) -> None:
    cell = (
        "%%remote\nimport time\nfrom IPython.display import HTML, display\nshown = display('one', display_id=True)\n"
        "print('drawn', flush=True)\ntime.sleep(3)\nshown.update('two')\ndisplay(HTML('x' * 200_000))\n5"
    )
    asked = here.send(cell)
    early = here.heard(asked, until="drawn")
    went_on = time.monotonic()
    late = here.heard(asked)
    assert time.monotonic() - went_on > 1.5
    assert [each["text/plain"] for each in early.data] == ["'one'"]
    assert [each["text/plain"] for each in late.data] == ["5", "<IPython.core.display.HTML object>"]


def test_modules_files_and_a_point_that_is_started_again(here: Kernel) -> None:
    here.run(
        "from pathlib import Path\nPath('deeper.py').write_text('c = 7')\n"
        "Path('mine.py').write_text('from deeper import c\\ndef times(a): return a * c')\nimport mine\n"
        "Path('mesh.json').write_text('[1, 2]')\nready = str(Path('ready').absolute())"
    )
    cell = (
        "%%scan n=1,2 --file input.json=mesh.json --save 'out_*.txt'\nimport json, os\n"
        "if n == 2 and not os.path.exists(ready):\n    raise ValueError('not yet')\n"
        "m = mine.times(n) + sum(json.load(open('input.json')))\nopen(f'out_{n}.txt', 'w').write('saved')"
    )
    said = here.run(cell)
    assert said.error is None, said.error
    assert "ValueError: not yet" in said.text
    here.run("Path(ready).touch()\n_scan.failed.retry()\n_scan.wait()")
    assert here.run("_scan.table['m'].tolist()").shown == "[10, 17]"
    assert here.run("(_scan[1].folder / 'out_2.txt').read_text()").shown == "'saved'"


def test_an_interrupt_leaves_it_running_and_pull_brings_it(here: Kernel) -> None:
    here.run("late = 'old'")
    asked = here.send("%%remote\nimport time\nprint('begun', flush=True)\ntime.sleep(4)\nlate = 'new'")
    here.heard(asked, until="begun")
    here.manager.interrupt_kernel()
    said = here.heard(asked)
    assert said.error is not None
    assert said.error[0] == "Detached"
    assert "goes on" in said.error[2]
    assert "Traceback" not in said.error[2]
    assert here.run("late").error is not None
    run = said.error[1].split()[0]
    assert here.run(f"%remote pull {run}").error is None
    assert here.run("late").shown == "'new'"


def test_two_interrupts_cancel_it(here: Kernel) -> None:
    asked = here.send("%%remote --as long\nimport time\nprint('begun', flush=True)\ntime.sleep(60)")
    here.heard(asked, until="begun")
    here.manager.interrupt_kernel()
    here.heard(asked, until="again within")
    here.manager.interrupt_kernel()
    said = here.heard(asked)
    assert said.error is not None
    assert "being cancelled" in said.error[1]
    here.run("import farpoint as fp\nrun = fp.attach('long')[0]\nrun.wait(30)")
    assert here.run("run.state").shown == "'CANCELLED'"


def test_detached(here: Kernel) -> None:
    said = here.run("%%remote --detach --as sim --return a\na, b = 5, 6")
    assert "goes on by itself" in said.text
    assert here.run("sim.wait(60).state").shown == "'COMPLETED'"
    assert here.run("%remote pull sim").error is None
    assert here.run("a, 'b' in globals()").shown == "(5, False)"


def test_a_killed_kernel_loses_nothing_and_nothing_happens_twice(tmp_path: Path) -> None:
    effect, go = tmp_path / "effect.txt", tmp_path / "go"
    cell = (
        f"%%remote\nimport os, time\nwith open({str(effect)!r}, 'a') as f:\n    f.write('once\\n')\n"
        f"print('begun', flush=True)\nwhile not os.path.exists({str(go)!r}):\n    time.sleep(0.1)\n"
        "print('done')\nanswer = 6 * seven"
    )
    with kernel(tmp_path / "project", tmp_path / "state") as first:
        first.run("%load_ext farpoint\nseven = 7")
        first.heard(first.send(cell), until="begun")
    with kernel(tmp_path / "project", tmp_path / "state") as second:
        second.run("%load_ext farpoint\nseven = 7")
        assert "RUNNING" in second.run("%remote ls").shown
        asked = second.send(cell)
        said = second.heard(asked, until="attached to it").text
        go.touch()
        said += second.heard(asked).text
        assert said.endswith("begun\ndone\n")
        assert second.run("answer").shown == "42"
    assert effect.read_text() == "once\n"


def test_a_cell_that_waits_says_what_for(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "farpoint.toml").write_text("[machines.local]\ncpus = 2\n")
    with kernel(project, tmp_path / "state") as asked:
        asked.run("%load_ext farpoint")
        for name in ("one", "two"):
            asked.run(f"%%remote --cpus 2 --detach --as {name}\nimport time\ntime.sleep(8)\n{name} = 1")
        said = asked.run("%%remote --cpus 1 --as three\nthree = 3")
        shown = [str(each.get("text/plain")) for each in said.data]
        assert any("queued on local: 1 run of yours before it, waiting for 1 free core" in text for text in shown)
        assert asked.run("three").shown == "3"
