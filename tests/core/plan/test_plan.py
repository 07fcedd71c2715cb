"""From candidates to a plan: what is done, what is left alone, and how it reads."""

import pytest

from core.builders import OPTIONS, WAVE, desired, existing, hook
from trimtab.core.diff.changes import FieldChange
from trimtab.core.manifest import GroupKind, HookPhase, Permission
from trimtab.core.plan import (
    Action,
    Candidate,
    DeletionBudget,
    Plan,
    Propagation,
    SkipReason,
    SyncOptions,
    check_budget,
    check_fleet_budget,
    format_plan,
    namespace_candidate,
    parse_sync_options,
    plan_deletion,
    plan_sync,
)

_PRUNE = SyncOptions(prune=True)
_NO_PRUNE = SyncOptions(prune=True, prune_permission=Permission.FORBIDDEN)


def _plan(*candidates: Candidate, options: SyncOptions = _PRUNE, revision: str = "abc") -> Plan:
    return plan_sync(changes=candidates, options=options, revision=revision)


def _actions(plan: Plan) -> dict[str, Action]:
    return {change.key.name: change.action for change in plan.changes()}


def test_missing_differing_and_undesired_objects_become_changes() -> None:
    plan = _plan(
        Candidate(desired("ConfigMap", "new"), None),
        Candidate(desired("ConfigMap", "same"), existing("ConfigMap", "same"), differs=False),
        Candidate(desired("ConfigMap", "other"), existing("ConfigMap", "other")),
        Candidate(None, existing("ConfigMap", "old")),
    )
    assert _actions(plan) == {
        "new": Action.CREATE,
        "other": Action.UPDATE,
        "old": Action.PRUNE,
    }
    assert {change.key.name: change.live_uid for change in plan.changes()} == {
        "new": "",
        "other": "uid-other",
        "old": "uid-old",
    }


@pytest.mark.parametrize(
    ("options", "notes", "is_refused", "action"),
    [
        (SyncOptions(), {}, False, Action.UPDATE),
        (SyncOptions(), {}, True, Action.UPDATE),
        (SyncOptions(force=True), {}, False, Action.UPDATE),
        (SyncOptions(force=True), {}, True, Action.RECREATE),
        (SyncOptions(replace=True), {}, False, Action.REPLACE),
        (SyncOptions(replace=True, force=True), {}, False, Action.RECREATE),
        (SyncOptions(), {OPTIONS: "Replace=true"}, False, Action.REPLACE),
        (SyncOptions(), {OPTIONS: "Replace=true,Force=true"}, False, Action.RECREATE),
    ],
    ids=[
        "an update is applied",
        "a refused update stays one, for the preflight to report",
        "force does nothing to an update that is accepted",
        "force deletes and creates where an update is refused",
        "replace is a PUT",
        "replace with force deletes and creates",
        "a resource may ask for replace",
        "a resource may ask for both",
    ],
)
def test_how_a_difference_is_written(
    options: SyncOptions, notes: dict[str, str], is_refused: bool, action: Action
) -> None:
    candidate = Candidate(desired(notes=notes), existing(), is_refused=is_refused)
    assert _actions(_plan(candidate, options=options)) == {"app": action}


def test_a_namespace_is_never_deleted_in_order_to_be_replaced() -> None:
    options = SyncOptions(replace=True, force=True)
    candidate = Candidate(
        desired("Namespace", "n", namespace=""), existing("Namespace", "n", namespace="")
    )
    assert _actions(_plan(candidate, options=options)) == {"n": Action.REPLACE}


@pytest.mark.parametrize(
    ("options", "notes", "reason"),
    [
        (SyncOptions(), "", SkipReason.PRUNE_DISABLED),
        (_PRUNE, "Prune=false", SkipReason.PRUNE_FORBIDDEN),
        (_PRUNE, "Prune=confirm", SkipReason.PRUNE_UNCONFIRMED),
        (SyncOptions(prune=True, prune_confirmed=True), "Prune=confirm", None),
        (_NO_PRUNE, "", SkipReason.PRUNE_FORBIDDEN),
        (_NO_PRUNE, "Prune=true", None),
    ],
    ids=[
        "pruning is off",
        "the resource forbids it",
        "the resource wants a confirmation",
        "confirmed",
        "the application forbids it",
        "the resource allows what the application forbids",
    ],
)
def test_what_may_be_pruned(options: SyncOptions, notes: str, reason: SkipReason | None) -> None:
    live = existing(notes={OPTIONS: notes} if notes else None)
    plan = _plan(Candidate(None, live), options=options)
    assert [skip.reason for skip in plan.skipped] == ([] if reason is None else [reason])
    assert plan.is_empty is (reason is not None)
    assert bool(plan.unconfirmed) is (reason is SkipReason.PRUNE_UNCONFIRMED)


def test_a_hook_of_two_phases_is_placed_in_both() -> None:
    plan = plan_sync(
        changes=[], hooks=[hook("job", "PreSync,PostSync")], options=_PRUNE, revision="abc"
    )
    assert [(c.phase, c.action) for c in plan.changes()] == [
        (HookPhase.PRE_SYNC, Action.HOOK),
        (HookPhase.POST_SYNC, Action.HOOK),
    ]


def test_a_hook_without_a_name_gets_one_that_stays_for_the_whole_sync() -> None:
    unnamed = hook("", "PreSync")
    names = {
        next(
            plan_sync(
                changes=[], hooks=[unnamed], options=_PRUNE, revision="ABCDEF0123", started_unix=7
            ).changes()
        ).key.name
        for _ in range(2)
    }
    assert names == {"abcdef0-presync-7"}


def test_unchanged_objects_are_waited_for_unless_only_differences_count() -> None:
    same = Candidate(desired("ConfigMap", "same"), existing("ConfigMap", "same"), differs=False)
    assert _plan(same).phases[0].waves[0].unchanged == (same.manifest.key,)
    assert _plan(same, options=SyncOptions(apply_out_of_sync_only=True)).phases == ()


def test_a_deletion_runs_its_hooks_around_the_objects() -> None:
    plan = plan_deletion(
        live=[
            existing("ConfigMap", "first", notes={WAVE: "0"}),
            existing("ConfigMap", "second", notes={WAVE: "1"}),
            existing("ConfigMap", "kept", notes={OPTIONS: "Delete=false"}),
        ],
        hooks=[hook("bye", "PreDelete"), hook("gone", "PostDelete"), hook("sync", "Sync")],
        options=SyncOptions(),
    )
    assert [change.key.name for change in plan.changes()] == ["bye", "second", "first", "gone"]
    assert [skip.key.name for skip in plan.skipped] == ["kept"]


def test_the_namespace_of_a_destination_is_created_once() -> None:
    missing = namespace_candidate("demo", None, body_metadata={"labels": {"team": "a"}})
    plan = _plan(missing, Candidate(desired(), None))
    assert [change.key.kind for change in plan.changes()] == ["Namespace", "ConfigMap"]
    assert _plan(namespace_candidate("demo", existing("Namespace", "demo", namespace=""))).is_empty


def test_sync_options_are_parsed_and_unknown_ones_named() -> None:
    options, unknown = parse_sync_options(
        [
            "CreateNamespace=true",
            "Validate=false",
            "Validate=true",
            "PrunePropagationPolicy=background",
            "Prune=confirm",
            "Replace=perhaps",
            "Odd",
        ]
    )
    assert options == SyncOptions(
        create_namespace=True,
        validate=False,
        prune_propagation=Propagation.BACKGROUND,
        prune_permission=Permission.CONFIRM,
    )
    assert unknown == ("Replace=perhaps", "Odd")


def test_equal_plans_have_equal_digests_and_others_have_not() -> None:
    base = _plan(Candidate(desired(data={"a": "1"}), None))
    assert _plan(Candidate(desired(data={"a": "1"}), None)).digest == base.digest
    others = [
        _plan(Candidate(desired(data={"a": "2"}), None)),
        _plan(Candidate(desired(data={"a": "1"}), existing())),
        _plan(Candidate(desired(data={"a": "1"}), None), revision="abd"),
    ]
    assert len({base.digest, *(plan.digest for plan in others)}) == 4


def _deletes(count: int, kind: str = "ConfigMap", api: str = "v1") -> list[Candidate]:
    return [Candidate(None, existing(kind, f"old-{n}", api=api)) for n in range(count)]


@pytest.mark.parametrize(
    ("candidates", "size", "words"),
    [
        (_deletes(20), 100, ""),
        (_deletes(21), 100, "21 objects, more than 20"),
        (_deletes(2), 4, ""),
        (_deletes(4), 4, ""),
        (_deletes(2), 5, ""),
        (_deletes(3), 5, "3 of 5 objects, more than 50 percent"),
        (_deletes(3), 6, ""),
        (_deletes(1, "PersistentVolumeClaim"), 50, "PersistentVolumeClaim demo/old-0"),
        (_deletes(1, "Namespace"), 50, "Namespace demo/old-0"),
        (_deletes(1, "CustomResourceDefinition", "apiextensions.k8s.io/v1"), 50, "old-0"),
        (_deletes(3, "Application", "argoproj.io/v1alpha1"), 50, ""),
        (_deletes(4, "Application", "argoproj.io/v1alpha1"), 50, "4 child deliveries"),
        (_deletes(4, "HelmRelease", "helm.toolkit.fluxcd.io/v2"), 50, "4 child deliveries"),
    ],
    ids=[
        "twenty of many are within the budget",
        "twenty-one of many are not",
        "half of a small delivery is not measured",
        "all of a small delivery is not measured",
        "less than half of five",
        "more than half of five",
        "exactly half",
        "a claim holds data",
        "a namespace holds objects",
        "a definition holds resources",
        "three child deliveries",
        "four child deliveries",
        "four releases",
    ],
)
def test_the_deletion_budget(candidates: list[Candidate], size: int, words: str) -> None:
    verdict = check_budget(_plan(*candidates), delivery_size=size)
    assert verdict.exceeded is bool(words)
    assert words in verdict.message
    if words:
        assert verdict.digest in verdict.message


def test_a_replacement_by_deletion_counts_and_creations_do_not() -> None:
    options = SyncOptions(replace=True, force=True)
    pairs = [(desired("ConfigMap", f"c{n}"), existing("ConfigMap", f"c{n}")) for n in range(3)]
    recreated = [Candidate(wanted, found) for wanted, found in pairs]
    assert check_budget(_plan(*recreated, options=options), delivery_size=5).exceeded
    created = [Candidate(desired("ConfigMap", f"c{n}"), None) for n in range(50)]
    assert not check_budget(_plan(*created), delivery_size=5).exceeded


def test_only_the_very_plan_that_was_confirmed_is_released() -> None:
    plan = _plan(*_deletes(3), Candidate(desired("ConfigMap", "new"), None))
    digest = check_budget(plan, delivery_size=5).digest
    assert not check_budget(plan, delivery_size=5, confirmed_digest=digest).exceeded
    same_deletions = _plan(*reversed(_deletes(3)))
    assert not check_budget(same_deletions, delivery_size=5, confirmed_digest=digest).exceeded
    another_uid = [*_deletes(2), Candidate(None, existing("ConfigMap", "old-2", uid="other"))]
    for other in (
        _plan(*_deletes(4)),
        _plan(*another_uid),
        _plan(*_deletes(3), revision="abd"),
    ):
        assert check_budget(other, delivery_size=5, confirmed_digest=digest).exceeded


def test_projects_may_set_other_numbers() -> None:
    budget = DeletionBudget(max_objects=1, protected_kinds=frozenset({GroupKind("", "Secret")}))
    assert check_budget(_plan(*_deletes(2)), delivery_size=50, budget=budget).exceeded
    secret = _plan(*_deletes(1, "Secret"))
    assert check_budget(secret, delivery_size=50, budget=budget).exceeded
    assert check_fleet_budget([60, 40]) == ""
    assert "101 objects" in check_fleet_budget([60, 41])


def test_a_plan_reads_like_this() -> None:
    plan = plan_sync(
        changes=[
            Candidate(desired("ConfigMap", "settings"), None),
            Candidate(
                desired("Deployment", "web", api="apps/v1"),
                existing("Deployment", "web", api="apps/v1"),
                field_changes=(FieldChange("spec.replicas", 5, 3, "kubectl-edit"),),
            ),
            Candidate(
                desired("Job", "load", api="batch/v1", notes={WAVE: "1"}),
                existing("Job", "load", api="batch/v1"),
                is_refused=True,
            ),
            Candidate(None, existing("Secret", "old")),
            Candidate(None, existing("Secret", "kept", notes={OPTIONS: "Prune=false"})),
            namespace_candidate("demo", None),
        ],
        hooks=[hook("migrate", "PreSync")],
        options=SyncOptions(prune=True, force=True, prune_last=True),
        revision="4f1c2d9e0a1b2c3d4e5f",
    )
    assert format_plan(plan) == (
        f"Plan {plan.digest} for 4f1c2d9e0a1b: 2 to create, 1 to update, "
        "1 to delete and create, 1 to prune, 1 to run as hooks\n"
        "\n"
        "PreSync\n"
        "  wave 0\n"
        "    + Namespace demo (CreateNamespace)\n"
        "    > batch/Job demo/migrate (hook)\n"
        "\n"
        "Sync\n"
        "  wave 0\n"
        "    + ConfigMap demo/settings\n"
        "    ~ apps/Deployment demo/web\n"
        "        spec.replicas: 5 -> 3 (set by kubectl-edit)\n"
        "  wave 1\n"
        "    ! batch/Job demo/load (delete and create)\n"
        "  wave 2\n"
        "    - Secret demo/old\n"
        "\n"
        "Left alone\n"
        "  . Secret demo/kept: ignored (no prune)\n"
        "\n"
        f"2 deletions; their digest is {plan.deletion_digest}\n"
    )


def test_an_empty_plan_says_so() -> None:
    assert format_plan(_plan()).startswith("Plan ")
    assert format_plan(_plan()).endswith("nothing to do\n")
