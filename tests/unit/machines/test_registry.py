"""What is not installed is named, with what is."""

from __future__ import annotations

import pytest

from farpoint.config import MachineConfig
from farpoint.errors import BadConfig
from farpoint.machines import batch, registry


def build(tmp_path, **config):
    return registry.build_machine("hpc", MachineConfig(**config), tmp_path, "me", lambda: 0.0)


def test_ours_are_found_as_any_others(tmp_path) -> None:
    assert isinstance(build(tmp_path), batch.Machine)
    assert "batch" in registry.Installed(registry.MACHINES)
    assert "direct" in registry.Installed(registry.SCHEDULERS)


@pytest.mark.parametrize(
    "config, message",
    [
        ({"type": "bach"}, r"machine 'hpc': there is no type 'bach' \(installed: .*batch.*\)\. Did you mean 'batch'\?"),
        ({"scheduler": "dirct"}, "there is no scheduler 'dirct' .* Did you mean 'direct'"),
        ({"transport": "pipes"}, "there is no transport 'pipes' .* Did you mean 'pipe'"),
    ],
)
def test_what_is_not_installed_is_named(tmp_path, config, message) -> None:
    with pytest.raises(BadConfig, match=message):
        build(tmp_path, **config)


def test_a_broken_plug_in_is_named(tmp_path, monkeypatch) -> None:
    from importlib.metadata import EntryPoint

    broken = EntryPoint("batch", "no_such_package:build", registry.MACHINES)
    monkeypatch.setattr(registry, "entry_points", lambda group: [broken])
    with pytest.raises(BadConfig, match="'batch' \\(no_such_package:build\\) cannot be loaded"):
        build(tmp_path)
