"""The tree of an Application's resources as text, sync state and health beside each."""

from trimtab.cli.fields import objects, text
from trimtab.cli.output import paint
from trimtab.core import JsonObject


def tree_lines(app: JsonObject, *, colour: bool = False) -> list[str]:
    """Return one line a resource, in the order of status.resources, below the application."""
    items = objects(app, "status", "resources")
    if not items:
        return []
    labels = [_label(item) for item in items]
    width = max(len(label) for label in labels) + 3
    root = f"Application {text(app, 'metadata', 'name')}"
    lines = [root]
    for position, (item, label) in enumerate(zip(items, labels, strict=True)):
        branch = "└─ " if position == len(items) - 1 else "├─ "
        sync = f"{_sync(item):<10}"
        health = f"{text(item, 'health', 'status'):<12}"
        states = [paint(sync), paint(health)] if colour else [sync, health]
        message = text(item, "health", "message")
        line = f"{branch + label:<{width}}  {states[0]} {states[1]} {message}"
        lines.append(line.rstrip())
    return lines


def _label(item: JsonObject) -> str:
    where = "/".join(filter(None, (text(item, "namespace"), text(item, "name"))))
    return f"{text(item, 'kind')} {where}"


def _sync(item: JsonObject) -> str:
    if item.get("hook"):
        return "hook"
    return "prune" if item.get("requiresPruning") else text(item, "status")
