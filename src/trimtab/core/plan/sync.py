"""From what is wanted and what is there to a plan."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from trimtab.core.manifest import (
    CRD,
    HookPhase,
    LiveObject,
    Manifest,
    ObjectKey,
    Permission,
    annotations_of,
    hook_types,
    is_hook,
    manifest_of,
    resource_options,
    sync_phases,
    sync_wave,
    with_metadata,
)
from trimtab.core.plan.options import (
    SyncOptions,
    Verb,
    choose_write,
    delete_permission,
    prune_permission,
)
from trimtab.core.plan.order import PHASE_ORDER, order_changes, place_prunes
from trimtab.core.plan.plan import (
    Action,
    Candidate,
    PhasePlan,
    Plan,
    PlannedChange,
    Skipped,
    SkipReason,
    Wave,
    digest_changes,
)
from trimtab.core.plan.words import hook_name

_SKIP_MESSAGES = {
    SkipReason.PRUNE_DISABLED: "ignored (requires pruning)",
    SkipReason.PRUNE_FORBIDDEN: "ignored (no prune)",
    SkipReason.PRUNE_UNCONFIRMED: "waiting for pruning confirmation",
}


def plan_sync(
    *,
    changes: Sequence[Candidate],
    hooks: Sequence[Manifest] = (),
    options: SyncOptions,
    revision: str,
    started_unix: int = 0,
) -> Plan:
    """Return the plan that brings a delivery to its desired state.

    Args:
        changes: Every desired object, and every live object of the delivery that is no longer
            desired; in any order. For a selective sync, only the selected ones.
        hooks: The hooks to run; none for a selective sync, as in Argo CD.
        options: The sync's options.
        revision: Where the manifests come from.
        started_unix: When the sync began, in Unix seconds: part of the names of hooks that have
            none, so it must stay the same for all plans of one sync.

    Returns:
        Each candidate is placed once, or reported as skipped, or needs nothing. The order of the
        inputs does not matter.
    """
    planned: list[PlannedChange] = []
    skipped: list[Skipped] = []
    unchanged: list[tuple[int, ObjectKey]] = []
    for candidate in changes:
        if candidate.manifest is None:
            outcome = _plan_prune(candidate.live, options)
        else:
            outcome = _plan_write(candidate, candidate.manifest, options)
        match outcome:
            case PlannedChange():
                planned.append(outcome)
            case Skipped():
                skipped.append(outcome)
            case None:
                if candidate.manifest is not None and not options.apply_out_of_sync_only:
                    wave = sync_wave(annotations_of(candidate.manifest.body))
                    unchanged.append((wave, candidate.manifest.key))
    last = _last_pruned(changes, options)
    placed = list(place_prunes(planned, is_last=lambda change: change.key in last))
    placed += _plan_hooks(hooks, options, revision, started_unix)
    return _assemble(placed, unchanged, skipped, options=options, revision=revision)


def plan_deletion(
    *,
    live: Sequence[LiveObject],
    hooks: Sequence[Manifest] = (),
    options: SyncOptions,
    revision: str = "",
    started_unix: int = 0,
) -> Plan:
    """Return the plan that deletes a delivery: PreDelete hooks, its objects, PostDelete hooks.

    Args:
        live: The delivery's objects. Definitions stay: with one go all objects of its kind.
        hooks: Hooks of the delivery; those of a sync are left out.
        options: ``prune_confirmed`` also confirms deletions that need it.
        revision: For names of hooks that have none.
        started_unix: See :func:`plan_sync`.

    Source:
        Argo CD, shouldBeDeleted.
    """
    planned: list[PlannedChange] = []
    skipped: list[Skipped] = []
    for found in live:
        permission = delete_permission(found.annotations, options)
        if found.key.group_kind == CRD:
            permission = Permission.FORBIDDEN
        reason = _refusal(permission, options)
        if reason is None:
            planned.append(_prune(found))
        else:
            skipped.append(_skip(found.key, reason))
    placed = list(place_prunes(planned, is_last=lambda _: False))
    placed += _plan_hooks(
        hooks,
        options,
        revision,
        started_unix,
        phases=(HookPhase.PRE_DELETE, HookPhase.POST_DELETE),
    )
    return _assemble(placed, [], skipped, options=options, revision=revision)


def _plan_write(
    candidate: Candidate, manifest: Manifest, options: SyncOptions
) -> PlannedChange | None:
    annotations = annotations_of(manifest.body)
    live = candidate.live
    if live is not None and not candidate.differs:
        return None
    key = manifest.key
    write = choose_write(
        group=key.group,
        kind=key.kind,
        desired=annotations,
        live=None if live is None else live.annotations,
        options=options,
    )
    if live is None:
        action = Action.CREATE
    elif write.verb is Verb.REPLACE and write.force:
        action = Action.RECREATE
    elif write.verb is not Verb.APPLY:
        action = Action.REPLACE
    elif write.force and candidate.is_refused:
        action = Action.RECREATE
    else:
        action = Action.UPDATE
    return PlannedChange(
        action=action,
        key=key,
        manifest=manifest,
        live_uid=live.meta.uid if live else "",
        wave=sync_wave(annotations),
        field_changes=candidate.field_changes,
        reason=candidate.reason,
        write=write,
    )


def _plan_prune(live: LiveObject | None, options: SyncOptions) -> PlannedChange | Skipped | None:
    if live is None:
        return None
    if not options.prune:
        return _skip(live.key, SkipReason.PRUNE_DISABLED)
    reason = _refusal(prune_permission(live.annotations, options), options)
    return _prune(live) if reason is None else _skip(live.key, reason)


def _refusal(permission: Permission, options: SyncOptions) -> SkipReason | None:
    if permission is Permission.FORBIDDEN:
        return SkipReason.PRUNE_FORBIDDEN
    if permission is Permission.CONFIRM and not options.prune_confirmed:
        return SkipReason.PRUNE_UNCONFIRMED
    return None


def _prune(live: LiveObject) -> PlannedChange:
    return PlannedChange(
        Action.PRUNE, live.key, live_uid=live.meta.uid, wave=sync_wave(live.annotations)
    )


def _skip(key: ObjectKey, reason: SkipReason) -> Skipped:
    return Skipped(key, Action.PRUNE, reason, _SKIP_MESSAGES[reason])


def _last_pruned(changes: Iterable[Candidate], options: SyncOptions) -> frozenset[ObjectKey]:
    return frozenset(
        candidate.live.key
        for candidate in changes
        if candidate.manifest is None
        and candidate.live is not None
        and (options.prune_last or resource_options(candidate.live.annotations).prune_last)
    )


def _plan_hooks(
    hooks: Iterable[Manifest],
    options: SyncOptions,
    revision: str,
    started_unix: int,
    *,
    phases: Sequence[HookPhase] = (),
) -> list[PlannedChange]:
    planned: list[PlannedChange] = []
    for hook in hooks:
        annotations = annotations_of(hook.body)
        for phase in _phases_of(hook, phases):
            manifest = _named(hook, revision, phase, started_unix)
            write = choose_write(
                group=hook.key.group,
                kind=hook.key.kind,
                desired=annotations,
                live=None,
                options=options,
            )
            planned.append(
                PlannedChange(
                    action=Action.HOOK,
                    key=manifest.key,
                    manifest=manifest,
                    phase=phase,
                    wave=sync_wave(annotations),
                    write=write,
                )
            )
    return planned


def _phases_of(hook: Manifest, of_deletion: Sequence[HookPhase]) -> tuple[HookPhase, ...]:
    if not of_deletion:
        return sync_phases(hook.body) if is_hook(hook.body) else ()
    named = hook_types(annotations_of(hook.body))
    return tuple(phase for phase in of_deletion if phase in named)


def _named(hook: Manifest, revision: str, phase: HookPhase, started_unix: int) -> Manifest:
    """Return the hook with a name: one of its own, or one made from the revision and phase."""
    if hook.key.name:
        return hook
    generate = hook.body.get("metadata")
    prefix = generate.get("generateName") if isinstance(generate, dict) else ""
    name = hook_name(revision, phase, started_unix, prefix=str(prefix or ""))
    return manifest_of(with_metadata(hook.body, {"name": name, "generateName": None}))


def _assemble(
    changes: Iterable[PlannedChange],
    unchanged: Iterable[tuple[int, ObjectKey]],
    skipped: Iterable[Skipped],
    *,
    options: SyncOptions,
    revision: str,
) -> Plan:
    ordered = order_changes(changes)
    waves: dict[tuple[HookPhase, int], list[PlannedChange]] = {}
    for change in ordered:
        waves.setdefault((change.phase, change.wave), []).append(change)
    quiet: dict[tuple[HookPhase, int], list[ObjectKey]] = {}
    for wave, key in unchanged:
        quiet.setdefault((HookPhase.SYNC, wave), []).append(key)
    places = sorted({*waves, *quiet}, key=lambda place: (PHASE_ORDER[place[0]], place[1]))
    phases = tuple(
        PhasePlan(
            phase,
            tuple(
                Wave(place[1], tuple(waves.get(place, ())), tuple(sorted(quiet.get(place, ()))))
                for place in group
            ),
        )
        for phase, group in groupby(places, key=lambda place: place[0])
    )
    return Plan(
        revision=revision,
        phases=phases,
        skipped=tuple(sorted(skipped, key=lambda skip: skip.key)),
        options=options,
        digest=digest_changes(revision, ordered),
    )
