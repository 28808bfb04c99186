"""Blobs arrive whole or not at all; a job's folder can be put again at any moment, and job.json means it is whole."""

from __future__ import annotations

import errno
import os

import pytest

from farpoint.runner import deliver, guard, layout

TOKEN = "fpabcdefghijklm"
NOTEBOOK, MESH, HELPER = b"{notebook}", b"mesh" * 1000, b"def f(): pass\n"


@pytest.fixture
def blobs(tmp_path) -> deliver.Blobs:
    return deliver.Blobs(str(tmp_path / "work"))


@pytest.fixture
def folders(tmp_path) -> tuple[str, str]:
    return layout.job_folder(str(tmp_path / "state"), TOKEN), layout.work_folder(str(tmp_path / "work"), TOKEN)


def job(**change) -> bytes:
    files = [
        {"path": "data/mesh.json", "digest": layout.digest(MESH), "size": len(MESH), "kind": "file"},
        {"path": "helper/__init__.py", "digest": layout.digest(HELPER), "size": len(HELPER), "kind": "module"},
    ]
    task = {"kind": "notebook", "name": "x.ipynb", "digest": layout.digest(NOTEBOOK), "path": "x.ipynb"}
    return layout.dump({"format": 1, "token": TOKEN, "task": task, "files": files, **change})


def pieces(**change) -> dict[str, bytes]:
    return {"job.json": job(**change), "script": b"#!/bin/sh\n", "slices/0.json": b"{0}", "slices/1.json": b"{1}"}


def put_all(blobs: deliver.Blobs) -> None:
    for data in (NOTEBOOK, MESH, HELPER):
        blobs.put(layout.digest(data), 0, data, True)


def test_many_whole_blobs_arrive_together_or_none_does(blobs) -> None:
    given = [(layout.digest(data), data) for data in (NOTEBOOK, MESH)]
    with pytest.raises(guard.Refused, match="something else"):
        blobs.put_all([*given, (layout.digest(HELPER), b"damaged")])
    assert len(blobs.missing([digest for digest, _ in given])) == 2
    for _ in range(2):
        blobs.put_all(given)
    for digest, data in given:
        with open(blobs.path(digest), "rb") as file:
            assert (file.read(), os.fstat(file.fileno()).st_mode & 0o777) == (data, 0o400)
    assert len(os.listdir(os.path.dirname(blobs.path(given[0][0])))) in (1, 2)


def tree(folder: str) -> dict[str, bytes]:
    found = {}
    for top, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(top, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, folder)] = file.read()
    return found


def test_a_blob_in_pieces(blobs) -> None:
    digest = layout.digest(MESH)
    blobs.put(digest, 0, MESH[:100], False)
    assert blobs.missing([digest]) == [digest]
    blobs.put(digest, 100, MESH[100:], True)
    assert blobs.missing([digest]) == []
    assert layout.digest_file(blobs.path(digest)) == digest


def test_a_damaged_blob_never_gets_its_name(blobs) -> None:
    digest = layout.digest(MESH)
    with pytest.raises(guard.Refused, match="something else"):
        blobs.put(digest, 0, MESH[:-1], True)
    assert blobs.missing([digest]) == [digest]
    assert os.listdir(os.path.dirname(blobs.path(digest))) == []


def test_pieces_out_of_order_are_refused_and_a_new_beginning_is_fine(blobs) -> None:
    digest = layout.digest(MESH)
    with pytest.raises(guard.Refused, match="without its beginning"):
        blobs.put(digest, 100, MESH[100:], True)
    blobs.put(digest, 0, MESH[:100], False)
    with pytest.raises(guard.Refused, match="byte 50 came where byte 100"):
        blobs.put(digest, 50, MESH[50:], True)
    blobs.put(digest, 0, MESH, True)
    assert blobs.missing([digest]) == []


def test_what_is_missing_is_said_and_nothing_is_in_force(blobs, folders) -> None:
    blobs.put(layout.digest(MESH), 0, MESH, True)
    assert set(deliver.place(blobs, *folders, pieces())) == {layout.digest(NOTEBOOK), layout.digest(HELPER)}
    assert not os.path.exists(os.path.join(folders[0], "job.json"))


def test_each_piece_is_in_its_place(blobs, folders) -> None:
    put_all(blobs)
    assert deliver.place(blobs, *folders, pieces()) == []
    assert tree(folders[0]) == pieces()
    assert tree(folders[1]) == {
        "task/x.ipynb": NOTEBOOK, "inputs/data/mesh.json": MESH, "modules/helper/__init__.py": HELPER,
    }  # fmt: skip
    assert os.stat(os.path.join(folders[1], "task/x.ipynb")).st_nlink == 2


def test_putting_it_again_changes_nothing_and_new_slices_join(blobs, folders) -> None:
    put_all(blobs)
    deliver.place(blobs, *folders, pieces())
    before = os.stat(os.path.join(folders[0], "job.json"))
    assert deliver.place(blobs, *folders, {**pieces(), "slices/2.json": b"{2}"}) == []
    assert os.stat(os.path.join(folders[0], "job.json")).st_ino == before.st_ino
    assert tree(folders[0]) == {**pieces(), "slices/2.json": b"{2}"}


def test_another_job_under_the_same_token_is_refused(blobs, folders) -> None:
    put_all(blobs)
    deliver.place(blobs, *folders, pieces())
    with pytest.raises(guard.Refused, match="other content"):
        deliver.place(blobs, *folders, pieces(created=1))


def test_cut_off_at_any_step_and_put_again(blobs, folders, monkeypatch, tmp_path) -> None:
    """Each call that touches the disk fails once; job.json is only ever there with all the rest."""
    put_all(blobs)
    calls, fail_at = 0, 0

    def cut(function):
        def wrapped(*args, **more):
            nonlocal calls
            calls += 1
            if calls == fail_at:
                raise OSError(errno.EIO, "cut off")
            return function(*args, **more)

        return wrapped

    for name in ("link", "rename", "fsync", "mkdir"):
        monkeypatch.setattr(os, name, cut(getattr(os, name)))
    whole = 0
    while not whole:
        fail_at += 1
        calls = 0
        there = str(tmp_path / f"s{fail_at}"), str(tmp_path / f"w{fail_at}")
        try:
            deliver.place(blobs, *there, pieces())
            whole = fail_at
        except OSError:
            if os.path.exists(os.path.join(there[0], "job.json")):
                assert {*pieces()} <= {*tree(there[0])}
            calls = -(10**6)
            assert deliver.place(blobs, *there, pieces()) == []
        names = {name: data for name, data in tree(there[0]).items() if not name.endswith(".part")}
        assert names == pieces()
        assert len(tree(there[1])) == 3
    assert whole > 15


@pytest.mark.parametrize(
    "change",
    [
        {"files": [{"path": "../../x", "digest": "a" * 64, "size": 1, "kind": "file"}]},
        {"files": [{"path": "/etc/x", "digest": "a" * 64, "size": 1, "kind": "file"}]},
        {"files": [{"path": "x", "digest": "../../../etc/passwd", "size": 1, "kind": "file"}]},
        {"task": {"name": "../x.ipynb", "digest": "a" * 64}},
    ],
)
def test_no_path_leaves_the_folders(blobs, folders, change) -> None:
    with pytest.raises(guard.Refused):
        deliver.place(blobs, *folders, pieces(**change))


def test_only_parts_of_a_job_folder_are_taken(blobs, folders) -> None:
    put_all(blobs)
    for name in ("client.jsonl", "claims/0.0", "../x", "slices/../job.json", "slices/01.json"):
        with pytest.raises(guard.Refused, match="no part of a job folder"):
            deliver.place(blobs, *folders, {**pieces(), name: b""})


def test_where_the_disk_has_no_hard_links_it_is_copied(blobs, folders, monkeypatch) -> None:
    def no_links(*names):
        raise OSError(errno.EPERM, "not here")

    put_all(blobs)
    monkeypatch.setattr(os, "link", no_links)
    assert deliver.place(blobs, *folders, pieces()) == []
    assert tree(folders[1])["inputs/data/mesh.json"] == MESH


def test_removing_takes_the_blobs_nobody_else_has(blobs, folders, tmp_path) -> None:
    put_all(blobs)
    other = str(tmp_path / "other"), str(tmp_path / "work/jobs/fpother")
    deliver.place(blobs, *folders, pieces())
    deliver.place(blobs, *other, {"job.json": job(files=[])})
    locked = os.path.join(folders[1], "runs", "0.0", "locked")
    os.makedirs(os.path.join(locked, "deep"))
    os.chmod(locked, 0o500)
    deliver.remove(blobs, *folders)
    deliver.remove(blobs, *folders)
    assert not os.path.exists(folders[0])
    assert not os.path.exists(folders[1])
    assert blobs.missing([layout.digest(data) for data in (NOTEBOOK, MESH)]) == [layout.digest(MESH)]
    assert tree(other[1]) == {"task/x.ipynb": NOTEBOOK}
