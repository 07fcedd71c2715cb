"""``--watch``: what is there, then every later change as it comes, until interrupted.

People get rows of one table; a row appears when something in it changed, and says ``Deleted`` in
the end. Machines get one JSON watch event a line, YAML documents, names, or JSONPath results.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

import click

from trimtab.cli.app.objects import application_name
from trimtab.cli.output import (
    Column,
    paint,
    print_value,
    to_yaml,
    use_colour,
    without_managers,
)
from trimtab.cli.session import Hub
from trimtab.core import JsonObject
from trimtab.core.manifest import LiveObject, ObjectKey
from trimtab.ports.cluster import Change, WatchEvent
from trimtab.services.requests import APPLICATION

_LONGEST = {"SYNC": len("OutOfSync"), "HEALTH": len("Progressing"), "OPERATION": len("Succeeded")}
"""Widths of columns whose later values are known."""

Wanted = Callable[[LiveObject], Awaitable[bool]]


async def stream_applications(
    hub: Hub, first: Sequence[LiveObject], *, stream: "Stream", is_wanted: Wanted
) -> None:
    """Print Applications, then their changes; ends only by interruption.

    Args:
        hub: Where they live.
        first: What is there now, in the order to print.
        stream: How to print.
        is_wanted: Asked for every change.
    """
    stream.begin(first)
    async with aclosing(_events(hub)) as events:
        async for event in events:
            if event.change is Change.DELETED or await is_wanted(event.live):
                stream.tell(event.change, event.live)


async def _events(hub: Hub) -> AsyncGenerator[WatchEvent]:
    seen: asyncio.Queue[WatchEvent] = asyncio.Queue()

    def notice(event: WatchEvent) -> None:
        if event.live.key.group_kind == APPLICATION:
            seen.put_nowait(event)

    stop = hub.cluster.subscribe(notice)
    try:
        hub.cluster.ensure([APPLICATION])
        while True:
            yield await seen.get()
    finally:
        stop()


@dataclass(slots=True)
class Stream:
    """Prints objects as they change.

    Args:
        output: A value of ``output_option``.
        columns: Of the table.
    """

    output: str
    columns: Sequence[Column]
    _widths: list[int] = field(default_factory=list[int])
    _told: dict[ObjectKey, object] = field(default_factory=dict[ObjectKey, object])

    def begin(self, first: Sequence[LiveObject]) -> None:
        """Print what is there."""
        if self._is_table:
            titles = [column.title for column in self._shown]
            rows = [self._row(live.body()) for live in first]
            self._widths = [
                max(_LONGEST.get(title, 0), len(title), *map(len, cells))
                for title, *cells in zip(titles, *rows, strict=True)
            ]
            click.echo(self._line(titles))
        for live in first:
            self._print(Change.ADDED, live.body())
            self._told[live.key] = self._state(live)

    def tell(self, change: Change, live: LiveObject) -> None:
        """Print a change, unless nothing of what is shown has changed."""
        is_gone = change is Change.DELETED
        if is_gone and live.key not in self._told:
            return
        state = None if is_gone else self._state(live)
        if not is_gone and self._told.get(live.key) == state:
            return
        if is_gone:
            del self._told[live.key]
        else:
            self._told[live.key] = state
        self._print(change, live.body())

    @property
    def _is_table(self) -> bool:
        return self.output in {"table", "wide"}

    @property
    def _shown(self) -> list[Column]:
        return [column for column in self.columns if self.output == "wide" or not column.wide]

    def _state(self, live: LiveObject) -> object:
        return self._row(live.body()) if self._is_table else live.meta.resource_version

    def _row(self, item: JsonObject, *, is_gone: bool = False) -> list[str]:
        return [
            "Deleted" if is_gone and column.title == "SYNC" else column.value(item)
            for column in self._shown
        ]

    def _print(self, change: Change, item: JsonObject) -> None:
        item = without_managers(item)
        event: JsonObject = {"type": change.value, "object": item}
        match self.output:
            case "table" | "wide":
                click.echo(self._line(self._row(item, is_gone=change is Change.DELETED)))
            case "json":
                click.echo(json.dumps(event, ensure_ascii=False))
            case "yaml":
                click.echo(f"---\n{to_yaml(event)}", nl=False)
            case "name":
                click.echo(application_name(item))
            case _:
                print_value(item, output=self.output)

    def _line(self, cells: Sequence[str]) -> str:
        padded = [cell.ljust(width) for cell, width in zip(cells, self._widths, strict=True)]
        return "  ".join(paint(cell) if use_colour() else cell for cell in padded).rstrip()
