import pytest

from farpoint.api import show
from rows import failed, grid, row


def view(rows: list, **more: object) -> show.View:
    return show.View("tokamak", rows, 1e6, **more)


def test_text_has_the_line_the_table_and_what_failed() -> None:
    text = show.text(view([*grid(), failed(6, parameters={"x": 9, "y": 9})], messages=["machine hpc is paused"]), 100)
    lines = text.splitlines()
    assert lines[0] == "tokamak: 7 points · 6 COMPLETED · 1 FAILED · took 16 s"
    assert lines[1].split() == ["point", "x", "y", "energy", "run_state", "run_seconds", "run_reason"]
    assert lines[2].split() == ["0", "0", "0", "0", "COMPLETED", "10"]
    assert "  ✗ point 6: ValueError: x is negative  (x=9  y=9)" in lines
    assert lines[-1] == "  ! machine hpc is paused"


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_the_table_fits_the_width(width: int) -> None:
    rows = [row(n, parameters={f"p{k}": 1.23456 for k in range(8)}, records={"e": n}) for n in range(30)]
    lines = show.text(view(rows), width).splitlines()[1:]
    assert max(map(len, lines)) <= width
    assert "point" in lines[0]
    assert "run_state" in lines[0]
    assert ("…" in lines[0]) == (width < 200)


def test_long_scans_show_both_ends() -> None:
    lines = show.text(view([row(n) for n in range(1000)]), 80).splitlines()
    numbers = [line.split()[0] for line in lines[2:]]
    assert numbers == [*map(str, range(8)), "…", "996", "997", "998", "999"]


def test_nothing_yet() -> None:
    assert show.text(view([]), 80) == "tokamak: 0 points"
    assert "0 points" in show.html(view([]))


def test_columns_line_up() -> None:
    lines = show.text_table(show.sheet([row(0, records={"e": 1}), row(1, records={"e": 1000})]), 80)
    assert lines[1].index("COMPLETED") == lines[2].index("COMPLETED")
    assert lines[1].index("1 ") == lines[2].index("1000") + 3


def test_html_has_states_by_word_and_colour() -> None:
    html = show.html(view([row(0), row(1, "RUNNING", progress=0.4)], pictures={0: "data:image/png;base64,YQ=="}))
    assert "#2f9e62" in html
    assert ">RUNNING 40 %<" in html
    assert 'aria-label="1 COMPLETED, 1 RUNNING"' in html
    assert html.count("<img") == 1


def test_a_run_in_text_and_html() -> None:
    one = failed(5, parameters={"x": 2}, attempt=2)
    text = show.run_text(one)
    assert text.splitlines()[0] == "run 5 of tokamak: FAILED (exception) after 10 s on local, attempt 2"
    assert "  ✗ ValueError: x is negative" in text
    html = show.run_html(one)
    assert "<pre>Traceback (most recent call last):" in html
    assert "\x1b" not in html + text


def test_a_repr_of_many_points_is_quick() -> None:
    import time

    rows = [row(n, parameters={"x": n}) for n in range(100_000)]
    begun = time.perf_counter()
    show.html(view(rows))
    assert time.perf_counter() - begun < 5
