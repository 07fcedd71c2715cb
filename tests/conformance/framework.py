"""Run suites of vectors and say what came out.

A runner is the function ``run(case) -> answer`` of the module ``conformance.<tree>.<suite>`` (dash
to underscore). It maps a case to the product's own functions and has no access to what is
expected. A comparer is the module's optional ``compare(answer, expected) -> mismatches``; without
one, every key of ``expected`` must equal the same key of the answer.
"""

import importlib
import importlib.util
import json
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conformance.cases import ROOT, Case, Suite, discover_suites

Answer = Mapping[str, Any]
Runner = Callable[[Case], Answer]
Comparer = Callable[[Answer, Mapping[str, Any]], list[str]]

KNOWN = ROOT / "tests" / "conformance" / "known.json"
DIFFERENT = ROOT / "tests" / "conformance" / "different.json"


class Unsupported(Exception):
    """The product has no function that this case could be handed to."""


def compare_keys(answer: Answer, expected: Mapping[str, Any]) -> list[str]:
    """Return one line for each expected key that the answer lacks or states otherwise."""
    missing = object()
    return [
        f"{key}: expected {wanted!r}, found {answer.get(key, '(nothing)')!r}"
        for key, wanted in expected.items()
        if answer.get(key, missing) != wanted
    ]


@dataclass(slots=True)
class Report:
    """What became of a suite's cases; ``details`` says why by id."""

    total: int
    has_runner: bool
    passed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    errored: list[str] = field(default_factory=list)
    unsupported: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    details: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the form of build/conformance.json; an errored case is a failed one there."""
        return {
            "passed": len(self.passed),
            "total": self.total,
            "failed": sorted(self.failed + self.errored),
            "unsupported": sorted(self.unsupported),
            "different": sorted(self.different),
        }

    def unexpected(self, known: Iterable[str]) -> list[str]:
        """Return the ids that did not pass and are not on the list, where there is a runner."""
        if not self.has_runner:
            return []
        return sorted({*self.failed, *self.errored, *self.unsupported} - set(known))


def find_runner(suite: str) -> tuple[Runner, Comparer] | None:
    """Return a suite's runner and comparer, or None when nobody wrote one."""
    module_name = "conformance." + suite.replace("-", "_").replace("/", ".")
    try:
        spec = importlib.util.find_spec(module_name)
    except ModuleNotFoundError:
        spec = None
    if spec is None:
        return None
    module = importlib.import_module(module_name)
    return module.run, getattr(module, "compare", compare_keys)


def load_runners(suites: Iterable[Suite]) -> dict[str, tuple[Runner, Comparer]]:
    """Return the runners that exist, by suite."""
    found = ((suite.name, find_runner(suite.name)) for suite in suites)
    return {name: pair for name, pair in found if pair is not None}


def load_ids(path: Path) -> dict[str, Any]:
    """Return a committed list: ``known.json`` (ids) or ``different.json`` (id to ADR number)."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def run_suite(
    suite: Suite, pair: tuple[Runner, Comparer] | None, *, different: Iterable[str] = ()
) -> Report:
    """Run every case of a suite. A deliberate difference counts as one only if it differs."""
    report = Report(total=len(suite.cases), has_runner=pair is not None)
    deliberate = set(different)
    for case in suite.cases:
        outcome, detail = _judge(case, pair, suite.expected[case.id])
        if outcome == "failed" and case.id in deliberate:
            outcome = "different"
        getattr(report, outcome).append(case.id)
        report.details[case.id] = detail
    return report


def _judge(
    case: Case, pair: tuple[Runner, Comparer] | None, expected: Mapping[str, Any]
) -> tuple[str, str]:
    if pair is None:
        return "unsupported", "no runner"
    run, compare = pair
    try:
        answer = run(case)
        mismatches = compare(answer, expected)
    except Unsupported as reason:
        return "unsupported", str(reason)
    except Exception:
        return "errored", traceback.format_exc(limit=-4)
    return ("failed", "; ".join(mismatches)) if mismatches else ("passed", "")


def run_all(folder: Path) -> dict[str, Report]:
    """Run every suite below a folder, by suite path."""
    suites = list(discover_suites(folder)) if folder.is_dir() else []
    runners = load_runners(suites)
    different = load_ids(DIFFERENT)
    return {
        suite.name: run_suite(
            suite, runners.get(suite.name), different=different.get(suite.name, {})
        )
        for suite in suites
    }


def format_table(reports: Mapping[str, Report]) -> str:
    """Return one line a suite: passed of total, and what became of the rest."""
    width = max([len("suite"), *(len(name) for name in reports)])
    heads = ("passed", "total", "%", "failed", "errored", "unsupported", "different")
    lines = [f"{'suite':<{width}}  " + "  ".join(f"{head:>11}" for head in heads)]
    for name, report in reports.items():
        share = f"{100 * len(report.passed) / report.total:.1f}" if report.total else "-"
        cells = (
            len(report.passed), report.total, share, len(report.failed), len(report.errored),
            len(report.unsupported), len(report.different),
        )  # fmt: skip
        note = "" if report.has_runner else "  (no runner)"
        lines.append(f"{name:<{width}}  " + "  ".join(f"{cell:>11}" for cell in cells) + note)
    return "\n".join(lines)
