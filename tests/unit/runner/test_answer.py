"""The verbs one by one: what they leave on the disk, and what kind each fault is."""

from __future__ import annotations

import errno
import os

import pytest

from farpoint.runner import answer, guard, journal, layout
from farpoint.runner.claims import Claims

TOKEN = "fpabcdefghijklm"


@pytest.fixture
def office(tmp_path) -> answer.Office:
    return answer.Office(str(tmp_path / "state"), str(tmp_path / "work"))


@pytest.fixture
def job(office) -> str:
    """A placed job's folder."""
    task = b"{}"
    ask(office, "put", task, digest=layout.digest(task), offset=0, last=True)
    body = layout.dump({"task": {"name": "x.ipynb", "digest": layout.digest(task)}, "files": []})
    assert ask(office, "place", body, token=TOKEN, pieces=[["job.json", len(body)]]) == []
    return layout.job_folder(office.statedir, TOKEN)


def ask(office, verb: str, body: bytes = b"", **given):
    return office.answer({"verb": verb, **given}, body)[0]


@pytest.mark.parametrize(
    "fault, kind",
    [
        (guard.Refused("no"), "refused"),
        (FileNotFoundError(errno.ENOENT, "no", "/x"), "absent"),
        (OSError(errno.ENOSPC, "full"), "system"),
        (OSError(errno.ESTALE, "stale"), "system"),
        (MemoryError(), "system"),
        (KeyError("token"), "broken"),
        (UnicodeDecodeError("utf-8", b"", 0, 1, "bad"), "broken"),
    ],
)
def test_faults_have_a_kind_and_a_sentence(fault, kind) -> None:
    said = answer.explain(fault)
    assert said["kind"] == kind
    assert said["message"]


def test_folders_are_real_ones(tmp_path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    office = answer.Office(str(tmp_path / "link" / "state"), "~/w")
    assert office.statedir == str(tmp_path / "real" / "state")
    assert office.workdir == os.path.realpath(os.path.expanduser("~/w"))


@pytest.mark.parametrize(
    "verb, given",
    [
        ("fence", {"slices": [0], "only_unclaimed": False, "by": "me", "t": 1.0}),
        ("control", {}),
        ("note", {"events": []}),
        ("submit", {"serial": 1, "argv": ["true"], "timeout": 9}),
    ],
)
def test_nothing_is_written_for_a_job_that_is_not_there(office, verb, given) -> None:
    with pytest.raises(FileNotFoundError):
        ask(office, verb, b"{}", token=TOKEN, **given)
    assert not os.path.exists(office.statedir)


def test_a_fence_comes_after_whoever_was_faster(office, job, monkeypatch) -> None:
    """A pilot links its claim between the fence's look and its link; the fence is then the next one."""
    claims = Claims(job)
    real = Claims.link
    raced = []

    def link(self, s, n, body):
        if not raced:
            raced.append(real(claims, s, n, {"job": "d1", "member": 0, "start": 0}))
        return real(self, s, n, body)

    monkeypatch.setattr(Claims, "link", link)
    given = {"token": TOKEN, "slices": [5], "by": "me", "t": 1.0}
    assert ask(office, "fence", only_unclaimed=False, **given) == [[5, 1]]
    assert claims.of(5)[1] == {"revoked": True, "by": "me", "t": 1.0}
    assert ask(office, "fence", only_unclaimed=True, **given) == [[5, 1]]


def test_a_fence_of_the_unclaimed_leaves_the_claimed(office, job) -> None:
    Claims(job).link(0, 0, {"job": "d1"})
    given = {"token": TOKEN, "slices": [0, 1], "by": "me", "t": 1.0}
    assert ask(office, "fence", only_unclaimed=True, **given) == [[0, None], [1, 0]]
    assert len(Claims(job).of(0)) == 1


def test_an_order_repeated_is_one_order(office, job) -> None:
    assert [ask(office, "control", body, token=TOKEN) for body in (b"a", b"a", b"b", b"a")] == [0, 0, 1, 2]
    assert sorted(os.listdir(f"{job}/control")) == ["0.json", "1.json", "2.json"]


def test_orders_of_two_at_once_both_stay(office, job, monkeypatch) -> None:
    monkeypatch.setattr(answer, "_next_control", lambda folder: 0)
    assert ask(office, "control", b"a", token=TOKEN) == 0
    assert ask(office, "control", b"b", token=TOKEN) == 1


def test_notes_follow_each_other_and_torn_ones_are_passed_over(office, job) -> None:
    ask(office, "note", token=TOKEN, events=[{"e": "fenced", "t": 1, "s": 0, "c": 0}])
    with open(f"{job}/client.jsonl", "ab") as file:
        file.write(b"12345678 {torn")
    ask(office, "note", token=TOKEN, events=[{"e": "ended", "t": 2}])
    with open(f"{job}/client.jsonl", "rb") as file:
        assert [event["e"] for event in journal.parse(file.read())[0]] == ["fenced", "ended"]


def test_usage_counts_a_file_once(office, job) -> None:
    size = sum(os.stat(os.path.join(top, name)).st_size for top, _, names in os.walk(job) for name in names)
    os.makedirs(f"{office.workdir}/jobs/{TOKEN}/runs/0.0")
    with open(f"{office.workdir}/jobs/{TOKEN}/runs/0.0/a", "wb") as file:
        file.write(bytes(1000))
    os.link(f"{office.workdir}/jobs/{TOKEN}/runs/0.0/a", f"{office.workdir}/jobs/{TOKEN}/runs/0.0/b")
    assert ask(office, "usage") == {TOKEN: size + 1000 + 2}


def test_only_tokens_are_jobs(office, job) -> None:
    os.makedirs(f"{office.statedir}/jobs/.hidden")
    os.makedirs(f"{office.statedir}/jobs/other")
    assert ask(office, "tokens") == [TOKEN]
