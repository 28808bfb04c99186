"""farpoint.toml: layers merge, and whatever is wrong is said with file, line and mend."""

from pathlib import Path

import pytest

from farpoint.config import BUILT_IN, Config, load, user_file
from farpoint.config_file import line_of
from farpoint.errors import BadConfig, NotFound


@pytest.fixture
def write(tmp_path):
    def write(text: str, name: str = "user.toml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return write


def test_nothing_at_all_is_fine(tmp_path):
    config = load(tmp_path, tmp_path / "nothing.toml")
    assert config == load() == Config()
    assert list(config.machines) == ["local"]
    assert (config.default_machine, config.confirm_above) == ("local", 1.0)
    local = config.machines["local"]
    assert (local.type, local.scheduler, local.transport, local.cpus) == ("batch", "direct", None, None)


def test_layers_merge_key_by_key(write, tmp_path):
    user = write("""
        default_machine = "hpc"
        confirm_above = 10
        [machines.local]
        cpus = 4
        memory = "8GB"
        [machines.hpc]
        setup = "module load python"
        env = {A = "1", B = "1"}
        poll = "1m"
        [machines.old]
        cpus = 1
    """)
    project = write(
        """
        [machines]
        old = false
        [machines.hpc]
        setup = ["module purge", "module load python"]
        env.B = "2"
        grace = 0.5
        purge = "30d"
        [machines.local]
        memory = "none"
        """,
        "farpoint.toml",
    )
    config = load(tmp_path, user)
    assert (config.default_machine, config.confirm_above) == ("hpc", 10.0)
    assert list(config.machines) == ["local", "hpc"]
    assert (config.machines["local"].cpus, config.machines["local"].memory) == (4, None)
    hpc = config.machines["hpc"]
    assert hpc.setup == ("module purge", "module load python")
    assert dict(hpc.env) == {"A": "1", "B": "2"}
    assert (hpc.poll, hpc.grace, hpc.purge) == (60.0, 0.5, 30 * 86400)
    told = {key: (value, source) for key, value, source in config.explain("hpc")}
    assert told["env.A"] == ("1", str(user))
    assert told["env.B"] == ("2", str(project))
    assert told["poll"] == (60.0, str(user))
    assert told["type"] == ("batch", BUILT_IN)
    assert "env" not in told
    with pytest.raises(NotFound, match=r"no machine 'hpd' \(machines: local, hpc\). Did you mean 'hpc'"):
        config.explain("hpd")


def test_a_machine_is_removed_or_changed(write, tmp_path):
    user = write("[machines.hpc]\ncpus = 4\ngpus = 1")
    write("machines.hpc = false", "farpoint.toml")
    assert "hpc" not in load(tmp_path, user).machines
    write("[machines.hpc]\ngpus = 2", "farpoint.toml")
    assert load(tmp_path, user).machines["hpc"].cpus == 4


@pytest.mark.parametrize(
    "text, said",
    [
        ("default = 'x'", r"user.toml, line 1: there is no setting 'default'.*Did you mean 'default_machine'\?"),
        ("\nmachine = 1", r"line 2: there is no setting 'machine' .*Did you mean 'machines'"),
        (
            "[machines.hpc]\n# note\ncpu = 4",
            r"line 3: there is no setting 'cpu' \(\[machines.hpc\] takes: type,.*'cpus'\?",
        ),
        (
            "[machines.hpc]\ncpus = 'four'",
            r"line 2: machines.hpc.cpus = 'four' cannot be used: Expected `int`, got `str`",
        ),
        ("[machines.hpc]\ncpus = 0", r"line 2: machines.hpc.cpus = 0 cannot be used: Expected `int` >= 1"),
        ("[machines.hpc]\nmemory = '64'", r"line 2: machines.hpc.memory = '64' .*write it with a unit"),
        ("[machines.hpc]\nmemory = 64", r"line 2: .*memory=64 cannot be read; write it with a unit"),
        ("[machines.hpc]\npoll = '10'", r"line 2: machines.hpc.poll = '10' .*write '1h30m'"),
        ("[machines.hpc]\npoll = -1", r"line 2: machines.hpc.poll = -1 cannot be used"),
        ("[machines.hpc]\nenv = {A = 1}", r"line 2: machines.hpc.env.A = 1 cannot be used: Expected `str`"),
        ("[machines.hpc]\nsetup = [1]", r"line 2: machines.hpc.setup = \[1\] cannot be used"),
        ("machines.hpc = 3", r"line 1: machines.hpc = 3 is neither a table of settings nor false"),
        ("machines = 3", r"line 1: machines is not a table"),
        ("[machines]\nlocal = false", r"line 2: machine 'local' is this computer"),
        ('[machines."a b"]\n', r"line 1: 'a b' is not a name for a machine"),
        ("confirm_above = 'x'", r"line 1: confirm_above = 'x' cannot be used: Expected `float`"),
        ("default_machine = 'hcp'\n[machines.hpc]", r"user.toml: default_machine = 'hcp', but .*Did you mean 'hpc'"),
        ("cpus 4", r"user.toml is not TOML: .*line 1"),
    ],
)
def test_whatever_is_wrong_is_said_with_its_line(write, text, said):
    with pytest.raises(BadConfig, match=said):
        load(None, write(text))


def test_where_the_users_file_is(write, tmp_path, monkeypatch):
    monkeypatch.delenv("FARPOINT_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert user_file().name == "farpoint.toml"
    monkeypatch.setenv("FARPOINT_CONFIG", str(write("")))
    assert user_file() == tmp_path / "user.toml"
    monkeypatch.setenv("FARPOINT_CONFIG", "")
    assert user_file() is None
    monkeypatch.setenv("FARPOINT_CONFIG", str(tmp_path / "nothing"))
    with pytest.raises(BadConfig, match="which is not there"):
        user_file()


def test_an_unreadable_file_is_named(tmp_path, monkeypatch):
    path = tmp_path / "user.toml"
    path.write_bytes(b"\xff")
    with pytest.raises(BadConfig, match=r"user\.toml is not TOML"):
        load(None, path)


@pytest.mark.parametrize(
    "text, keys, line",
    [
        ("[machines.hpc]\ncpus = 1\n[machines.b]\ncpus = 2", ("machines", "b", "cpus"), 4),
        ("[machines]\nhpc = {cpus = 1}", ("machines", "hpc", "cpus"), 2),
        ("machines.hpc.cpus = 1", ("machines", "hpc", "cpus"), 1),
        ('[machines."a.b"]\n"cpus" = 1', ("machines", "a.b", "cpus"), 2),
        ("x = 1", ("y",), None),
        ("# y = 1\ny = 2", ("y",), 2),
    ],
)
def test_lines(text, keys, line):
    assert line_of(text, keys) == line


def test_false_takes_away_machines_queues_and_single_keys(write):
    user = write(
        """
        [machines.hpc]
        scheduler = "slurm"
        cpus = 8
        env = {A = "1", B = "2"}
        [machines.hpc.queues.short]
        cpus = 4
        time = "1h"
        [machines.hpc.queues.long]
        [machines.other]
        """,
    )
    root = write(
        """
        [machines]
        other = false
        [machines.hpc]
        cpus = false
        env.A = false
        queues.long = false
        queues.short.time = false
        """,
        "farpoint.toml",
    ).parent
    config = load(root, user)
    hpc = config.machines["hpc"]
    assert (list(config.machines), hpc.cpus, hpc.env, list(hpc.queues)) == (
        ["local", "hpc"],
        None,
        {"B": "2"},
        ["short"],
    )
    assert (hpc.queues["short"].cpus, hpc.queues["short"].time) == (4, None)
    told = {key: source for key, _, source in config.explain("hpc")}
    assert (told["cpus"], told["queues.short.time"]) == (BUILT_IN, BUILT_IN)
    assert told["queues.short.cpus"] == told["env.B"] == str(user)


@pytest.mark.parametrize(("text", "said"), [
    ("host = 'x'\ntransport = 'pipe'", "line 3: machine 'hpc': transport = 'pipe' stays on this computer"),
    ("transport = 'ssh'", "line 2: machine 'hpc': transport = 'ssh' needs a host"),
    ("keep_login = '8h'", "line 2: machine 'hpc': keep_login .* without a host nobody signs in"),
    ("queues.short.cpus = 4", "machine 'hpc': queues is for a queue system, and none is named"),
    ("cpus = 4\nmax_array = 10", "line 3: machine 'hpc': max_array is for a queue system"),
    ("cpus = 4\naccount = 'phys'", "line 3: machine 'hpc': account is for a queue system"),
    ("scheduler = 'slurm'\naccount = 'my group'", "line 3: .*account='my group' is not a name"),
    ("max_jobs = 5\nmax_running = 6", "line 3: machine 'hpc': max_running = 6 is more than max_jobs = 5"),
])  # fmt: skip
def test_settings_that_make_no_sense_together(write, text, said):
    with pytest.raises(BadConfig, match=said):
        load(None, write(f"[machines.hpc]\n{text}\n"))


PROFILES = """
[machines.hpc]
[[profiles]]
match = ["relax", "fit.py::step"]
machine = "hpc"
cpus = 4
time = "1h"
[[profiles]]
match = "*.ipynb"
points_per_job = "auto"
"""


def test_profiles_of_the_project_come_before_those_of_the_user(write, monkeypatch):
    user = write(PROFILES)
    root = write('[[profiles]]\nmatch = "own"\n', "farpoint.toml").parent
    monkeypatch.setenv("FARPOINT_PROFILES", '[[profiles]]\nmatch = "first"\nmachine = "local"\n')
    found = load(root, user).profiles
    assert [each.match[0] for each in found] == ["first", "own", "relax", "*.ipynb"]
    assert (found[2].machine, found[2].resources) == ("hpc", {"cpus": 4, "time": "1h"})
    assert found[2].told() == f"profile relax, fit.py::step ({user}, line 3): on hpc, cpus=4, time=1h"
    monkeypatch.setenv("FARPOINT_PROFILES", str(write('[[profiles]]\nmatch = "filed"\n', "more.toml")))
    assert load(root, user).profiles[0].match == ("filed",)
    monkeypatch.setenv("FARPOINT_PROFILES", "nowhere.toml")
    with pytest.raises(BadConfig, match=r"FARPOINT_PROFILES names 'nowhere\.toml', which is not there"):
        load(root, user)


@pytest.mark.parametrize(("text", "said"), [
    ("machine = 'hpc'", "line 1: match = None is no key"),
    ("match = 'x'\nmatsh = 1", "line 1: a profile has no 'matsh' .* Did you mean 'match'"),
    ("match = 'x'\ncpus = 'four'", "line 1: cpus='four' cannot be read"),
    ("match = 'x'\npoints_per_job = 0", "line 1: points_per_job=0 is neither"),
    ("name = 'x'\nmatch = []", r"line 1: match = \[\] is no key"),
    ("name = 3", "line 1: name = 3 is no text"),
    ("match = 'x'\nenvironment = ''", "line 1: environment = '' is no text"),
    ("match = 'x'\nmachine = 'hcp'", "line 1: machine = 'hcp', but there is no such machine"),
])  # fmt: skip
def test_profiles_that_cannot_be_read(write, text, said):
    with pytest.raises(BadConfig, match=said):
        load(None, write(f"[[profiles]]\n{text}\n"))
