"""The order of changes: phase, wave, kind rank, name; with what others need moved before them."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace

from trimtab.core.manifest import NAMESPACE, HookPhase, defined_kind
from trimtab.core.plan.plan import Action, PlannedChange

PHASE_ORDER = {
    HookPhase.PRE_DELETE: 0,
    HookPhase.PRE_SYNC: 1,
    HookPhase.SYNC: 2,
    HookPhase.POST_SYNC: 3,
    HookPhase.POST_DELETE: 4,
    HookPhase.SYNC_FAIL: 5,
}
KIND_ORDER = (
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "Ingress",
    "APIService",
)
_RANKS = {kind: index - len(KIND_ORDER) for index, kind in enumerate(KIND_ORDER)}


def kind_rank(kind: str) -> int:
    """Return a kind's rank: below zero for known kinds, 0 for all others, which come last."""
    return _RANKS.get(kind, 0)


def order_changes(changes: Iterable[PlannedChange]) -> tuple[PlannedChange, ...]:
    """Return changes in the order they are made.

    A Namespace is moved before the first change inside it, and a CustomResourceDefinition before
    the first object of its kind; both take over that change's phase and wave. Within a wave prunes
    come first, in reverse order of kind.
    """
    ordered = sorted(changes, key=_sort_key)
    ordered = _pull_forward(ordered, _namespace_made, _namespace_needed)
    return tuple(_pull_forward(ordered, _kind_made, _kind_needed))


def _sort_key(change: PlannedChange) -> tuple[int, int, bool, int, str, str, str, str]:
    key = change.key
    is_written = change.action is not Action.PRUNE
    rank = kind_rank(key.kind) if is_written else -kind_rank(key.kind)
    # Namespace and group as well: equal inputs must give equal plans, or reviews show noise.
    return (
        PHASE_ORDER[change.phase],
        change.wave,
        is_written,
        rank,
        key.name,
        key.namespace,
        key.kind,
        key.group,
    )


_Thing = Callable[[PlannedChange], Hashable | None]


def _pull_forward(
    changes: Sequence[PlannedChange], makes: _Thing, needs: _Thing
) -> list[PlannedChange]:
    """Move every change that makes something right before the first one that needs it."""
    ordered: list[PlannedChange] = []
    first_need: dict[Hashable, PlannedChange] = {}
    for change in changes:
        if change.manifest is None:
            ordered.append(change)
            continue
        made = makes(change)
        needed = first_need.get(made) if made is not None else None
        if needed is not None:
            moved = replace(change, phase=needed.phase, wave=needed.wave)
            ordered.insert(_position(ordered, needed), moved)
            continue
        ordered.append(change)
        wanted = needs(change) if made is None else None
        if wanted is not None:
            first_need.setdefault(wanted, change)
    return ordered


def _position(changes: Sequence[PlannedChange], wanted: PlannedChange) -> int:
    return next(index for index, change in enumerate(changes) if change is wanted)


def _namespace_made(change: PlannedChange) -> Hashable | None:
    return change.key.name if change.key.group_kind == NAMESPACE else None


def _namespace_needed(change: PlannedChange) -> Hashable | None:
    return change.key.namespace or None


def _kind_made(change: PlannedChange) -> Hashable | None:
    return defined_kind(change.manifest.body) if change.manifest else None


def _kind_needed(change: PlannedChange) -> Hashable | None:
    return change.key.group_kind


def place_prunes(
    changes: Iterable[PlannedChange], *, is_last: Callable[[PlannedChange], bool]
) -> tuple[PlannedChange, ...]:
    """Return changes with the waves of prunes mirrored: what was created last is pruned first.

    Args:
        changes: Creations, updates and prunes; a prune carries the wave it was created in.
        is_last: Whether a prune asks to come after every other change of the phase.

    Returns:
        In the given order. The prunes' distinct waves are swapped pairwise, the lowest with the
        highest; prunes that come last go one wave beyond the highest of the phase.
    """
    before = tuple(changes)
    waves = sorted({change.wave for change in before if change.action is Action.PRUNE})
    mirror = dict(zip(waves, reversed(waves), strict=True))
    mirrored = tuple(
        replace(change, wave=mirror[change.wave]) if change.action is Action.PRUNE else change
        for change in before
    )
    in_sync = [change.wave for change in mirrored if change.phase is HookPhase.SYNC]
    after_all = max(in_sync, default=0) + 1
    return tuple(
        replace(change, wave=after_all)
        if change.action is Action.PRUNE and is_last(change)
        else change
        for change in mirrored
    )


_FOUNDATIONS = frozenset(KIND_ORDER[1 : KIND_ORDER.index("ClusterRole") + 2]) | {
    "CSIDriver",
    "IngressClass",
    "PriorityClass",
    "Role",
    "RoleList",
    "RuntimeClass",
}
_CONNECTIONS = frozenset(
    {"ClusterRoleBinding", "ClusterRoleBindingList", "RoleBinding", "RoleBindingList", "Service"}
)


def batches(changes: Iterable[PlannedChange]) -> tuple[tuple[PlannedChange, ...], ...]:
    """Return a wave's changes in groups that can be written concurrently, one group after another.

    Argo CD goes kind by kind; each group costs a round trip, so here the kinds are told apart only
    where the API server itself needs one before another: prunes, namespaces, definitions and
    configuration and roles, bindings and services, the rest.
    """
    groups: dict[int, list[PlannedChange]] = {}
    for change in changes:
        groups.setdefault(_tier(change), []).append(change)
    return tuple(tuple(groups[tier]) for tier in sorted(groups))


def _tier(change: PlannedChange) -> int:
    kind = change.key.kind
    if change.action is Action.PRUNE:
        return 0
    if change.key.group_kind == NAMESPACE:
        return 1
    if kind in _FOUNDATIONS:
        return 2
    return 3 if kind in _CONNECTIONS else 4
