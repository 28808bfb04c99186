"""A project: found from within, known by its id wherever its folder goes."""

import os
import random
import shutil
import threading
import time
from pathlib import Path

import pytest

from farpoint import project as room
from farpoint.errors import BadConfig, BadInput, NotFound
from farpoint.project import Project, find_root
from farpoint.runner import layout


@pytest.fixture(autouse=True)
def apart(tmp_path, monkeypatch):
    monkeypatch.setenv("FARPOINT_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("FARPOINT_CONFIG", "")


def folder(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


def test_root(tmp_path):
    inner = folder(tmp_path / "git" / "toml" / "deep" / "inner")
    notebook = inner / "x.ipynb"
    notebook.write_text("{}")
    assert find_root(notebook) == inner
    (tmp_path / "git" / ".git").write_text("gitdir: elsewhere")
    assert find_root(notebook) == tmp_path / "git"
    (tmp_path / "git" / "toml" / "farpoint.toml").write_text("")
    assert find_root(inner) == tmp_path / "git" / "toml"
    folder(inner / ".git")
    assert find_root(inner) == tmp_path / "git" / "toml", "farpoint.toml first, wherever .git is"
    with pytest.raises(BadInput, match="no folder"):
        find_root(tmp_path / "nothing")


def test_the_users_own_settings_make_no_project(tmp_path, monkeypatch):
    home = folder(tmp_path / "home" / "work")
    users = home.parent / "farpoint.toml"
    users.write_text("")
    monkeypatch.setenv("FARPOINT_CONFIG", str(users))
    assert find_root(home) == home


def test_find_here(tmp_path, monkeypatch):
    monkeypatch.chdir(folder(tmp_path / "here"))
    project = Project.find()
    assert project.root == tmp_path / "here"
    assert project.runs_folder == tmp_path / "here" / "farpoint_runs"
    assert not project.runs_folder.exists(), "looking leaves nothing behind"
    assert "here" in repr(project)


def test_state_is_private(tmp_path):
    project = Project(folder(tmp_path / "a"))
    assert project.state == tmp_path / "state"
    assert project.state.stat().st_mode & 0o777 == 0o700
    project.state.chmod(0o755)
    Project(tmp_path / "a")
    assert project.state.stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="Set FARPOINT_STATE"):
        Project(tmp_path / "a", state=tmp_path / "file")


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give a folder away")
def test_state_of_somebody_else_is_refused(tmp_path):
    os.chown(folder(tmp_path / "theirs"), 12345, -1)
    with pytest.raises(BadInput, match="another user"):
        Project(tmp_path, state=tmp_path / "theirs")


def test_clock_and_chance_are_given(tmp_path):
    one, two = (Project(tmp_path, clock=lambda: 12.5, random=random.Random(1)) for _ in range(2))
    assert one.clock() == 12.5
    assert one.new_token() == two.new_token() != one.new_token()
    assert len(one.new_token()) == 15
    assert one.new_token().startswith("fp")
    assert len(one.new_run_id()) == 10
    assert set(one.new_run_id()[1:]) <= set(room.LETTERS)
    assert Project(tmp_path).clock() > 1.7e9


def test_id_and_owner_stay(tmp_path):
    project = Project(folder(tmp_path / "a"))
    assert project.id == Project(tmp_path / "a").id != Project(folder(tmp_path / "b")).id
    assert (project.runs_folder / ".gitignore").exists()
    assert project.owner == Project(tmp_path / "b").owner
    assert Project(tmp_path / "a", state=tmp_path / "other").owner != project.owner
    assert Project(tmp_path / "a", state=tmp_path / "other").id == project.id


def test_a_moved_folder_is_the_same_project(tmp_path):
    known = Project(folder(tmp_path / "a")).id
    (tmp_path / "a").rename(tmp_path / "b")
    assert Project(tmp_path / "b").id == known
    Project(folder(tmp_path / "a"))
    assert Project(tmp_path / "b").id == known
    assert Project(tmp_path / "a").id != known


def test_a_copy_becomes_a_project_of_its_own(tmp_path):
    original = Project(folder(tmp_path / "a"))
    original.folders.write_scan("tokamak", {"format": 1})
    known = original.id
    shutil.copytree(tmp_path / "a", tmp_path / "copy")
    copy = Project(tmp_path / "copy")
    assert copy.id != known
    assert copy.id == Project(tmp_path / "copy").id
    assert Project(tmp_path / "a").id == known
    assert copy.folders.scans() == ["tokamak"], "its scans can be read there"
    assert layout.read_json(copy.runs_folder / "project.json")["copy_of"] == known


def test_another_way_to_the_same_folder_is_no_copy(tmp_path):
    known = Project(folder(tmp_path / "a")).id
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert Project(tmp_path / "link").id == known
    # A bind mount keeps another path though it is the same folder; a link that is not resolved stands in for it.
    memory = tmp_path / "state" / "projects"
    assert room._identify(tmp_path / "link" / "farpoint_runs", memory, lambda: "new") == known


def test_all_who_come_first_agree_on_the_id(tmp_path):
    folder(tmp_path / "a")
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(Project(tmp_path / "a").id)) for _ in range(12)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(found) == 12
    assert len(set(found)) == 1


def test_a_broken_id_is_said(tmp_path):
    folder(tmp_path / "a" / "farpoint_runs")
    (tmp_path / "a" / "farpoint_runs" / "project.json").write_text("{")
    with pytest.raises(BadInput, match=r"project\.json cannot be read"):
        _ = Project(tmp_path / "a").id


def test_machines(tmp_path):
    class Fake:
        closed = False

        def close(self) -> None:
            self.closed = True

    fake = Fake()
    (tmp_path / "farpoint.toml").write_text('[machines.hpc]\ntype = "batsh"\n')
    project = Project(tmp_path, machines={"fake": fake})
    assert project.machine("fake") is fake
    with pytest.raises(NotFound, match=r"no machine 'hcp' \(machines: fake, local, hpc\)\. Did you mean 'hpc'\?"):
        project.machine("hcp")
    with pytest.raises(BadConfig, match="there is no type 'batsh'"):
        project.machine("hpc")
    _ = project.store
    project.close()
    assert fake.closed


def test_a_lock_lets_one_through(tmp_path):
    project, other = Project(tmp_path), Project(tmp_path)
    inside: list[int] = []
    most = 0

    def work(mine: Project) -> None:
        nonlocal most
        for _ in range(20):
            with mine.lock("scan-a"):
                inside.append(1)
                time.sleep(0.0005)  # long enough for another to come in, if it could
                most = max(most, len(inside))
                inside.pop()

    threads = [threading.Thread(target=work, args=(mine,)) for mine in (project, project, other, other)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert most == 1
    with project.lock("a"), project.lock("b"):
        pass
