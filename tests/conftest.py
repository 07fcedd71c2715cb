"""Rules for every test: no unlisted skip, no network in the pure rings, no test without a deadline.

A skip must be listed in ``tests/allowed-skips.txt`` with its reason, else it counts as a failure: a
missing binary or package never makes a run green.
"""

from __future__ import annotations

import importlib.util
import socket
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

TESTS = Path(__file__).parent
ALLOWED_SKIPS = TESTS / "allowed-skips.txt"

# Seconds for one test. Session fixtures (a fleet, a build) have deadlines of their own.
DEADLINES = {"core": 60, "scenario": 60, "contract": 180, "conformance": 300, "e2e": 900}
OTHER_DEADLINE = 300
OFFLINE = ("core", "scenario")

# Time says nothing about a property on a machine that also runs API servers.
settings.register_profile("trimtab", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("trimtab")

pytest_plugins = ["fleet_fixtures"] if importlib.util.find_spec("fleet_fixtures") else []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test without a timeout of its own the deadline of its ring."""
    for item in items:
        if item.get_closest_marker("timeout") is None:
            seconds = DEADLINES.get(_ring(item.path), OTHER_DEADLINE)
            item.add_marker(pytest.mark.timeout(seconds, func_only=True))


@pytest.fixture(autouse=True)
def _no_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if _ring(request.path) not in OFFLINE:
        return

    def refuse(self: socket.socket, address: object) -> None:
        message = f"core and scenario tests must not use the network: connect to {address}"
        raise AssertionError(message)

    def guard(name: str) -> None:
        original = getattr(socket.socket, name)

        def connect(self: socket.socket, address: object) -> object:
            if self.family == socket.AF_UNIX:
                return original(self, address)
            return refuse(self, address)

        monkeypatch.setattr(socket.socket, name, connect)

    guard("connect")
    guard("connect_ex")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip that is not listed into a failure."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        _refuse_unlisted(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn a skipped module that is not listed into an error."""
    report = yield
    if report.skipped:
        _refuse_unlisted(report)
    return report


def _refuse_unlisted(report: pytest.TestReport | pytest.CollectReport) -> None:
    node = report.nodeid.split("[")[0]
    if node in allowed_skips(ALLOWED_SKIPS.read_text(encoding="utf-8")):
        return
    reason = report.longrepr[-1] if isinstance(report.longrepr, tuple) else report.longrepr
    report.outcome = "failed"
    report.longrepr = f"{node} was skipped but is not in tests/{ALLOWED_SKIPS.name}: {reason}"


def allowed_skips(text: str) -> dict[str, str]:
    """Return test -> reason of lines ``tests/….py::test_name: reason``; ``#`` starts a comment."""
    allowed: dict[str, str] = {}
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            node, separator, reason = line.partition(": ")
            if not (separator and reason.strip()):
                raise ValueError(f"{ALLOWED_SKIPS.name}: {line!r} gives no reason")
            allowed[node.strip()] = reason.strip()
    return allowed


def _ring(path: Path) -> str:
    return path.relative_to(TESTS).parts[0] if path.is_relative_to(TESTS) else ""
