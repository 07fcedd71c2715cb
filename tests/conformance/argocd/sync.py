"""``argocd/sync``: phases, hooks, waves, order and options of a sync."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import msgspec

from conformance.cases import Case
from conformance.framework import Answer, Unsupported, compare_keys
from trimtab.core.manifest import (
    DeletePolicy,
    GroupKind,
    HookPhase,
    LiveObject,
    annotation_values,
    annotations_of,
    defined_kind,
    delete_policies,
    has_delete_policy,
    has_option,
    helm_delete_policies,
    helm_hook_types,
    helm_hook_weight,
    hook_types,
    is_helm_hook,
    is_hook,
    is_ignored,
    is_skipped,
    key_of,
    manifest_of,
    needs_ownership_migration,
    option_value,
    parse_live,
    resource_options,
    sync_phases,
    sync_wave,
)
from trimtab.core.manifest.options import Permission
from trimtab.core.plan import (
    Action,
    Candidate,
    PlannedChange,
    SyncOptions,
    choose_dry_run,
    choose_write,
    confirmation_message,
    hook_name_prefix,
    kind_rank,
    order_changes,
    parse_propagation,
    parse_retry_duration,
    place_prunes,
    plan_sync,
    result_of_change,
    retry_delay,
    revision_history_limit,
    running_message,
    uses_server_side_apply,
)

Input = Mapping[str, Any]
_RUNNERS: dict[str, Callable[[Input], dict[str, Any]]] = {}


def run(case: Case) -> dict[str, Any]:
    """Hand the input to the functions that its type is about."""
    answer = _RUNNERS.get(case.input["type"])
    if answer is None:
        raise Unsupported(case.input["type"])
    return answer(case.input)


def _runner(name: str) -> Callable[[Callable[[Input], dict[str, Any]]], None]:
    def register(function: Callable[[Input], dict[str, Any]]) -> None:
        _RUNNERS[name] = function

    return register


def _live(body: Mapping[str, Any]) -> LiveObject:
    return parse_live(msgspec.json.encode(body))


@_runner("order")
def _order(given: Input) -> dict[str, Any]:
    names: dict[tuple[Any, ...], str] = {}
    changes: list[PlannedChange] = []
    for task in given["tasks"]:
        manifest = manifest_of(task["object"])
        names[manifest.key, manifest.digest] = task["key"]
        changes.append(
            PlannedChange(
                Action.CREATE,
                manifest.key,
                manifest,
                phase=HookPhase(task["phase"]),
                wave=sync_wave(annotations_of(task["object"])),
            )
        )
    ordered = order_changes(changes)
    keyed = [(names[c.key, c.manifest.digest], c) for c in ordered if c.manifest]
    return {
        "order": [name for name, _ in keyed],
        "effective": {name: {"phase": str(c.phase), "wave": c.wave} for name, c in keyed},
    }


@_runner("kind-rank")
def _kind_rank(given: Input) -> dict[str, Any]:
    return {"rank": kind_rank(given["kind"])}


@_runner("phases")
def _phases(given: Input) -> dict[str, Any]:
    return {"phases": [str(phase) for phase in sync_phases(given["object"])]}


@_runner("task")
def _task(given: Input) -> dict[str, Any]:
    body = given.get("target") or given.get("live") or {}
    annotations = annotations_of(body)
    phase = given.get("phase")
    types = [str(kind) for kind in hook_types(annotations)]
    state = given.get("operationState")
    ends = {"Succeeded": DeletePolicy.HOOK_SUCCEEDED, "Failed": DeletePolicy.HOOK_FAILED}
    return {
        "isHook": is_hook(body),
        "hookType": phase if phase in types else "",
        "hasDeletePolicy": {str(p): has_delete_policy(body, p) for p in DeletePolicy},
        "deleteOnPhaseCompletion": state in ends and has_delete_policy(body, ends[state]),
        "deleteBeforeCreation": bool(given.get("live"))
        and has_delete_policy(body, DeletePolicy.BEFORE_HOOK_CREATION),
        "wave": sync_wave(annotations),
    }


@_runner("parse-hook-type")
def _parse_hook_type(given: Input) -> dict[str, Any]:
    types = hook_types({"argocd.argoproj.io/hook": given["value"]})
    return {"valid": bool(types), "hookType": str(types[0]) if types else ""}


@_runner("parse-delete-policy")
def _parse_delete_policy(given: Input) -> dict[str, Any]:
    valid = given["value"] in set(DeletePolicy)
    return {"valid": valid, "deletePolicy": given["value"] if valid else ""}


@_runner("delete-policies")
def _delete_policies(given: Input) -> dict[str, Any]:
    policies = delete_policies(annotations_of(given["object"]))
    return {"deletePolicies": [str(policy) for policy in policies]}


@_runner("hook")
def _hook(given: Input) -> dict[str, Any]:
    annotations = annotations_of(given["object"])
    return {
        "isHook": is_hook(given["object"]),
        "skip": is_skipped(annotations),
        "types": [str(kind) for kind in hook_types(annotations)],
    }


@_runner("helm-hook")
def _helm_hook(given: Input) -> dict[str, Any]:
    annotations = annotations_of(given["object"])
    return {
        "isHook": is_helm_hook(given["object"]),
        "helmTypes": list(helm_hook_types(annotations)),
        "hookTypes": [str(kind) for kind in hook_types(annotations)],
        "deletePolicies": [str(policy) for policy in helm_delete_policies(annotations)],
        "weight": helm_hook_weight(annotations),
    }


@_runner("ignore")
def _ignore(given: Input) -> dict[str, Any]:
    return {"ignore": is_ignored(given["object"])}


@_runner("annotation-csv")
def _annotation_csv(given: Input) -> dict[str, Any]:
    annotations = {} if given["value"] is None else {"key": given["value"]}
    return {
        "values": list(annotation_values(annotations, "key")),
        "hasOption": has_option(annotations, "key", given["option"]),
    }


@_runner("annotation-option-value")
def _annotation_option_value(given: Input) -> dict[str, Any]:
    annotations = {} if given["value"] is None else {"key": given["value"]}
    return {"optionValue": option_value(annotations, "key", given["option"])}


@_runner("wave")
def _wave(given: Input) -> dict[str, Any]:
    return {"wave": sync_wave(annotations_of(given["object"]))}


@_runner("prune-waves")
def _prune_waves(given: Input) -> dict[str, Any]:
    changes: list[PlannedChange] = []
    last = {
        key_of(row["object"])
        for row in given["resources"]
        if given["pruneLast"] or resource_options(annotations_of(row["object"])).prune_last
    }
    for row in given["resources"]:
        body = row["object"]
        wave = sync_wave(annotations_of(body))
        changes.append(PlannedChange(Action(row["action"]), key_of(body), wave=wave))
    placed = place_prunes(changes, is_last=lambda change: change.key in last)
    return {
        "waves": {change.key.name: change.wave for change in placed},
        "lastWave": max(change.wave for change in placed),
    }


def _options(given: Input) -> SyncOptions:
    return SyncOptions(
        replace=bool(given.get("replace")),
        force=bool(given.get("force")),
        server_side_apply=bool(given.get("serverSideApply")),
        validate=given.get("validate", True),
        dry_run=bool(given.get("operationDryRun")),
    )


@_runner("apply-command")
def _apply_command(given: Input) -> dict[str, Any]:
    key = key_of(given["target"])
    live = given.get("live")
    write = choose_write(
        group=key.group,
        kind=key.kind,
        desired=annotations_of(given["target"]),
        live=None if live is None else annotations_of(live),
        options=_options(given),
    )
    return {
        "command": str(write.verb),
        "force": write.force,
        "serverSideApply": write.server_side_apply,
    }


@_runner("validate-option")
def _validate_option(given: Input) -> dict[str, Any]:
    key = key_of(given["target"])
    write = choose_write(
        group=key.group,
        kind=key.kind,
        desired=annotations_of(given["target"]),
        live=None,
        options=_options(given),
    )
    return {"validate": write.validate}


@_runner("ssa-dry-run")
def _ssa_dry_run(given: Input) -> dict[str, Any]:
    resource = resource_options(annotations_of(given["target"]))
    used = uses_server_side_apply(resource, _options(given), is_dry_run=given["callDryRun"])
    return {"serverSideApply": used}


@_runner("prune-option")
def _prune_option(given: Input) -> dict[str, Any]:
    options = SyncOptions(
        prune=True,
        prune_permission=Permission(given["defaultPruneOption"] or "true"),
        prune_confirmed=given["pruneConfirmed"],
    )
    plan = plan_sync(changes=[Candidate(None, _live(given["live"]))], options=options, revision="")
    if plan.unconfirmed:
        message = confirmation_message(plan.unconfirmed)
        return {"phase": "Running", "status": None, "operationMessage": message}
    if plan.skipped:
        return {"phase": "Succeeded", "status": "PruneSkipped", "message": plan.skipped[0].message}
    result = result_of_change(next(plan.changes()))
    return {"phase": str(result.state), "status": str(result.status), "message": result.message}


@_runner("delete-propagation")
def _delete_propagation(given: Input) -> dict[str, Any]:
    return {"policy": str(parse_propagation(given["prunePropagationPolicy"] or ""))}


@_runner("running-message")
def _running_message(given: Input) -> dict[str, Any]:
    keys = [key_of(body) for body in given["objects"]]
    hooks = [key_of(body) for body in given["objects"] if is_hook(body)]
    return {"message": running_message(keys, hooks, is_deletion=given["pendingDeletion"])}


@_runner("unnamed-hook")
def _unnamed_hook(given: Input) -> dict[str, Any]:
    phases = sync_phases(given["object"])
    return {"namePrefixes": [hook_name_prefix(given["revision"], phase) for phase in phases]}


@_runner("custom-resource-dry-run")
def _custom_resource_dry_run(given: Input) -> dict[str, Any]:
    kind = key_of(given["target"]).group_kind
    choice = choose_dry_run(
        annotations_of(given["target"]),
        SyncOptions(skip_dry_run_on_missing=given["appSkipDryRunOnMissingResource"]),
        is_served=given["crdInCluster"],
        is_defined_by_plan=any(defined_kind(body) == kind for body in given["otherTargets"]),
    )
    return {"dryRun": choice.is_run, "success": choice.is_possible}


@_runner("has-crd")
def _has_crd(given: Input) -> dict[str, Any]:
    wanted = GroupKind(given["group"], given["kind"])
    return {"has": any(defined_kind(b) == wanted for b in [*given["targets"], *given["hooks"]])}


@_runner("csa-migration")
def _csa_migration(given: Input) -> dict[str, Any]:
    entries = _live(given["live"]).meta.managed_fields or ()
    return {"needsMigration": needs_ownership_migration(entries, given["manager"])}


@_runner("retry-backoff")
def _retry_backoff(given: Input) -> dict[str, Any]:
    backoff = (given["retry"] or {}).get("backoff") or {}
    stated: dict[str, Any] = {}
    if backoff.get("duration"):
        stated["duration"] = parse_retry_duration(backoff["duration"])
    if backoff.get("maxDuration"):
        stated["maximum"] = parse_retry_duration(backoff["maxDuration"])
    delay = retry_delay(given["retryCount"], factor=backoff.get("factor"), **stated)
    return {"delaySeconds": delay / timedelta(seconds=1)}


@_runner("revision-history-limit")
def _revision_history_limit(given: Input) -> dict[str, Any]:
    return {"limit": revision_history_limit(given["spec"].get("revisionHistoryLimit"))}


_UNORDERED = frozenset(
    {"types", "phases", "helmTypes", "hookTypes", "deletePolicies", "namePrefixes"}
)


def compare(answer: Answer, expected: Mapping[str, Any]) -> list[str]:
    """Compare lists without stated order as sets, and maps by the entries that are stated."""
    stated, found = dict(expected), dict(answer)
    for name in _UNORDERED & set(stated) & set(found):
        stated[name], found[name] = sorted(stated[name]), sorted(found[name])
    mismatches: list[str] = []
    for name in ("effective", "hasDeletePolicy", "waves"):
        mismatches += compare_keys(found.get(name, {}), stated.pop(name, {}))
    return mismatches + compare_keys(found, stated)
