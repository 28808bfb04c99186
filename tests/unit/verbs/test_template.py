"""A template is an entry: with its remarks taken for settings, too, it can be read."""

from __future__ import annotations

import re

import pytest

from farpoint.config import load
from farpoint.errors import BadInput
from farpoint.machines import registry
from farpoint.verbs.template import template


@pytest.mark.parametrize("scheduler", sorted(registry.Installed(registry.SCHEDULERS)))
def test_every_setting_it_shows_can_be_read(scheduler, tmp_path):
    text = template(scheduler)
    path = tmp_path / "farpoint.toml"
    path.write_text(text)
    assert load(user=path).machine("hpc").scheduler == scheduler
    loud = re.sub(r"^# (\w+ = .*?)  +.*$", r"\1", text, flags=re.MULTILINE)
    path.write_text(loud)
    read = load(user=path).machine("hpc")
    assert (read.purge, read.agent, read.capabilities) == (30 * 86400, "off", ("gpu", "internet"))


def test_an_unknown_one_names_those_there_are():
    with pytest.raises(BadInput, match=r"no scheduler 'drect' \(installed: .*direct.*\)\. Did you mean 'direct'\?"):
        template("drect")
