"""The tree of an Application's resources as text, sync state and health beside each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from trimtab.cli.fields import field, objects, text
from trimtab.cli.output import paint
from trimtab.core import JsonObject
from trimtab.core.health import assess_health
from trimtab.core.manifest import LiveObject, ObjectKey

Children = Mapping[ObjectKey, Sequence[LiveObject]]


@dataclass(frozen=True, slots=True)
class _Line:
    label: str
    sync: str
    health: str
    message: str


def tree_lines(
    app: JsonObject, *, colour: bool = False, children: Children | None = None
) -> list[str]:
    """Return one line a resource, in the order of status.resources, below the application.

    Args:
        app: The Application.
        colour: Paint states.
        children: What the resources have made, by owner; None leaves it out.
    """
    items = objects(app, "status", "resources")
    if not items:
        return []
    lines = [
        line
        for position, item in enumerate(items)
        for line in _resource(item, children or {}, is_last=position == len(items) - 1)
    ]
    width = max(len(line.label) for line in lines)
    head = f"Application {text(app, 'metadata', 'name')}"
    return [head, *(_text(line, width, colour=colour) for line in lines)]


def _resource(item: JsonObject, children: Children, *, is_last: bool) -> Iterator[_Line]:
    key = ObjectKey(*(text(item, name) for name in ("group", "kind", "namespace", "name")))
    yield _Line(
        f"{'└─' if is_last else '├─'} {_label(key)}",
        _sync(item),
        text(item, "health", "status"),
        text(item, "health", "message"),
    )
    yield from _below(key, children, "   " if is_last else "│  ")


def _below(owner: ObjectKey, children: Children, indent: str) -> Iterator[_Line]:
    made = [live for live in children.get(owner, ()) if not _is_retired(live)]
    for position, live in enumerate(made):
        is_last = position == len(made) - 1
        health = assess_health(live.body())
        yield _Line(
            f"{indent}{'└─' if is_last else '├─'} {_label(live.key)}",
            "",
            health.status.value if health else "",
            health.message if health else "",
        )
        yield from _below(live.key, children, indent + ("   " if is_last else "│  "))


def _is_retired(live: LiveObject) -> bool:
    """Whether it is the ReplicaSet of an earlier rollout: kept for its history, without pods."""
    return live.key.kind == "ReplicaSet" and field(live.body(), "spec", "replicas") == 0


def _text(line: _Line, width: int, *, colour: bool) -> str:
    sync, health = f"{line.sync:<10}", f"{line.health:<12}"
    states = [paint(sync), paint(health)] if colour else [sync, health]
    return f"{line.label:<{width}}  {states[0]} {states[1]} {line.message}".rstrip()


def _label(key: ObjectKey) -> str:
    return f"{key.kind} {'/'.join(filter(None, (key.namespace, key.name)))}"


def _sync(item: JsonObject) -> str:
    if item.get("hook"):
        return "hook"
    return "prune" if item.get("requiresPruning") else text(item, "status")
