"""What ignoreDifferences leaves alone, in comparisons and in writes."""

from __future__ import annotations

from e2e.delivery import deliver, options
from e2e.installation import Case
from e2e.objects import (
    data_of,
    deployment,
)


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
