"""Results: the JSON file and the table."""

import os
from pathlib import Path

import msgspec

from bench.plan import BUDGETS
from trimtab.core import JsonObject, JsonValue

_HEADINGS = ("what", "value", "unit", "budget", "met", "CPU ours / workers / API servers s")


class Results:
    """What has been measured so far.

    Args:
        path: Where the JSON goes; an old file is removed at once.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries: dict[str, JsonObject] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)

    def add(self, name: str, value: float, **detail: JsonValue) -> None:
        """Take in one number."""
        limit = BUDGETS[name].limit
        met = None if limit is None else value <= limit
        self._put(name, round(value, 4), met, detail)

    def fail(self, name: str, why: str) -> None:
        """Take in that a number could not be measured."""
        if name not in self._entries:
            self._put(name, None, met=False, detail={"error": why})

    @property
    def failed(self) -> list[str]:
        """Names of what could not be measured."""
        return [name for name, entry in self._entries.items() if entry["value"] is None]

    def _put(
        self, name: str, value: float | None, met: bool | None, detail: dict[str, JsonValue]
    ) -> None:
        budget = BUDGETS[name]
        self._entries[name] = {
            "value": value,
            "unit": budget.unit,
            "budget": budget.limit,
            "met": met,
            # Whoever else works on the machine slows every number here.
            "detail": {**detail, "load_1m": round(os.getloadavg()[0], 1)},
        }
        # Written after every number: a run that is cut off keeps what it has.
        text = msgspec.json.format(msgspec.json.encode(self._entries), indent=2)
        self._path.write_bytes(text + b"\n")

    def table(self) -> str:
        """Return everything as a table for people."""
        rows: list[tuple[str, ...]] = [_HEADINGS]
        for name in BUDGETS:
            entry = self._entries.get(name)
            if entry is not None:
                rows.append(_row(name, entry))
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = [
            "| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |"
            for row in rows
        ]
        rule = "| " + " | ".join("-" * width for width in widths) + " |"
        return "\n".join([lines[0], rule, *lines[1:]])


def _row(name: str, entry: JsonObject) -> tuple[str, ...]:
    value, budget, met, detail = (entry[key] for key in ("value", "budget", "met", "detail"))
    assert isinstance(detail, dict)
    costs = [detail.get(key) for key in ("our_cpu_s", "workers_cpu_s", "api_cpu_s")]
    return (
        name,
        "failed" if value is None else f"{value:g}",
        str(entry["unit"]),
        "-" if budget is None else f"{budget:g}",
        {True: "yes", False: "no", None: "-"}[met if isinstance(met, bool) else None],
        " / ".join("-" if cost is None else f"{cost:g}" for cost in costs),
    )


def percentile(values: list[float], percent: float) -> float:
    """Return the value below or at which ``percent`` of the values are (nearest rank)."""
    ranked = sorted(values)
    rank = -(-len(ranked) * percent // 100)
    return ranked[max(0, int(rank) - 1)]
