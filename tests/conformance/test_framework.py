"""The framework itself: a wrong answer must show, and a runner must not see what is expected."""

import dataclasses
import json
from pathlib import Path

import pytest

from conformance import __main__ as command
from conformance.cases import Case, load_document, load_suite
from conformance.framework import Unsupported, compare_keys, run_suite


def _write(folder: Path, rows: list[dict[str, object]]) -> Path:
    folder.mkdir(parents=True)
    (folder / "cases.json").write_text(json.dumps(rows))
    return folder


def _answer(case: Case) -> dict[str, object]:
    match case.input["do"]:
        case "unsupported":
            raise Unsupported("no such thing")
        case "error":
            raise ValueError("boom")
        case value:
            return {"value": value}


def test_each_outcome_is_told_apart(tmp_path: Path) -> None:
    rows = [
        {"id": do, "input": {"do": do}, "expected": {"value": expected}}
        for do, expected in [
            ("right", "right"), ("wrong", "other"), ("unsupported", ""), ("error", ""),
            ("deliberate", "other"),
        ]
    ]  # fmt: skip
    suite = load_suite(_write(tmp_path / "t" / "s", list(rows)), "t/s")
    report = run_suite(suite, (_answer, compare_keys), different=["deliberate"])
    assert report.as_json() == {
        "passed": 1,
        "total": 5,
        "failed": ["error", "wrong"],
        "unsupported": ["unsupported"],
        "different": ["deliberate"],
    }
    assert report.unexpected(["wrong"]) == ["error", "unsupported"]


def test_a_case_does_not_carry_its_expectation() -> None:
    assert {field.name for field in dataclasses.fields(Case)} == {"suite", "id", "input", "folder"}


def test_no_cases_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRIMTAB_CONFORMANCE", str(tmp_path / "nowhere"))
    monkeypatch.setattr(command, "ROOT", tmp_path)
    assert command.main([]) == 3
    assert "No cases" in capsys.readouterr().err


def test_an_old_report_is_removed_and_a_suite_without_runner_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path / "v" / "nobody" / "knows", [{"id": "a", "input": {}, "expected": {}}])
    monkeypatch.setenv("TRIMTAB_CONFORMANCE", str(tmp_path / "v"))
    monkeypatch.setattr(command, "ROOT", tmp_path)
    assert command.main([]) == 0
    written = json.loads((tmp_path / "build" / "conformance.json").read_text())
    assert written["nobody/knows"]["unsupported"] == ["a"]
    monkeypatch.setenv("TRIMTAB_CONFORMANCE", str(tmp_path / "empty"))
    assert command.main([]) == 3
    assert not (tmp_path / "build" / "conformance.json").exists()


def test_yaml_is_read_as_kubernetes_reads_it() -> None:
    text = "{t: 2018-07-18T04:40:44Z, m: 10:30, b: yes, i: 7, f: 0.5, n: null}"
    assert load_document(text) == {
        "t": "2018-07-18T04:40:44Z", "m": "10:30", "b": True, "i": 7, "f": 0.5, "n": None,
    }  # fmt: skip
