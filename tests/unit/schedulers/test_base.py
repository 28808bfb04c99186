"""The lines every script shares: words stay words, whatever is in them."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farpoint.errors import BadResources
from farpoint.model import JobShape, Resources
from farpoint.schedulers import base

TOKEN = "fpabcdefghijklm"


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_a_shell_reads_back_what_was_quoted(text: str) -> None:
    done = subprocess.run(["sh", "-c", f"printf %s {base.quote(text)}"], capture_output=True)
    assert done.stdout == text.encode()


def test_a_script_is_good_shell_and_hands_over_its_environment(tmp_path) -> None:
    python = tmp_path / "my python"
    python.write_text('#!/bin/sh\necho "$GREETING|$FROM_SETUP|$@"\n')
    python.chmod(0o755)
    paths = base.Paths(
        "/s t", "/w", str(python), "/s t/r.zip", ("FROM_SETUP=1; export FROM_SETUP",), {"GREETING": "it's $HOME\nhere"}
    )
    shape = JobShape(TOKEN, 2, Resources(), "x")
    script = "\n".join([*base.head(shape), *base.body(shape, paths)])
    said = subprocess.run(["sh", "-c", script], capture_output=True, text=True, env={"FARPOINT_MEMBER": "1"}).stdout
    assert said == (
        f"it's $HOME\nhere|1|-I -S /s t/r.zip pilot --statedir /s t --workdir /w --token {TOKEN} --member 1\n"
    )


def test_a_name_that_is_none_is_refused() -> None:
    paths = base.Paths("/s", "/w", "python3", "/r.zip", (), {"A B": "1"})
    with pytest.raises(BadResources, match=r"env\.A B"):
        base.body(JobShape(TOKEN, 1, Resources(), "x"), paths)


@pytest.mark.parametrize("text", ["", "a b", "a\nb", "a'b", "a\\b", "$x", "a;b"])
def test_a_directive_takes_only_plain_words(text: str) -> None:
    with pytest.raises(BadResources, match="queue="):
        base.slug(text, "queue")


def test_a_script_without_the_line_asks_for_one_pilot() -> None:
    assert base.pilots("#!/bin/sh\n") == 1
