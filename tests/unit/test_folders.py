"""farpoint_runs on disk: what is written is whole, kept, and found again after being cut off at any step."""

import json
import os
import shutil
import threading
from pathlib import Path

import pytest

from farpoint import folders as room
from farpoint.errors import BadInput, BadTask, NotFound
from farpoint.folders import Folders
from farpoint.model import JobFiles
from farpoint.runner import journal, layout

TOKEN = "fpaaaaaaaaaaaaa"


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path / "farpoint_runs")


def test_scan_is_written_and_found(folders):
    assert folders.scans() == []
    assert folders.read_scan("tokamak") is None
    folders.write_scan("tokamak", {"format": 1, "scan": "tokamak"})
    folders.write_scan("tokamak", {"format": 1, "scan": "tokamak", "jobs": []})
    assert folders.read_scan("tokamak") == {"format": 1, "scan": "tokamak", "jobs": []}
    assert folders.scans() == ["tokamak"]
    assert (folders.runs_folder / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", ".hidden", "-rf", "a b", "a\nb", "é", "x" * 101, "jobs", "blobs"]
)
def test_names_that_are_no_folder_are_refused_with_one_that_is(folders, name):
    with pytest.raises(BadInput, match="cannot be the name of a scan") as refused:
        folders.scan_folder(name)
    mend = str(refused.value).rsplit("Say name=", 1)[1].rstrip(".").strip("'")
    assert folders.scan_folder(mend).parent == folders.runs_folder


def test_unreadable_and_newer_scans_are_named(folders):
    folders.write_scan("a", {"format": 1})
    path = folders.scan_folder("a") / "scan.json"
    path.write_text("{")
    with pytest.raises(BadInput, match=r"scan\.json cannot be read"):
        folders.read_scan("a")
    path.write_text('{"format": 2}')
    with pytest.raises(BadInput, match="Upgrade farpoint"):
        folders.read_scan("a")


def test_a_folder_nobody_may_write_is_an_error_with_a_mend(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="Use a folder you can write in"):
        Folders(tmp_path / "file" / "farpoint_runs").write_scan("a", {})


# ---------------------------------------------------------------------------------------------- blobs
def test_a_snapshot_does_not_follow_its_source(folders, tmp_path):
    source = tmp_path / "mesh.json"
    source.write_bytes(b"one")
    digest, size = folders.keep_blob(source)
    source.write_bytes(b"two!")
    assert (digest, size) == (layout.digest(b"one"), 3)
    assert folders.blob(digest).read_bytes() == b"one"
    assert not os.access(folders.blob(digest), os.W_OK) or os.getuid() == 0
    assert folders.keep_blob(b"one") == (digest, 3)
    assert folders.keep_blob(source, digest) == (digest, 3), "what is kept needs no second look at the source"
    with pytest.raises(BadTask, match="changed while"):
        folders.keep_blob(source, layout.digest(b"three"))
    with pytest.raises(BadTask, match="cannot be taken along"):
        folders.keep_blob(tmp_path / "nothing")
    assert not list((folders.runs_folder / "blobs").glob(".part*"))


# ---------------------------------------------------------------------------------------------- jobs
def job(folders: Folders) -> JobFiles:
    notebook, mesh = folders.keep_blob(b"{}")[0], folders.keep_blob(b"mesh")[0]
    document = {"format": 1, "task": {"digest": notebook}, "files": [{"digest": mesh}]}
    blobs = {digest: folders.blob(digest) for digest in (notebook, mesh)}
    return JobFiles(TOKEN, layout.dump(document), {0: b'{"runs":[0]}', 11: b"{}", 2: b"{}"}, "#!/bin/sh\n", blobs)


def test_a_job_comes_back_as_it_was_written(folders):
    written = job(folders)
    folders.write_job("a", written)
    folders.write_job("a", written)
    assert folders.read_job("a", TOKEN) == written
    with pytest.raises(NotFound, match="has no job"):
        folders.read_job("a", "fpbbbbbbbbbbbbb")


def test_job_json_comes_last(folders, monkeypatch):
    names = []
    put = layout.put
    monkeypatch.setattr(layout, "put", lambda path, data, mode: (names.append(Path(path).name), put(path, data, mode)))
    folders.write_job("a", job(folders))
    assert names[-1] == "job.json"
    assert "script" in names


def test_verdicts_are_appended_also_after_a_torn_line(folders):
    folders.append_client("a", TOKEN, [{"e": "fenced", "t": 1.0, "s": 0, "c": 1}])
    path = folders.job_folder("a", TOKEN) / layout.CLIENT
    with path.open("ab") as file:
        file.write(b"12ab torn")
    folders.append_client("a", TOKEN, [{"e": "fetched", "t": 2.0, "i": 0}, {"e": "ended", "t": 3.0}])
    assert [event["e"] for event in journal.parse(path.read_bytes())[0]] == ["fenced", "fetched", "ended"]


def test_a_journal_copy_continues_exactly(folders):
    def copy(offset: int, data: bytes) -> int:
        return folders.copy_journal("a", TOKEN, "pilots/0.0/journal.jsonl", offset, data)

    assert copy(0, b"abcd") == 4
    assert copy(0, b"abcd") == 4
    assert copy(2, b"cdef") == 6
    assert copy(9, b"later") == 6, "a gap is not taken"
    assert copy(6, b"") == 6
    assert copy(6, b"gh") == 8
    assert (folders.job_folder("a", TOKEN) / "pilots/0.0/journal.jsonl").read_bytes() == b"abcdefgh"


@pytest.mark.parametrize("file", ["../scan.json", "/etc/passwd", "pilots/../../x", ""])
def test_a_machine_cannot_name_a_file_elsewhere(folders, file):
    with pytest.raises(BadInput, match="not a file name within"):
        folders.copy_journal("a", TOKEN, file, 0, b"x")


# ---------------------------------------------------------------------------------------------- points
def test_point_folders(folders):
    def name(number: int) -> str:
        return str(folders.point_folder("a", number).relative_to(folders.scan_folder("a")))

    assert name(7) == "point_0007"
    assert name(1999) == "point_1999"
    assert name(2345) == "points_2000/point_2345"
    assert name(4000) == "points_4000/point_4000"
    assert name(123456) == "points_122000/point_123456"


def stage(folders: Folders, attempt: int, **files: str) -> Path:
    staged = folders.scan_folder("a") / ".fetch" / f"{attempt}"
    shutil.rmtree(staged, ignore_errors=True)
    (staged / "values").mkdir(parents=True)
    for name, text in {"output.ipynb": f"notebook {attempt}", "values/x.npy": f"x {attempt}", **files}.items():
        (staged / name).write_text(text)
    return staged


def place(folders: Folders, attempt: int, **files: str) -> Path:
    return folders.place_attempt("a", 7, attempt, stage(folders, attempt, **files), facts(attempt))


def facts(attempt: int, **more: object) -> dict:
    return {"format": 1, "attempt": attempt, "token": f"fp{attempt}", "started": float(attempt), **more}


def content(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def shown(attempt: int, within: str = "") -> dict[str, str]:
    return {
        f"{within}output.ipynb": f"notebook {attempt}",
        f"{within}values/x.npy": f"x {attempt}",
        f"{within}point.json": json.dumps(facts(attempt), indent=2),
    }


def test_attempts_in_order(folders):
    assert folders.read_point("a", 7) is None
    folder = folders.point_folder("a", 7)
    assert place(folders, 1) == folder
    assert content(folder) == shown(1)
    assert place(folders, 2) == folder
    assert content(folder) == {**shown(2), **shown(1, "attempt_1/")}
    place(folders, 3)
    assert content(folder) == {**shown(3), **shown(2, "attempt_2/"), **shown(1, "attempt_1/")}
    assert folders.read_point("a", 7) == facts(3)


def test_an_attempt_that_comes_late_does_not_hide_a_newer_one(folders):
    place(folders, 2)
    assert place(folders, 1).name == "attempt_1"
    assert place(folders, 1).name == "attempt_1", "again: the same execution, the same place"
    assert content(folders.point_folder("a", 7)) == {**shown(2), **shown(1, "attempt_1/")}


def test_the_same_execution_again_adds_what_is_missing_only(folders):
    folder = place(folders, 1)
    (folder / "output.ipynb").write_text("edited")
    place(folders, 1, **{"large.h5": "large"})
    assert content(folder) == {**shown(1), "output.ipynb": "edited", "large.h5": "large"}


def test_another_execution_of_the_same_attempt_stands_beside(folders):
    folder = place(folders, 1)
    again = facts(1, started=99.0)
    folders.place_attempt("a", 7, 1, stage(folders, 1, extra="second"), again)
    assert folders.read_point("a", 7) == again
    assert content(folder)["attempt_1/output.ipynb"] == "notebook 1"
    assert content(folder)["extra"] == "second"
    assert "attempt_1/extra" not in content(folder)
    folders.place_attempt("a", 7, 1, stage(folders, 1), facts(1, started=100.0))
    assert content(folder)["attempt_1_2/extra"] == "second"


def test_saved_files_under_our_names_are_kept(folders):
    folder = place(folders, 1, **{"point.json": "theirs", "attempt_3": "theirs too"})
    assert content(folder) == {**shown(1), "saved_point.json": "theirs", "saved_attempt_3": "theirs too"}


def test_files_the_user_put_there_are_not_lost(folders):
    folder = folders.point_folder("a", 7)
    folder.mkdir(parents=True)
    (folder / "notes.txt").write_text("mine")
    place(folders, 1)
    assert content(folder) == {**shown(1), "attempt_0/notes.txt": "mine"}


class Cut(BaseException):
    """The process is gone at this very step."""


class Fuse:
    """Counts operations on the disk and cuts at the one it is set to."""

    def __init__(self, monkeypatch, at: int) -> None:
        self.left = at
        for owner, name in ((Path, "rename"), (Path, "replace"), (os, "rename"), (os, "fsync"), (shutil, "rmtree")):
            monkeypatch.setattr(owner, name, self._guard(getattr(owner, name)))

    def _guard(self, operation):
        def guarded(*arguments, **keywords):
            self.left -= 1
            if self.left < 0:
                raise Cut
            return operation(*arguments, **keywords)

        return guarded


OLDER = {**shown(1, "attempt_1/"), **shown(2, "attempt_2/")}
CUTS = {
    "newer": ((1, 2), 3, (), {**OLDER, **shown(3)}),
    "late": ((1, 3), 2, (), {**OLDER, **shown(3)}),
    "same": ((1, 2, 3), 3, (), {**OLDER, **shown(3), "large.h5": "large"}),
    "overtaken": ((1, 2), 3, (4,), {**OLDER, **shown(3, "attempt_3/"), **shown(4)}),
}


@pytest.mark.parametrize("fresh", [False, True], ids=["same folder", "staged anew"])
@pytest.mark.parametrize("case", CUTS)
def test_cut_off_at_every_step_nothing_is_lost(tmp_path, case, fresh):
    before, attempt, between, wanted = CUTS[case]
    large = {"large.h5": "large"} if case == "same" else {}
    cuts = 0
    while True:
        folders = Folders(tmp_path / f"{cuts}" / "farpoint_runs")
        for earlier in before:
            place(folders, earlier)
        staged = stage(folders, attempt, **large)
        with pytest.MonkeyPatch.context() as patch:
            Fuse(patch, cuts)
            try:
                folders.place_attempt("a", 7, attempt, staged, facts(attempt))
                break
            except Cut:
                cuts += 1
        found = Folders(folders.runs_folder)
        assert found.read_point("a", 7) in (facts(before[-1]), facts(attempt)), "a reader never sees nothing"
        for later in between:
            place(found, later)
        if fresh or not staged.exists():
            staged = stage(found, attempt, **large)
        found.place_attempt("a", 7, attempt, staged, facts(attempt))
        assert content(found.point_folder("a", 7)) == wanted, f"cut before operation {cuts}"
        assert not list(found.scan_folder("a").glob(".point*"))
    assert cuts > 5


def test_two_at_once_place_the_same(tmp_path):
    for again in range(20):
        folders = Folders(tmp_path / f"{again}" / "farpoint_runs")
        place(folders, 1)
        staged = [stage(folders, 2).rename(folders.scan_folder("a") / f".own{n}") for n in range(4)]
        faults = []

        def work(mine: Path, folders: Folders = folders, faults: list = faults) -> None:
            try:
                folders.place_attempt("a", 7, 2, mine, facts(2))
            except BaseException as fault:
                faults.append(fault)

        threads = [threading.Thread(target=work, args=(mine,)) for mine in staged]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        assert not faults
        assert content(folders.point_folder("a", 7)) == {**shown(2), **shown(1, "attempt_1/")}


def test_a_blob_cut_off_is_not_half_there(folders, monkeypatch):
    for at in range(20):
        with pytest.MonkeyPatch.context() as patch:
            Fuse(patch, at)
            try:
                digest, _ = folders.keep_blob(b"data")
                break
            except Cut:
                digest = layout.digest(b"data")
        assert not folders.blob(digest).exists() or folders.blob(digest).read_bytes() == b"data"
    assert folders.blob(digest).read_bytes() == b"data"
    assert room.SHARD == 2000
