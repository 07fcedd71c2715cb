"""Going back: the fields that Trimtab owned are the other tool's, which can then remove them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from e2e.command import Commands
from e2e.installation import Case
from e2e.objects import config, managers_of, text
from e2e.seen import Json

ARGOCD = "argocd-controller"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
TRACKING = "argocd.argoproj.io/tracking-id"


@pytest.fixture
def trimtab(case: Case) -> Commands:
    """Return the command line of the case's installation."""
    return Commands(case.installation)


async def live(case: Case) -> Json:
    """Return the ConfigMap that the Application delivers."""
    found = await case.target.get("ConfigMap", "one", case.namespace)
    assert found is not None
    return found


async def delivered(case: Case, **changes: Any) -> str:
    """Deliver a ConfigMap with two values and return the Application's name."""
    data = {"first": "1", "second": "2"}
    sha = await case.commit({"app/one.yaml": text("ConfigMap", "one", data=data)})
    app = await case.apply_app(**changes)
    await app.delivered(sha)
    return app.name


async def test_a_server_side_apply_of_argo_cd_removes_what_it_leaves_out(
    case: Case, trimtab: Commands
) -> None:
    options = ["ServerSideApply=true"]
    name = await delivered(case, syncPolicy={"syncOptions": options})
    before = await live(case)
    taken_back = await trimtab("release-ownership", name, code=7)
    assert "it would take the fields back" in taken_back.stderr
    await trimtab("release-ownership", name, "--dry-run")
    assert await live(case) == before
    manual = {"automated": {"enabled": False}, "syncOptions": options}
    await case.apply_app(syncPolicy=manual)
    told = await trimtab("release-ownership", name)
    assert f"ConfigMap {case.namespace}/one  released  {ARGOCD}" in told.stdout
    released = await live(case)
    assert (released["data"], managers_of(released)) == (before["data"], {ARGOCD})
    assert LAST_APPLIED not in released["metadata"]["annotations"]
    body = json.loads(config("one"))
    body["metadata"]["namespace"] = case.namespace
    applied = await case.target.apply({**body, "data": {"first": "1"}}, manager=ARGOCD)
    assert applied["data"] == {"first": "1"}
    again = await trimtab("release-ownership", name)
    assert "not ours" in again.stdout


@pytest.mark.parametrize(
    ("tool", "manager"), [(ARGOCD, ARGOCD), ("kubectl", "kubectl-client-side-apply")]
)
async def test_a_client_side_apply_is_told_what_was_applied(
    tool: str, manager: str, case: Case, trimtab: Commands
) -> None:
    name = await delivered(case)
    await case.apply_app(syncPolicy={"automated": {"enabled": False}})
    before = await live(case)
    await trimtab("release-ownership", name, "--to", tool)
    after = await live(case)
    assert managers_of(after) == {manager}
    assert {entry["operation"] for entry in after["metadata"]["managedFields"]} == {"Update"}
    annotations = after["metadata"]["annotations"]
    mark = {TRACKING: before["metadata"]["annotations"][TRACKING]}
    assert json.loads(annotations[LAST_APPLIED]) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "one", "namespace": case.namespace, "annotations": mark},
        "data": {"first": "1", "second": "2"},
    }
    assert after["data"] == before["data"]


async def test_syncing_again_takes_the_fields_back(case: Case, trimtab: Commands) -> None:
    name = await delivered(case)
    await case.apply_app(syncPolicy={"automated": {"enabled": False}})
    await trimtab("release-ownership", name, "--to", "helm")
    assert managers_of(await live(case)) == {"helm"}
    await case.commit({"app/one.yaml": text("ConfigMap", "one", data={"first": "3"})})
    await trimtab("app", "refresh", name, "--wait")
    await trimtab("app", "sync", name)
    found = await live(case)
    assert found["data"] == {"first": "3"}
    assert managers_of(found) == {"trimtab"}
