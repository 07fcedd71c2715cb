"""Projects: where deliveries may come from, go to, what they may hold, when, and as whom."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

from e2e.installation import App, Case
from e2e.objects import config, data_of, text

ANY: dict[str, Any] = {
    "sourceRepos": ["*"],
    "destinations": [{"server": "*", "namespace": "*"}],
    "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
}


async def project(case: Case, **changes: Any) -> str:
    """Apply a project of the case's own and return its name."""
    body = json.loads(text("AppProject", case.name, "argoproj.io/v1alpha1"))
    body["metadata"]["namespace"] = case.installation.namespace
    spec = {key: value for key, value in {**ANY, **changes}.items() if value is not None}
    await case.hub.apply({**body, "spec": spec})
    return case.name


async def refused(case: Case, app: App, *texts: str) -> None:
    """See that the Application says so and that nothing is applied."""
    await app.until(lambda a: a.has("InvalidSpecError", *texts))
    assert await case.versions() == {}


async def test_a_source_outside_the_project_is_refused(case: Case) -> None:
    name = await project(case, sourceRepos=["https://example.com/*", "!https://example.com/no"])
    sha = await case.commit({"app/one.yaml": config("one")})
    app = await case.apply_app(project=name)
    await refused(case, app, case.repo.url, name)
    await project(case, sourceRepos=["*"])
    await app.delivered(sha)
    # Denied later: nothing more is applied, and what is there stays.
    await project(case, sourceRepos=["*", f"!{case.repo.url}"])
    before = await case.versions()
    await case.commit({"app/one.yaml": config("one", "2")})
    await app.until(lambda a: a.has("InvalidSpecError", case.repo.url))
    assert await case.versions() == before


async def test_a_destination_outside_the_project_is_refused(case: Case) -> None:
    place = {"server": case.target.server, "namespace": "team-*"}
    name = await project(case, destinations=[place])
    sha = await case.commit({"app/one.yaml": config("one")})
    app = await case.apply_app(project=name)
    await refused(case, app, case.namespace, name)
    await project(case, destinations=[{"name": "elsewhere", "namespace": "*"}])
    await app.refresh()
    await refused(case, app, name)
    await project(case, destinations=[{"name": "target", "namespace": case.namespace}])
    await app.delivered(sha)


async def test_an_object_in_a_namespace_outside_the_project_is_refused(case: Case) -> None:
    other = await case.new_namespace(f"{case.namespace}-other")
    name = await project(case, destinations=[{"server": "*", "namespace": case.namespace}])
    stray = text("ConfigMap", "stray", metadata={"namespace": other}, data={})
    await case.commit({"app/one.yaml": config("one"), "app/stray.yaml": stray})
    app = await case.apply_app(project=name)
    await refused(case, app, other)
    assert await case.target.versions(other) == {}


async def test_forbidden_kinds_stop_the_whole_delivery(case: Case) -> None:
    files = {
        "app/one.yaml": config("one"),
        "app/s.yaml": text("Secret", "s", data={}),
        "app/role.yaml": text("ClusterRole", case.name, "rbac.authorization.k8s.io/v1", rules=[]),
    }
    name = await project(case, namespaceResourceBlacklist=[{"group": "", "kind": "Secret"}])
    await case.commit(files)
    app = await case.apply_app(project=name)
    await refused(case, app, "Secret")
    await project(case, namespaceResourceWhitelist=[{"group": "", "kind": "ConfigMap"}])
    await app.refresh()
    await refused(case, app, "Secret")
    await project(case, clusterResourceWhitelist=[])
    await refused(case, app, "ClusterRole")
    role = {"group": "rbac.authorization.k8s.io", "kind": "ClusterRole"}
    await project(case, clusterResourceBlacklist=[role])
    await app.refresh()
    await refused(case, app, "ClusterRole")
    named = [{**role, "name": "other-*"}]
    await project(case, clusterResourceWhitelist=named)
    await refused(case, app, "ClusterRole")
    mine = [{**role, "name": f"{case.name}*"}]
    await project(case, clusterResourceBlacklist=mine)
    await refused(case, app, "ClusterRole")
    await project(case, clusterResourceBlacklist=named)
    await app.until(lambda a: not a.has("InvalidSpecError"))
    await project(case, clusterResourceWhitelist=[{**role, "name": f"{case.name}*"}])
    await app.until(lambda a: a.sync == "Synced")
    await case.target.delete("rbac.authorization.k8s.io/ClusterRole", case.name)


async def test_a_project_that_does_not_exist_is_named(case: Case) -> None:
    await case.commit({"app/one.yaml": config("one")})
    app = await case.apply_app(project="no-such-project")
    await refused(case, app, "no-such-project")


async def test_only_clusters_of_the_project(case: Case) -> None:
    name = await project(case, permitOnlyProjectScopedClusters=True)
    await case.commit({"app/one.yaml": config("one")})
    app = await case.apply_app(project=name)
    await refused(case, app, name)


async def test_a_window_denies_automated_syncs_and_manual_ones(case: Case) -> None:
    window = {"kind": "deny", "schedule": "* * * * *", "duration": "1h", "applications": ["*"]}
    name = await project(case, syncWindows=[window])
    sha = await case.commit({"app/one.yaml": config("one")})
    app = await case.apply_app(project=name)
    await app.until(lambda a: a.sync == "OutOfSync")
    await app.start()
    await app.until(lambda a: a.phase == "Error" and "not permitted" in a.message)
    assert await case.versions() == {}
    await project(case, syncWindows=[{**window, "manualSync": True}])
    await app.start()
    await app.delivered(sha)
    await case.commit({"app/one.yaml": config("one", "2")})
    await app.until(lambda a: a.sync == "OutOfSync")
    await project(case, syncWindows=[{**window, "kind": "allow"}])
    await app.until(lambda a: a.sync == "Synced")


async def test_a_window_is_open_by_the_clock_of_its_time_zone(case: Case) -> None:
    # Kiritimati is 14 hours ahead: at every moment it has another hour than UTC.
    there = datetime.now(timezone(timedelta(hours=14)))
    hours = f"{there.hour},{(there.hour + 1) % 24}"
    window = {"kind": "deny", "schedule": f"0 {hours} * * *", "duration": "1h"}
    everywhere = {**window, "applications": ["*"], "timeZone": "Pacific/Kiritimati"}
    name = await project(case, syncWindows=[everywhere])
    sha = await case.commit({"app/one.yaml": config("one")})
    app = await case.apply_app(project=name)
    await app.until(lambda a: a.sync == "OutOfSync")
    assert await case.versions() == {}
    await project(case, syncWindows=[{**everywhere, "timeZone": "UTC"}])
    await app.delivered(sha)


async def test_descriptions_of_a_project_and_its_windows_are_shown(case: Case) -> None:
    window = {
        "kind": "deny",
        "schedule": "* * * * *",
        "duration": "1h",
        "applications": ["*"],
        "description": "Nobody deploys during the fair",
    }
    name = await project(case, description="The harbour team", syncWindows=[window])
    listed = await case.installation.trimtab("project", "get", name)
    assert "The harbour team" in listed.stdout, listed.stderr
    body = await case.hub.get("argoproj.io/AppProject", name, case.installation.namespace)
    assert body is not None
    assert "status" not in body  # tokens are Argo CD's: none are issued here
    await case.commit({"app/one.yaml": config("one")})
    app = await case.apply_app(project=name)
    await app.until(lambda a: a.sync == "OutOfSync")
    await app.start()
    view = await app.until(lambda a: a.phase == "Error")
    assert "Nobody deploys during the fair" in view.message


async def test_a_project_may_set_other_numbers_of_the_deletion_budget(case: Case) -> None:
    name = await project(case)
    where = ("argoproj.io/AppProject", name, case.installation.namespace)
    files = {f"app/{n}.yaml": config(f"c{n}") for n in range(6)}
    app = await case.apply_app(project=name)
    await app.delivered(await case.commit(files))
    # One of six is within the usual budget, and not within this project's.
    strict = {"metadata": {"annotations": {"trimtab.dev/deletion-budget-objects": "0"}}}
    await case.hub.patch(*where, strict)
    sha = await case.commit({"app/0.yaml": None})
    view = await app.until(lambda a: a.has("DeletionBudgetExceeded") and a.revision == sha)
    assert "1 objects, more than 0" in view.conditions["DeletionBudgetExceeded"]
    assert len(await case.versions()) == 6
    # Five of six are over the usual budget, and within this project's.
    notes = {
        f"trimtab.dev/deletion-budget-{k}": v for k, v in (("objects", "5"), ("percent", "100"))
    }
    await case.hub.patch(*where, {"metadata": {"annotations": notes}})
    sha = await case.commit({f"app/{n}.yaml": None for n in range(1, 5)})
    await app.delivered(sha)
    assert set(await case.versions()) == {("ConfigMap", "c5")}
    wrong = {"metadata": {"annotations": {"trimtab.dev/deletion-budget-objects": "lots"}}}
    await case.hub.patch(*where, wrong)
    await app.until(lambda a: a.has("UnsupportedField", "deletion-budget-objects", "lots"))


async def test_windows_select_by_application_namespace_and_cluster(case: Case) -> None:
    base = {"kind": "deny", "schedule": "* * * * *", "duration": "1h"}
    elsewhere = [
        {**base, "applications": ["other-*"]},
        {**base, "namespaces": ["other-*"]},
        {**base, "clusters": ["other-*"]},
        {
            **base,
            "applications": [case.name],
            "namespaces": ["other"],
            "andOperator": True,
        },
    ]
    name = await project(case, syncWindows=elsewhere)
    sha = await case.commit({"app/one.yaml": config("one")})
    app = await case.apply_app(project=name)
    await app.delivered(sha)
    selecting = (
        {"applications": [case.name]},
        {"namespaces": [case.namespace]},
        {"clusters": ["target"]},
    )
    for number, chosen in enumerate(selecting, 2):
        await project(case, syncWindows=[{**base, **chosen}])
        before = await case.versions()
        await case.commit({"app/one.yaml": config("one", str(number))})
        await app.until(lambda a: a.sync == "OutOfSync")
        assert await case.versions() == before
        await project(case, syncWindows=elsewhere)
        await app.until(lambda a: a.sync == "Synced")


async def test_syncs_act_as_the_account_of_the_project(case: Case) -> None:
    account = {
        "server": case.target.server,
        "namespace": case.namespace,
        "defaultServiceAccount": f"{case.namespace}:deployer",
    }
    name = await project(case, destinationServiceAccounts=[account])
    files = {"app/one.yaml": config("one"), "app/two.yaml": config("two")}
    sha = await case.commit(files)
    app = await case.apply_app(project=name)
    user = f"system:serviceaccount:{case.namespace}:deployer"
    await app.until(lambda a: user in a.said and "forbidden" in a.said)
    assert await case.versions() == {}
    rbac = "rbac.authorization.k8s.io/v1"
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}
    role = json.loads(text("Role", "deployer", rbac, rules=[rule]))
    subject = {"kind": "ServiceAccount", "name": "deployer", "namespace": case.namespace}
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "deployer"}
    binding = json.loads(text("RoleBinding", "deployer", rbac, subjects=[subject], roleRef=ref))
    for body in (role, binding):
        body["metadata"]["namespace"] = case.namespace
        await case.target.apply(body)
    await app.delivered(sha, seconds=60)


async def test_two_applications_of_one_object_are_told(case: Case) -> None:
    sha = await case.commit({"app/one.yaml": config("one")})
    first = await case.apply_app()
    await first.delivered(sha)
    second = await case.apply_app("-second")
    await second.until(lambda a: first.name in a.said)
    found = await case.target.get("ConfigMap", "one", case.namespace)
    assert found is not None
    assert found["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"].startswith(
        f"{first.name}:"
    )
    assert data_of(found) == {"value": "1"}


async def test_fields_of_a_project_without_effect_are_named(case: Case) -> None:
    spec = {
        "orphanedResources": {"warn": True},
        "signatureKeys": [{"keyID": "ABCDEF0123456789"}],
        "roles": [{"name": "dev", "policies": ["p, proj:x:dev, applications, get, x/*, allow"]}],
    }
    name = await project(case, **spec)
    await case.commit({"app/one.yaml": config("one")})
    app = await case.apply_app(project=name)
    await app.until(
        lambda a: a.has(
            "UnsupportedField",
            "AppProject spec.orphanedResources",
            "AppProject spec.signatureKeys",
            "AppProject spec.roles",
        )
    )
