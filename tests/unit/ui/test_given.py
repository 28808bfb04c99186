from pathlib import Path

import pytest

from farpoint.errors import BadInput, BadPoints
from farpoint.ui import given
from sameness import same


def listed(*parameters: str, coupled: bool = False, file: Path | None = None) -> list[dict[str, object]]:
    return list(given.points(parameters, coupled=coupled, file=file) or [])


def test_every_combination() -> None:
    assert listed("x=1,2", "y=0:1:3") == [{"x": x, "y": y} for x in (1, 2) for y in (0.0, 0.5, 1.0)]
    assert given.points((), coupled=False, file=None) is None


def test_side_by_side() -> None:
    assert listed("x=1,2", "y=a,b", coupled=True) == [{"x": 1, "y": "a"}, {"x": 2, "y": "b"}]


@pytest.mark.parametrize(
    "text, values",
    [
        ("n=1,2.5,-3e2", [1, 2.5, -300.0]),
        ("s=a,b c", ["a", "b c"]),
        ("b=true,false,null", [True, False, None]),
        ("b=True,None", [True, None]),
        ("l=[1,2]", [1, 2]),
        ("l=[[1,2],[3]]", [[1, 2], [3]]),
        ('d={"a": true}', [{"a": True}]),
        ('q="1","a,b","x:y"', ["1", "a,b", "x:y"]),
        ("e=a=b", ["a=b"]),
        (" p = 3", [3]),
    ],
)
def test_values(text: str, values: list[object]) -> None:
    assert same(given.axis(text)[1], values)


@pytest.mark.parametrize("text", ["x", "=1", ""])
def test_what_is_no_parameter(text: str) -> None:
    with pytest.raises(BadPoints, match="is not NAME=VALUES: write -p x=1,2,3"):
        given.axis(text)


def test_a_bad_value_names_its_parameter() -> None:
    with pytest.raises(BadPoints, match="-p x: '1:2' is not a range"):
        given.axis("x=1:2")


def test_a_parameter_twice() -> None:
    with pytest.raises(BadPoints, match="-p x is given twice"):
        listed("x=1", "y=2", "x=2")


def test_zip_without_parameters() -> None:
    with pytest.raises(BadPoints, match="there is no -p"):
        listed(coupled=True)


def test_a_csv_file(tmp_path: Path) -> None:
    file = tmp_path / "points.csv"
    file.write_text('\ufeffx, y,when,"note"\n1,0.5,12:30,"a, b"\n\n2,1,true,007\n')
    wanted = [{"x": 1, "y": 0.5, "when": "12:30", "note": "a, b"}, {"x": 2, "y": 1.0, "when": True, "note": "007"}]
    assert same(listed(file=file), wanted)
    assert len(listed("z=1,2,3", file=file)) == 6


def test_a_json_file(tmp_path: Path) -> None:
    file = tmp_path / "points.json"
    file.write_text('[{"x": 1, "y": [1, 2]}, {"x": 2, "y": null}]')
    assert listed(file=file) == [{"x": 1, "y": [1, 2]}, {"x": 2, "y": None}]


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("p.csv", "", "has no points"),
        ("p.csv", "x,y\n", "has no points"),
        ("p.csv", "x,x\n1,2\n", "two columns 'x'"),
        ("p.csv", "x,y\n1\n", "line 2: 1 values for 2 names"),
        ("p.csv", "x,y\n1,2\n1,\n", "line 3, y: there is no value"),
        ("p.json", "{", "is not JSON"),
        ("p.json", "{}", "is not a list of objects"),
        ("p.csv", "x\n1\n1\n", "points 0 and 1 are the same"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BadPoints, match=message):
        listed(file=tmp_path / name)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        listed(file=tmp_path / "none.csv")


def test_files_are_seen_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    notebook = Path("sub/x.ipynb")
    assert given.files(["in.json=data/07.json"], notebook) == {"in.json": "../data/07.json"}
    assert given.files(["/data/big.h5", "b=/data/big.h5"], notebook) == {"big.h5": "/data/big.h5", "b": "/data/big.h5"}
    assert given.files(["mesh.json"], Path("x.ipynb")) == {"mesh.json": "mesh.json"}
    assert given.files(["noticed.csv="], notebook) == {"noticed.csv": ""}
    with pytest.raises(BadInput, match="is not NAME=PATH"):
        given.files(["=x"], notebook)
