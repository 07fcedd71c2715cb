"""``trimtab demo``: run the main job on real control planes and print what happened."""

import contextlib
import json
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trimtab.cli.errors import ExitCode
from trimtab.cli.output import say, table_lines

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

    from trimtab.bootstrap.demo import DemoResult, Reporter

# A log is read afterwards: one line for each thing that takes long is enough.
_PLAIN_PROGRESS_SECONDS = 5.0


@click.command()
@click.option(
    "--clusters",
    type=click.IntRange(3, 60),
    default=20,
    show_default=True,
    help="Target clusters; the hub is one more.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")
@click.option("--serve", "stays", is_flag=True, help="Stay up afterwards, until Ctrl-C.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep repository, state and logs here; by default they are removed at the end.",
)
def demo(*, clusters: int, as_json: bool, stays: bool, folder: Path | None) -> int:
    """Run the main job on real control planes.

    A hub and target clusters, a Git server and Trimtab itself, all on this machine; then commits,
    hand edits, mistakes and outages, each timed. Nothing is left running. All but the JSON goes to
    stderr. Exit code 1: some step did not do what it says.
    """
    import uvloop

    from trimtab.bootstrap.demo import DemoOptions, run_demo

    def done(result: "DemoResult") -> None:
        _print_table(result)
        if as_json:
            click.echo(json.dumps(result.to_json(), indent=2))
            sys.stdout.flush()

    options = DemoOptions(
        clusters=clusters, stays=stays, folder=folder.absolute() if folder else None
    )
    with _reporter() as reporter:
        result = uvloop.run(run_demo(options, reporter, done))
    return ExitCode.OK if result.ok else ExitCode.NEGATIVE


class _Plain:
    """Lines, for logs and pipes; what is under way is told now and then only."""

    def __init__(self) -> None:
        self._told = time.monotonic()
        self._last = ""

    def say(self, line: str) -> None:
        self._told = time.monotonic()
        say(line)

    def doing(self, line: str) -> None:
        is_due = time.monotonic() - self._told >= _PLAIN_PROGRESS_SECONDS
        if line and line != self._last and is_due:
            self._last = line
            self.say(f"      {line}")


class _Terminal:
    """Lines, and below them what is being done right now."""

    def __init__(self, console: "Console", status: "Status") -> None:
        self._console = console
        self._status = status

    def say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False)

    def doing(self, line: str) -> None:
        from rich.text import Text

        self._status.update(Text(line or "…"))


@contextlib.contextmanager
def _reporter() -> Generator["Reporter"]:
    if not sys.stderr.isatty():
        yield _Plain()
        return
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("…") as status:
        yield _Terminal(console, status)


def _print_table(result: "DemoResult") -> None:
    from trimtab.bootstrap.demo import TITLES, table_rows

    say("")
    if not sys.stderr.isatty():
        say("\n".join(table_lines(TITLES, table_rows(result))))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*TITLES)
    for name, state, seconds, detail in table_rows(result):
        style = "green" if state == "ok" else "bold red"
        table.add_row(name, Text(state, style), Text(seconds, justify="right"), Text(detail))
    Console(stderr=True).print(table)
