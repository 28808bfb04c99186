"""farpoint.toml: layers merge, and whatever is wrong is said with file, line and mend."""

from pathlib import Path

import pytest

from farpoint.config import BUILT_IN, Config, line_of, load, user_file
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
        ("[machines.hpc]\nenv = {A = 1}", r"line 2: machines.hpc.env = \{'A': 1\} cannot be used: Expected `str`"),
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
