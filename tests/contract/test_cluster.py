"""What the port Cluster promises: one suite over the fake and over a real API server."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest

from contract.cluster_cases import (
    CONFIG_MAP,
    CRD,
    DEPLOYMENT,
    OURS,
    SECRET,
    apply,
    config_map,
    config_map_key,
    crd,
    deployment,
    encode,
    owners,
    tracked_by,
    until,
)
from trimtab.adapters.kubernetes import ClusterOptions, KubernetesCluster, load_kubeconfig
from trimtab.core.manifest import GroupKind, ObjectKey
from trimtab.ports.cluster import (
    AlreadyExists,
    Change,
    Cluster,
    Conflict,
    Invalid,
    NotFound,
    Propagation,
    WatchEvent,
    Write,
)
from trimtab.testing.cluster import FakeCluster

SOON = timedelta(seconds=15)
THEIRS = Write("kubectl-edit")
SELECTOR = "trimtab.dev/whole"


@dataclass(frozen=True)
class Bench:
    """A cluster under test and a namespace of its own."""

    cluster: Cluster
    namespace: str


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.fleet)])
def open_bench(request: pytest.FixtureRequest):
    """Return a context manager that opens a cluster; watches run as long as it is open."""
    if request.param == "fake":

        @asynccontextmanager
        async def fake():
            cluster = FakeCluster(tracked_by=tracked_by, full_secret_selector=SELECTOR)
            yield Bench(cluster, "default")

        return fake
    target = request.getfixturevalue("target")
    namespace = request.getfixturevalue("new_namespace")(target.index)

    @asynccontextmanager
    async def real():
        options = ClusterOptions(tracked_by=tracked_by, full_secret_selector=SELECTOR)
        connection = load_kubeconfig(target.kubeconfig_path)
        async with KubernetesCluster(connection, options) as cluster:
            yield Bench(cluster, namespace)

    return real


async def test_apply_creates_and_answers_with_the_object(open_bench) -> None:
    async with open_bench() as bench:
        written = await apply(bench.cluster, config_map(bench.namespace, "a", {"x": "1"}))
        assert written.live.key == config_map_key(bench.namespace, "a")
        assert written.live.version == "v1"
        assert written.live.meta.uid
        assert written.live.meta.resource_version.isdecimal()
        assert written.live.body()["data"] == {"x": "1"}
        assert owners(written.live) == {("trimtab", "Apply"): {"f:data": {"f:x": {}}}}


async def test_apply_that_changes_nothing_keeps_resource_version(open_bench) -> None:
    async with open_bench() as bench:
        body = config_map(bench.namespace, "a", {"x": "1"})
        first = await apply(bench.cluster, body)
        again = await apply(bench.cluster, body)
        assert again.live.meta.resource_version == first.live.meta.resource_version


async def test_apply_removes_what_it_no_longer_says(open_bench) -> None:
    async with open_bench() as bench:
        await apply(bench.cluster, config_map(bench.namespace, "a", {"x": "1", "y": "2"}))
        written = await apply(bench.cluster, config_map(bench.namespace, "a", {"x": "1"}))
        assert written.live.body()["data"] == {"x": "1"}


async def test_apply_keeps_what_others_own(open_bench) -> None:
    async with open_bench() as bench:
        cluster, key = bench.cluster, config_map_key(bench.namespace, "a")
        await apply(cluster, config_map(bench.namespace, "a", {"x": "1"}))
        await cluster.patch(key, "merge", encode({"data": {"theirs": "2"}}), THEIRS)
        written = await apply(cluster, config_map(bench.namespace, "a", {"x": "3"}))
        assert written.live.body()["data"] == {"x": "3", "theirs": "2"}
        assert owners(written.live)["kubectl-edit", "Update"] == {"f:data": {"f:theirs": {}}}


async def test_apply_takes_back_a_field_by_force(open_bench) -> None:
    async with open_bench() as bench:
        cluster, key = bench.cluster, config_map_key(bench.namespace, "a")
        await apply(cluster, config_map(bench.namespace, "a", {"x": "1"}))
        edited = await cluster.patch(key, "merge", encode({"data": {"x": "2"}}), THEIRS)
        assert ("kubectl-edit", "Update") in owners(edited.live)
        with pytest.raises(Conflict) as refused:
            await apply(
                cluster, config_map(bench.namespace, "a", {"x": "1"}), Write("trimtab", force=False)
            )
        assert [cause.field for cause in refused.value.causes] == [".data.x"]
        healed = await apply(cluster, config_map(bench.namespace, "a", {"x": "1"}))
        assert healed.live.body()["data"] == {"x": "1"}
        assert set(owners(healed.live)) == {("trimtab", "Apply")}


async def test_apply_merges_lists_by_key(open_bench) -> None:
    async with open_bench() as bench:
        env = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
        await apply(bench.cluster, deployment(bench.namespace, "web", env=env))
        key = ObjectKey("apps", "Deployment", bench.namespace, "web")
        theirs = {"name": "web", "env": [{"name": "C", "value": "3"}]}
        patch = {"spec": {"template": {"spec": {"containers": [theirs]}}}}
        await bench.cluster.patch(key, "strategic", encode(patch), THEIRS)
        written = await apply(bench.cluster, deployment(bench.namespace, "web", env=env[:1]))
        (container,) = written.live.body()["spec"]["template"]["spec"]["containers"]
        assert {each["name"] for each in container["env"]} == {"A", "C"}
        assert container["image"] == "registry.test/web:1"


async def test_generation_counts_spec_changes_only(open_bench) -> None:
    async with open_bench() as bench:
        body = deployment(bench.namespace, "web")
        first = await apply(bench.cluster, body)
        body["metadata"]["labels"] = {"note": "x"}
        noted = await apply(bench.cluster, body)
        body["spec"]["replicas"] = 0
        scaled = await apply(bench.cluster, body)
        generations = [written.live.meta.generation for written in (first, noted, scaled)]
        assert generations == [1, 1, 2]


async def test_dry_run_stores_nothing(open_bench) -> None:
    async with open_bench() as bench:
        dry = Write("trimtab", dry_run=True)
        body = config_map(bench.namespace, "a", {"x": "1"})
        predicted = await apply(bench.cluster, body, dry)
        assert predicted.live.body()["data"] == {"x": "1"}
        assert await bench.cluster.get(predicted.live.key) is None
        stored = await apply(bench.cluster, body)
        changed = await apply(bench.cluster, config_map(bench.namespace, "a", {"x": "2"}), dry)
        assert changed.live.body()["data"] == {"x": "2"}
        assert await bench.cluster.get(stored.live.key) == stored.live


async def test_apply_into_a_missing_namespace_is_not_found(open_bench) -> None:
    async with open_bench() as bench:
        with pytest.raises(NotFound):
            await apply(bench.cluster, config_map("no-such-namespace", "a", {}))


async def test_namespaced_kind_without_namespace_is_invalid(open_bench) -> None:
    async with open_bench() as bench:
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
        with pytest.raises(Invalid):
            await apply(bench.cluster, body)


async def test_unknown_kind_and_version_are_not_found(open_bench) -> None:
    async with open_bench() as bench:
        cluster = bench.cluster
        body = {"apiVersion": "nope.test/v1", "kind": "Nope", "metadata": {"name": "a"}}
        with pytest.raises(NotFound):
            await apply(cluster, body)
        with pytest.raises(NotFound):
            await apply(cluster, config_map(bench.namespace, "a", {}) | {"apiVersion": "v9"})
        with pytest.raises(NotFound):
            await cluster.list(GroupKind("nope.test", "Nope"))
        assert await cluster.get(ObjectKey("nope.test", "Nope", "", "a")) is None
        assert await cluster.resource_type(GroupKind("nope.test", "Nope")) is None


async def test_body_of_another_name_is_invalid(open_bench) -> None:
    async with open_bench() as bench:
        body = encode(config_map(bench.namespace, "b", {}))
        with pytest.raises(Invalid):
            await bench.cluster.apply(config_map_key(bench.namespace, "a"), "v1", body, OURS)


async def test_create_meets_what_is_there(open_bench) -> None:
    async with open_bench() as bench:
        key, body = config_map_key(bench.namespace, "a"), config_map(bench.namespace, "a", {})
        await bench.cluster.create(key, "v1", encode(body), OURS)
        with pytest.raises(AlreadyExists) as refused:
            await bench.cluster.create(key, "v1", encode(body), OURS)
        assert (refused.value.code, refused.value.reason) == (409, "AlreadyExists")


async def test_create_with_generate_name(open_bench) -> None:
    async with open_bench() as bench:
        metadata = {"generateName": "job-", "namespace": bench.namespace}
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
        key = config_map_key(bench.namespace, "")
        names = {
            (await bench.cluster.create(key, "v1", encode(body), OURS)).live.key.name
            for _ in range(2)
        }
        assert len(names) == 2
        assert all(name.startswith("job-") for name in names)


async def test_replace_wants_the_current_resource_version(open_bench) -> None:
    async with open_bench() as bench:
        cluster, key = bench.cluster, config_map_key(bench.namespace, "a")
        missing = config_map(bench.namespace, "a", {})
        with pytest.raises(NotFound):
            await cluster.replace(key, "v1", encode(missing), OURS)
        first = await apply(cluster, config_map(bench.namespace, "a", {"x": "1"}))
        seen = first.live.meta.resource_version
        body = config_map(bench.namespace, "a", {"y": "2"}, resourceVersion=seen)
        replaced = await cluster.replace(key, "v1", encode(body), OURS)
        assert replaced.live.body()["data"] == {"y": "2"}
        with pytest.raises(Conflict):
            await cluster.replace(key, "v1", encode(body), OURS)


async def test_json_patch_with_a_stale_test_is_invalid(open_bench) -> None:
    async with open_bench() as bench:
        written = await apply(bench.cluster, config_map(bench.namespace, "a", {"x": "1"}))
        stale = [
            {"op": "test", "path": "/metadata/resourceVersion", "value": "1"},
            {"op": "replace", "path": "/data/x", "value": "2"},
        ]
        with pytest.raises(Invalid) as refused:
            await bench.cluster.patch(written.live.key, "json", encode(stale), OURS)
        assert refused.value.code == 422
        stale[0]["value"] = written.live.meta.resource_version
        patched = await bench.cluster.patch(written.live.key, "json", encode(stale), OURS)
        assert patched.live.body()["data"] == {"x": "2"}


async def test_patch_of_a_missing_object_is_not_found(open_bench) -> None:
    async with open_bench() as bench:
        key = config_map_key(bench.namespace, "missing")
        with pytest.raises(NotFound):
            await bench.cluster.patch(key, "merge", encode({"data": {"x": "1"}}), OURS)


async def test_status_is_written_apart(open_bench) -> None:
    async with open_bench() as bench:
        body = deployment(bench.namespace, "web") | {"status": {"replicas": 7}}
        body["spec"]["replicas"] = 0
        written = await apply(bench.cluster, body)
        assert "replicas" not in (written.live.body().get("status") or {})
        patch = encode({"status": {"observedGeneration": 1}, "spec": {"replicas": 3}})
        patched = await bench.cluster.patch(
            written.live.key, "merge", patch, Write("controller"), subresource="status"
        )
        assert patched.live.body()["status"]["observedGeneration"] == 1
        assert patched.live.body()["spec"]["replicas"] == 0
        assert patched.live.meta.generation == written.live.meta.generation


async def test_merging_managers_lets_fields_go(open_bench) -> None:
    """Adoption: after another manager's entry became ours, the next apply removes its fields."""
    async with open_bench() as bench:
        cluster, key = bench.cluster, config_map_key(bench.namespace, "a")
        before = encode(config_map(bench.namespace, "a", {"x": "1", "old": "2"}))
        await cluster.create(key, "v1", before, Write("argocd-controller"))
        written = await apply(cluster, config_map(bench.namespace, "a", {"x": "1"}))
        assert "old" in written.live.body()["data"]
        entries = [dict(e) for e in written.live.body()["metadata"]["managedFields"]]
        (mine,) = [e for e in entries if e["manager"] == "trimtab"]
        mine["fieldsV1"] = {"f:data": {"f:x": {}, "f:old": {}}}
        adopt = [
            {
                "op": "test",
                "path": "/metadata/resourceVersion",
                "value": written.live.meta.resource_version,
            },
            {"op": "replace", "path": "/metadata/managedFields", "value": [mine]},
        ]
        adopted = await cluster.patch(key, "json", encode(adopt), OURS)
        assert set(owners(adopted.live)) == {("trimtab", "Apply")}
        after = await apply(cluster, config_map(bench.namespace, "a", {"x": "1"}))
        assert after.live.body()["data"] == {"x": "1"}


async def test_delete_is_of_one_uid(open_bench) -> None:
    async with open_bench() as bench:
        cluster = bench.cluster
        written = await apply(cluster, config_map(bench.namespace, "a", {}))
        key, uid = written.live.key, written.live.meta.uid
        with pytest.raises(Conflict):
            await cluster.delete(key, uid="00000000-dead-4000-8000-000000000000")
        assert await cluster.delete(key, uid=uid, dry_run=True)
        assert await cluster.get(key) is not None
        assert await cluster.delete(key, uid=uid, propagation=Propagation.BACKGROUND)
        assert await cluster.get(key) is None
        assert not await cluster.delete(key, uid=uid)


async def test_finalizer_holds_a_deleted_object(open_bench) -> None:
    async with open_bench() as bench:
        cluster = bench.cluster
        cluster.ensure([CONFIG_MAP])
        await cluster.wait_synced([CONFIG_MAP], timeout=SOON)
        body = config_map(bench.namespace, "a", {}, finalizers=["trimtab.dev/test"])
        written = await apply(cluster, body)
        key, uid = written.live.key, written.live.meta.uid
        assert await cluster.delete(key, uid=uid, propagation=Propagation.BACKGROUND)
        held = await cluster.get(key)
        assert held is not None
        assert held.meta.deletion_timestamp is not None
        patch = encode({"metadata": {"finalizers": None}})
        cluster.remember((await cluster.patch(key, "merge", patch, OURS)).live)
        assert await cluster.get(key) is None
        await until(lambda: cluster.live(key) is None)


async def test_list_by_namespace_and_label(open_bench) -> None:
    async with open_bench() as bench:
        for name, owner in (("a", "x"), ("b", "y")):
            await apply(bench.cluster, config_map(bench.namespace, name, {}, labels={"o": owner}))
        listed = await bench.cluster.list(
            CONFIG_MAP, namespace=bench.namespace, label_selector="o=x"
        )
        assert [live.key.name for live in listed] == ["a"]
        assert listed[0].body()["kind"] == "ConfigMap"
        assert listed[0].body()["apiVersion"] == "v1"
        assert listed[0].version == "v1"


async def test_discovery_tells_how_a_kind_is_served(open_bench) -> None:
    async with open_bench() as bench:
        found = await bench.cluster.resource_type(DEPLOYMENT)
        assert found is not None
        assert (found.version, found.plural, found.namespaced) == ("v1", "deployments", True)
        assert "status" in found.subresources
        assert found in await bench.cluster.resource_types()
        assert (await bench.cluster.server_version()).startswith("v1.")


async def test_watch_tells_of_every_change_once(open_bench) -> None:
    async with open_bench() as bench:
        cluster, key = bench.cluster, config_map_key(bench.namespace, "a")
        cluster.ensure([CONFIG_MAP])
        await cluster.wait_synced([CONFIG_MAP], timeout=SOON)
        assert cluster.is_synced(CONFIG_MAP)
        seen: list[WatchEvent] = []
        stop = cluster.subscribe(
            lambda event: seen.append(event) if event.live.key == key else None
        )
        first = await apply(cluster, config_map(bench.namespace, "a", {"x": "1"}))
        cluster.remember(first.live)
        assert cluster.live(key) == first.live
        second = await apply(cluster, config_map(bench.namespace, "a", {"x": "2"}))
        await until(lambda: len(seen) == 2)
        await cluster.delete(key, uid=first.live.meta.uid, propagation=Propagation.BACKGROUND)
        await until(lambda: len(seen) == 3)
        versions = [event.live.meta.resource_version for event in seen]
        assert [event.change for event in seen] == [Change.ADDED, Change.MODIFIED, Change.DELETED]
        assert versions[:2] == [w.live.meta.resource_version for w in (first, second)]
        assert seen[1].previous == first.live
        assert seen[2].previous == second.live
        assert cluster.live(key) is None
        stop()
        await apply(cluster, config_map(bench.namespace, "a", {}))
        await until(lambda: cluster.live(key) is not None)
        assert len(seen) == 3


async def test_forgotten_object_does_not_come_back(open_bench) -> None:
    async with open_bench() as bench:
        cluster, key = bench.cluster, config_map_key(bench.namespace, "a")
        cluster.ensure([CONFIG_MAP])
        await cluster.wait_synced([CONFIG_MAP], timeout=SOON)
        seen: list[Change] = []
        cluster.subscribe(lambda e: seen.append(e.change) if e.live.key == key else None)
        written = await apply(cluster, config_map(bench.namespace, "a", {}))
        cluster.remember(written.live)
        uid = written.live.meta.uid
        await cluster.delete(key, uid=uid, propagation=Propagation.BACKGROUND)
        cluster.forget(key, uid)
        assert cluster.live(key) is None
        marker = await apply(cluster, config_map(bench.namespace, "marker", {}))
        await until(lambda: cluster.live(marker.live.key) is not None)
        assert cluster.live(key) is None
        assert seen == [Change.ADDED, Change.DELETED]


async def test_late_answer_does_not_bring_back_what_was_deleted(open_bench) -> None:
    async with open_bench() as bench:
        cluster, key = bench.cluster, config_map_key(bench.namespace, "a")
        cluster.ensure([CONFIG_MAP])
        await cluster.wait_synced([CONFIG_MAP], timeout=SOON)
        written = await apply(cluster, config_map(bench.namespace, "a", {}))
        await until(lambda: cluster.live(key) is not None)
        uid = written.live.meta.uid
        await cluster.delete(key, uid=uid, propagation=Propagation.BACKGROUND)
        await until(lambda: cluster.live(key) is None)
        cluster.remember(written.live)
        assert cluster.live(key) is None


async def test_indexes_follow_labels_and_owners(open_bench) -> None:
    async with open_bench() as bench:
        cluster = bench.cluster
        cluster.ensure([CONFIG_MAP])
        await cluster.wait_synced([CONFIG_MAP], timeout=SOON)
        owner, other = f"one-{bench.namespace}", f"two-{bench.namespace}"
        parent = await apply(cluster, config_map(bench.namespace, "p", {}, labels={"owner": owner}))
        reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "p"}
        references = [{**reference, "uid": parent.live.meta.uid}]
        await apply(cluster, config_map(bench.namespace, "c", {}, ownerReferences=references))
        await until(lambda: len(cluster.owned_by(parent.live.meta.uid)) == 1)
        assert [live.key.name for live in cluster.tracked(owner)] == ["p"]
        await apply(cluster, config_map(bench.namespace, "p", {}, labels={"owner": other}))
        await until(lambda: cluster.tracked(other))
        assert not cluster.tracked(owner)
        await cluster.delete(parent.live.key, uid=parent.live.meta.uid)
        await until(lambda: not cluster.owned_by(parent.live.meta.uid), seconds=30)
        # Deleted in the foreground: the parent goes after its dependents.
        await until(lambda: not cluster.tracked(other), seconds=30)


async def test_secrets_are_seen_by_metadata_unless_selected(open_bench) -> None:
    async with open_bench() as bench:
        cluster = bench.cluster
        cluster.ensure([SECRET])
        await cluster.wait_synced([SECRET], timeout=SOON)
        keys = {}
        for name, labels in (("plain", {}), ("whole", {SELECTOR: "yes"})):
            metadata = {"name": name, "namespace": bench.namespace, "labels": labels}
            body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}
            written = await apply(cluster, body | {"stringData": {"password": "hunter2"}})
            cluster.remember(written.live)
            keys[name] = written.live.key
        await until(lambda: (seen := cluster.live(keys["whole"])) and not seen.partial)
        plain, whole = cluster.live(keys["plain"]), cluster.live(keys["whole"])
        assert plain is not None
        assert plain.partial
        assert plain.key.kind == "Secret"
        assert b"hunter2" not in plain.raw
        assert "data" not in plain.body()
        assert whole is not None
        assert "data" in whole.body() or "stringData" in whole.body()


async def test_kind_is_watched_as_soon_as_its_crd_is_there(open_bench) -> None:
    async with open_bench() as bench:
        cluster, group = bench.cluster, f"{bench.namespace}.trimtab.test"
        widget = GroupKind(group, "Widget")
        cluster.ensure([widget])
        await cluster.wait_synced([widget], timeout=SOON)  # known not to be served
        assert not cluster.is_synced(widget)
        defined = await apply(cluster, crd(group, "Widget", has_status=True))
        await until(lambda: cluster.is_synced(widget))
        metadata = {"name": "w", "namespace": bench.namespace}
        body = {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": metadata}
        written = await apply(cluster, body | {"spec": {"size": 1}})
        await until(lambda: cluster.live(written.live.key) is not None)
        await cluster.delete(defined.live.key, uid=defined.live.meta.uid)
        await until(lambda: not cluster.is_synced(widget) and not cluster.objects(widget))
        assert cluster.live(written.live.key) is None


async def test_wait_synced_settles_for_kinds_without_objects(open_bench) -> None:
    async with open_bench() as bench:
        kinds = [DEPLOYMENT, CRD, GroupKind("policy", "PodDisruptionBudget")]
        await bench.cluster.wait_synced(kinds, timeout=SOON)
        assert all(bench.cluster.is_synced(kind) for kind in kinds)
        assert bench.cluster.reachable is True


async def test_unicode_survives(open_bench) -> None:
    async with open_bench() as bench:
        text = 'Grüße, 世界 \u2028 \\ " \n'
        written = await apply(bench.cluster, config_map(bench.namespace, "a", {"x": text}))
        found = await bench.cluster.get(written.live.key)
        assert found is not None
        assert json.loads(found.raw)["data"]["x"] == text
