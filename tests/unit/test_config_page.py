"""docs/reference/farpoint-toml.md lists every key, with an example that can be read."""

import re
from pathlib import Path

import pytest

from farpoint.config import load
from farpoint.config_file import MACHINE, PROFILE, QUEUE, TOP
from farpoint.resources import WORDS

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "farpoint-toml.md").read_text(encoding="utf-8")
TABLES = {
    "At the top": ("", TOP),
    "[machines.NAME]": ("[machines.m]", MACHINE),
    "[machines.NAME.queues.QUEUE]": ("[machines.m.queues.q]", QUEUE),
    "[[profiles]]": ("[[profiles]]", (*PROFILE, *WORDS)),
}


def rows(section):
    text = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return {line.split("|")[1].strip(" `"): [cell.strip() for cell in line.split("|")[1:-1]] for line in lines}


@pytest.mark.parametrize("section", TABLES)
def test_every_key_is_there_and_no_other(section):
    found = rows(section)
    assert set(found) == set(TABLES[section][1])
    assert all(cells[1] and cells[3] and cells[4] and cells[5] for cells in found.values())


@pytest.mark.parametrize(("section", "key"), [(s, key) for s, (_, keys) in TABLES.items() for key in keys])
def test_every_example_can_be_read(tmp_path, section, key):
    example = re.fullmatch(r"`(.*)`", rows(section)[key][4])
    if example is None:
        assert (key, rows(section)[key][4]) == ("queues", "see below")
        return
    machine = "[machines.hpc]\n[machines.m]\nscheduler = 'slurm'\n"
    beside = {"transport": "host = 'x'\n", "keep_login": "host = 'x'\n"}.get(key, "")
    if section == "At the top":
        text = f"{key} = {example[1]}\n{machine}"
    elif section == "[machines.NAME]":
        base = machine.replace("scheduler = 'slurm'\n", "") if key == "scheduler" else machine
        text = f"{base}{beside}{key} = {example[1]}\n"
    else:
        match = "" if key == "match" or section != "[[profiles]]" else "match = 'x'\n"
        text = f"{machine}{TABLES[section][0]}\n{match}{key} = {example[1]}\n"
    path = tmp_path / "farpoint.toml"
    path.write_text(text)
    load(tmp_path)
