"""Step ``ledger``: who, what, when, which commit, and why; and that nobody has changed it."""

import json
from collections.abc import Sequence

from trimtab.bootstrap.demo.checkout import AUTHOR
from trimtab.bootstrap.demo.steps.heal import MANAGER
from trimtab.bootstrap.demo.world import World, require
from trimtab.core import JsonObject
from trimtab.core.manifest import as_list, as_object, text_at

_SHORT = 8
_TITLES = ("WHEN", "WHO", "WHAT", "COMMIT", "OUTCOME", "APPLICATIONS", "WHY")


async def ledger(world: World) -> str:
    """Read the ledger by ``trimtab log`` and verify it by ``trimtab log verify``."""
    answer = await world.trimtab("log", "--limit", "100000", "-o", "json")
    require(answer.code == 0, f"`trimtab log` failed: {answer.err.strip()}")
    found = [as_object(one) for one in as_list(as_object(json.loads(answer.out)).get("items"))]
    for line in _table(found):
        world.reporter.say(f"  {line}")
    _check_push(world, found)
    healed = _check_heals(world, found)
    verified = await world.trimtab("log", "verify")
    require(
        verified.code == 0,
        f"`trimtab log verify` says: {(verified.out or verified.err).strip()}",
    )
    said = verified.out.strip().rpartition(": ")[0].rpartition(": ")[2]
    return (
        f"{len(found)} entries; the push is there {len(world.places)} times with its author and "
        f"message, {healed} self-heals name {MANAGER}; `trimtab log verify`: {said}, whole"
    )


def _check_push(world: World, found: Sequence[JsonObject]) -> None:
    commit = world.history.pushed
    named = {
        text_at(entry, "delivery").partition("/")[2]
        for entry in found
        if text_at(entry, "revision") == commit and text_at(entry, "kind") == "sync"
    }
    missing = sorted(place.app for place in world.places if place.app not in named)
    require(not missing, f"no entry for the push {commit[:_SHORT]} of {', '.join(missing)}")
    wrong = [
        entry
        for entry in found
        if text_at(entry, "revision") == commit
        and text_at(entry, "kind") == "sync"
        and (AUTHOR not in text_at(entry, "actor") or "Release" not in text_at(entry, "reason"))
    ]
    require(not wrong, f"an entry does not say who and why: {wrong[:1]}")


def _check_heals(world: World, found: Sequence[JsonObject]) -> int:
    app, edits = world.history.healed
    heals = [
        entry
        for entry in found
        if text_at(entry, "kind") == "self-heal" and MANAGER in text_at(entry, "reason")
    ]
    count = sum(text_at(entry, "delivery").endswith(f"/{app}") for entry in heals)
    require(count >= edits, f"{count} self-heals of {app} name {MANAGER}, expected {edits}")
    return count


def _table(found: Sequence[JsonObject]) -> list[str]:
    """Return one line for each thing that happened; the same for many applications is one line."""
    groups: dict[tuple[str, ...], list[JsonObject]] = {}
    for entry in reversed(found):
        names = ("actor", "kind", "revision", "outcome", "reason")
        groups.setdefault(tuple(text_at(entry, name) for name in names), []).append(entry)
    rows: list[tuple[str, ...]] = [_TITLES]
    for (actor, kind, revision, outcome, reason), entries in groups.items():
        deliveries = sorted({text_at(one, "delivery").partition("/")[2] for one in entries})
        what = deliveries[0] if len(deliveries) == 1 else f"{len(deliveries)} applications"
        times = f" x {len(entries)}" if len(entries) > len(deliveries) else ""
        when = text_at(entries[0], "at")[11:19]
        rows.append((when, actor, kind, revision[:_SHORT], outcome, f"{what}{times}", reason))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_TITLES))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
