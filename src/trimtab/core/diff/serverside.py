"""The server-side diff: a dry run's answer, without what admission webhooks put into it.

Only what our manager owns in the answer is our doing; where anything else differs from live, a
webhook or a default made it, and live is kept.

Source:
    Argo CD, gitops-engine diff.ServerSideDiff and removeWebhookMutation.
"""

from collections.abc import Iterable, Mapping, Sequence

from trimtab.core import JsonObject, JsonValue
from trimtab.core.diff.canonical import canonicalise
from trimtab.core.diff.changes import ABSENT, MaybeJson
from trimtab.core.diff.fieldset import Node, owned_by
from trimtab.core.diff.lists import (
    KeyNames,
    index_items,
    is_revealed_set,
    key_segment,
    keys_revealed,
    value_segment,
)
from trimtab.core.diff.threeway import DiffResult, Normalise, is_same, without_last_applied
from trimtab.core.manifest import LiveObject, as_object, with_metadata


def diff_server_side(
    live: LiveObject,
    predicted: LiveObject,
    *,
    manager: str,
    ignore: Normalise | None = None,
    ignore_webhooks: bool = True,
) -> DiffResult:
    """Compare live with a dry run's answer.

    Args:
        live: The object in the cluster.
        predicted: The answer to applying desired, managedFields included.
        manager: The field manager of the dry run.
        ignore: Leaves out ignored fields; they are missing from the outputs as well.
        ignore_webhooks: Fields of the answer that the manager does not own do not count.
    """
    left, right = live.body(), predicted.body()
    if ignore_webhooks:
        owned = owned_by(predicted.meta.managed_fields, manager).root
        owned_before = owned_by(live.meta.managed_fields, manager).root
        right = as_object(_settle(left, right, owned, owned_before))
    left, right = (_shown(body, ignore) for body in (left, right))
    return DiffResult(not is_same(left, right), left, right)


def exclude_owned_ancestors(
    to_remove: Iterable[Sequence[str]], owned: Iterable[Sequence[str]]
) -> tuple[tuple[str, ...], ...]:
    """Return the paths to remove without those that have an owned path below them, in order."""
    kept_alive = {tuple(path[:length]) for path in owned for length in range(1, len(path))}
    return tuple(tuple(path) for path in to_remove if tuple(path) not in kept_alive)


def _shown(body: JsonObject, ignore: Normalise | None) -> JsonObject:
    body = with_metadata(body, {"managedFields": None, "resourceVersion": None})
    body = canonicalise(without_last_applied(body))
    return body if ignore is None else ignore(body)


def _settle(
    live: MaybeJson, predicted: MaybeJson, node: "Node | None", before: "Node | None"
) -> MaybeJson:
    """Return the predicted value where the manager owns it, and the live one elsewhere.

    Args:
        live: The value there is.
        predicted: The value of the answer.
        node: What the manager owns in the answer at this place; None for nothing.
        before: What it owns in live.
    """
    if predicted is ABSENT:
        return live if before is None else ABSENT
    if node is None:
        if before and isinstance(live, Mapping) and isinstance(predicted, Mapping):
            return _settle_maps(live, predicted, {}, before)
        return live
    if not node:
        return predicted
    if isinstance(predicted, Mapping):
        return _settle_maps(as_object(live), predicted, node, before or {})
    if isinstance(predicted, list | tuple):
        current = live if isinstance(live, list | tuple) else ()
        return _settle_lists(current, predicted, node, before or {})
    return predicted


def _settle_maps(live: JsonObject, predicted: JsonObject, node: Node, before: Node) -> JsonObject:
    settled: dict[str, JsonValue] = {}
    for name in dict.fromkeys((*live, *predicted)):
        segment = f"f:{name}"
        value = _settle(
            live.get(name, ABSENT),
            predicted.get(name, ABSENT),
            node.get(segment),
            before.get(segment),
        )
        if value is not ABSENT:
            settled[name] = value
    return settled


def _settle_lists(
    live: Sequence[JsonValue], predicted: Sequence[JsonValue], node: Node, before: Node
) -> JsonValue:
    names = keys_revealed(node)
    if names:
        return _settle_keyed(live, predicted, node, before, names)
    if is_revealed_set(node):
        kept = [v for v in live if v in predicted or value_segment(v) not in before]
        return kept + [v for v in predicted if v not in live and value_segment(v) in node]
    return list(predicted)


def _settle_keyed(
    live: Sequence[JsonValue],
    predicted: Sequence[JsonValue],
    node: Node,
    before: Node,
    names: KeyNames,
) -> JsonValue:
    current, answered = index_items(live, names), index_items(predicted, names)
    if current is None or answered is None:
        return list(predicted)
    settled: list[JsonValue] = []
    for key in dict.fromkeys((*answered, *current)):
        segment = key_segment(names, key)
        right: MaybeJson = predicted[answered[key]] if key in answered else ABSENT
        left: MaybeJson = live[current[key]] if key in current else ABSENT
        value = _settle(left, right, node.get(segment), before.get(segment))
        if value is ABSENT:
            continue
        if isinstance(value, Mapping) and isinstance(right, Mapping):
            # Key fields stay, owned or not: without them the item could not be told from others.
            value = {**value, **{name: right[name] for name in names if name in right}}
        settled.append(value)
    return settled
