"""Files are put wholly or not at all, a link has one winner, the zip is the same bytes every time."""

from __future__ import annotations

import errno
import io
import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from farpoint.runner import layout


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_names() -> None:
    assert layout.job_folder("/s", "fpx") == "/s/jobs/fpx"
    assert layout.work_folder("/w", "fpx") == "/w/jobs/fpx"
    assert layout.slice_name(12) == "slices/12.json"
    assert layout.claim_name(12, 3) == "claims/12.3"
    assert layout.pilot_name(1, 2) == "pilots/1.2"
    assert layout.submit_name(4) == "submit.4.json"
    assert layout.control_name(5) == "control/5.json"
    assert layout.run_name(7, 1) == "runs/7.1"
    assert layout.blob_name("abcd") == "blobs/ab/abcd"


def test_dump_is_canonical_and_refuses_what_json_lacks() -> None:
    assert layout.dump({"é": 1, "a": "\ud800"}) == b'{"a":"\\ud800","\\u00e9":1}'
    with pytest.raises(ValueError, match="JSON"):
        layout.dump(float("nan"))


def test_put_sets_mode_whatever_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o777)
    try:
        layout.put(str(tmp_path / "a"), b"x", mode=0o640)
        layout.put_json(str(tmp_path / "b"), {"x": 1})
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o600
    assert layout.read_json(str(tmp_path / "b")) == {"x": 1}
    assert names(tmp_path) == ["a", "b"]


@pytest.mark.parametrize("call", ["write", "fsync", "rename"])
def test_a_put_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "x"
    layout.put(str(path), b"old")

    def full(*_arguments: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(OSError, match="No space"):
            layout.put(str(path), b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["x"]


def test_write_all_goes_on_after_a_short_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, data: write(descriptor, bytes(data)[:3]))
        layout.put(str(tmp_path / "x"), b"0123456789")
    assert (tmp_path / "x").read_bytes() == b"0123456789"


def test_link_exclusive_has_one_winner_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    assert layout.link_exclusive(str(path), b"first")
    assert not layout.link_exclusive(str(path), b"second")
    assert path.read_bytes() == b"first"
    assert names(tmp_path) == ["x"]


def test_a_link_whose_answer_was_lost_counts_as_won(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = os.link

    def retransmitted(source: str, target: str) -> None:
        link(source, target)
        raise FileExistsError(errno.EEXIST, "File exists")

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", retransmitted)
        assert layout.link_exclusive(str(tmp_path / "x"), b"mine")
    assert names(tmp_path) == ["x"]


def test_a_disk_without_links_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(source: str, target: str) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", refused)
        with pytest.raises(PermissionError):
            layout.link_exclusive(str(tmp_path / "x"), b"mine")
    assert names(tmp_path) == []


def test_make_private_makes_every_missing_folder_private(tmp_path: Path) -> None:
    layout.make_private(str(tmp_path / "a" / "b"))
    layout.make_private(str(tmp_path / "a" / "b"))
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a", "a/b")] == [0o700, 0o700]
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError):
        layout.make_private(str(tmp_path / "file" / "x"))


def test_digests(tmp_path: Path) -> None:
    data = os.urandom(3 << 20)
    (tmp_path / "x").write_bytes(data)
    assert layout.digest_file(str(tmp_path / "x")) == layout.digest(data)


def test_the_zip_is_undated_stored_and_complete() -> None:
    data = layout.build_zip()
    assert data == layout.build_zip()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["__main__.py", *sorted(archive.namelist()[1:])]
        entries = {entry.filename: entry for entry in archive.infolist()}
        assert {entry.date_time for entry in entries.values()} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.compress_type for entry in entries.values()} == {zipfile.ZIP_STORED}
        assert archive.read("farpoint_runner/layout.py") == Path(layout.__file__).read_bytes()
    here = Path(layout.__file__).parent
    sources = {f"farpoint_runner/{path.relative_to(here)}" for path in here.rglob("*.py")}
    assert set(entries) == {"__main__.py", *sources}


@pytest.mark.parametrize("arguments", [[], ["dance"]])
def test_the_zip_names_its_verbs(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "runner.zip").write_bytes(layout.build_zip())
    command = [sys.executable, "-I", "-S", str(tmp_path / "runner.zip"), *arguments]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert answer.returncode == 2
    assert "work_notebook" in answer.stderr
