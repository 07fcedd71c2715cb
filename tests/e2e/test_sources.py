"""What the fields of a source do to the objects that arrive in the cluster."""

from __future__ import annotations

import json
from typing import Any

from chart_shelf import serve_shelf
from e2e.installation import App, Case, config_map, secret
from e2e.objects import config, data_of, definition
from e2e.seen import Json


async def data(case: Case, name: str, namespace: str = "") -> Json:
    """Return the data of a ConfigMap; without it, what else is there."""
    found = await case.target.get("ConfigMap", name, namespace or case.namespace)
    assert found is not None, await case.versions()
    return data_of(found)


async def change(app: App, **source: Any) -> None:
    """Change some fields of an Application's source, and nothing else."""
    await app.patch({"spec": {"source": source}})


async def rendered(app: App) -> set[str]:
    """Return ``Kind/name`` of what ``trimtab app manifests`` prints."""
    done = await app.installation.trimtab("app", "manifests", app.name, "-o", "json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    return {f"{body['kind']}/{body['metadata']['name']}" for body in found}


CHART_TEMPLATE = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: chart}
data:
  kube: {{ .Capabilities.KubeVersion.Version | quote }}
  api: {{ .Capabilities.APIVersions.Has "harbour.example/v1" | quote }}
  namespace: {{ .Release.Namespace | quote }}
{{- range $name, $value := .Values.data }}
  {{ $name }}: {{ printf "%v %T" $value $value | quote }}
{{- end }}
"""
CHART_TEST = """\
apiVersion: v1
kind: Pod
metadata: {name: '%s', annotations: {helm.sh/hook: test}}
spec: {containers: [{name: main, image: test}]}
"""
SCHEMA = '{"properties": {"size": {"type": "integer"}}}'


def chart(group: str) -> dict[str, Any]:
    """Return the files of a chart whose ConfigMap shows what reached it."""
    return {
        "app/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
        "app/values.yaml": "size: 1\ndata: {default: d, file: d, text: d, object: d, set: d}\n",
        "app/values.schema.json": SCHEMA,
        "app/crds/boat.yaml": definition("boats", "Boat", group),
        "app/templates/c.yaml": CHART_TEMPLATE,
        "app/templates/test.yaml": CHART_TEST % "test",
        "app/templates/NOTES.txt": "kind: Note, which is not for the cluster",
        "app/extra.yaml": "data: {file: f, text: f, object: f, set: f}\n",
        "app/motto.txt": "fair winds",
    }


async def test_helm_values_parameters_and_capabilities(case: Case) -> None:
    nameless = {"app/templates/test.yaml": CHART_TEST % ""}
    sha = await case.commit({**chart(f"{case.name}.example"), **nameless})
    helm: Json = {
        "valueFiles": ["extra.yaml", "absent.yaml"],
        "ignoreMissingValueFiles": True,
        "values": "size: big\ndata: {text: t, set: t}\n",
        "parameters": [
            {"name": "data.set", "value": "7"},
            {"name": "data.text-set", "value": "7", "forceString": True},
        ],
        "fileParameters": [{"name": "data.motto", "path": "motto.txt"}],
        "kubeVersion": "1.31.0",
        "apiVersions": ["harbour.example/v1"],
        "namespace": "harbour",
        "skipCrds": True,
        "skipTests": True,
        "skipSchemaValidation": True,
    }
    app = await case.apply_app(source={"helm": helm})
    await app.delivered(sha)
    assert await data(case, "chart") == {
        "kube": "v1.31.0",
        "api": "true",
        "namespace": "harbour",
        "default": "d string",
        "file": "f string",
        "object": "f string",
        "text": "t string",
        "set": "7 int64",
        "text-set": "7 string",
        "motto": "fair winds string",
    }
    assert await rendered(app) == {"ConfigMap/chart"}
    # Each of these was needed, or had its effect.
    await change(app, helm={"skipSchemaValidation": False})
    await app.until(lambda a: a.has("ComparisonError", "size"))
    await change(app, helm={"skipSchemaValidation": True, "ignoreMissingValueFiles": False})
    await app.until(lambda a: a.has("ComparisonError", "absent.yaml"))
    await change(app, helm={"ignoreMissingValueFiles": True, "skipTests": False})
    await app.until(lambda a: a.has("ComparisonError", "Pod"))


async def test_helm_values_object_definitions_and_tests(case: Case) -> None:
    group = f"{case.name}.example"
    sha = await case.commit(chart(group))
    helm: Json = {"values": "data: {object: t}", "valuesObject": {"data": {"object": "o"}}}
    app = await case.apply_app(source={"helm": helm})
    await app.delivered(sha)
    found = await data(case, "chart")
    assert (found["object"], found["text"]) == ("o string", "d string")
    assert (found["api"], found["namespace"]) == ("false", case.namespace)
    assert found["kube"].startswith("v1.3")
    assert await rendered(app) == {"ConfigMap/chart", f"CustomResourceDefinition/boats.{group}"}
    # A chart's test is never run, and its notes are no manifest.
    assert await case.versions("Pod") == {}
    await case.target.delete("apiextensions.k8s.io/CustomResourceDefinition", f"boats.{group}")


async def test_hooks_of_a_chart_run_in_their_phase(case: Case) -> None:
    before = config_map("before", {}, annotations={"helm.sh/hook": "pre-install,pre-upgrade"})
    files = {**chart(f"{case.name}.example"), "app/templates/before.yaml": before}
    sha = await case.commit({**files, "app/crds/boat.yaml": None})
    app = await case.apply_app()
    view = await app.delivered(sha)
    assert view.results["ConfigMap/before"]["hookType"] == "PreSync"
    assert "hookType" not in view.results["ConfigMap/chart"]


async def test_a_chart_of_a_helm_repository(case: Case) -> None:
    template = config_map("buoy", {"version": "{{ .Chart.Version }}"})
    async with serve_shelf("1.2.0", "1.10.1", "2.0.0", template=template) as shelf:
        url = shelf.http.url
        login = {"type": "helm", "url": url, "username": "me", "password": "secret"}
        labels = {"argocd.argoproj.io/secret-type": "repository"}
        registration = secret(f"repo-{case.name}", case.installation.namespace, login, labels)
        await case.hub.apply(registration)
        source = {"repoURL": url, "path": None, "chart": "buoy", "targetRevision": "~1.2"}
        app = await case.apply_app(source=source)
        view = await app.delivered("1.2.0")
        assert view.status["sourceType"] == "Helm"
        assert await data(case, "buoy") == {"version": "1.2.0"}
        await change(app, targetRevision="1.*")
        await app.delivered("1.10.1")
        assert await data(case, "buoy") == {"version": "1.10.1"}


async def test_a_directory_is_searched_as_it_says(case: Case) -> None:
    files = {
        "app/top.yaml": config("top"),
        "app/deep/er/low.yaml": config("low"),
        "app/deep/not.yaml": config("not"),
        "app/deep/other.json": config("other"),
    }
    sha = await case.commit(files)
    directory: Json = {"recurse": True, "include": "*.yaml", "exclude": "deep/not*"}
    app = await case.apply_app(source={"directory": directory})
    await app.delivered(sha)
    assert {name for _, name in await case.versions()} == {"top", "low"}
    await change(app, directory={"recurse": False})
    await case.target.until("ConfigMap", "low", case.namespace, lambda body: body is None)
    assert {name for _, name in await case.versions()} == {"top"}


JSONNET = """\
local sea = import 'sea.libsonnet';
function(count, place) {
  apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'net' },
  data: {
    lib: sea.name, text: std.extVar('text'), code: '%d' % (std.extVar('code') + 1),
    count: '%d' % (count + 1), place: place,
  },
}
"""


async def test_jsonnet_variables_arguments_and_libraries(case: Case) -> None:
    files = {"app/net.jsonnet": JSONNET, "vendor/sea.libsonnet": "{ name: 'north' }"}
    sha = await case.commit(files)
    jsonnet: Json = {
        "libs": ["vendor"],
        "extVars": [
            {"name": "text", "value": "1 + 1"},
            {"name": "code", "value": "1 + 1", "code": True},
        ],
        "tlas": [
            {"name": "count", "value": "2 + 2", "code": True},
            {"name": "place", "value": "2 + 2"},
        ],
    }
    app = await case.apply_app(source={"directory": {"jsonnet": jsonnet}})
    await app.delivered(sha)
    assert await data(case, "net") == {
        "lib": "north",
        "text": "1 + 1",
        "code": "3",
        "count": "5",
        "place": "2 + 2",
    }


async def test_a_source_is_called_by_its_name_and_info_is_shown(case: Case) -> None:
    url = case.repo.url
    await case.commit(
        {
            "app/one.yaml": config("one"),
            "bad/two.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: [",
        }
    )
    sources = [
        {"repoURL": url, "path": "app", "name": "quay"},
        {"repoURL": url, "path": "bad", "name": "crane"},
    ]
    info = [{"name": "Runbook", "value": "https://docs.example/quay"}]
    app = await case.apply_app(source=None, sources=sources, info=info)
    view = await app.until(lambda a: a.has("ComparisonError", "source 'crane'", "two.yaml"))
    assert "quay" not in view.conditions["ComparisonError"]
    shown = await case.installation.trimtab("app", "get", app.name)
    assert "Info:        Runbook: https://docs.example/quay" in shown.stdout


async def test_an_operation_syncs_each_source_at_its_own_revision(case: Case) -> None:
    url = case.repo.url
    first = await case.commit({"a/a.yaml": config("a"), "b/b.yaml": config("b")})
    sources = [
        {"repoURL": url, "path": "a", "targetRevision": "main"},
        {"repoURL": url, "path": "b", "targetRevision": "main"},
    ]
    policy = {"automated": None}
    app = await case.apply_app(source=None, sources=sources, syncPolicy=policy)
    second = await case.commit({"a/a.yaml": config("a", "2"), "b/b.yaml": config("b", "2")})
    await app.start(revisions=[first, second])
    view = await app.until(lambda a: a.phase == "Succeeded")
    assert view.operation["syncResult"]["revisions"] == [first, second]
    found = (await data(case, "a"), await data(case, "b"))
    assert found == ({"value": "1"}, {"value": "2"})


async def test_an_operation_may_sync_another_source(case: Case) -> None:
    helm = chart(f"{case.name}.example")
    sha = await case.commit({"plain/one.yaml": config("one"), **helm, "app/crds/boat.yaml": None})
    app = await case.apply_app(source={"path": "plain"}, syncPolicy={"automated": None})
    await app.until(lambda a: a.sync == "OutOfSync")
    source = {
        "repoURL": case.repo.url,
        "path": "app",
        "targetRevision": "main",
        "helm": {"parameters": [{"name": "data.set", "value": "operation"}]},
    }
    await app.start(source=source)
    view = await app.until(lambda a: a.phase == "Succeeded")
    assert view.operation["syncResult"]["revision"] == sha
    assert view.operation["syncResult"]["source"]["path"] == "app"
    assert (await data(case, "chart"))["set"] == "operation string"
    assert view.body["spec"]["source"]["path"] == "plain"
