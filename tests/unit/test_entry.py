"""A machine's entry: what it says is what the settings read, and nothing the user wrote changes."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farpoint import config, entry
from farpoint.entry import Entry, Setting
from farpoint.errors import BadConfig

ENTRY = Entry(
    "hpc",
    [
        Setting("host", "hpc", "as ssh knows it"),
        Setting("scheduler", "slurm"),
        Setting("setup", ["module load python"], "a reason that is so long that no line could hold it " * 3),
        Setting("", why="a remark\nwith [a.table]\x1b"),
        Setting("env", {"A": "b c"}),
    ],
    "ada on login1",
    {"short": [Setting("cpus", 4), Setting("memory", entry.memory(4 << 30)), Setting("time", entry.time(5400))]},
)  # fmt: skip


def test_what_is_written_is_what_is_read(tmp_path):
    path = tmp_path / "farpoint.toml"
    path.write_text(entry.append("", ENTRY))
    read = config.load(user=path).machine("hpc")
    assert (read.host, read.setup, read.env) == ("hpc", ("module load python",), {"A": "b c"})
    assert (read.queues["short"].memory, read.queues["short"].time) == (4 << 30, 5400)
    assert all(len(line) < 180 for line in path.read_text().splitlines())


@given(st.text(), st.text(min_size=1))
def test_any_text_stays_one_value(text, name):
    made = Entry("hpc", [Setting("host", text, text), Setting("", why=text)], text, {name: [Setting("cpus", 1, text)]})
    table = tomllib.loads(made.text())["machines"]["hpc"]
    assert table["host"] == text
    assert list(table["queues"]) == [name]
    assert set(table) == {"host", "queues"}


@pytest.mark.parametrize("before", ["", "default_machine = 'local'", "# mine\n\n[machines.other]\ncpus = 2 # two\n"])
def test_what_was_there_stays(before):
    after = entry.append(before, ENTRY)
    assert after.startswith(before)
    assert tomllib.loads(after)["machines"]["hpc"]["host"] == "hpc"


@pytest.mark.parametrize("before", ["[machines.hpc]\ncpus = 1\n", "machines = {other = {cpus = 2}}\n", "not toml ["])
def test_what_cannot_be_added_to_is_refused_with_the_text(before):
    with pytest.raises(BadConfig, match=r"there already|by hand|not TOML"):
        entry.append(before, ENTRY)


def test_a_setting_of_ours_is_put_and_put_again_and_the_users_stays_to_be_read():
    text = "# mine\n[machines.hpc] # the cluster\nhost = 'hpc'\n\n[machines.other]\nenvironment = '/x'\n"
    once = entry.put(text, "hpc", "environment", "/a/python")
    again = entry.put(once, "hpc", "environment", "/b/python")
    assert again == once.replace("/a/", "/b/")
    assert [line for line in again.splitlines() if line not in text.splitlines()] == [
        'environment = "/b/python"  # farpoint env'
    ]
    other = entry.put(text, "other", "environment", "/b/python")
    assert "# environment = '/x'\n" in other
    assert tomllib.loads(other)["machines"]["other"]["environment"] == "/b/python"


@pytest.mark.parametrize(
    "text",
    [
        "machines.hpc.host = 'hpc'\n",
        "[machines]\nhpc = {host = 'hpc'}\n",
        '[machines.hpc]\nenvironment = """/a\n"""\n',
        "x = 1\n",
    ],
)
def test_where_a_line_cannot_be_put_the_user_is_told_it(text):
    with pytest.raises(BadConfig, match="by hand: environment"):
        entry.put(text, "hpc", "environment", "/b/python")
