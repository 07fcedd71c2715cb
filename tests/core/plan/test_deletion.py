"""Hooks of a deletion: told as what is live and what is to be done next."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from core.builders import OPTIONS, existing, hook
from trimtab.core.manifest import HookPhase, LiveObject, Manifest, ObjectKey, parse_live
from trimtab.core.plan import (
    DELETION_RUN,
    DeleteHooks,
    DeletionStep,
    Finish,
    RunHooks,
    RunState,
    SyncOptions,
    WaitHealth,
    hooks_to_clean_up,
    next_deletion_hooks,
    plan_deletion,
)

_RUN = "uid-of-the-application"
_DONE = {"conditions": [{"type": "Complete", "status": "True"}], "succeeded": 1}
_FAILED = {"conditions": [{"type": "Failed", "status": "True", "message": "no disk"}]}
_BACKUP = hook("backup", "PreDelete")


def _next(hooks: list[Manifest], live: Mapping[ObjectKey, LiveObject]) -> DeletionStep:
    plan = plan_deletion(live=(), hooks=hooks, options=SyncOptions())
    return next_deletion_hooks(plan, HookPhase.PRE_DELETE, live, run=_RUN)


def _made(hooks: list[Manifest]) -> list[Manifest]:
    """Return the hooks as they are created for this deletion."""
    found: list[Manifest] = []
    for one in hooks:
        step = _next([one], {})
        assert isinstance(step, RunHooks)
        found += [change.manifest for change in step.changes if change.manifest]
    return found


def _live(made: Manifest, status: dict[str, Any] | None = None, **meta: str) -> LiveObject:
    metadata = {**made.body["metadata"], "uid": f"uid-{made.key.name}", **meta}  # type: ignore[dict-item]
    return parse_live(msgspec.json.encode({**made.body, "metadata": metadata, "status": status}))


def _seen(*live: LiveObject) -> dict[ObjectKey, LiveObject]:
    return {one.key: one for one in live}


def _names(step: DeletionStep) -> list[str]:
    match step:
        case RunHooks(_, _, changes):
            return [change.key.name for change in changes]
        case DeleteHooks(uids, _):
            return [key.name for key in uids]
        case WaitHealth(keys, _, _):
            return [key.name for key in keys]
        case Finish():
            return []


@pytest.mark.parametrize(
    ("status", "expected"),
    [(None, WaitHealth), (_DONE, Finish), (_FAILED, Finish)],
    ids=[
        "a hook that runs is waited for",
        "one that is done lets go on",
        "one that failed ends it",
    ],
)
def test_a_hook_is_followed(status: dict[str, Any] | None, expected: type[DeletionStep]) -> None:
    (made,) = _made([_BACKUP])
    assert isinstance(_next([_BACKUP], _seen(_live(made, status))), expected)


def test_a_failed_hook_is_named_with_its_reason() -> None:
    (made,) = _made([_BACKUP])
    step = _next([_BACKUP], _seen(_live(made, _FAILED)))
    assert step == Finish(RunState.FAILED, "PreDelete hook batch/Job/backup failed: no disk")


def test_what_a_sync_or_an_earlier_deletion_left_is_removed_first() -> None:
    (made,) = _made([_BACKUP])
    of_sync = existing("Job", "backup", api="batch/v1", status=_DONE)
    earlier = existing(
        "Job", "backup", api="batch/v1", status=_DONE, notes={DELETION_RUN: "another/0123"}
    )
    for old in (of_sync, earlier):
        step = _next([_BACKUP], _seen(old))
        assert isinstance(step, DeleteHooks)
        assert step.uids == {made.key: "uid-backup"}


def test_an_old_object_that_is_going_is_waited_for() -> None:
    (made,) = _made([_BACKUP])
    going = _live(made, None, deletionTimestamp="2026-03-01T00:00:00Z")
    assert isinstance(_next([_BACKUP], _seen(going)), WaitHealth)


def test_a_failed_hook_runs_again_when_git_holds_another_version() -> None:
    (made,) = _made([_BACKUP])
    failed = _seen(_live(made, _FAILED))
    repaired = hook("backup", "PreDelete", policy="HookSucceeded")
    assert _names(_next([repaired], failed)) == ["backup"]
    assert isinstance(_next([repaired], failed), DeleteHooks)
    # One that runs, or is done, is not started over by a commit.
    for status in (None, _DONE):
        assert not isinstance(_next([repaired], _seen(_live(made, status))), DeleteHooks)


def test_waves_follow_each_other() -> None:
    hooks = [hook("first", "PreDelete", wave=-1), hook("a", "PreDelete"), hook("b", "PreDelete")]
    first, a, _ = _made(hooks)
    assert _names(_next(hooks, {})) == ["first"]
    assert _names(_next(hooks, _seen(_live(first)))) == ["first"]
    assert _names(_next(hooks, _seen(_live(first, _DONE)))) == ["a", "b"]
    # Half of a wave was created when the process died: the other half follows.
    assert _names(_next(hooks, _seen(_live(first, _DONE), _live(a)))) == ["b"]


def test_each_phase_runs_its_own_hooks() -> None:
    both = [_BACKUP, hook("bye", "PostDelete")]
    plan = plan_deletion(live=(), hooks=both, options=SyncOptions())
    assert _names(next_deletion_hooks(plan, HookPhase.PRE_DELETE, {}, run=_RUN)) == ["backup"]
    assert _names(next_deletion_hooks(plan, HookPhase.POST_DELETE, {}, run=_RUN)) == ["bye"]
    none = plan_deletion(live=(), hooks=(), options=SyncOptions())
    step = next_deletion_hooks(none, HookPhase.PRE_DELETE, {}, run=_RUN)
    assert step == Finish(RunState.SUCCEEDED, "")


@pytest.mark.parametrize(
    ("policy", "status", "is_removed"),
    [
        ("HookSucceeded", _DONE, True),
        ("HookSucceeded", _FAILED, False),
        ("HookFailed", _FAILED, True),
        ("HookFailed", _DONE, False),
        ("", _DONE, False),
    ],
)
def test_policies_say_which_hooks_are_cleaned_up(
    policy: str, status: dict[str, Any], is_removed: bool
) -> None:
    (made,) = _made([hook("backup", "PreDelete", policy=policy)])
    uids = hooks_to_clean_up([_live(made, status)], run=_RUN)
    assert uids == ({made.key: "uid-backup"} if is_removed else {})
    assert hooks_to_clean_up([_live(made, status)], run="another") == {}


def test_definitions_and_what_helm_keeps_outlive_their_application() -> None:
    live = [
        existing("CustomResourceDefinition", "a", api="apiextensions.k8s.io/v1", namespace=""),
        existing("ConfigMap", "kept", notes={"helm.sh/resource-policy": "keep"}),
        existing("ConfigMap", "asked", notes={OPTIONS: "Delete=confirm"}),
        existing("ConfigMap", "goes"),
    ]
    plan = plan_deletion(live=live, options=SyncOptions())
    assert [change.key.name for change in plan.changes()] == ["goes"]
    assert [key.name for key in plan.unconfirmed] == ["asked"]
