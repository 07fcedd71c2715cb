"""A hub where Argo CD's own definitions are installed: they know nothing of Trimtab's."""

from __future__ import annotations

import copy
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio

from e2e.installation import APPLICATION, Case, Installation, new_name
from e2e.objects import config, deployment
from e2e.seen import SeenCluster
from fleet_fixtures import TARGET
from trimtab.adapters.gitserver import GitServer
from trimtab.adapters.localfleet import RunningFleet
from trimtab.crds.argoproj_v1alpha1.crd import definitions

DEFINITION = "apiextensions.k8s.io/CustomResourceDefinition"
_PRESERVE = "x-kubernetes-preserve-unknown-fields"
_MARK = {"installed-by": "somebody-else"}


def narrowed(definition: Any) -> Any:
    """Return a definition that drops every field that it does not name."""
    body = copy.deepcopy(definition)
    body["metadata"]["labels"] = _MARK
    schema = body["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for name in ("spec", "operation", "status"):
        schema["properties"].get(name, {}).pop(_PRESERVE, None)
    return body


@pytest_asyncio.fixture
async def foreign(
    fleet: RunningFleet, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Case]:
    """Trimtab on a hub with others' definitions; the hub is its own only destination."""
    folder = tmp_path_factory.mktemp("foreign")
    async with AsyncExitStack() as stack:
        git = stack.enter_context(GitServer(folder / "git"))
        hub = SeenCluster(fleet.cluster(TARGET))
        await stack.enter_async_context(hub.cluster)
        for body in map(narrowed, definitions()):
            await hub.create(body)
            stack.push_async_callback(hub.delete, DEFINITION, body["metadata"]["name"])
        await hub.serves(APPLICATION)
        installation = Installation(hub, hub, git, folder)
        stack.push_async_callback(installation.end)
        await installation.begin({})
        case = Case(installation, new_name())
        stack.push_async_callback(case.end)
        await case.begin()
        yield case


async def test_a_sync_in_waves_ends_under_a_definition_that_others_installed(foreign: Case) -> None:
    case = foreign
    stuck = {"localfleet.trimtab.dev/ready": "false"}
    web = json.loads(deployment("web"))
    web["spec"]["template"]["metadata"]["annotations"] = stuck
    files = {"app/web.yaml": json.dumps(web), "app/later.yaml": config("later", wave="1")}
    await case.commit(files)
    app = await case.apply_app(destination={"name": "in-cluster"})
    running = await app.until(lambda a: a.phase == "Running" and "Deployment/web" in a.results)
    assert "trimtab.dev/sync-progress" in running.body["metadata"]["annotations"]
    assert await case.target.get("ConfigMap", "later", case.namespace) is None
    case.installation.serve.kill()
    case.installation.serve.start()
    sha = await case.commit({"app/web.yaml": deployment("web")})
    await app.delivered(sha)
    found = await app.until(
        lambda a: "trimtab.dev/sync-progress" not in a.body["metadata"].get("annotations", {})
    )
    assert found.status["history"][-1]["revision"] == sha
    definition = await case.hub.get(DEFINITION, "applications.argoproj.io")
    assert definition is not None
    assert definition["metadata"]["labels"] == _MARK
