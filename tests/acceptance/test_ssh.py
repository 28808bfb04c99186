"""Work on another computer, reached by ssh, whose user is another one and who has no farpoint."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk import Desk, notebook

from clusters.sshd import FarHost, Sshd
from kernels import kernel

pytestmark = [pytest.mark.xdist_group("ssh"), pytest.mark.slow]

SETTINGS = """
[machines.far]
host = "{host}"
environment = "{environment}"
keep_login = 60
grace = 3
poll = 0.5
"""


class Away(Desk):
    """A desk whose machine `far` is reached by ssh."""

    def __init__(self, folder: Path, far_host: FarHost, sshd: Sshd) -> None:
        super().__init__(folder)
        self.sshd, self.far_host = sshd, far_host
        self.names()

    def names(self, alias: str | None = None, more: str = "") -> None:
        """Write the settings."""
        settings = SETTINGS.format(host=alias or self.sshd.alias, environment=self.far_host.environment)
        self.settings(settings + more)

    def ask(self, *words: str, **environment: str) -> str:
        """What the command line printed, well or not."""
        command = f"import sys; from farpoint.ui.cli import main; sys.argv[1:] = {list(words)!r}; main()"
        return self.start(command, **environment).communicate(timeout=200)[0]


@pytest.fixture
def away(tmp_path: Path, far_host: FarHost, sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> Iterator[Away]:
    monkeypatch.setenv("PATH", sshd.path)
    made = Away(tmp_path, far_host, sshd)
    yield made
    made.ask("disconnect", "far")


def test_a_function_a_cell_and_a_notebook(away: Away, far_host: FarHost) -> None:
    away.write(
        notebook(
            "feed, kill = 0.1, 0.2",
            "import os, csv, getpass, helpers, farpoint as fp",
            "factor = float(next(csv.reader(open('data/factor.csv')))[0])",
            "fp.record(total=helpers.add(feed, kill) * factor, who=getpass.getuser(), home=os.path.expanduser('~'))",
        )
    )
    (away.project / "helpers.py").write_text("def add(a, b):\n    return a + b\n")
    (away.project / "data").mkdir()
    (away.project / "data" / "factor.csv").write_text("10,ten\n")
    said = away.run(
        """
        import json, getpass, farpoint as fp
        @fp.remote
        def who(x):
            import getpass
            return getpass.getuser(), x * x
        one = who.on("far").submit(7).result(timeout=100)
        scan = fp.Scan("task.ipynb", fp.grid(feed=[0.1, 0.2], kill=[1.0, 2.0])).submit(on="far")
        scan.wait(timeout=200)
        print(scan.table.run_error.tolist())
        print(json.dumps([one, *(scan.table[name].tolist() for name in ("total", "who", "home", "run_state"))]))
        """
    )
    user = far_host.user
    assert json.loads(said.splitlines()[-1]) == [
        [user.name, 49], [11.0, 21.0, 12.0, 22.0], [user.name] * 4, [str(user.home)] * 4, ["COMPLETED"] * 4,
    ], said  # fmt: skip


def test_a_cell_of_a_notebook(away: Away, far_host: FarHost) -> None:
    with kernel(away.project, away.folder / "state") as here:
        assert here.run("%load_ext farpoint\nx = 20").error is None
        said = here.run("%%remote far\nimport getpass\ny = x + 1\nwho = getpass.getuser()\nprint('there')")
        assert said.error is None, said.error
        assert said.text == "there\n"
        assert here.run("y, who").shown == f"(21, '{far_host.user.name}')"


@pytest.mark.timeout(700)
def test_the_agent_is_killed_every_few_seconds_and_every_result_is_right(away: Away, far_host: FarHost) -> None:
    killed: list[int] = []
    over = threading.Event()

    def kill_now_and_then() -> None:
        uid = pwd.getpwnam(far_host.user.name).pw_uid
        while not over.wait(3):
            for pid in agents(uid):
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)

    killer = threading.Thread(target=kill_now_and_then)
    killer.start()
    try:
        said = away.run(
            """
            import json, farpoint as fp
            def f(x):
                import time
                time.sleep(0.1)
                return {"y": x * x}
            scan = fp.Scan(f, fp.grid(x=range(200)), name="s").submit(on="far")
            scan.wait(timeout=560)
            print(json.dumps([scan.table.y.tolist(), sorted(set(scan.table.run_state))]))
            """,
            timeout=600,
        )
    finally:
        over.set()
        killer.join()
    assert json.loads(said.splitlines()[-1]) == [[x * x for x in range(200)], ["COMPLETED"]]
    assert len(killed) >= 2


@pytest.fixture
def guarded(tmp_path: Path, far_host: FarHost, monkeypatch: pytest.MonkeyPatch) -> Iterator[Away]:
    """A desk whose machine asks for a one-time code and takes three sessions of one sign-in."""
    host = far_host.sshd(codes=True, sessions=3)
    monkeypatch.setenv("PATH", host.path)
    made = Away(tmp_path, far_host, host)
    yield made
    made.ask("disconnect", "far")


def connect(away: Away) -> str:
    """Sign in with a new code, which ssh is told as it is by a desktop's window."""
    code = away.sshd.code()
    window = away.folder / "askpass"
    window.write_text(f"#!/bin/sh\necho {code}\n")
    window.chmod(0o755)
    shown = away.ask("connect", "far", SSH_ASKPASS=str(window), SSH_ASKPASS_REQUIRE="force", DISPLAY=":0")
    assert shown == "far: signed in to far; ends 0:01:00 after its last use\n"
    return code


NEEDED = "sign-in needed — run farpoint connect far"


def test_two_kernels_the_command_line_and_a_restart_cost_one_code(guarded: Away) -> None:
    cell = "%%remote far\ny = x + 1"
    guarded.write(notebook("x = 1", "import farpoint as fp", "fp.record(y=x * 2)"))
    state = guarded.folder / "state"
    with kernel(guarded.project, state) as one, kernel(guarded.project, state) as two:
        assert one.run("%load_ext farpoint\nx = 0").error is None
        refused = one.run(cell).error
        assert refused is not None
        assert refused[:2] == ("SignInNeeded", NEEDED)
        assert not guarded.sshd.taken()

        code = connect(guarded)
        assert one.run(cell).error is None
        assert two.run("%load_ext farpoint\nx = 10").error is None
        assert two.run(cell).error is None
        assert "COMPLETED" in guarded.ask("run", "task.ipynb", "-p", "x=1,2", "--on", "far")
        assert (one.run("y").shown, two.run("y").shown) == ("1", "11")
    with kernel(guarded.project, state) as again:
        assert again.run("%load_ext farpoint\nx = 30").error is None
        assert again.run(cell).error is None
        assert again.run("y").shown == "31"
    assert guarded.sshd.taken() == [code]
    assert guarded.sshd.log().count("Accepted") == 1


def test_work_waits_for_a_sign_in_and_goes_on_by_itself_after_it(guarded: Away) -> None:
    guarded.write(notebook("x = 1", "import farpoint as fp", "fp.record(y=x * 2)"))
    connect(guarded)
    assert "COMPLETED" in guarded.ask("run", "task.ipynb", "-p", "x=1", "--on", "far")
    assert guarded.ask("disconnect", "far") == "far: signed out; work there goes on\n"

    waiting = guarded.start(
        """
        import farpoint as fp
        scan = fp.Scan("task.ipynb", fp.grid(x=[5, 6]), name="later").submit(on="far")
        scan.wait(timeout=200)
        print(scan.table.y.tolist(), flush=True)
        """
    )
    while NEEDED not in (shown := guarded.ask("machines", "--offline", "--json")):
        assert waiting.poll() is None, waiting.communicate()
    connect(guarded)
    said = waiting.communicate(timeout=200)
    assert said[0].splitlines()[-1] == "[10, 12]", (shown, said)


def agents(uid: int) -> list[int]:
    """Processes of that user which answer this side: they run the loader."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and entry.stat().st_uid == uid:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if b"-c" in words and any(word.startswith(b"import io, json; boot") for word in words):
                    found.append(int(entry.name))
        except OSError:
            continue
    return found


HOSTILE = "-o 'a' \"b\" ; $(touch pwned) `touch pwned` !x \\ \n é𝄞 " + "x" * 250


@pytest.fixture(params=["bash", "tcsh", "fish"])
def login_shell(request: pytest.FixtureRequest, far_host: FarHost) -> Iterator[str]:
    """The far user's login shell."""
    program = shutil.which(request.param)
    assert program is not None
    far_host.user.shell(program)
    yield request.param
    far_host.user.shell("/bin/sh")


def test_hostile_text_in_every_field_stays_data_or_is_refused(away: Away, far_host: FarHost, login_shell: str) -> None:
    plain = HOSTILE.replace("\n", " ")
    folder = f"{login_shell} {plain[:100]}"
    settings = f"statedir = {json.dumps('~/' + folder, ensure_ascii=False)}\n"
    settings += f"workdir = {json.dumps('~/work ' + folder, ensure_ascii=False)}\n"
    settings += f"env = {{ TOLD = {json.dumps(HOSTILE, ensure_ascii=False)} }}\n"
    away.names(more=settings)
    away.project.mkdir(exist_ok=True)
    (away.project / "mesh.txt").write_text("mesh")
    said = away.run(
        f"""
        import json, os, farpoint as fp
        hostile, plain = {HOSTILE!r}, {plain!r}
        def f(text, seen="no"):
            import glob, os
            open("out.txt", "w").write(text)
            return {{"back": text, "env": os.environ["TOLD"], "files": sorted(glob.glob("*mesh*"))}}
        files, save = {{"a; $(touch pwned) mesh": "mesh.txt"}}, ["*.txt", "$(touch pwned)"]
        scan = fp.Scan(f, fp.grid(text=[hostile, plain, "-n"]), name="s", files=files, save=save).submit(on="far")
        scan.wait(timeout=200)
        table = scan.table
        print(json.dumps([table[name].tolist() for name in ("text", "back", "env", "files", "run_error")]))
        refused = []
        for given in ({{"name": hostile}}, {{"environment": hostile}}):
            try:
                made = fp.Scan(f, fp.grid(text=["x"]), **given).submit(on="far").wait(timeout=100)
                refused.append(made.table.run_state.tolist())
            except fp.FarpointError as fault:
                refused.append(type(fault).__name__)
        print(json.dumps(refused))
        """
    )
    *_, values, refused = said.splitlines()
    texts = [HOSTILE, plain, "-n"]
    assert json.loads(values) == [texts, texts, [HOSTILE] * 3, [["a; $(touch pwned) mesh"]] * 3, [""] * 3]
    assert json.loads(refused)[0] == "BadInput"
    assert "pwned" not in {path.name for path in [*away.folder.rglob("*")]}
    assert far_host.user.run("find . -name pwned") == ""
