"""Taking over what other tools delivered, and starting again: nothing is restarted or rewritten."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from e2e.installation import APPLICATION, Case
from e2e.objects import config, data_of, deployment, managers_of, text
from e2e.seen import Json, key_of
from trimtab.ports.cluster import Write


async def create_as(case: Case, manager: str, body: Json) -> Json:
    """Create an object as a client-side tool does: by POST under its manager's name."""
    body["metadata"]["namespace"] = case.namespace
    key, version = key_of(body)
    data = json.dumps(body).encode()
    written = await case.target.cluster.create(key, version, data, Write(manager))
    return json.loads(written.live.raw)


def tracked(case: Case, text_: str, **annotations: str) -> Json:
    """Return an object marked as Argo CD marks it."""
    body: dict[str, Any] = json.loads(text_)
    group = body["apiVersion"].rpartition("/")[0]
    name = body["metadata"]["name"]
    mark = f"{case.name}:{group}/{body['kind']}:{case.namespace}/{name}"
    body["metadata"]["annotations"] = {"argocd.argoproj.io/tracking-id": mark, **annotations}
    return body


async def test_taking_over_from_argo_cd_restarts_nothing(case: Case) -> None:
    before = await create_as(case, "argocd-controller", tracked(case, deployment("web")))
    await case.target.until(
        "apps/Deployment",
        "web",
        case.namespace,
        lambda b: b and b.get("status", {}).get("availableReplicas") == 1,
    )
    pods = await case.versions("apps/ReplicaSet")
    sha = await case.commit({"app/web.yaml": deployment("web")})
    app = await case.apply_app()
    await app.delivered(sha)
    after = await case.target.get("apps/Deployment", "web", case.namespace)
    assert after is not None
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["metadata"]["generation"] == 1
    assert {k: uid for k, (uid, _) in (await case.versions("apps/ReplicaSet")).items()} == {
        k: uid for k, (uid, _) in pods.items()
    }


async def test_a_field_of_argo_cd_that_leaves_git_goes_away(case: Case) -> None:
    old = text("ConfigMap", "one", data={"value": "1", "extra": "x"})
    await create_as(case, "argocd-controller", tracked(case, old))
    sha = await case.commit({"app/one.yaml": old})
    app = await case.apply_app()
    await app.delivered(sha)
    sha = await case.commit({"app/one.yaml": config("one", "2")})
    await app.delivered(sha)
    found = await case.target.get("ConfigMap", "one", case.namespace)
    assert found is not None
    assert data_of(found) == {"value": "2"}
    assert managers_of(found) == {"trimtab"}


async def test_a_field_of_kubectl_that_git_never_had_goes_away(case: Case) -> None:
    """Created by ``kubectl apply`` from an older state of the files, without any mark."""
    old = json.loads(text("ConfigMap", "one", data={"value": "1", "extra": "x"}))
    last = json.dumps(old)
    old["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": last}
    await create_as(case, "kubectl-client-side-apply", old)
    sha = await case.commit({"app/one.yaml": config("one", "1")})
    app = await case.apply_app()
    await app.delivered(sha)
    found = await case.target.get("ConfigMap", "one", case.namespace)
    assert found is not None
    assert data_of(found) == {"value": "1"}
    assert "kubectl-client-side-apply" not in managers_of(found) or (
        "kubectl.kubernetes.io/last-applied-configuration" in found["metadata"]["annotations"]
    )


async def test_a_field_of_a_person_stays(case: Case) -> None:
    old = text("ConfigMap", "one", data={"value": "1"})
    await create_as(case, "kubectl-create", json.loads(old))
    await case.target.patch("ConfigMap", "one", case.namespace, {"data": {"theirs": "x"}})
    sha = await case.commit({"app/one.yaml": config("one", "1")})
    app = await case.apply_app()
    await app.delivered(sha)
    found = await case.target.get("ConfigMap", "one", case.namespace)
    assert data_of(found) == {"value": "1", "theirs": "x"}


async def test_a_restart_writes_nothing(case: Case) -> None:
    """Neither to the clusters nor to Applications, of which there are several kinds here."""
    chart = {
        "chart/Chart.yaml": "apiVersion: v2\nname: c\nversion: 0.1.0\n",
        "chart/templates/c.yaml": text("ConfigMap", "chart", data={"v": "1"}),
        "kust/kustomization.yaml": "resources: [c.yaml]\nnamePrefix: k-\n",
        "kust/c.yaml": config("one"),
        "app/web.yaml": deployment("web"),
        "app/s.yaml": text("Secret", "s", stringData={"a": "b"}),
        "app/one.yaml": config("one"),
    }
    sha = await case.commit(chart)
    apps = [
        await case.apply_app("-app"),
        await case.apply_app("-chart", source={"path": "chart"}),
        await case.apply_app("-kust", source={"path": "kust"}),
    ]
    for app in apps:
        await app.delivered(sha)
    kinds = ("ConfigMap", "Secret", "apps/Deployment")
    before = await case.versions(*kinds)
    where = case.installation.namespace
    held = await case.hub.versions(where, APPLICATION)
    held = {k: v for k, v in held.items() if k[1].startswith(f"{case.name}-")}
    await asyncio.to_thread(case.installation.serve.restart)
    # A later commit of another Application, and a refresh of these: every one was looked at.
    for app in apps:
        await app.refresh()
    for app in apps:
        await app.until(lambda a: "annotations" not in a.body["metadata"])
    assert await case.versions(*kinds) == before
    assert len(held) == 3


async def test_a_restart_does_not_touch_applications(case: Case) -> None:
    sha = await case.commit({"app/one.yaml": config("one")})
    app = await case.apply_app()
    await app.delivered(sha)
    held = await case.hub.get(APPLICATION, app.name, case.installation.namespace)
    await asyncio.to_thread(case.installation.serve.restart)
    # The witness is looked at after this one: keys are queued in order of their names.
    await case.installation.witness_moves()
    now = await case.hub.get(APPLICATION, app.name, case.installation.namespace)
    assert held is not None
    assert now is not None
    assert now["metadata"]["resourceVersion"] == held["metadata"]["resourceVersion"]
