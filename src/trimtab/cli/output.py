"""Formats of ``-o``: the same data for people (table, wide) and for machines."""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import click

from trimtab.cli.jsonpath import JsonPathError, render_jsonpath
from trimtab.core import JsonObject, JsonValue

FORMATS: Final = ("table", "wide", "json", "yaml", "name", "jsonpath=")

_COLOURS: Final = {
    "green": {"Synced", "Healthy", "Succeeded", "ok"},
    "yellow": {"OutOfSync", "Progressing", "Running", "Suspended", "Terminating", "warning"},
    "red": {"Degraded", "Missing", "Failed", "Error", "problem"},
    "magenta": {"Unknown"},
}

C = TypeVar("C", bound=Callable[..., Any])


class _Format(click.ParamType[str]):
    name = "format"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        if text.startswith("jsonpath="):
            try:
                render_jsonpath(text.removeprefix("jsonpath="), {})
            except JsonPathError as error:
                self.fail(f"jsonpath: {error}", param, ctx)
        elif text not in FORMATS[:-1]:
            self.fail(f"expected one of {', '.join(FORMATS)}…, found {text!r}", param, ctx)
        return text


def output_option(command: C) -> C:
    """Add ``-o/--output`` to a command, passed as ``output``."""
    return click.option(
        "--output",
        "-o",
        type=_Format(),
        default="table",
        show_default=True,
        metavar="table|wide|json|yaml|name|jsonpath=…",
        help="How to print.",
    )(command)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Args:
        title: Heading, upper case.
        value: Cell text of an item; an empty cell is fine.
        wide: Shown by ``-o wide`` only.
    """

    title: str
    value: Callable[[JsonObject], str]
    wide: bool = False


def print_items(
    items: Sequence[JsonObject],
    *,
    output: str,
    columns: Sequence[Column],
    name: Callable[[JsonObject], str],
    one: bool = False,
) -> None:
    """Print a list of objects, or one of them.

    Args:
        items: In the order to print.
        output: A value of ``output_option``.
        columns: For tables.
        name: What ``-o name`` prints for an item.
        one: Print the only item itself, not a list of one.
    """
    match output:
        case "table" | "wide":
            shown = [column for column in columns if output == "wide" or not column.wide]
            rows = [[column.value(item) for column in shown] for item in items]
            print_table([column.title for column in shown], rows)
        case "name":
            for item in items:
                click.echo(name(item))
        case _:
            bare = [without_managers(item) for item in items]
            whole: JsonObject = {"apiVersion": "v1", "kind": "List", "items": bare}
            print_value(bare[0] if one else whole, output=output)


def without_managers(item: JsonObject) -> JsonObject:
    """Return an object without managedFields: as with kubectl, nobody looks for them here."""
    metadata = item.get("metadata")
    if not isinstance(metadata, Mapping) or "managedFields" not in metadata:
        return item
    kept = {name: value for name, value in metadata.items() if name != "managedFields"}
    return {**item, "metadata": kept}


def print_value(value: JsonValue, *, output: str) -> None:
    """Print a value as JSON, YAML or through a JSONPath."""
    if output == "yaml":
        click.echo(to_yaml(value), nl=False)
    elif output.startswith("jsonpath="):
        text = render_jsonpath(output.removeprefix("jsonpath="), value)
        click.echo(text, nl=not text.endswith("\n"))
    else:
        click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print aligned columns; words that say a state are coloured on a terminal."""
    if not rows:
        say("nothing found")
        return
    click.echo("\n".join(table_lines(titles, rows, colour=use_colour())))


def table_lines(
    titles: Sequence[str], rows: Sequence[Sequence[str]], *, colour: bool = False
) -> list[str]:
    """Return the lines of a table, without trailing spaces."""
    widths = [max(len(row[i]) for row in [titles, *rows]) for i in range(len(titles))]
    lines: list[str] = []
    for row in [titles, *rows]:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        painted = [paint(cell) for cell in cells] if colour else cells
        lines.append("  ".join(painted).rstrip())
    return lines


def paint(text: str) -> str:
    """Colour a word that says a state."""
    word = text.strip()
    for colour, words in _COLOURS.items():
        if word in words:
            return text.replace(word, click.style(word, fg=colour))
    return text


def use_colour() -> bool:
    """Return whether stdout is a terminal that wants colours."""
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return wanted and sys.stdout.isatty()


def say(message: str) -> None:
    """Tell a person what is going on, on stderr."""
    click.echo(message, err=True)


def to_yaml(value: JsonValue) -> str:
    """Return block YAML with keys in the order given."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text(dumper: yaml.SafeDumper, data: str) -> yaml.ScalarNode:
        style = "|" if "\n" in data else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=style)

    Dumper.add_representer(str, text)
    return yaml.dump(_plain(value), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=1000)


def _plain(value: JsonValue) -> object:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value
