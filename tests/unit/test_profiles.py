import json
from pathlib import Path

import pytest

from farpoint.errors import BadInput
from farpoint.profiles import Profile, choose, fits, named

VECTORS = json.loads((Path(__file__).parents[1] / "golden" / "vectors" / "profile_keys.json").read_text())
STACK = [tuple(frame) for frame in VECTORS["stack_outer_to_inner"]]


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: " ".join(case["keys"]))
def test_the_vectors(case):
    profiles = [Profile((key,)) for key in case["keys"]]
    label = case.get("remote_label")
    wanted = None if "farpoint" in case else case["match"]
    found = choose(profiles, [] if label else STACK, label)
    assert (found and profiles.index(found)) == wanted


@pytest.mark.parametrize("key", [
    "inim.py::run", "minim.py::ru", "wfl/minim.py::run", "other.py::x,minim.py::run", "::run", "minim.py::",
    "minim.py:run",
    "wfl/generate_configs/minim.py", "minim.py::run, gap_rss_iter_fit.py::do_MD_bulk_defect_step", "/minim.py::run",
])  # fmt: skip
def test_keys_that_fit_nothing(key):
    assert not fits(key, STACK)


@pytest.mark.parametrize("key", [
    "minim.py::run", "*.py::run", "minim.py::r*", "generate_*/minim.py::run", "proj/*::do_*, wfl/*/minim.py::run",
])  # fmt: skip
def test_globs_within_a_name(key):
    assert fits(key, STACK)


def test_names_and_notebooks():
    assert fits("tokamak", [], "tokamak")
    assert not fits("tok*", [], "tokamak"), "a name is meant as it is"
    assert fits("studies/*.ipynb", [], "t", "/home/me/studies/tokamak.ipynb")
    assert not fits("udies/*.ipynb", [], "t", "/home/me/studies/tokamak.ipynb")


def test_by_name_the_first_file_wins_and_an_unknown_one_is_told_the_nearest():
    known = [
        Profile(name="fast", machine="a"),
        Profile(("x",)),
        Profile(name="fast", machine="b"),
        Profile(name="long"),
    ]
    assert named(known, "fast").machine == "a"
    with pytest.raises(BadInput, match=r"no profile 'fats' \(profiles with a name: fast, long\)\. Did you mean 'fast'"):
        named(known, "fats")
    with pytest.raises(BadInput, match=r"none has a name: give a \[\[profiles\]\] of farpoint\.toml name = 'fast'"):
        named([Profile(("fast",))], "fast")
