"""The vectors, as part of ``make test``: a case outside known.json must pass."""

import pytest

from conformance.cases import ROOT, Suite, discover_suites, vectors_folder
from conformance.framework import DIFFERENT, KNOWN, find_runner, load_ids, run_suite


def _suites() -> list[Suite]:
    folder = vectors_folder()
    return list(discover_suites(folder)) if folder.is_dir() else []


_SUITES = [suite for suite in _suites() if find_runner(suite.name) is not None]


@pytest.mark.skipif(not _SUITES, reason="no vectors beside the checkout (TRIMTAB_CONFORMANCE)")
@pytest.mark.parametrize("suite", _SUITES, ids=lambda suite: suite.name)
def test_cases_outside_the_known_list_pass(suite: Suite) -> None:
    report = run_suite(
        suite, find_runner(suite.name), different=load_ids(DIFFERENT).get(suite.name, {})
    )
    unexpected = report.unexpected(load_ids(KNOWN).get(suite.name, []))
    assert {case_id: report.details[case_id] for case_id in unexpected} == {}


def test_every_deliberate_difference_names_an_adr_that_exists() -> None:
    numbers = {number for suite in load_ids(DIFFERENT).values() for number in suite.values()}
    missing = {n for n in numbers if not list((ROOT / "docs" / "adr").glob(f"{n}-*.md"))}
    assert missing == set()
