"""New bytes in bounded answers: nothing twice, nothing left out, journals before streams."""

from __future__ import annotations

import os

from farpoint.runner import layout
from farpoint.runner.claims import Claims
from farpoint.runner.news import LEAST, News

ONE, TWO = "fpaaaaaaaaaaaaa", "fpbbbbbbbbbbbbb"


def write(state, token: str, file: str, data: bytes) -> None:
    path = os.path.join(layout.job_folder(str(state), token), file)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "ab") as stream:
        stream.write(data)


def ask(news: News, cursors, limit: int = 1 << 20) -> dict[tuple[str, str], bytes]:
    value, body = news.since(cursors, limit)
    found, at = {}, 0
    for token, file, offset, size in value["chunks"]:
        assert offset == cursors[token].get(file, 0)
        found[token, file] = body[at : at + size]
        at += size
    assert at == len(body)
    return found


def test_only_what_is_new(tmp_path) -> None:
    news, file = News(str(tmp_path)), "pilots/0.0/journal.jsonl"
    write(tmp_path, ONE, file, b"first\n")
    assert ask(news, {ONE: {}, TWO: {}}) == {(ONE, file): b"first\n"}
    assert ask(news, {ONE: {file: 6}}) == {}
    write(tmp_path, ONE, file, b"second\n")
    write(tmp_path, ONE, "pilots/3.12/stream.jsonl", b"text\n")
    assert ask(news, {ONE: {file: 6}}) == {(ONE, file): b"second\n", (ONE, "pilots/3.12/stream.jsonl"): b"text\n"}
    assert ask(news, {ONE: {file: 99}})[ONE, "pilots/3.12/stream.jsonl"] == b"text\n"


def test_only_pilots_folders_are_read(tmp_path) -> None:
    write(tmp_path, ONE, "pilots/.part/journal.jsonl", b"no\n")
    write(tmp_path, ONE, "pilots/0.0/other.txt", b"no\n")
    assert ask(News(str(tmp_path)), {ONE: {}}) == {}


def test_an_answer_is_bounded_and_the_rest_comes_next(tmp_path) -> None:
    news, limit = News(str(tmp_path)), 3 * LEAST
    whole = {}
    for token in (ONE, TWO):
        for name in (layout.STREAM, layout.JOURNAL):
            file = f"pilots/0.0/{name}"
            whole[token, file] = os.urandom(2 * LEAST + 7)
            write(tmp_path, token, file, whole[token, file])
    cursors: dict[str, dict[str, int]] = {ONE: {}, TWO: {}}
    got = dict.fromkeys(whole, b"")
    order = []
    while found := ask(news, cursors, limit):
        assert sum(map(len, found.values())) <= limit
        for (token, file), data in found.items():
            order.append(file.rpartition("/")[2])
            got[token, file] += data
            cursors[token][file] = len(got[token, file])
    assert got == whole
    assert order == sorted(order)


def test_claims_are_told_as_they_come(tmp_path) -> None:
    news = News(str(tmp_path))
    claims = Claims(layout.job_folder(str(tmp_path), ONE))
    assert news.since({ONE: {}}, 1)[0]["claims"] == {ONE: {}}
    claims.link(4, 0, {"job": "d1"})
    assert news.since({ONE: {}}, 1)[0]["claims"] == {ONE: {4: [{"job": "d1"}]}}
    claims.link(4, 1, {"revoked": True})
    assert news.since({ONE: {}}, 1)[0]["claims"] == {ONE: {4: [{"job": "d1"}, {"revoked": True}]}}
