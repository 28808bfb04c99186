"""What a computer says of itself: folders, Pythons, modules, a login shell; each with programs of our own there."""

from __future__ import annotations

import os
import sys

import pytest

from farpoint.runner import pythons, rooms, survey
from farpoint.transports.link import Link
from farpoint.transports.pipe import Pipe


@pytest.fixture
def program(tmp_path):
    """program("name", "shell text") puts one into a folder and gives the folder."""

    def put(name, text):
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)
        return str(path.parent)

    return put


def test_folders_are_those_of_variables_and_usual_places(tmp_path):
    for name in ("w", "s", "home"):
        (tmp_path / name).mkdir()
    named = {
        "WORK": str(tmp_path / "w"), "SCRATCH_project": str(tmp_path / "s"), "PSCRATCH": str(tmp_path / "s"),
        "NETWORK": str(tmp_path), "WORKDIR": "relative", "MY_SCRATCH": "/no/such",
    }  # fmt: skip
    found = rooms.candidates(named, "nobody-here", str(tmp_path / "home"))
    assert found == [str(tmp_path / name) for name in ("s", "w", "home")]


def test_a_folder_that_can_be_used(tmp_path):
    room = rooms.look(str(tmp_path))
    assert (room["trouble"], room["links"]) == ("", True)
    assert room["free"] > 0
    assert os.listdir(tmp_path) == []
    room = rooms.look(str(tmp_path / "not" / "yet"))
    assert (room["trouble"], room["links"]) == ("", True)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("folder", ["/proc", "/proc/no/such"])
def test_a_folder_nothing_can_be_put_in(folder):
    assert rooms.look(folder)["trouble"]


def test_a_page_tells_when_files_go(tmp_path):
    work = tmp_path / "scratch" / "ada"
    work.mkdir(parents=True)
    (tmp_path / "scratch" / "README.txt").write_text("Welcome.\nFiles older than 3 weeks are deleted.\n")
    assert rooms.look(str(work))["purge"]["days"] == 21


@pytest.mark.parametrize(
    ("line", "days"),
    [
        ("Files not accessed for 30 days are PURGED", 30),
        ("Scratch is purged after 90-day periods", 90),
        ("data will be removed: 2 months", 60),
        ("backed up every 30 days", None),
        ("purged", None),
    ],
)
def test_laws(line, days):
    assert rooms.law(line) == days


def test_pythons_on_a_path_once_each(program, tmp_path):
    program("python3", f'exec {sys.executable} "$@"\n')
    program("python3.2", "echo 3.2\n")
    folder = program("python", "exit 1\n")
    program("python-config", "exit 1\n")
    found = pythons.find(folder, ["json", "no_such_module"], 30)
    mine = [each for each in found if each["version"] == list(sys.version_info[:3]) and each["has"] == ["json"]]
    assert mine
    assert all(each["version"] >= [3, 6] for each in found)
    assert len({(os.path.realpath(each["path"]), each["prefix"]) for each in found}) == len(found)


def test_no_time_is_no_fault(program):
    assert pythons.find(program("python3", "sleep 60\n"), [], 0) == []


@pytest.mark.parametrize("names", [["lang/Python/3.10.4", "python/3.9"]])
def test_the_newest_modules_come_first(names):
    said = "/opt/m:\npython/3.9\nlang/Python/3.10.4(default)\nbiopython-tools/1\ngcc/12\n"
    assert pythons.modules(said) == ["python/3.9", "lang/Python/3.10.4"]
    assert max(["python/3.9", "python/3.10"], key=pythons._newness) == "python/3.10"


def test_a_python_behind_a_module_is_found(program, tmp_path, monkeypatch):
    """A login shell whose profile has `module`: avail prints on stderr, load puts another folder on PATH."""
    inner = tmp_path / "modules" / "py"
    inner.mkdir(parents=True)
    (inner / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (inner / "python3").chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    (home / ".bash_profile").write_text(
        f'module() {{ if [ "$1" = -t ]; then echo python/3.99 >&2; else PATH="{inner}:$PATH"; fi; }}\n'
    )
    monkeypatch.setenv("HOME", str(home))
    found = pythons.find("/no/such", ["json"], 60)
    assert [each["module"] for each in found if each["module"]] == ["python/3.99"]


def test_a_program_only_a_login_shell_knows(program, tmp_path, monkeypatch):
    folder = program("fp-queue", 'echo "$FP_QUEUE_CONF"\n')
    home = tmp_path / "home"
    home.mkdir()
    for profile in (".profile", ".bash_profile", ".zprofile"):
        (home / profile).write_text(f"echo motd\nexport FP_QUEUE_CONF=conf PATH={folder}:$PATH\n")
    monkeypatch.setenv("HOME", str(home))
    link = Link("far", Pipe(), str(tmp_path / "state"))
    done = link.call("run", argv=["fp-queue"], timeout=20).value
    assert (done["exit"], done["stdout"]) == (0, "conf\n")
    assert link.call("run", argv=["no-such-program"], timeout=20).value["exit"] == 127
    seen = link.call("survey", programs=["fp-queue"]).value
    assert seen["programs"] == {"fp-queue": f"{folder}/fp-queue"}
    link.close()


def test_the_whole_survey():
    seen = survey.survey({"programs": ["sh", "no-such"]})
    assert list(seen["programs"]) == ["sh"]
    assert any(room["path"] == seen["home"] for room in seen["folders"])
    assert seen["version"] == list(sys.version_info[:3])
