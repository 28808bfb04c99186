"""A Python that is brought: unpacked whole or not at all, never outside its folder, tried, found again."""

from __future__ import annotations

import io
import os
import sys
import tarfile
from pathlib import Path

import pytest

from clusters.pythons import pretended
from farpoint.runner import brought, deliver, guard, layout

HERE = sys.version_info[:2]
NAME = f"python{HERE[0]}.{HERE[1]}"


@pytest.fixture
def blobs(tmp_path):
    return deliver.Blobs(str(tmp_path / "work"))


@pytest.fixture
def state(tmp_path):
    return str(tmp_path / "a [state] folder")


@pytest.fixture
def put(tmp_path, blobs):
    """put(members) → the digest of an archive of them that is there."""

    def make(*members, prefix=None):
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w:gz") as archive:
            if prefix is not None:
                for path in sorted(path for path in prefix.rglob("*") if path.is_file()):
                    archive.add(path, path.relative_to(prefix).as_posix())
            for member in members:
                archive.addfile(member, io.BytesIO(bytes(member.size)) if member.isreg() else None)
        digest = layout.digest(data.getvalue())
        blobs.put_all([(digest, data.getvalue())])
        return digest

    return make


def member(name, kind=tarfile.REGTYPE, link="", size=3):
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = kind, link, size if kind == tarfile.REGTYPE else 0
    return made


def left(state):
    top = os.path.join(state, "pythons")
    return sorted(os.listdir(top)) if os.path.isdir(top) else []


def bring(state, blobs, **more):
    return brought.bring(state, blobs, {"minor": HERE, "seconds": 20, **more})


def test_one_is_unpacked_tried_and_found_again(state, blobs, put, tmp_path):
    assert brought.look(state, {"minor": HERE}) is None
    digest = put(prefix=pretended(tmp_path / "py"))
    done = bring(state, blobs, digest=digest)
    folder = os.path.join(state, "pythons", f"{HERE[0]}.{HERE[1]}-{digest[:16]}")
    assert (done["said"], done["python"]["real"]) == ("", os.path.join(folder, "bin", NAME))
    assert done["size"] > 0
    assert sorted(os.listdir(os.path.join(folder, "bin"))) == ["python", "python3", NAME]
    assert left(state) == [os.path.basename(folder)]
    assert brought.look(state, {"minor": HERE}) == done["python"]
    assert brought.look(state, {"minor": [3, 1]}) is None


def test_again_it_is_there_and_one_that_lost_a_part_is_made_anew(state, blobs, put, tmp_path):
    digest = put(prefix=pretended(tmp_path / "py"))
    program = bring(state, blobs, digest=digest)["python"]["real"]
    made = os.stat(program).st_ino
    assert bring(state, blobs, digest=digest)["python"]["real"] == program
    assert os.stat(program).st_ino == made
    Path(program).write_text("#!/bin/sh\nexit 1\n")
    assert brought.look(state, {"minor": HERE}) is None
    assert bring(state, blobs, digest=digest)["said"] == ""


def test_one_that_does_not_run_here_says_why_and_is_not_left(state, blobs, put, tmp_path):
    said = "error while loading shared libraries: libssl.so.3: cannot open shared object file"
    done = bring(state, blobs, digest=put(prefix=pretended(tmp_path / "py", said)))
    assert (done["python"], done["said"]) == (None, said)
    assert left(state) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\x7fELF of another computer", "Exec format error"),
        ("#!/bin/sh\nkill -ILL $$\n", "it was ended by signal 4"),
        (f'#!/bin/sh\nexec {sys.executable} "$@"\n', "it takes its library from"),
        ("#!/bin/sh\necho farpoint-brought 2.7 /\n", "it is Python 2.7"),
        ("#!/bin/sh\nexit 3\n", "exit code 3"),
    ],
)
def test_what_may_be_wrong_with_it(state, blobs, put, tmp_path, text, said):
    prefix = pretended(tmp_path / "py")
    (prefix / "bin" / NAME).write_text(text)
    assert said in bring(state, blobs, digest=put(prefix=prefix))["said"]


@pytest.mark.parametrize(
    "hostile",
    [
        [member("../../outside")],
        [member("/tmp/farpoint-outside")],
        [member("lib/../../outside")],
        [member("link", tarfile.SYMTYPE, "/"), member("link/outside")],
        [member("link", tarfile.LNKTYPE, "/etc/passwd")],
        [member("device", tarfile.CHRTYPE)],
        [member("pipe", tarfile.FIFOTYPE)],
        [member("./dot")],
    ],
)
def test_an_archive_puts_nothing_outside_its_folder(state, blobs, put, tmp_path, hostile):
    digest = put(*hostile, prefix=pretended(tmp_path / "py"))
    with pytest.raises(guard.Refused):
        bring(state, blobs, digest=digest)
    assert left(state) == []
    assert not [*tmp_path.rglob("outside*")]
    assert not os.path.exists("/tmp/farpoint-outside")


def test_a_file_that_comes_twice_does_not_replace_the_first(state, blobs, put, tmp_path):
    digest = put(member("a"), member("a"), prefix=pretended(tmp_path / "py"))
    with pytest.raises(FileExistsError):
        bring(state, blobs, digest=digest)
    assert left(state) == []


def test_what_is_no_archive_is_said(state, blobs):
    blobs.put_all([(layout.digest(b"no archive"), b"no archive")])
    assert "its archive cannot be opened there" in bring(state, blobs, digest=layout.digest(b"no archive"))["said"]
    assert left(state) == []


def test_what_somebody_killed_left_is_taken_away(state, blobs, put, tmp_path):
    digest = put(prefix=pretended(tmp_path / "py"))
    for age, name in ((brought.STALE * 2, "old"), (0, "new")):
        beside = Path(state, "pythons", f"{HERE[0]}.{HERE[1]}-{digest[:16]}.{name}-1.part")
        beside.mkdir(parents=True)
        now = beside.stat().st_mtime
        os.utime(beside, (now - age, now - age))
    bring(state, blobs, digest=digest)
    assert [name.rpartition(".")[2] for name in left(state)] == [f"{HERE[1]}-{digest[:16]}", "part"]


@pytest.fixture
def uv(blobs):
    """uv(script) → the digest of a program that was sent as uv."""

    def make(script):
        data = f"#!/bin/sh\n{script}\n".encode()
        blobs.put_all([(layout.digest(data), data)])
        return layout.digest(data)

    return make


def test_uv_brings_one_into_our_folder(state, blobs, uv, tmp_path):
    source = pretended(tmp_path / "py")
    script = f'[ "$*" = "python install {NAME[6:]}" ] && mkdir -p "$UV_PYTHON_INSTALL_DIR" && [ -n "$UV_CACHE_DIR" ] '
    script += f'&& cp -r {source} "$UV_PYTHON_INSTALL_DIR/cpython-{NAME[6:]}.99-linux"'
    done = bring(state, blobs, uv=uv(script))
    assert done["said"] == ""
    assert done["python"]["real"].startswith(os.path.join(state, "pythons", "fetched", "cpython-"))
    assert brought.look(state, {"minor": HERE}) == done["python"]


@pytest.mark.parametrize(
    ("script", "said"), [("echo no way >&2; exit 2", "no way"), ("sleep 600", "did not end in 0.5 s"), (":", "none")]
)
def test_uv_that_cannot_is_no_obstacle(state, blobs, uv, script, said):
    done = bring(state, blobs, uv=uv(script), seconds=0.5)
    assert done["python"] is None
    assert said in done["said"]
    assert left(state) == ["fetched"]


def test_one_that_uv_brought_and_that_does_not_run_is_not_left(state, blobs, uv, tmp_path):
    source = pretended(tmp_path / "py", "no such libc")
    done = bring(state, blobs, uv=uv(f'cp -r {source} "$UV_PYTHON_INSTALL_DIR/cpython-{NAME[6:]}.99-linux"'))
    assert (done["python"], done["said"]) == (None, "no such libc")
    assert os.listdir(os.path.join(state, "pythons", "fetched")) == []
