"""Sources at commits become objects: real engines over repositories in memory."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from trimtab.adapters.engines import EngineCharts, EnginePool, EngineRenderer
from trimtab.core import JsonObject
from trimtab.core.render import (
    DirectoryRequest,
    HelmRequest,
    KustomizeOptions,
    OverrideInvalid,
    SourceSpec,
    SourceType,
)
from trimtab.ports.renderer import EngineError
from trimtab.ports.source import PathUnknown, Repository
from trimtab.services.charts import ChartStore, Dependencies
from trimtab.services.render import RenderContext, Rendered, RenderRefused, RenderService, SourceAt
from trimtab.services.trees import Trees
from trimtab.testing.git import FakeSource

pytest_plugins = ["engine_fixtures"]

URL = "https://git.example/shop"
SETTINGS = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {colour: red}\n"
KUSTOMIZATION = {
    "app/kustomization.yaml": "resources: [settings.yaml]",
    "app/settings.yaml": SETTINGS,
}
CHART = {
    "app/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
    "app/values.yaml": "colour: red\nsize: small\n",
    "app/templates/settings.yaml": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}'}\n"
        "data: {colour: '{{ .Values.colour }}', size: '{{ .Values.size }}'}\n"
    ),
}


class Bench:
    """A repository and the service that renders it."""

    def __init__(self, engines: EnginePool, folder: Path) -> None:
        self.git = FakeSource()
        renderer = EngineRenderer(engines)
        self.service = RenderService(
            self.git,
            renderer,
            Trees(self.git, folder / "trees"),
            ChartStore(EngineCharts(engines), folder / "charts", lambda: 0.0),
            Dependencies(renderer, Repository),
        )

    def push(self, files: Mapping[str, str | bytes | None]) -> str:
        return self.git.commit(URL, files)

    async def render(self, commit: str, *, app_name: str = "shop", **spec: object) -> Rendered:
        stated = replace(SourceSpec(URL, path="app"), **spec)
        at = SourceAt(stated, Repository(URL), commit)
        return await self.service.render(at, RenderContext(app_name, "shop"))


@pytest.fixture
def bench(engines: EnginePool, tmp_path: Path) -> Bench:
    return Bench(engines, tmp_path)


def _data(rendered: Rendered) -> object:
    (body,) = rendered.objects
    return body.get("data")


def _metadata(rendered: Rendered) -> JsonObject:
    (body,) = rendered.objects
    metadata = body["metadata"]
    assert isinstance(metadata, Mapping)
    return metadata


async def test_an_override_file_sets_the_parameters_of_a_chart(bench: Bench) -> None:
    override = "helm:\n  parameters: [{name: colour, value: blue}]\n"
    rendered = await bench.render(bench.push({**CHART, "app/.argocd-source.yaml": override}))
    assert rendered.source_type is SourceType.HELM
    assert _data(rendered) == {"colour": "blue", "size": "small"}


async def test_the_application_s_own_file_wins_and_is_nobody_else_s(bench: Bench) -> None:
    commit = bench.push(
        {
            **CHART,
            "app/.argocd-source.yaml": "helm: {valuesObject: {colour: blue, size: big}}",
            "app/.argocd-source-shop.yaml": "helm: {valuesObject: {colour: green}}",
        }
    )
    assert _data(await bench.render(commit)) == {"colour": "green", "size": "big"}
    other = await bench.render(commit, app_name="depot")
    assert _data(other) == {"colour": "blue", "size": "big"}


async def test_an_override_file_that_appears_is_seen_by_the_next_render(bench: Bench) -> None:
    before = await bench.render(bench.push(KUSTOMIZATION))
    commit = bench.push({"app/.argocd-source-shop.yaml": "kustomize: {namePrefix: blue-}"})
    after = await bench.render(commit)
    assert (_metadata(before)["name"], _metadata(after)["name"]) == ("settings", "blue-settings")
    assert bench.service.renders == 2
    await bench.render(bench.push({"elsewhere.txt": "x"}))
    assert bench.service.renders == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("helm: [1]", "app/.argocd-source.yaml: helm: expected a map"),
        ("a\nb: c", "app/.argocd-source.yaml: document 1"),
    ],
)
async def test_a_broken_override_file_is_named(bench: Bench, text: str, message: str) -> None:
    commit = bench.push({**CHART, "app/.argocd-source.yaml": text})
    with pytest.raises((OverrideInvalid, EngineError)) as caught:
        await bench.render(commit)
    assert message in str(caught.value)


async def test_a_plugin_is_refused_wherever_it_is_stated(bench: Bench) -> None:
    commit = bench.push({**CHART, "app/.argocd-source.yaml": "plugin: {name: tool}"})
    for spec in ({}, {"has_plugin": True}):
        with pytest.raises(RenderRefused, match="plugins are not supported"):
            await bench.render(commit, **spec)


async def test_what_the_application_states_decides_over_file_names(bench: Bench) -> None:
    commit = bench.push({**CHART, **KUSTOMIZATION})
    assert (await bench.render(commit)).source_type is SourceType.KUSTOMIZE
    helm = HelmRequest(path="", release_name="", namespace="")
    assert (await bench.render(commit, helm=helm)).source_type is SourceType.HELM
    plain = await bench.render(commit, directory=DirectoryRequest(path=""))
    assert plain.source_type is SourceType.DIRECTORY


async def test_a_source_that_only_lends_files_renders_nothing(bench: Bench) -> None:
    rendered = await bench.render("0" * 40, path="", ref="values")
    assert rendered.objects == ()


async def test_a_replica_count_that_is_no_number_is_refused(bench: Bench) -> None:
    options = KustomizeOptions(replicas=(("web", "many"),))
    with pytest.raises(EngineError, match=r"integer value for count\. Received: many"):
        await bench.render(bench.push(KUSTOMIZATION), kustomize=options)


async def test_manifests_in_utf_16_are_read(bench: Bench) -> None:
    commit = bench.push({"app/a.yaml": SETTINGS.encode("utf-16")})
    assert _data(await bench.render(commit)) == {"colour": "red"}


async def test_a_path_or_library_outside_of_the_repository_is_refused(bench: Bench) -> None:
    commit = bench.push({"app/a.yaml": SETTINGS})
    with pytest.raises(PathUnknown, match="leaves the repository"):
        await bench.render(commit, path="../app")
    outside = DirectoryRequest(path="", libs=("app/../../lib",))
    with pytest.raises(RenderRefused, match="resolved to outside repository root"):
        await bench.render(commit, directory=outside)
