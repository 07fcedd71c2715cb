"""What the sync policy and its options do to real objects."""

from __future__ import annotations

import json

from e2e.delivery import ONE_TWO, deliver, options
from e2e.installation import Case
from e2e.objects import (
    config,
    data_of,
    definition,
    managers_of,
    text,
)


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
