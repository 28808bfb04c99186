"""No token and no path leaves its folder."""

from __future__ import annotations

import os

import pytest

from farpoint.runner import guard


@pytest.mark.parametrize("name", ["", "fp", "../x", "fpABCDEFGHIJKLM", "fpabcdefghijklm/..", "fpabcdefghijklm\n", None])
def test_a_token_is_a_token(name) -> None:
    with pytest.raises(guard.Refused, match="no job token"):
        guard.token(name)


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "./a", "a/", "a\0b", None, ["a"]])
def test_a_path_goes_only_down(path) -> None:
    with pytest.raises(guard.Refused):
        guard.relative(path)


@pytest.mark.parametrize("name", ["", "ab", "../" + "a" * 61, "g" * 64, "a" * 64 + "\n"])
def test_a_digest_is_a_digest(name) -> None:
    with pytest.raises(guard.Refused):
        guard.sha256(name)


def test_links_may_stay_inside_and_not_lead_out(tmp_path) -> None:
    inside, outside = tmp_path / "job", tmp_path / "secret"
    inside.mkdir()
    outside.mkdir()
    (outside / "key").write_text("secret")
    (inside / "real.txt").write_text("fine")
    (inside / "latest.txt").symlink_to("real.txt")
    (inside / "key").symlink_to(outside / "key")
    (inside / "folder").symlink_to(outside)
    (inside / "up").symlink_to("..")
    with os.fdopen(guard.open_inside(str(inside), "latest.txt")) as file:
        assert file.read() == "fine"
    for path in ("key", "folder/key", "up/secret/key"):
        with pytest.raises(guard.Refused, match="leads out"):
            guard.open_inside(str(inside), path)


def test_only_files_are_opened_and_none_holds_us_up(tmp_path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    for path in ("fifo", "folder"):
        with pytest.raises(guard.Refused, match="is no file"):
            guard.open_inside(str(tmp_path), path)
    with pytest.raises(FileNotFoundError):
        guard.open_inside(str(tmp_path), "absent")
