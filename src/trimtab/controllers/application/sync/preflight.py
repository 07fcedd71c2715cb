"""Preflight: every object of a plan is asked about before the first is written.

A refusal means that nothing was touched. Objects whose namespace or definition the plan itself
creates cannot be asked about; they are tried at their wave. A plan that changes one object skips
the questions: the write itself is the question.
"""

import asyncio

from trimtab.controllers.application.model import Inputs, Observation
from trimtab.controllers.application.observe import Observer
from trimtab.controllers.application.sync.write import Writer
from trimtab.core.manifest import GroupKind, ObjectKey, defined_kind
from trimtab.core.plan import (
    Action,
    ObjectResult,
    Plan,
    PlannedChange,
    result_of_change,
)
from trimtab.ports.cluster import ApiError, Invalid


async def preflight(
    inputs: Inputs, observer: Observer, plan: Plan, observation: Observation, writer: Writer
) -> tuple[ObjectResult, ...]:
    """Return the refusals; for a dry run, every answer. Empty when the sync may begin."""
    changes = [c for c in plan.changes() if c.manifest is not None]
    refused = [*_shared(observer, plan, observation)]
    for change in changes:
        missing = await _missing_kind(inputs, plan, change, writer)
        if missing:
            refused.append(result_of_change(change, error=missing))
    is_dry = writer.options.dry_run
    if refused or not (len(changes) > 1 or is_dry):
        return tuple(refused)
    asked = [c for c in changes if await _is_answerable(inputs, plan, c)]
    async with asyncio.TaskGroup() as tasks:
        answers = [(c, tasks.create_task(_ask(writer, c))) for c in asked]
    failed = [
        result_of_change(change, error=task.result()) for change, task in answers if task.result()
    ]
    if failed or not is_dry:
        return tuple(failed)
    return tuple(result_of_change(c, message=f"{c.action} (dry run)") for c in plan.changes())


async def refused_updates(plan: Plan, writer: Writer) -> frozenset[ObjectKey]:
    """Return the updates with Force that the API server refuses: they are to be recreated."""
    forced = [
        change
        for change in plan.changes()
        if change.action is Action.UPDATE and change.write is not None and change.write.force
    ]
    refused: set[ObjectKey] = set()
    for change in forced:
        try:
            await writer.try_out(change)
        except Invalid:
            refused.add(change.key)
        except ApiError:
            continue
    return frozenset(refused)


def _shared(observer: Observer, plan: Plan, observation: Observation) -> list[ObjectResult]:
    """Return a refusal for each object that another Application has."""
    seen = {one.key: one for one in observation.seen}
    refused: list[ObjectResult] = []
    for change in plan.changes():
        one = seen.get(change.key)
        owner = observer.other_owner(one) if one is not None else ""
        if owner:
            message = f"is part of application {owner}: remove it from one of the two"
            refused.append(result_of_change(change, error=message))
    return refused


async def _missing_kind(inputs: Inputs, plan: Plan, change: PlannedChange, writer: Writer) -> str:
    """Return why an object of an unknown kind cannot be applied, or the empty string."""
    kind = change.key.group_kind
    if await inputs.cluster.resource_type(kind) is not None or kind in _defined(plan):
        return ""
    if writer.skips_missing(change):
        return ""
    version = change.manifest.version if change.manifest else ""
    return (
        f"The Kubernetes API could not find {kind.group}/{kind.kind} for requested resource "
        f"{change.key.namespace}/{change.key.name}. Make sure the {kind.kind!r} CRD "
        f"({version}) is installed on the destination cluster."
    )


def _defined(plan: Plan) -> set[GroupKind]:
    kinds = (defined_kind(c.manifest.body) for c in plan.changes() if c.manifest is not None)
    return {kind for kind in kinds if kind is not None}


async def _is_answerable(inputs: Inputs, plan: Plan, change: PlannedChange) -> bool:
    if await inputs.cluster.resource_type(change.key.group_kind) is None:
        return False
    if change.action is Action.RECREATE:
        return False
    created = {c.key.name for c in plan.changes() if c.key.kind == "Namespace" and c.manifest}
    return change.key.namespace not in created


async def _ask(writer: Writer, change: PlannedChange) -> str:
    try:
        await writer.try_out(change)
    except ApiError as error:
        return error.message
    return ""
