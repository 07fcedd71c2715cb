"""What the sync policy and its options do to real objects."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

from e2e.installation import App, Case
from e2e.objects import (
    config,
    data_of,
    definition,
    deployment,
    managers_of,
    text,
)

ONE_TWO = {"app/one.yaml": config("one"), "app/two.yaml": config("two")}


async def deliver(case: Case, files: dict[str, object] | None = None, **spec: object) -> App:
    """Deliver some files and return the Application."""
    sha = await case.commit(ONE_TWO if files is None else files)
    app = await case.apply_app(**spec)
    await app.delivered(sha)
    return app


def options(*names: str) -> dict[str, object]:
    """Return a sync policy with options."""
    return {"syncPolicy": {"syncOptions": list(names)}}


async def test_a_commit_is_synced_by_itself(case: Case) -> None:
    app = await deliver(case)
    sha = await case.commit({"app/one.yaml": config("one", "2"), "app/new.yaml": config("new")})
    view = await app.delivered(sha)
    assert data_of(await case.target.get("ConfigMap", "one", case.namespace)) == {"value": "2"}
    assert set(await case.versions()) == {("ConfigMap", n) for n in ("one", "two", "new")}
    assert view.operation["operation"]["initiatedBy"] == {"automated": True}


async def test_without_automation_a_commit_waits(case: Case) -> None:
    app = await deliver(case)
    await app.patch({"spec": {"syncPolicy": {"automated": {"enabled": False}}}})
    before = await case.versions()
    sha = await case.commit({"app/one.yaml": config("one", "2")})
    await app.until(lambda a: a.sync == "OutOfSync" and a.revision == sha)
    assert await case.versions() == before


async def test_what_leaves_git_is_pruned_only_with_prune(case: Case) -> None:
    app = await deliver(case, syncPolicy={"automated": {"prune": False}})
    sha = await case.commit({"app/two.yaml": None, "app/one.yaml": config("one", "2")})
    view = await app.until(lambda a: a.revision == sha and a.phase == "Succeeded")
    assert view.sync == "OutOfSync"
    assert await case.target.get("ConfigMap", "two", case.namespace) is not None
    assert [r["name"] for r in view.status["resources"] if r.get("requiresPruning")] == ["two"]
    await app.patch({"spec": {"syncPolicy": {"automated": {"prune": True}}}})
    await app.delivered(sha)
    await case.target.until("ConfigMap", "two", case.namespace, lambda b: b is None)


async def test_an_object_that_forbids_it_is_never_pruned(case: Case) -> None:
    files = {"app/one.yaml": config("one"), "app/kept.yaml": config("kept", options="Prune=false")}
    app = await deliver(case, files)
    sha = await case.commit({"app/kept.yaml": None, "app/one.yaml": config("one", "2")})
    view = await app.until(lambda a: a.revision == sha and a.phase == "Succeeded")
    assert view.results["ConfigMap/kept"]["status"] == "PruneSkipped"
    assert await case.target.get("ConfigMap", "kept", case.namespace) is not None


async def test_a_prune_may_wait_for_an_approval(case: Case) -> None:
    files = {"app/one.yaml": config("one", options="Prune=confirm"), "app/two.yaml": config("two")}
    app = await deliver(case, files)
    sha = await case.commit({"app/one.yaml": None})
    view = await app.until(lambda a: a.phase == "Running" and "confirmation" in a.message)
    assert "one" in view.message
    assert await case.target.get("ConfigMap", "one", case.namespace) is not None
    approved = {"argocd.argoproj.io/deletion-approved": datetime.now(UTC).isoformat()}
    await app.patch({"metadata": {"annotations": approved}})
    await app.delivered(sha)
    assert set(await case.versions()) == {("ConfigMap", "two")}


async def test_an_empty_folder_empties_only_with_allow_empty(case: Case) -> None:
    files = {"app/one.yaml": config("one"), "app/README": "no manifest"}
    app = await deliver(case, files)
    before = await case.versions()
    sha = await case.commit({"app/one.yaml": None})
    view = await app.until(lambda a: a.has("SyncError", "wipe out"))
    assert (view.sync, await case.versions()) == ("OutOfSync", before)
    await app.patch({"spec": {"syncPolicy": {"automated": {"allowEmpty": True}}}})
    await app.delivered(sha)
    await case.target.until("ConfigMap", "one", case.namespace, lambda b: b is None)


async def test_a_failed_sync_is_tried_again_with_backoff(case: Case) -> None:
    late = text("ConfigMap", "late", metadata={"namespace": f"{case.namespace}-late"}, data={})
    await case.commit({"app/late.yaml": late})
    retry = {"limit": 20, "backoff": {"duration": "1s", "factor": 1, "maxDuration": "1s"}}
    app = await case.apply_app(syncPolicy={"retry": retry, "automated": {"selfHeal": False}})
    view = await app.until(lambda a: a.operation.get("retryCount", 0) >= 2)
    assert "Retrying attempt #" in view.message
    await case.new_namespace(f"{case.namespace}-late")
    view = await app.until(lambda a: a.sync == "Synced" and a.phase == "Succeeded")
    assert view.operation["retryCount"] >= 2


async def test_retries_end_at_their_limit(case: Case) -> None:
    absent = text("ConfigMap", "late", metadata={"namespace": f"{case.namespace}-none"}, data={})
    await case.commit({"app/late.yaml": absent})
    retry = {"limit": 1, "backoff": {"duration": "1s"}}
    app = await case.apply_app(syncPolicy={"retry": retry, "automated": {"selfHeal": False}})
    view = await app.until(lambda a: a.phase == "Failed")
    assert view.operation["retryCount"] == 1
    assert view.operation["finishedAt"]


async def test_create_namespace_and_its_metadata(case: Case) -> None:
    where = f"{case.namespace}-made"
    case._namespaces.append((case.target, where))
    metadata = {"labels": {"team": "harbour"}, "annotations": {"note": "made"}}
    app = await deliver(
        case,
        destination={"namespace": where},
        syncPolicy={"syncOptions": ["CreateNamespace=true"], "managedNamespaceMetadata": metadata},
    )
    body = await case.target.until(
        "Namespace", where, "", lambda b: b and b["metadata"]["labels"].get("team") == "harbour"
    )
    assert body is not None
    assert body["metadata"]["annotations"]["note"] == "made"
    assert f"trimtab-namespace-{app.name}" in managers_of(body)
    assert await case.target.get("Namespace", where) is not None
    assert app.view.operation["syncResult"]["managedNamespaceMetadata"] == metadata


async def test_without_create_namespace_a_missing_one_is_named(case: Case) -> None:
    where = f"{case.namespace}-missing"
    await case.commit(ONE_TWO)
    app = await case.apply_app(destination={"namespace": where})
    await app.until(lambda a: a.phase == "Failed" and where in a.message)


async def test_managed_metadata_leaves_labels_of_others_alone(case: Case) -> None:
    await case.target.patch(
        "Namespace", case.namespace, "", {"metadata": {"labels": {"owner": "somebody"}}}
    )
    policy = {
        "syncOptions": ["CreateNamespace=true"],
        "managedNamespaceMetadata": {"labels": {"first": "1", "second": "2"}},
    }
    app = await deliver(case, syncPolicy=policy)
    await case.target.until(
        "Namespace", case.namespace, "", lambda b: b and "first" in b["metadata"]["labels"]
    )
    managed = {"labels": {"first": "1", "second": None}}
    await app.patch({"spec": {"syncPolicy": {"managedNamespaceMetadata": managed}}})
    sha = await case.commit({"app/one.yaml": config("one", "2")})
    await app.delivered(sha)
    body = await case.target.until(
        "Namespace", case.namespace, "", lambda b: b and "second" not in b["metadata"]["labels"]
    )
    assert body is not None
    assert body["metadata"]["labels"]["owner"] == "somebody"
    assert body["metadata"]["labels"]["first"] == "1"


async def test_prune_last_deletes_after_everything_else(case: Case) -> None:
    app = await deliver(
        case, {**ONE_TWO, "app/3.yaml": config("three")}, **options("PruneLast=true")
    )
    files = {"app/two.yaml": None, "app/late.yaml": config("late", wave="5")}
    sha = await case.commit(files)
    view = await app.delivered(sha)
    order = [r["name"] for r in view.operation["syncResult"]["resources"]]
    assert order.index("late") < order.index("two")
    assert view.results["ConfigMap/two"]["status"] == "Pruned"


async def test_without_prune_last_waves_of_deletions_come_in_reverse(case: Case) -> None:
    files = {f"app/{n}.yaml": config(f"w{n}", wave=str(n)) for n in range(5)}
    app = await deliver(case, files)
    sha = await case.commit({"app/1.yaml": None, "app/3.yaml": None})
    view = await app.delivered(sha)
    order = [r["name"] for r in view.operation["syncResult"]["resources"]]
    assert order.index("w3") < order.index("w1")


async def test_apply_out_of_sync_only_does_not_wait_for_what_is_unchanged(case: Case) -> None:
    """Without the option the next wave waits for an unchanged, unhealthy object of an earlier."""
    claim = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "nobody",
        "resources": {"requests": {"storage": "1Gi"}},
    }
    files = {
        "app/claim.yaml": text("PersistentVolumeClaim", "held", spec=claim),
        "app/one.yaml": config("one", wave="-1"),
    }
    await case.commit(files)
    app = await case.apply_app(**options("ApplyOutOfSyncOnly=true"))
    await app.until(lambda a: a.sync == "Synced" and a.phase == "Succeeded")
    sha = await case.commit({"app/late.yaml": config("late", wave="5")})
    view = await app.until(lambda a: a.revision == sha and a.sync == "Synced")
    assert list(view.results) == ["ConfigMap/late"]
    assert view.health == "Progressing"


async def test_replace_leaves_nothing_that_git_does_not_state(case: Case) -> None:
    app = await deliver(case, **options("Replace=true"))
    found = await case.target.get("ConfigMap", "one", case.namespace)
    await case.target.patch("ConfigMap", "one", case.namespace, {"data": {"foreign": "x"}})
    sha = await case.commit({"app/one.yaml": config("one", "2")})
    await app.delivered(sha)
    body = await case.target.get("ConfigMap", "one", case.namespace)
    assert found is not None
    assert body is not None
    assert body["data"] == {"value": "2"}
    assert body["metadata"]["uid"] == found["metadata"]["uid"]


async def test_force_recreates_what_cannot_be_changed(case: Case) -> None:
    fixed = {"data": {"value": "1"}, "immutable": True}
    app = await deliver(
        case, {"app/fixed.yaml": text("ConfigMap", "fixed", **fixed)}, **options("Force=true")
    )
    before = await case.target.get("ConfigMap", "fixed", case.namespace)
    changed = text("ConfigMap", "fixed", data={"value": "2"}, immutable=True)
    sha = await case.commit({"app/fixed.yaml": changed})
    await app.delivered(sha)
    after = await case.target.get("ConfigMap", "fixed", case.namespace)
    assert before is not None
    assert data_of(after) == {"value": "2"}
    assert after is not None
    assert after["metadata"]["uid"] != before["metadata"]["uid"]


def odd(replicas: int = 1, **annotations: str) -> str:
    """Return a Deployment with fields that no API server knows."""
    body = json.loads(deployment("odd", replicas=replicas, noSuchField=1))
    body["spec"]["template"]["spec"]["containers"][0]["alsoUnknown"] = {"a": 1}
    body["metadata"]["annotations"] = annotations
    return json.dumps(body)


async def test_validation_can_be_switched_off(case: Case) -> None:
    await case.commit({"app/odd.yaml": odd(), "app/one.yaml": config("one")})
    app = await case.apply_app(syncPolicy={"automated": {"selfHeal": False}})
    view = await app.until(lambda a: a.phase in ("Failed", "Succeeded"))
    assert "noSuchField" in view.said
    await app.patch({"spec": {"syncPolicy": {"syncOptions": ["Validate=false"]}}})
    await app.start(syncOptions=["Validate=false"])
    view = await app.until(lambda a: a.sync == "Synced" and a.phase == "Succeeded")
    told = view.results["Deployment/odd"]["message"]
    assert ".spec.noSuchField" in told
    assert ".spec.template.spec.containers[0].alsoUnknown" in told
    assert "left out" not in view.results["ConfigMap/one"]["message"]
    sha = await case.commit({"app/odd.yaml": odd(2)})
    await app.delivered(sha)
    found = await case.target.get("apps/Deployment", "odd", case.namespace)
    assert found is not None
    assert found["spec"]["replicas"] == 2


async def test_unknown_fields_are_no_drift_where_nothing_is_validated(case: Case) -> None:
    """The object says it for itself, it is healed, and a new process has nothing to write."""
    note = {"argocd.argoproj.io/sync-options": "Validate=false"}
    app = await deliver(case, {"app/odd.yaml": odd(**note)})
    await case.target.patch("apps/Deployment", "odd", case.namespace, {"spec": {"replicas": 3}})
    await case.target.until(
        "apps/Deployment", "odd", case.namespace, lambda b: b and b["spec"]["replicas"] == 1
    )
    healed = await app.until(
        lambda a: (
            a.phase == "Succeeded"
            and a.sync == "Synced"
            and a.operation["operation"]["sync"].get("autoHealAttemptsCount")
        )
    )
    await asyncio.to_thread(case.installation.serve.restart)
    await app.refresh("hard")
    view = await app.until(lambda a: "annotations" not in a.body["metadata"])
    assert (view.sync, view.operation) == ("Synced", healed.operation)


async def test_a_kind_and_its_object_in_one_commit(case: Case) -> None:
    group = f"{case.name}.example.com"
    custom = text("Buoy", "red", f"{group}/v1", spec={"colour": "red"})
    files = {"app/buoy.yaml": custom, "app/kind.yaml": definition("buoys", "Buoy", group)}
    sha = await case.commit(files)
    app = await case.apply_app(syncPolicy={"automated": {"prune": False}})
    view = await app.delivered(sha)
    assert set(view.results) == {"Buoy/red", f"CustomResourceDefinition/buoys.{group}"}
    await case.target.delete("apiextensions.k8s.io/CustomResourceDefinition", f"buoys.{group}")


async def test_skip_dry_run_lets_an_operator_bring_the_kind(case: Case) -> None:
    """Something else (here: the test) installs the definition while the sync is tried again."""
    group = f"{case.name}.example.com"
    custom = text("Mooring", "north", f"{group}/v1", spec={})
    await case.commit({"app/mooring.yaml": custom, "app/one.yaml": config("one")})
    retry = {"limit": 30, "backoff": {"duration": "1s", "factor": 1}}
    policy = {"retry": retry, "syncOptions": ["SkipDryRunOnMissingResource=true"]}
    app = await case.apply_app(syncPolicy=policy)
    # The rest of the wave is applied: nothing could be asked about beforehand.
    await case.target.until("ConfigMap", "one", case.namespace, lambda b: b is not None)
    await case.target.apply(json.loads(definition("moorings", "Mooring", group)))
    await app.until(lambda a: a.sync == "Synced" and a.phase == "Succeeded", seconds=40)
    await case.target.serves(f"{group}/Mooring")
    assert await case.target.get(f"{group}/Mooring", "north", case.namespace) is not None
    await case.target.delete("apiextensions.k8s.io/CustomResourceDefinition", f"moorings.{group}")


async def test_without_skip_dry_run_a_missing_kind_stops_everything(case: Case) -> None:
    custom = text("Mooring", "north", f"{case.name}.example.com/v1", spec={})
    await case.commit({"app/mooring.yaml": custom, "app/one.yaml": config("one")})
    app = await case.apply_app()
    await app.until(lambda a: "Mooring" in a.message)
    assert await case.versions() == {}


async def test_server_side_apply_shares_an_object(case: Case) -> None:
    """Fields of other appliers stay, with the option or without: every apply is server-side."""
    app = await deliver(case, **options("ServerSideApply=true"))
    body = json.loads(text("ConfigMap", "one", metadata={"namespace": case.namespace}))
    await case.target.apply({**body, "data": {"theirs": "x"}}, manager="neighbour")
    sha = await case.commit({"app/one.yaml": config("one", "2")})
    await app.delivered(sha)
    found = await case.target.get("ConfigMap", "one", case.namespace)
    assert data_of(found) == {"theirs": "x", "value": "2"}
    assert not [c for c in app.view.conditions if "Unsupported" in c]


async def test_ignored_pointers_are_no_drift(case: Case) -> None:
    rule = {"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]}
    app = await deliver(case, {"app/web.yaml": deployment("web")}, ignoreDifferences=[rule])
    await case.target.patch("apps/Deployment", "web", case.namespace, {"spec": {"replicas": 3}})
    await app.refresh()
    await app.until(lambda a: "annotations" not in a.body["metadata"] and a.sync == "Synced")
    found = await case.target.get("apps/Deployment", "web", case.namespace)
    assert found is not None
    assert found["spec"]["replicas"] == 3


async def test_ignored_fields_are_respected_when_something_else_changes(case: Case) -> None:
    rule = {"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]}
    app = await deliver(
        case,
        {"app/web.yaml": deployment("web")},
        ignoreDifferences=[rule],
        **options("RespectIgnoreDifferences=true"),
    )
    await case.target.patch("apps/Deployment", "web", case.namespace, {"spec": {"replicas": 3}})
    sha = await case.commit({"app/web.yaml": deployment("web", minReadySeconds=1)})
    await app.until(lambda a: a.revision == sha and a.sync == "Synced")
    found = await case.target.get("apps/Deployment", "web", case.namespace)
    assert found is not None
    assert (found["spec"]["replicas"], found["spec"]["minReadySeconds"]) == (3, 1)


async def test_without_respect_ignored_fields_are_applied_with_the_rest(case: Case) -> None:
    rule = {"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]}
    app = await deliver(case, {"app/web.yaml": deployment("web")}, ignoreDifferences=[rule])
    await case.target.patch("apps/Deployment", "web", case.namespace, {"spec": {"replicas": 3}})
    sha = await case.commit({"app/web.yaml": deployment("web", minReadySeconds=1)})
    await app.until(lambda a: a.revision == sha and a.sync == "Synced")
    found = await case.target.get("apps/Deployment", "web", case.namespace)
    assert found is not None
    assert found["spec"]["replicas"] == 1


async def test_ignored_jq_paths_are_no_drift(case: Case) -> None:
    path = ".data.value"
    rule = {"kind": "ConfigMap", "name": "one", "jqPathExpressions": [path]}
    app = await deliver(case, ignoreDifferences=[rule])
    await case.target.patch("ConfigMap", "one", case.namespace, {"data": {"value": "x"}})
    await case.target.patch("ConfigMap", "two", case.namespace, {"data": {"value": "x"}})
    await case.target.until(
        "ConfigMap", "two", case.namespace, lambda b: data_of(b) == {"value": "1"}
    )
    assert data_of(await case.target.get("ConfigMap", "one", case.namespace)) == {"value": "x"}
    await app.until(lambda a: a.sync == "Synced")


async def test_fields_of_ignored_managers_are_no_drift(case: Case) -> None:
    rule = {
        "kind": "ConfigMap",
        "namespace": case.namespace,
        "managedFieldsManagers": ["test"],
    }
    app = await deliver(case, ignoreDifferences=[rule])
    await case.target.patch("ConfigMap", "one", case.namespace, {"data": {"value": "x"}})
    await app.refresh()
    await app.until(lambda a: "annotations" not in a.body["metadata"] and a.sync == "Synced")
    assert data_of(await case.target.get("ConfigMap", "one", case.namespace)) == {"value": "x"}


async def test_an_unknown_option_is_named(case: Case) -> None:
    app = await deliver(case, **options("NoSuchOption=true"))
    await app.until(lambda a: a.has("UnsupportedField", "NoSuchOption=true"))


async def test_several_sources_with_value_files_of_another(case: Case) -> None:
    chart = {
        "chart/Chart.yaml": "apiVersion: v2\nname: harbour\nversion: 0.1.0\n",
        "chart/templates/c.yaml": (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: chart}\n"
            "data: {value: '{{ .Values.value }}', name: {{ .Release.Name }}}\n"
        ),
    }
    sha = await case.commit(
        {**chart, "env/prod.yaml": "value: from-ref\n", "plain/p.yaml": config("p")}
    )
    url = case.repo.url
    helm = {"valueFiles": ["$values/env/prod.yaml"], "releaseName": "quay"}
    sources = [
        {"repoURL": url, "targetRevision": "main", "path": "chart", "helm": helm},
        {"repoURL": url, "targetRevision": "main", "ref": "values"},
        {"repoURL": url, "targetRevision": "main", "path": "plain"},
    ]
    app = await case.apply_app(source=None, sources=sources)
    view = await app.until(lambda a: a.sync == "Synced" and a.health == "Healthy")
    assert view.status["sync"]["revisions"] == [sha, sha, sha]
    assert view.status["sourceTypes"] == ["Helm", "Directory"]
    found = await case.target.get("ConfigMap", "chart", case.namespace)
    assert data_of(found) == {"value": "from-ref", "name": "quay"}
    await case.commit({"env/prod.yaml": "value: again\n"})
    await case.target.until(
        "ConfigMap", "chart", case.namespace, lambda b: data_of(b).get("value") == "again"
    )


async def test_values_of_secrets_are_shown_nowhere(case: Case) -> None:
    old, new = "c2VjcmV0LW9sZA==", "c2VjcmV0LW5ldw=="
    app = await deliver(case, {"app/s.yaml": text("Secret", "keys", data={"token": old})})
    await app.patch({"spec": {"syncPolicy": {"automated": {"enabled": False}}}})
    await case.commit({"app/s.yaml": text("Secret", "keys", data={"token": new})})
    await app.until(lambda a: a.sync == "OutOfSync")
    diff = await case.installation.trimtab("app", "diff", app.name)
    assert "keys" in diff.stdout, diff.stderr
    await app.patch({"spec": {"syncPolicy": {"automated": {"enabled": True}}}})
    await app.until(lambda a: a.sync == "Synced")
    found = await case.target.get("Secret", "keys", case.namespace)
    assert data_of(found) == {"token": new}
    # A hand edit of a Secret goes into the ledger as a self-heal.
    await case.target.patch("Secret", "keys", case.namespace, {"data": {"token": old}})
    await app.until(lambda a: a.operation["operation"]["sync"].get("autoHealAttemptsCount") == 1)
    await app.until(lambda a: a.phase == "Succeeded" and a.sync == "Synced")
    assert data_of(await case.target.get("Secret", "keys", case.namespace)) == {"token": new}
    shown = f"{app.view.body} {diff.stdout} {diff.stderr} {case.installation.serve.last_log()}"
    ledger = b"".join(p.read_bytes() for p in case.installation.folder.rglob("ledger*"))
    assert ledger
    for secret in ("secret-old", "secret-new", old, new):
        assert secret not in shown
        assert secret.encode() not in ledger


async def test_generate_name_is_created_once_a_sync(case: Case) -> None:
    made = {"generateName": "run-"}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": made, "data": {"a": "1"}}
    await case.commit({"app/one.yaml": config("one"), "app/run.yaml": json.dumps(body)})
    app = await case.apply_app(syncPolicy={"automated": {"selfHeal": False, "prune": False}})
    await app.until(lambda a: a.phase == "Succeeded" or a.conditions)
    names = {name for _, name in await case.versions() if name.startswith("run-")}
    assert len(names) == 1, app.view.said


async def test_duplicate_list_keys_are_reduced_with_a_warning(case: Case) -> None:
    body = json.loads(deployment("web"))
    env = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
    body["spec"]["template"]["spec"]["containers"][0]["env"] = env
    app = await deliver(case, {"app/web.yaml": json.dumps(body)})
    found = await case.target.get("apps/Deployment", "web", case.namespace)
    assert found is not None
    assert found["spec"]["template"]["spec"]["containers"][0]["env"] == [env[1]]
    assert "env" in app.view.said


async def test_string_data_is_folded_so_that_removals_propagate(case: Case) -> None:
    app = await deliver(case, {"app/s.yaml": text("Secret", "s", stringData={"a": "1", "b": "2"})})
    sha = await case.commit({"app/s.yaml": text("Secret", "s", stringData={"a": "1"})})
    await app.delivered(sha)
    assert set(data_of(await case.target.get("Secret", "s", case.namespace))) == {"a"}
