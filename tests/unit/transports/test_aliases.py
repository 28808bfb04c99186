"""What ssh calls hosts: Host lines, includes, and a program `ssh` on PATH that answers -G."""

from __future__ import annotations

import pytest

from farpoint.transports import aliases


def test_names_of_host_lines_and_of_included_files(tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a.conf").write_text("Host inner\n  HostName x\n")
    (tmp_path / "config").write_text(
        'Include more/*.conf\nHost hpc login?.site *.site !x "quo ted"\nHostName = h\n  host=eq # c\nHost hpc\nHost "\n'
    )
    assert aliases.aliases(tmp_path / "config") == ["inner", "hpc", "quo ted", "eq"]


def test_a_file_that_includes_itself_ends(tmp_path):
    (tmp_path / "config").write_text("Include config\nHost one\n")
    assert aliases.aliases(tmp_path / "config") == ["one"]


@pytest.fixture
def ssh(tmp_path, monkeypatch):
    """A program `ssh` that knows `fp-alias` and would tell if a name became an option."""
    program = tmp_path / "ssh"
    program.write_text('#!/bin/sh\n[ "$3" = fp-alias ] && echo "hostname far.site" || echo "hostname $3"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")


def test_ssh_is_asked_what_a_name_becomes(ssh):
    assert aliases.knows("fp-alias")
    assert not aliases.knows("fp-other")
    assert not aliases.knows("-v")
    assert not aliases.knows("")


def test_an_unknown_machine_that_ssh_knows_says_the_command(ssh, tmp_path):
    from farpoint.errors import NotFound
    from farpoint.project import Project

    project = Project(tmp_path, state=tmp_path / "state")
    with pytest.raises(NotFound, match="there is no machine 'fp-alias', but ssh knows it: farpoint add fp-alias"):
        project.machine("fp-alias")
    with pytest.raises(NotFound, match=r"there is no machine 'fp-other' \(machines: local\)"):
        project.machine("fp-other")
