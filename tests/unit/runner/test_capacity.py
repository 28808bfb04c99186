"""A container's limits count, in both the forms that kernels show them in."""

from __future__ import annotations

import os

import pytest

from farpoint.runner import capacity


@pytest.fixture
def cgroup(tmp_path, monkeypatch):
    monkeypatch.setattr(capacity, "QUOTA", (str(tmp_path / "cpu.max"), str(tmp_path / "quota")))
    monkeypatch.setattr(capacity, "PERIOD", str(tmp_path / "period"))
    monkeypatch.setattr(capacity, "MEMORY", (str(tmp_path / "memory.max"), str(tmp_path / "limit")))
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(16)))
    return tmp_path


def test_without_limits_it_is_the_hardware(cgroup) -> None:
    assert capacity.cpus() == 16
    assert capacity.memory() == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert capacity.gpus() >= 0


@pytest.mark.parametrize(
    "files, cpus",
    [
        ({"cpu.max": "max 100000"}, 16),
        ({"cpu.max": "250000 100000"}, 3),
        ({"cpu.max": "10000 100000"}, 1),
        ({"cpu.max": "9900000 100000"}, 16),
        ({"quota": "-1", "period": "100000"}, 16),
        ({"quota": "400000", "period": "100000"}, 4),
    ],
)
def test_a_quota_of_cpu_time(cgroup, files, cpus) -> None:
    for name, text in files.items():
        (cgroup / name).write_text(text + "\n")
    assert capacity.cpus() == cpus


@pytest.mark.parametrize("name", ["memory.max", "limit"])
def test_a_limit_of_memory(cgroup, name) -> None:
    (cgroup / name).write_text("1048576\n")
    assert capacity.memory() == 1 << 20
    (cgroup / name).write_text("max\n")
    assert capacity.memory() > 1 << 20
