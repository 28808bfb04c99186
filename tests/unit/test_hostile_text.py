"""Hostile text in every field that a user can write: refused before anything is sent, or data to the end.

One table has every field of farpoint.toml, every resource, and every argument of a Scan and its submit; a test looks
that none is left out. What is accepted goes through bash, tcsh and fish as login shells, to a real agent and real runs.
"""

from __future__ import annotations

import inspect
import json
import os
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from clusters.daemons import unavailable
from farpoint import config_file
from farpoint.api.scan import Scan
from farpoint.config import MachineConfig, load
from farpoint.errors import BadInput, NotFound
from farpoint.machines import batch
from farpoint.machines.registry import build_machine
from farpoint.model import JobShape, Resources
from farpoint.points import grid
from farpoint.project import Project
from farpoint.resources import WORDS, resources
from farpoint.runner import ranks
from farpoint.schedulers.base import Paths
from farpoint.schedulers.direct import Direct
from farpoint.schedulers.pbs import Pbs
from farpoint.schedulers.sge import Sge
from farpoint.schedulers.slurm import Slurm
from farpoint.transports.link import Link
from farpoint.transports.login import Login
from farpoint.transports.ssh import COMMAND, Ssh
from farpoint.ui.tagged import machine_of
from still import StillMachine, rest, write_notebook

TEXTS = {
    "spaces": "  a  b ", "quotes": "a'b\"c`d`\\ !x", "newline": "a\nb", "command": ";$(touch pwned)`touch pwned`",
    "unicode": "größe ☃ 𝄞", "dash": "-o", "long": "x" * 300,
}  # fmt: skip
TOKEN = "fpaaaaaaaaaaaaa"
LANGUAGES = (Direct, Slurm, Sge, Pbs)
WITNESS = """#!/bin/sh
printf '%s\\0' "$@" >'{folder}/words'
env -0 >'{folder}/environment'
"""


def toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


@dataclass(frozen=True)
class LoginShell(Ssh):
    """What ssh does at its far end, here: the login shell is given the one constant command."""

    shell: str = "sh"
    home: str = "/"

    def argv(self, loader: str) -> list[str]:
        return [self.shell, "-c", COMMAND]

    def env(self) -> dict[str, str]:
        return {"HOME": self.home, "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}

    def ready(self) -> None:
        pass


class Desk:
    """A user's folder, whose farpoint.toml says what a test writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        write_notebook(folder / "toy.ipynb")

    def load(self, text: str) -> Any:
        (self.folder / "farpoint.toml").write_text(text, encoding="utf-8")
        return load(self.folder)

    def machine(self, **settings: Any) -> Any:
        """The machine that these settings are; nothing is asked yet."""
        lines = "".join(f"{name} = {value}\n" for name, value in settings.items())
        config = self.load(f"[machines.m]\n{lines}").machines["m"]
        return build_machine("m", config, self.folder / "state", "me", lambda: 1.0)

    def script(self, paths: dict[str, Any] | None = None, header: Sequence[str] = (), **asked: Any) -> None:
        """The script of each scheduler, run by sh with a witness in place of Python: it was told what was meant."""
        known = {"statedir": str(self.folder / "far"), "workdir": "/w", "runner": "/r.zip", **(paths or {})}
        (Path(known["statedir"]) / "jobs" / TOKEN).mkdir(parents=True, exist_ok=True)
        python = self.folder / "witness"
        python.write_text(WITNESS.format(folder=self.folder))
        python.chmod(0o700)
        for language in LANGUAGES:
            shape = JobShape(TOKEN, 2, Resources(**asked), "scan", header=tuple(header))
            there = Paths(python=str(python), **known)
            text = language().render(shape, there)
            assert commands(text) == commands(language().render(JobShape(TOKEN, 2, Resources(), "scan"), there))
            file = self.folder / "script"
            file.write_text(text, encoding="utf-8")
            subprocess.run(["sh", str(file)], cwd=self.folder, check=True, stderr=subprocess.PIPE)
            words, told = ((self.folder / name).read_text("utf-8").split("\0") for name in ("words", "environment"))
            places = ["--statedir", known["statedir"], "--workdir", known["workdir"]]
            assert words[2:8] == [known["runner"], "pilot", *places]
            assert {f"{name}={value}" for name, value in known.get("env", {}).items()} <= set(told)

    def scan(self, on: str | None = None, asked: dict[str, Any] | None = None, **options: Any) -> Scan:
        """A scan that is handed to a machine that stands still."""
        project = Project(self.folder, state=self.folder / "state", machines={"local": StillMachine()})
        try:
            options = {"task": self.folder / "toy.ipynb", "points": grid(x=[1]), **options}
            scan = Scan(options.pop("task"), options.pop("points"), project=project, **options)
            return scan.submit(on, **(asked or {}))
        finally:
            rest(project)
            project.close()


def commands(script: str) -> list[str]:
    """The lines of a script that a shell reads."""
    return [line for line in script.splitlines() if not line.startswith("#")]


def lines_of_options(desk: Desk, text: str, *places: str) -> None:
    """An option of a scheduler stands in a comment of the script; in none of them a shell reads it."""
    for given in (text, f"-l {text}", f"#$ {text}"):
        try:
            desk.script(header=(given,), **dict.fromkeys(places, (given,)))
        except BadInput:
            assert not given.startswith("-l") or not given.isprintable()


def kept_by_config(key: str) -> Callable[[Desk, str], None]:
    def check(desk: Desk, text: str) -> None:
        settings = desk.load(f"[machines.m]\n{key} = {toml(text)}\n").machines["m"]
        assert getattr(settings, key) in (text, (text,))

    return check


def path(key: str) -> Callable[[Desk, str], None]:
    """Shown to be a path by the login shells below; in a script here."""

    def check(desk: Desk, text: str) -> None:
        kept_by_config(key)(desk, text)
        desk.script({key: f"{desk.folder}/{text[:200]}/{text[200:]}"})

    return check


def environment_variable(desk: Desk, text: str) -> None:
    settings = desk.load(f"[machines.m]\nenv = {{ TOLD = {toml(text)} }}\n").machines["m"]
    desk.script({"env": settings.env})
    desk.load(f"[machines.m.env]\n{toml(text)} = 'x'\n")
    desk.script({"env": {text: "x"}})


def set_up(desk: Desk, text: str) -> None:
    """These are the user's own shell lines: they arrive as they are, and nothing of them is run here."""
    kept_by_config("setup")(desk, text)
    for language in LANGUAGES:
        script = language().render(JobShape(TOKEN, 1, Resources(), "s"), Paths("/s", "/w", "p", "r", (text,)))
        assert f"\n{text}\n" in script


def launcher(desk: Desk, text: str) -> None:
    settings = desk.load(f"[machines.m]\nlauncher = {toml(text)}\n").machines["m"]
    assert ranks.launch(settings.launcher, 3)[-2:] == ["-n", "3"]


def queue_name(desk: Desk, text: str) -> None:
    queues = desk.load(f"[machines.m]\nscheduler = 'slurm'\n[machines.m.queues.{toml(text)}]\ncpus = 1\n")
    assert list(queues.machines["m"].queues) == [text]
    desk.script(queue=text)


def setting(key: str, above: str = "[machines.m]\nscheduler = 'slurm'\n") -> Callable[[Desk, str], None]:
    return lambda desk, text: desk.load(f"{above}{key} = {toml(text)}\n")


def profile(key: str) -> Callable[[Desk, str], None]:
    """A profile that fits, and a scan that says nothing else."""
    above = "[[profiles]]\n" + ("" if key == "match" else "match = 'toy'\n")

    def check(desk: Desk, text: str) -> None:
        (found,) = desk.load(f"{above}{key} = {toml(text)}\n").profiles
        assert text in (getattr(found, key, None), found.resources.get(key)) or found.match == (text,)
        desk.scan()
        if key == "extra":
            lines_of_options(desk, text, "extra")

    return check


def word(name: str) -> Callable[[Desk, str], None]:
    def check(desk: Desk, text: str) -> None:
        read = resources(**{name: text})
        if name == "extra":
            lines_of_options(desk, text, "extra")
        elif name in ("queue", "account"):
            desk.script(**{name: getattr(read, name)})
        desk.scan(asked={name: text})

    return check


def built(**settings: str) -> Callable[[Desk, str], None]:
    """`TEXT` stands for the text; the machine can be made or not, and is asked nothing."""

    def check(desk: Desk, text: str) -> None:
        desk.machine(**{key: value.replace("TEXT", toml(text)) for key, value in settings.items()}).close()

    return check


def argument(name: str, wrap: Callable[[str], Any] = str) -> Callable[[Desk, str], None]:
    return lambda desk, text: desk.scan(**{name: wrap(text)}) and None


def choice(name: str) -> Callable[[Desk, str], None]:
    return lambda desk, text: desk.scan(asked={name: text}) and None


def notebook(desk: Desk, text: str) -> None:
    """A file of that name where the disk can have one."""
    file = desk.folder / text / f"{text[:100]}.ipynb"
    if len(text) > 255:
        file = desk.folder / text[:200] / f"{text[200:]}.ipynb"
    file.parent.mkdir()
    shutil.copy(desk.folder / "toy.ipynb", file)
    assert desk.scan(task=file, name="named").name == "named"


def files(desk: Desk, text: str) -> None:
    name = text[:200]
    (desk.folder / name).write_text("x")
    desk.scan(files={name: name}, name="a")
    desk.scan(files=[name], name="b")


def tag(desk: Desk, text: str) -> None:
    """The machine that a cell's tag names."""
    desk.scan(on=machine_of({"tags": [f"remote:{text}"]}))


MACHINE: dict[str, Callable[[Desk, str], None]] = {
    **{key: setting(key) for key in config_file.MACHINE},
    "type": built(type="TEXT"), "scheduler": built(scheduler="TEXT"), "transport": built(transport="TEXT", host="'h'"),
    "host": built(host="TEXT"), "python": built(python="TEXT", host="'h'"),
    "statedir": path("statedir"), "workdir": path("workdir"), "environment": kept_by_config("environment"),
    "header": lines_of_options, "setup": set_up, "env": environment_variable, "launcher": launcher,
    "capabilities": kept_by_config("capabilities"), "queues": queue_name,
    "account": lambda desk, text: desk.script(account=desk.machine(scheduler="'slurm'", account=toml(text)) and text),
}  # fmt: skip
SCAN: dict[str, Callable[[Desk, str], None]] = {
    "task": notebook,
    "points": argument("points", lambda text: [{"x": text}]),
    "name": argument("name"),
    "files": files,
    "save": argument("save"),
    "environment": argument("environment"),
    "project": lambda desk, text: Desk(made(desk.folder / text[:200])).scan() and None,
    "key": argument("key"),
    "ignore": argument("ignore"),
    "constants": lambda desk, text: desk.scan(**{text: 1}) and None,
}
SUBMIT: dict[str, Callable[[Desk, str], None]] = {
    "on": lambda desk, text: desk.scan(on=text) and None,
    **{name: choice(name) for name in ("rerun", "changed", "nested", "points_per_job", "profile")},
    "resources": lambda desk, text: resources(**{text: 1}) and None,
}
FIELDS: dict[str, Callable[[Desk, str], None]] = {
    **{key: setting(key, "") for key in config_file.TOP},
    "a machine's name": lambda desk, text: desk.load(f"[machines.{toml(text)}]\n"),
    **{f"machines.m.{key}": check for key, check in MACHINE.items()},
    **{
        f"queues.q.{key}": setting(key, "[machines.m]\nscheduler = 's'\n[machines.m.queues.q]\n")
        for key in config_file.QUEUE
    },
    "queues.q.header": lines_of_options,
    **{f"profiles.{key}": profile(key) for key in (*config_file.PROFILE, *WORDS)},
    **{f"resources.{name}": word(name) for name in WORDS},
    "a parameter's name": argument("points", lambda text: [{text: 1}]),
    "a cell's tag": tag,
    **{f"Scan({name}=)": check for name, check in SCAN.items()},
    **{f"submit({name}=)": check for name, check in SUBMIT.items()},
}
NUMBERS = ("cpus", "memory", "time", "gpus", "nodes", "tasks", "retries")
LIMITS = (
    "max_jobs",
    "max_array",
    "max_running",
    "cpus",
    "memory",
    "gpus",
    "poll",
    "grace",
    "beat",
    "purge",
    "keep_login",
)
CHOICES = ("type", "scheduler", "transport", "agent")
ONE_OF_SOME = {
    *config_file.TOP, *(f"machines.m.{key}" for key in (*LIMITS, *CHOICES)),
    *(f"queues.q.{key}" for key in config_file.QUEUE if key != "header"),
    *(f"{above}.{key}" for above in ("profiles", "resources") for key in (*NUMBERS, "requires")),
    "profiles.machine", "profiles.points_per_job", "a parameter's name", "a cell's tag", "Scan(ignore=)",
    "Scan(constants=)", "submit(on=)", "submit(changed=)", "submit(points_per_job=)", "submit(profile=)",
    "submit(resources=)",
}  # fmt: skip


def made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.chdir(made(tmp_path / "elsewhere"))
    yield Desk(made(tmp_path / "desk"))
    assert not [name for name in tmp_path.rglob("*") if name.name == "pwned"]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("field", FIELDS)
def test_it_is_refused_clearly_or_stays_data(desk: Desk, field: str, text: str) -> None:
    try:
        FIELDS[field](desk, text)
    except (BadInput, NotFound) as fault:
        refusal = str(fault).rstrip()
    else:
        return
    assert refusal.endswith((".", ")", "?")), refusal


@pytest.mark.parametrize("field", sorted(FIELDS.keys() - ONE_OF_SOME))
def test_where_any_text_may_stand_a_harmless_one_does(desk: Desk, field: str) -> None:
    FIELDS[field](desk, "plain")


@pytest.mark.parametrize("field", sorted(ONE_OF_SOME))
def test_where_only_some_words_or_a_number_may_stand_another_is_refused(desk: Desk, field: str) -> None:
    with pytest.raises((BadInput, NotFound), match="plain"):
        FIELDS[field](desk, "plain")


def test_no_field_is_left_out() -> None:
    assert MACHINE.keys() == config_file.MACHINE.keys() == set(MachineConfig.__struct_fields__)
    for called, table in ((Scan.__init__, SCAN), (Scan.submit, SUBMIT)):
        assert table.keys() == inspect.signature(called).parameters.keys() - {"self"}
    for name in (*config_file.TOP, *(f"profiles.{word}" for word in (*config_file.PROFILE, *WORDS))):
        assert name in FIELDS
    assert {f"resources.{name}" for name in WORDS} | {f"queues.q.{key}" for key in config_file.QUEUE} <= FIELDS.keys()


@pytest.fixture(params=["bash", "tcsh", "fish"])
def shell(request: pytest.FixtureRequest) -> str:
    found = shutil.which(request.param)
    if found is None:
        unavailable(f"{request.param} is not installed")
    return found


def away(folder: Path, shell: str, place: str, text: str = "", **settings: Any) -> batch.Machine:
    """A machine behind that login shell, whose folders and Python lie where the text says."""
    python = folder / text.replace("\n", " ")[:200] / "python"
    python.parent.mkdir(parents=True, exist_ok=True)
    if not python.exists():
        python.write_text(f"#!/bin/sh\nexec '{sys.executable}' \"$@\"\n")
        python.chmod(0o700)
    transport = LoginShell(Login("far", "far", folder / "ssh"), str(python), nice=0, shell=shell, home=str(folder))
    link = Link("far", transport, f"{place}/state", f"{place}/work")
    return batch.Machine("far", link, Direct(), "me", time.time, MachineConfig(**settings))


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_login_shell_reads_no_field(desk: Desk, shell: str, text: str) -> None:
    place = desk.folder / f"{text[:200]}/{text[200:]}"
    far = away(desk.folder, shell, str(place), text)
    try:
        hello = far.call("hello").value
        assert (hello["statedir"], hello["workdir"]) == (f"{place}/state", f"{place}/work")
        assert far.call("run", argv=["printf", "%s", text], timeout=9).value["stdout"] == text
    finally:
        far.close()


def test_a_run_behind_a_login_shell_has_every_text_as_it_was_given(desk: Desk, shell: str) -> None:
    hostile = "".join(TEXTS.values())
    folder, name = desk.folder / hostile[:100] / hostile[100:200], hostile[:200].replace("/", "")
    code = """
        import os, farpoint as fp
        open("note.txt", "w").write("|".join(x))
        fp.record(back=x, told=os.environ["TOLD"], read=open(y).read())
        for number, text in enumerate(x):
            fp.record(**{text: number})
    """
    project_folder = made(folder)
    notebook = write_notebook(project_folder / f"{name}.ipynb", parameters="x = []\ny = ''", code=textwrap.dedent(code))
    (project_folder / name).write_text("mesh")
    far = away(desk.folder, shell, str(folder), hostile, env={"TOLD": hostile})
    project = Project(project_folder, state=desk.folder / "state", machines={"far": far})
    try:
        options = {
            "files": [name],
            "save": ["*.txt", "$(touch pwned)"],
            "environment": desk.folder / hostile.replace("\n", " ")[:200] / "python",
        }
        scan = Scan(notebook, [{"x": list(TEXTS.values()), "y": name}], name="s", project=project, **options).submit(
            "far"
        )
        assert scan.wait(timeout=120).counts == {"COMPLETED": 1}, scan.logs(0)
        found = scan[0].result()
        assert (found["back"], found["told"], found["read"]) == (list(TEXTS.values()), hostile, "mesh")
        assert [found[text] for text in TEXTS.values()] == list(range(len(TEXTS)))
        assert (scan[0].folder / "note.txt").read_text() == "|".join(TEXTS.values())
    finally:
        project.close()
        far.close()
