"""Whether to sync now, and how: a pure decision from spec, status, observation and time.

What a person asked for goes first; a sync that runs goes on; then automation, if windows allow.

Source:
    Argo CD, autoSync and setOperationState: one attempt a revision, self-heal only after a success.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from trimtab.controllers.application.model import Inputs, Intent, Observation, Seen, Target
from trimtab.controllers.application.sync.intents import is_automated, merge_options, policy_of
from trimtab.core.conditions import Condition, ConditionType
from trimtab.core.manifest import ObjectKey
from trimtab.core.plan import (
    SyncProgress,
)
from trimtab.core.policy import (
    NO_CONTENTION,
    Contention,
    WindowTarget,
    allowed_at,
    can_sync,
    contending_managers,
    with_heals,
)
from trimtab.crds.argoproj_v1alpha1.application import (
    Application,
    Automated,
    InitiatedBy,
    Operation,
    OperationState,
    Retry,
    SyncOperation,
    SyncResource,
)


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do.

    Args:
        intent: A sync, or None.
        conditions: Why there is none, where a person should know.
        look_again: When a heal that was held back is due.
        contention: Fields healed lately, those of this decision included.
        is_again: This very target has been tried before.
    """

    intent: Intent | None = None
    conditions: tuple[Condition, ...] = ()
    look_again: datetime | None = None
    contention: Contention = field(default_factory=lambda: NO_CONTENTION)
    is_again: bool = False


def decide_automated(inputs: Inputs, observation: Observation, contention: Contention) -> Decision:
    """Return the sync that automation wants, or why it wants none.

    Args:
        inputs: The Application.
        observation: What is desired and live.
        contention: Fields that were healed lately.
    """
    app, now = inputs.app, observation.now
    automated = policy_of(app).automated
    if not is_automated(app) or automated is None or observation.is_synced:
        return Decision()
    wanted = [
        seen for seen in observation.seen if seen.differs and (seen.manifest or automated.prune)
    ]
    if not wanted:
        return Decision()
    if not observation.desired.objects and not automated.allow_empty:
        return _refused(
            f"Skipping sync attempt to {observation.target.revision}: auto-sync will wipe out all "
            "resources"
        )
    permission = can_sync(
        inputs.project.sync_windows, app=window_target(inputs), now=now, manual=False
    )
    if not permission.is_allowed:
        return Decision()
    attempted = _attempted(app, observation.target)
    if attempted is None:
        return Decision(_automated_intent(inputs, observation, automated, heal=None))
    if attempted.phase != "Succeeded":
        if automated.self_heal:
            again = _automated_intent(inputs, observation, automated, heal=None)
            return Decision(again, is_again=True)
        return _refused(
            f"Failed last sync attempt to {observation.target.revision}: {attempted.message}"
        )
    if not automated.self_heal:
        return Decision()
    return _heal(inputs, observation, automated, wanted, contention)


def _heal(
    inputs: Inputs,
    observation: Observation,
    automated: Automated,
    wanted: Sequence[Seen],
    contention: Contention,
) -> Decision:
    """Return the self-heal of what may be healed now; the rest waits its turn."""
    now = observation.now
    # An object with generateName has no name to compare by: another one would heal nothing.
    named = [seen for seen in wanted if seen.key.name]
    due = {seen.key: _healed_at(seen, contention, now) for seen in named}
    healed = frozenset(key for key, at in due.items() if at <= now)
    later = [at for at in due.values() if at > now]
    fields = [field for seen in named if seen.key in healed for field in _fields(seen)]
    after = with_heals(contention, fields, now)
    conditions: tuple[Condition, ...] = ()
    if later:
        managers = ", ".join(contending_managers(contention, now))
        held = ", ".join(sorted(str(key) for key in due.keys() - healed))
        message = f"{managers} keeps changing {held} back: healing is slowed down"
        conditions = (Condition(ConditionType.DRIFT_CONTENDED, message),)
    intent = _automated_intent(inputs, observation, automated, heal=healed) if healed else None
    return Decision(intent, conditions, min(later, default=None), after, is_again=True)


def _healed_at(seen: Seen, contention: Contention, now: datetime) -> datetime:
    return max((allowed_at(contention, field, now) for field in _fields(seen)), default=now)


def _fields(seen: Seen) -> list[tuple[ObjectKey, str, str]]:
    found = [(seen.key, change.path, change.manager) for change in seen.changes]
    return found or [(seen.key, "", "")]


def _refused(message: str) -> Decision:
    return Decision(conditions=(Condition(ConditionType.SYNC_ERROR, message),))


def still_stopped(app: Application, observation: Observation) -> tuple[Condition, ...]:
    """Return what stopped the last plan, for as long as that plan is what there is to do."""
    attempted = _attempted(app, observation.target)
    if observation.is_synced or attempted is None or attempted.phase != "Failed":
        return ()
    return tuple(
        Condition(ConditionType.DELETION_BUDGET_EXCEEDED, str(condition.message))
        for condition in app.status.conditions
        if condition.type == ConditionType.DELETION_BUDGET_EXCEEDED
    )


def window_target(inputs: Inputs) -> WindowTarget:
    """Return what sync windows select an Application by."""
    return WindowTarget(
        name=inputs.app.metadata.name,
        namespace=inputs.namespace,
        cluster_name=inputs.cluster.name,
        cluster_server=inputs.cluster.server,
    )


def _attempted(app: Application, target: Target) -> OperationState | None:
    """Return the last operation if it was for this very target, or None."""
    state = app.status.operation_state
    if state is None or not state.finished_at or state.sync_result is None:
        return None
    result = state.sync_result
    if result.revision != target.revision and result.revisions != target.revisions:
        return None
    sources = result.sources or ((result.source,) if result.source else ())
    return state if tuple(sources) == target.wire else None


def _automated_intent(
    inputs: Inputs,
    observation: Observation,
    automated: Automated,
    *,
    heal: frozenset[ObjectKey] | None,
) -> Intent:
    app, target, now = inputs.app, observation.target, observation.now
    policy = policy_of(app)
    resources = tuple(
        SyncResource(kind=k.kind, name=k.name, group=k.group, namespace=k.namespace)
        for k in sorted(heal or ())
    )
    single = len(target.revisions) == 1
    sync = SyncOperation(
        revision=target.revision if single else "",
        revisions=() if single else target.revisions,
        prune=automated.prune,
        resources=resources,
        sync_options=policy.sync_options,
        auto_heal_attempts_count=1 if heal is not None else 0,
    )
    operation = Operation(
        sync=sync, initiated_by=InitiatedBy(automated=True), retry=policy.retry or Retry()
    )
    return Intent(
        operation=operation,
        kind="sync" if heal is None else "self-heal",
        started_at=now,
        options=merge_options(app, sync),
        progress=SyncProgress(started_at=now),
        only=heal,
    )
