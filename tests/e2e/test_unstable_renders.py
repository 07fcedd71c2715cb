"""Charts that render differently each time: the user is told, and nothing is written for it."""

from __future__ import annotations

import asyncio
import shutil

from e2e.installation import Case
from e2e.objects import data_of
from e2e.seen import Json

CHART = {
    "app/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
    "app/templates/login.yaml": """\
apiVersion: v1
kind: Secret
metadata: {name: login}
stringData: {password: '{{ randAlphaNum 20 }}'}
""",
    "app/templates/built.yaml": """\
apiVersion: v1
kind: ConfigMap
metadata: {name: built}
data: {at: '{{ now | date "2006-01-02" }}', size: '{{ .Values.size }}'}
""",
    "app/values.yaml": "size: 1\n",
}


async def test_a_restart_without_any_cache_writes_nothing(case: Case) -> None:
    sha = await case.commit(CHART)
    app = await case.apply_app()
    view = await app.delivered(sha)
    assert view.has("UnstableRender", "Secret login", "ConfigMap built", "now", "randAlphaNum")
    before = await case.versions("Secret", "ConfigMap")
    assert {name for _, name in before} == {"login", "built"}
    password = await _password(case)
    serve, folder = case.installation.serve, case.installation.folder / "state"
    await asyncio.to_thread(serve.stop)
    held = [f for f in folder.rglob("*") if f.is_file() and password in f.read_bytes()]
    assert held == []
    await asyncio.to_thread(shutil.rmtree, folder / "cache")
    await asyncio.to_thread(serve.start)
    await case.installation.witness_moves()
    await app.refresh()
    await app.until(lambda a: "argocd.argoproj.io/refresh" not in _annotations(a.body))
    assert (await app.delivered(sha)).has("UnstableRender", "Secret login")
    assert await case.versions("Secret", "ConfigMap") == before
    diff = await case.installation.trimtab("app", "diff", app.name)
    assert (diff.returncode, diff.stdout) == (0, ""), diff.stdout
    # Another revision of the chart is another password, and so is what a user asks for.
    sha = await case.commit({"app/values.yaml": "size: 2\n"})
    await app.delivered(sha)
    second = await _password(case)
    assert second != password
    await app.refresh("hard")
    async with asyncio.timeout(30):
        # Watches hold no values of Secrets.
        while await _password(case) in (password, second):
            await case.target.pause()


async def _password(case: Case) -> bytes:
    found = await case.target.get("Secret", "login", case.namespace)
    return str(data_of(found)["password"]).encode()


def _annotations(body: Json) -> Json:
    return body["metadata"].get("annotations") or {}
