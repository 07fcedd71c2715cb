"""Argo CD is alive in the hub: nothing is written until somebody says who is to deliver."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

from e2e.installation import APPLICATION, App, Case
from e2e.objects import config, data_of, deployment
from e2e.serving import Serve
from e2e.test_serve import metric

LOOKS = "trimtab_reconcile_seconds_count"


async def looked(serve: Serve, *, seconds: float = 30) -> None:
    """Wait until every Application that there is has been looked at."""
    deadline = time.monotonic() + seconds
    while await metric(serve.url, LOOKS, controller="application") < 1:
        assert time.monotonic() < deadline, serve.last_log()
        await asyncio.sleep(0.05)


async def alive(case: Case, name: str) -> None:
    """Let a Deployment of that name run in the installation's namespace."""
    namespace = case.installation.namespace
    body = json.loads(deployment(name))
    body["metadata"]["namespace"] = namespace
    await case.hub.apply(body)
    await case.hub.until(
        "apps/Deployment",
        name,
        namespace,
        lambda b: b and b.get("status", {}).get("readyReplicas") == 1,
    )


def version(app: App) -> str:
    return app.view.body["metadata"]["resourceVersion"]


async def test_serve_only_observes_while_argo_cd_is_alive(case: Case, tmp_path: Path) -> None:
    installation, serve = case.installation, case.installation.serve
    await case.commit({"app/one.yaml": config("one")})
    app = await case.apply_app()
    await app.until(lambda a: (a.sync, a.health) == ("Synced", "Healthy"))
    await asyncio.to_thread(serve.stop)
    await alive(case, "argocd-application-controller")
    sha = await case.commit({"app/one.yaml": config("one", "2")})
    told, before = version(app), await case.versions()
    observer = Serve(installation.options, tmp_path / "observer.log")
    taker = Serve(installation.options, tmp_path / "taker.log", extra=["--take-over"])
    try:
        await asyncio.to_thread(observer.start)
        await looked(observer)
        await asyncio.to_thread(observer.stop)
        assert "Deployment" in observer.last_log()
        assert "--take-over" in observer.last_log()
        found = await case.hub.get(APPLICATION, app.name, installation.namespace)
        assert found is not None
        assert found["metadata"]["resourceVersion"] == told
        assert await case.versions() == before
        await asyncio.to_thread(taker.start)
        await app.delivered(sha)
        one = await case.target.get("ConfigMap", "one", case.namespace)
        assert data_of(one) == {"value": "2"}
    finally:
        await case.hub.delete(
            "apps/Deployment", "argocd-application-controller", installation.namespace
        )
        for other in (observer, taker):
            await asyncio.to_thread(other.stop)
        await asyncio.to_thread(serve.start)
