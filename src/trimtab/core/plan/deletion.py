"""Hooks of a deletion: which to run, to remove or to wait for, decided from what is live.

No progress is kept. A hook's object says itself which deletion it was made for, so a process that
dies between two steps is followed by one that sees the same.

- A wave begins when the hooks of those before it have succeeded.
- An object of that name from a sync, or from an earlier deletion, is removed first.
- A hook that failed stays for a person to look at. It runs again when its object was deleted, or
  when Git holds another version of it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeAlias

from trimtab.core.health import HookState, assess_health, hook_state
from trimtab.core.manifest import (
    DeletePolicy,
    HookPhase,
    LiveObject,
    ObjectKey,
    annotations_of,
    delete_policies,
    manifest_of,
    with_map_entries,
)
from trimtab.core.plan.plan import DIGEST_LENGTH, Plan, PlannedChange
from trimtab.core.plan.progress import RunState
from trimtab.core.plan.steps import DeleteHooks, Finish, RunHooks, WaitHealth
from trimtab.core.plan.words import running_message, slashed

DELETION_RUN = "trimtab.dev/deletion-run"
LiveHooks: TypeAlias = Mapping[ObjectKey, LiveObject]
DeletionStep: TypeAlias = RunHooks | DeleteHooks | WaitHealth | Finish


def next_deletion_hooks(plan: Plan, phase: HookPhase, live: LiveHooks, *, run: str) -> DeletionStep:
    """Return what to do now for one phase of a deletion.

    Args:
        plan: See :func:`trimtab.core.plan.plan_deletion`; the same names at each look.
        phase: PreDelete or PostDelete.
        live: The objects that exist under the names of the phase's hooks.
        run: Identifies this deletion: the uid of what is deleted.

    Returns:
        After carrying it out ask again; ``Finish`` says whether the phase succeeded, and which
        hooks failed.
    """
    for part in plan.phases:
        for wave in part.waves if part.phase is phase else ():
            step = _step(phase, wave.number, wave.hooks, live, run)
            if step is not None:
                return step
    return Finish(RunState.SUCCEEDED, "")


def _step(
    phase: HookPhase, wave: int, hooks: Iterable[PlannedChange], live: LiveHooks, run: str
) -> DeletionStep | None:
    wanted = {hook.key: _with_run(hook, run) for hook in hooks}
    there = {key: live[key] for key in wanted if key in live}
    old = {key for key, one in there.items() if _is_old(one, wanted[key], run)}
    uids = {key: there[key].meta.uid for key in old if not there[key].meta.deletion_timestamp}
    if uids:
        return DeleteHooks(uids, _waiting(uids, is_deletion=True))
    states = {key: _state(one) for key, one in there.items() if key not in old}
    failed = [key for key, state in states.items() if state is HookState.FAILED]
    if failed:
        return Finish(RunState.FAILED, "; ".join(_said(phase, there[key]) for key in failed))
    leaving = [key for key, one in there.items() if one.meta.deletion_timestamp]
    if leaving:
        return WaitHealth((*leaving,), None, _waiting(leaving, is_deletion=True))
    missing = tuple(hook for key, hook in wanted.items() if key not in there)
    if missing:
        return RunHooks(phase, wave, missing)
    running = [key for key, state in states.items() if state is HookState.RUNNING]
    return WaitHealth((*running,), None, _waiting(running)) if running else None


def _waiting(keys: Iterable[ObjectKey], *, is_deletion: bool = False) -> str:
    found = sorted(keys)
    return running_message(found, found, is_deletion=is_deletion)


def _with_run(hook: PlannedChange, run: str) -> PlannedChange:
    """Return a hook whose object will say which deletion and which manifest it was made for."""
    manifest = hook.manifest
    assert manifest is not None
    mark = f"{run}/{manifest.digest[:DIGEST_LENGTH]}"
    body = with_map_entries(manifest.body, "annotations", {DELETION_RUN: mark})
    return replace(hook, manifest=manifest_of(body))


def _is_old(one: LiveObject, hook: PlannedChange, run: str) -> bool:
    """Return whether an object is not, or no longer, the run that is wanted."""
    if not is_run_of(one, run):
        return True
    assert hook.manifest is not None
    mark = annotations_of(hook.manifest.body)[DELETION_RUN]
    return one.annotations[DELETION_RUN] != mark and _state(one) is HookState.FAILED


def is_run_of(live: LiveObject, run: str) -> bool:
    """Return whether an object is a hook's that was made for this deletion."""
    return live.annotations.get(DELETION_RUN, "").partition("/")[0] == run


def _state(live: LiveObject) -> HookState:
    return hook_state(None if live.partial else assess_health(live.body()))


def _said(phase: HookPhase, live: LiveObject) -> str:
    health = None if live.partial else assess_health(live.body())
    told = f": {health.message}" if health and health.message else ""
    return f"{phase} hook {slashed(live.key)} failed{told}"


def hooks_to_clean_up(live: Iterable[LiveObject], *, run: str) -> dict[ObjectKey, str]:
    """Return the uids of a deletion's hooks whose delete policy takes them away at the end."""
    policies = {
        HookState.SUCCEEDED: DeletePolicy.HOOK_SUCCEEDED,
        HookState.FAILED: DeletePolicy.HOOK_FAILED,
    }
    return {
        one.key: one.meta.uid
        for one in live
        if is_run_of(one, run)
        and not one.meta.deletion_timestamp
        and policies.get(_state(one)) in delete_policies(one.annotations)
    }
