"""Annotations that say when an object is applied, deleted, and how it is synced."""

import pytest

from core.builders import HOOK, HOOK_POLICY, OPTIONS, body, desired, hook
from trimtab.core.manifest import (
    DeletePolicy,
    HookPhase,
    ManagedFieldsEntry,
    Permission,
    compare_options,
    delete_policies,
    has_delete_policy,
    hook_types,
    is_hook,
    is_ignored,
    needs_ownership_migration,
    resource_options,
    split_hooks,
    sync_phases,
    sync_wave,
)


@pytest.mark.parametrize(
    ("notes", "phases"),
    [
        ({}, [HookPhase.SYNC]),
        ({HOOK: "PostSync, PreSync"}, [HookPhase.PRE_SYNC, HookPhase.POST_SYNC]),
        ({HOOK: "PreSync,nonsense"}, [HookPhase.PRE_SYNC]),
        ({HOOK: "Skip"}, []),
        ({HOOK: "PostDelete"}, []),
        ({HOOK: "nonsense"}, []),
        ({HOOK: "nonsense", "helm.sh/hook": "pre-install"}, []),
        ({"helm.sh/hook": "pre-install,pre-upgrade"}, [HookPhase.PRE_SYNC]),
        ({"helm.sh/hook": "post-install"}, [HookPhase.POST_SYNC]),
        ({"helm.sh/hook": "test"}, []),
        ({"helm.sh/hook": "pre-delete"}, []),
    ],
    ids=[
        "an ordinary object is applied at Sync",
        "phases run in their own order, not in the order named",
        "unknown words do not count",
        "a skipped object is never applied",
        "a hook of deletion does not run in a sync",
        "a hook of unknown words never runs",
        "Argo CD's annotation wins over Helm's even when it means nothing",
        "two Helm events of one phase are one run",
        "post-install runs after the sync",
        "Helm tests never run",
        "pre-delete does not run in a sync",
    ],
)
def test_phases(notes: dict[str, str], phases: list[HookPhase]) -> None:
    assert list(sync_phases(body("Job", notes=notes))) == phases


def test_a_definition_marked_crd_install_is_an_ordinary_object() -> None:
    crd = body(
        "CustomResourceDefinition",
        api="apiextensions.k8s.io/v1",
        notes={"helm.sh/hook": "crd-install"},
    )
    assert not is_hook(crd)
    assert is_ignored(body("Job", notes={"helm.sh/hook": "crd-install"}))


def test_helm_deletion_hooks_have_their_phases() -> None:
    assert hook_types({"helm.sh/hook": "pre-delete,post-delete"}) == (
        HookPhase.PRE_DELETE,
        HookPhase.POST_DELETE,
    )


def test_delete_policies_default_to_before_creation_for_hooks_only() -> None:
    assert delete_policies({}) == (DeletePolicy.BEFORE_HOOK_CREATION,)
    assert delete_policies({HOOK_POLICY: "HookFailed,HookSucceeded"}) == (
        DeletePolicy.HOOK_FAILED,
        DeletePolicy.HOOK_SUCCEEDED,
    )
    assert has_delete_policy(hook("j", "Sync").body, DeletePolicy.BEFORE_HOOK_CREATION)
    assert not has_delete_policy(body(), DeletePolicy.BEFORE_HOOK_CREATION)


@pytest.mark.parametrize(
    ("notes", "wave"),
    [
        ({}, 0),
        ({"argocd.argoproj.io/sync-wave": "-5"}, -5),
        ({"argocd.argoproj.io/sync-wave": "x"}, 0),
        ({"helm.sh/hook-weight": "3"}, 3),
        ({"argocd.argoproj.io/sync-wave": "1", "helm.sh/hook-weight": "3"}, 1),
    ],
    ids=["none", "negative", "not a number", "Helm's weight", "Argo CD's wins"],
)
def test_waves(notes: dict[str, str], wave: int) -> None:
    assert sync_wave(notes) == wave


def test_resource_options_are_read_and_unknown_ones_named() -> None:
    options = resource_options({OPTIONS: "Prune=confirm, Replace=true,Odd=1,Prune=false,Replace=x"})
    assert options.prune is Permission.CONFIRM
    assert options.replace is True
    assert options.delete is None
    assert options.unknown == ("Odd=1", "Replace=x")


def test_compare_options() -> None:
    options = compare_options(
        {"argocd.argoproj.io/compare-options": "IgnoreExtraneous,ServerSideDiff=false"}
    )
    assert options.ignore_extraneous
    assert options.server_side_diff is False


def test_manifests_are_told_apart() -> None:
    ordinary, run = desired(), hook("migrate", "PreSync")
    skipped = [desired("Job", "s", notes={HOOK: "Skip"}), desired("Job", "t", notes={HOOK: "?"})]
    split = split_hooks([skipped[0], run, ordinary, skipped[1]])
    assert split.objects == (ordinary,)
    assert split.hooks == (run,)
    assert split.skipped == tuple(skipped)


def test_only_a_client_side_write_of_the_object_itself_needs_migration() -> None:
    written = ManagedFieldsEntry(manager="kubectl", operation="Update")
    assert needs_ownership_migration([written], "kubectl")
    assert not needs_ownership_migration([written], "helm")
    for other in (
        ManagedFieldsEntry(manager="kubectl", operation="Apply"),
        ManagedFieldsEntry(manager="kubectl", operation="Update", subresource="status"),
    ):
        assert not needs_ownership_migration([other], "kubectl")
