"""What an API server refuses, and clusters that cannot be reached."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from e2e.bad_input import GOOD, Delivered, deliver, manifest, refused_at_first, tells
from e2e.installation import Case, config_map, tls_config
from e2e.seen import Json, SeenCluster
from trimtab.adapters.localfleet import LocalCluster, RunningFleet
from trimtab.ports.cluster import ApiError

ADMISSION = "admissionregistration.k8s.io/v1"
FROZEN = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "frozen"}}


async def test_an_admission_rejection_changes_nothing(case: Case) -> None:
    delivered = await deliver(case)
    await _admit_no_secrets_in_names(case)
    try:
        await case.commit(
            {"app/a.yaml": config_map("new", {}), "app/z.yaml": config_map("forbidden", {})}
        )
        await delivered.refuses("no such names here", "forbidden")
    finally:
        for kind in ("ValidatingAdmissionPolicyBinding", "ValidatingAdmissionPolicy"):
            await case.target.delete(f"admissionregistration.k8s.io/{kind}", case.name)


async def test_an_immutable_field_changes_nothing(case: Case) -> None:
    delivered = await _deliver_frozen(case)
    await _thaw(case, {})
    await delivered.refuses("immutable", "frozen")


async def test_an_immutable_field_with_replace_changes_nothing(case: Case) -> None:
    delivered = await _deliver_frozen(case)
    await _thaw(case, {"argocd.argoproj.io/sync-options": "Replace=true"})
    await delivered.refuses("immutable", "frozen")


async def test_an_immutable_field_with_force_is_created_anew(case: Case) -> None:
    delivered = await _deliver_frozen(case)
    sha = await _thaw(case, {"argocd.argoproj.io/sync-options": "Force=true,Replace=true"})
    await delivered.app.delivered(sha)
    after = await case.versions()
    frozen = ("ConfigMap", "frozen")
    assert after[frozen][0] != delivered.before[frozen][0]
    assert after["ConfigMap", "one"] == delivered.before["ConfigMap", "one"]
    body = await case.target.get("ConfigMap", "frozen", case.namespace)
    assert body is not None
    assert body["data"] == {"a": "2"}


async def test_a_quota_that_is_full_changes_nothing(case: Case) -> None:
    delivered = await deliver(case)
    await _limit_config_maps(case, 2)
    await case.commit({"app/three.yaml": config_map("three", {}), "app/one.yaml": GOOD_ONE})
    await delivered.refuses("exceeded quota", "three")


async def test_a_quota_that_fills_up_is_reported_by_object(case: Case) -> None:
    """Each object fits, and preflight cannot know that both do not."""
    delivered = await deliver(case)
    await _limit_config_maps(case, 3)
    await case.commit({"app/3.yaml": config_map("three", {}), "app/4.yaml": config_map("four", {})})
    view = await delivered.app.until(lambda a: "exceeded quota" in a.said)
    results = {name: view.results[f"ConfigMap/{name}"]["status"] for name in ("three", "four")}
    assert sorted(results.values()) == ["SyncFailed", "Synced"]
    assert delivered.before.items() <= (await case.versions()).items()
    await case.installation.witness_moves()
    await tells(delivered.app, "exceeded quota")


async def test_a_lost_cluster_is_unknown_until_it_returns(
    case: Case, fleet: RunningFleet, outage_cluster: LocalCluster
) -> None:
    lost = SeenCluster(outage_cluster)
    async with lost.cluster:
        await case.new_namespace(case.namespace, cluster=lost)
        sha = await case.commit(GOOD)
        app = await case.apply_app(destination={"name": "outage"})
        await app.delivered(sha)
        before = await lost.versions(case.namespace)
        await asyncio.to_thread(fleet.kill, outage_cluster.index)
        await app.until(lambda a: (a.sync, a.health) == ("Unknown", "Unknown"))
        sha = await case.commit({"app/late.yaml": config_map("late", {})})
        await case.installation.witness_moves()
        await tells(app, "outage", "does not answer")
        await asyncio.to_thread(fleet.start_cluster, outage_cluster.index)
        await app.delivered(sha, seconds=90)
        after = await lost.versions(case.namespace)
        assert before.items() <= after.items()
        assert ("ConfigMap", "late") in after


async def test_a_cluster_that_nobody_registered_is_named(case: Case) -> None:
    await case.commit(GOOD)
    app = await case.apply_app(destination={"name": "atlantis"})
    await refused_at_first(case, app, "atlantis")


async def test_expired_credentials_change_nothing(case: Case) -> None:
    await case.commit(GOOD)
    local = case.target.local
    yesterday = datetime.now(UTC) - timedelta(days=1)
    expired = local.user_cert("admin", ["system:masters"], not_after=yesterday)
    # Another URL of the same server, since clusters are told apart by URL.
    server = local.server.replace("127.0.0.1", "localhost")
    name = f"expired-{case.name}"
    await case.installation.register(name, server, tls_config(local, expired))
    app = await case.apply_app(destination={"name": name})
    view = await refused_at_first(case, app, "expired")
    assert view.sync == "Unknown"
    await case.hub.delete("Secret", f"cluster-{name}", case.installation.namespace)


async def test_of_two_applications_that_claim_one_object_the_second_is_told(case: Case) -> None:
    delivered = await deliver(case)
    shared = {"other/one.yaml": config_map("one", {"a": "theirs"})}
    await case.commit({**shared, "other/own.yaml": config_map("own", {})})
    second = await case.apply_app("-second", source={"path": "other"})
    await second.until(lambda a: a.has("SharedResourceWarning", case.name))
    await second.until(lambda a: a.phase in ("Failed", "Error"))
    await case.installation.witness_moves()
    assert await case.versions() == delivered.before
    await tells(second, "one", f"application {case.name}")
    assert delivered.app.view.sync == "Synced"


GOOD_ONE = config_map("one", {"a": "2"})


async def _deliver_frozen(case: Case) -> Delivered:
    frozen = manifest("ConfigMap", "frozen", immutable=True, data={"a": "1"})
    return await deliver(case, {**GOOD, "app/frozen.yaml": frozen})


async def _thaw(case: Case, annotations: dict[str, str]) -> str:
    metadata = {"annotations": annotations}
    changed = manifest("ConfigMap", "frozen", immutable=True, data={"a": "2"}, metadata=metadata)
    two = config_map("two", {"changed": "too"})
    return await case.commit({"app/frozen.yaml": changed, "app/two.yaml": two})


async def _limit_config_maps(case: Case, most: int) -> None:
    # Each namespace has one of its own, kube-root-ca.crt.
    hard = {"count/configmaps": str(most + 1)}
    quota: Json = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "few", "namespace": case.namespace},
        "spec": {"hard": hard},
    }
    await case.target.until("ConfigMap", "kube-root-ca.crt", case.namespace, bool)
    await case.target.create(quota)
    await case.target.until(
        "ResourceQuota",
        "few",
        case.namespace,
        lambda body: (
            ((body or {}).get("status") or {}).get("used", {}).get("count/configmaps") == "3"
        ),
    )


async def _admit_no_secrets_in_names(case: Case) -> None:
    """Refuse ConfigMaps named ``forbidden`` in the case's namespace, and wait until it holds."""
    rule = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["configmaps"],
    }
    selector = {"matchLabels": {"kubernetes.io/metadata.name": case.namespace}}
    validation = {
        "expression": "object.metadata.name != 'forbidden'",
        "message": "no such names here",
    }
    policy = {
        "matchConstraints": {"resourceRules": [rule], "namespaceSelector": selector},
        "validations": [validation],
    }
    binding = {"policyName": case.name, "validationActions": ["Deny"]}
    for kind, spec in (
        ("ValidatingAdmissionPolicy", policy),
        ("ValidatingAdmissionPolicyBinding", binding),
    ):
        body = {"apiVersion": ADMISSION, "kind": kind, "metadata": {"name": case.name}}
        await case.target.create({**body, "spec": spec})
    probe: Json = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "forbidden", "namespace": case.namespace},
    }
    await _until_refused(case.target, probe)


async def _until_refused(cluster: SeenCluster, body: Json) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                await cluster.create(body, dry_run=True)
            except ApiError:
                return
            # Policies take effect a moment after they are stored, and tell nobody.
            await cluster.pause()
