"""Accounts for the whole session: what ran in which room, how long it took, and no skip in CI that nobody allowed."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from budget import allowed_skips, budget

UNEXPECTED = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[UNEXPECTED] = []
    config.pluginmanager.register(_Watch(config), "farpoint-skips")


class _Watch:
    """Sees every skip of a session, wherever a worker reported it from."""

    def __init__(self, config: pytest.Config) -> None:
        self.unexpected = config.stash[UNEXPECTED]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._look(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._look(report)

    def _look(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail") and not _allowed(report.nodeid):
            self.unexpected.append(report.nodeid)


def _allowed(nodeid: str) -> bool:
    return any(nodeid.startswith(where) for where in allowed_skips())


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if os.environ.get("CI") == "true" and session.config.stash[UNEXPECTED] and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    seconds: Counter[str] = Counter()
    tests: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                room = "/".join(report.nodeid.split("::")[0].split("/")[:3])
                seconds[room] += report.duration
                tests[room] += report.when == "call"
    column = os.environ.get("FARPOINT_BUDGET", "ci")
    terminalreporter.section(f"account (budget {column}: {budget('model.runs')} model runs)")
    for room, spent in seconds.most_common():
        terminalreporter.write_line(f"{spent:8.1f} s  {tests[room]:5d} tests  {room}")
    for nodeid in config.stash[UNEXPECTED]:
        terminalreporter.write_line(f"skipped, and not in tests/budget.toml: {nodeid}", red=True)
