"""Tables, YAML, JSONPath, and how errors are told."""

import click
import pytest

from trimtab.cli.errors import CommandError, ExitCode, run_reporting
from trimtab.cli.jsonpath import JsonPathError, render_jsonpath
from trimtab.cli.output import paint, table_lines, to_yaml
from trimtab.core.errors import Stalled
from trimtab.ports.cluster import Conflict, CredentialsRefused, Forbidden, NotFound

DATA = {
    "kind": "List",
    "items": [
        {"name": "a", "n": 1, "labels": {"app.io/x": "1"}, "ports": [80, 443]},
        {"name": "b", "n": 2, "ready": True},
    ],
}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{.kind}", "List"),
        (".kind", "List"),
        ("kind", "List"),
        ("{.items[0].name}", "a"),
        ("{.items[-1].name}", "b"),
        ("{.items[*].name}", "a b"),
        ("{.items[0:1].name}", "a"),
        ("{.items[0].ports}", "[80,443]"),
        ("{.items[0].labels.app\\.io/x}", "1"),
        ("{.items[0].labels['app.io/x']}", "1"),
        ('{.items[?(@.name=="b")].n}', "2"),
        ("{.items[?(@.n>1)].name}", "b"),
        ("{.items[?(@.ready)].name}", "b"),
        ("{..name}", "a b"),
        ('{range .items[*]}{.name}={.n}{"\\n"}{end}', "a=1\nb=2\n"),
        ("{.items[1].ready}", "true"),
        ("{.missing.field}", ""),
        ("{.items[9].name}", ""),
        ("kind is {.kind}!", "kind is List!"),
    ],
)
def test_jsonpath(template: str, expected: str) -> None:
    assert render_jsonpath(template, DATA) == expected


@pytest.mark.parametrize("template", ["{.a", "{.items[x]}", "{range .items[*]}{.name}", "{end}"])
def test_jsonpath_that_is_not_understood(template: str) -> None:
    with pytest.raises(JsonPathError):
        render_jsonpath(template, DATA)


def test_tables_align_and_leave_no_trailing_space() -> None:
    assert table_lines(["NAME", "NOTE"], [["a", ""], ["longer", "x"]]) == [
        "NAME    NOTE",
        "a",
        "longer  x",
    ]


def test_states_are_painted_with_their_padding() -> None:
    assert click.unstyle(paint("Synced   ")) == "Synced   "
    assert paint("Synced") != "Synced"
    assert paint("web") == "web"


def test_yaml_keeps_order_and_block_text() -> None:
    assert to_yaml({"b": 1, "a": "x\ny\n", "on": "true", "list": [{"k": None}]}) == (
        "b: 1\na: |\n  x\n  y\n'on': 'true'\nlist:\n- k: null\n"
    )


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (click.UsageError("what?"), ExitCode.USAGE),
        (CommandError(ExitCode.NEGATIVE, "no"), ExitCode.NEGATIVE),
        (CredentialsRefused("Unauthorized", "who?"), ExitCode.DENIED),
        (Forbidden(403, "Forbidden", "no"), ExitCode.DENIED),
        (NotFound(404, "NotFound", "gone"), ExitCode.NOT_FOUND),
        (TimeoutError("late"), ExitCode.TIMEOUT),
        (Conflict(409, "Conflict", "twice"), ExitCode.CONFLICT),
        (Stalled("Broken", "look at it"), ExitCode.ERROR),
        (ExceptionGroup("one", [NotFound(404, "NotFound", "gone")]), ExitCode.NOT_FOUND),
        (RuntimeError("bug"), ExitCode.ERROR),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED),
    ],
    ids=lambda value: type(value).__name__,
)
def test_errors_end_with_their_exit_code(
    error: BaseException, code: ExitCode, capsys: pytest.CaptureFixture[str]
) -> None:
    @click.command()
    def failing() -> None:
        raise error

    assert run_reporting(failing, []) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    assert captured.err


def test_a_wrong_format_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    from trimtab.cli import main

    assert main(["version", "-o", "xml"]) == ExitCode.USAGE
    assert "expected one of table, wide" in capsys.readouterr().err
