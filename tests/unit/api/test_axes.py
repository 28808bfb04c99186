from farpoint.api import axes
from farpoint.model import RunRow
from rows import grid, row


def scanned(*points: dict) -> tuple[list[RunRow], list[axes.Axis]]:
    rows = [row(n, parameters=point) for n, point in enumerate(points)]
    return rows, axes.axes(rows)


def together(*points: dict) -> list[list[str]]:
    return [[axis.name for axis in group] for group in axes.coupled(scanned(*points)[1])]


def test_axes_are_what_differs_in_order() -> None:
    _, (x, mode) = scanned(*({"x": x, "k": 1, "mode": mode} for x, mode in [(3, "b"), (1, "a"), (2, "b")]))
    assert x.values == (1, 2, 3)
    assert x.at == {0: 2, 1: 0, 2: 1}
    assert mode.values == ("b", "a")
    assert (x.numeric, mode.numeric) == (True, False)


def test_a_grid_may_have_holes_but_no_two_points_in_one_place() -> None:
    rows = grid()
    assert axes.fills(axes.axes(rows), rows)
    assert axes.fills(axes.axes(rows[:5]), rows[:5])
    rows, found = scanned({"x": 1}, {"x": 2}, {"x": 1})
    assert not axes.fills(found, rows)
    rows, found = scanned(*({"x": n, "y": n * n, "z": -n} for n in range(9)))
    assert not axes.fills(found, rows)


def test_what_always_changes_together_is_one() -> None:
    files = [{"mesh": f"{name}.json", "scale": scale} for name, scale in zip("cab", (2.0, 1.0, 7.0), strict=True)]
    assert together(*files) == [["mesh", "scale"]]
    assert together(*({**point, "t": t} for point in files for t in (1, 2))) == [["mesh", "scale"], ["t"]]
    assert together(*({"x": n, "y": n * n, "z": -n} for n in range(9))) == [["x", "y", "z"]]


def test_a_random_sample_is_not_taken_for_coupled() -> None:
    assert together({"x": 1, "y": 5}, {"x": 2, "y": 3}, {"x": 3, "y": 4}) == [["x"], ["y"]]
