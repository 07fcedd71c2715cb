"""Charts that render differently each time: what was rendered first is found again."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from trimtab.adapters.engines import EngineCharts, EnginePool, EngineRenderer
from trimtab.core import JsonObject
from trimtab.core.manifest import GroupKind
from trimtab.core.render import SourceSpec, Unstable
from trimtab.ports.cluster import ClusterUnreachable
from trimtab.ports.source import Repository
from trimtab.services.charts import ChartStore, Dependencies
from trimtab.services.render import RenderContext, Rendered, RenderService, SourceAt
from trimtab.services.render_pins import HubPins, PinOwner
from trimtab.services.trees import Trees
from trimtab.testing.cluster import FakeCluster
from trimtab.testing.git import FakeSource

pytest_plugins = ["engine_fixtures"]

URL = "https://git.example/shop"
OWNER = PinOwner("argoproj.io/v1alpha1", "Application", "argocd", "shop", "uid-1")
SECRET = """\
apiVersion: v1
kind: Secret
metadata: {name: login}
stringData: {password: '{{ randAlphaNum 20 }}'}
"""
SETTINGS = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: red}
"""
CHART = {
    "app/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
    "app/templates/login.yaml": SECRET,
    "app/templates/settings.yaml": SETTINGS,
}
FOUND = Unstable(("Secret login",), ("randAlphaNum",), is_kept=True)


class Bench:
    """A repository, a hub, and processes that come and go."""

    def __init__(self, engines: EnginePool, folder: Path) -> None:
        self.git = FakeSource()
        self.hub = FakeCluster()
        self.hub.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "argocd"}})
        self._engines, self._folder = engines, folder
        self.owner: PinOwner | None = OWNER
        self.api_versions: tuple[str, ...] = ()
        self.start()

    def start(self, *, is_read_only: bool = False) -> None:
        """Begin anew: nothing is remembered and nothing is on the disk."""
        renderer = EngineRenderer(self._engines)
        self.service = RenderService(
            self.git,
            renderer,
            Trees(self.git, self._folder / "trees"),
            ChartStore(EngineCharts(self._engines), self._folder / "charts", lambda: 0.0),
            Dependencies(renderer, Repository),
            pins=HubPins(self.hub, is_read_only=is_read_only),
        )

    def push(self, files: dict[str, str]) -> str:
        return self.git.commit(URL, files)

    async def render(self, commit: str, *, fresh: bool = False) -> Rendered:
        at = SourceAt(SourceSpec(URL, path="app"), Repository(URL), commit)
        context = replace(
            RenderContext("shop", "shop"), owner=self.owner, api_versions=self.api_versions
        )
        return await self.service.render(at, context, fresh=fresh)


@pytest.fixture
def bench(engines: EnginePool, tmp_path: Path) -> Bench:
    return Bench(engines, tmp_path)


def password(rendered: Rendered) -> str:
    (secret,) = (body for body in rendered.objects if body["kind"] == "Secret")
    data = secret["stringData"]
    assert isinstance(data, dict)
    return str(data["password"])


async def bodies(bench: Bench) -> list[JsonObject]:
    found = await bench.hub.list(GroupKind("", "Secret"), label_selector="trimtab.dev/render-pin")
    return [live.body() for live in found]


async def test_another_process_delivers_what_was_rendered_first(bench: Bench) -> None:
    commit = bench.push(CHART)
    first = await bench.render(commit)
    assert first.unstable == FOUND
    bench.start()
    again = await bench.render(commit)
    assert (again.objects, again.digest, again.unstable) == (first.objects, first.digest, FOUND)


async def test_a_new_definition_in_the_cluster_changes_no_password(bench: Bench) -> None:
    commit = bench.push(CHART)
    first = await bench.render(commit)
    bench.api_versions = ("example.com/v1", "example.com/v1/Widget")
    again = await bench.render(commit)
    assert (again.objects, again.unstable) == (first.objects, FOUND)


async def test_it_is_kept_in_a_secret_that_goes_with_the_application(bench: Bench) -> None:
    value = password(await bench.render(bench.push(CHART)))
    (body,) = await bodies(bench)
    metadata = body["metadata"]
    assert isinstance(metadata, dict)
    assert metadata["namespace"] == OWNER.namespace
    (owner,) = metadata["ownerReferences"]
    assert (owner["name"], owner["uid"]) == ("shop", "uid-1")
    assert value not in str(body)
    assert base64.b64encode(value.encode()).decode() not in str(body)


async def test_a_commit_elsewhere_keeps_it_and_one_of_the_chart_does_not(bench: Bench) -> None:
    first = password(await bench.render(bench.push(CHART)))
    bench.start()
    assert password(await bench.render(bench.push({"README": "x"}))) == first
    bench.start()
    second = password(await bench.render(bench.push({"app/values.yaml": "a: 1"})))
    assert second != first


async def test_going_back_finds_the_old_one(bench: Bench) -> None:
    old = bench.push(CHART)
    new = bench.push({"app/values.yaml": "a: 1"})
    first, second = password(await bench.render(old)), password(await bench.render(new))
    bench.start()
    assert password(await bench.render(old)) == first
    assert password(await bench.render(new)) == second


async def test_few_revisions_are_kept(bench: Bench) -> None:
    commits = [bench.push({**CHART, "app/values.yaml": f"a: {n}"}) for n in range(6)]
    values = [password(await bench.render(commit)) for commit in commits]
    (body,) = await bodies(bench)
    assert len(body["data"]) == 4  # type: ignore[arg-type]
    bench.start()
    assert password(await bench.render(commits[-1])) == values[-1]
    assert password(await bench.render(commits[0])) != values[0]


async def test_a_hard_refresh_makes_a_new_one(bench: Bench) -> None:
    commit = bench.push(CHART)
    first = password(await bench.render(commit))
    second = password(await bench.render(commit, fresh=True))
    assert second != first
    bench.start()
    assert password(await bench.render(commit)) == second


async def test_a_stable_chart_is_rendered_once_and_keeps_nothing(bench: Bench) -> None:
    rendered = await bench.render(bench.push({**CHART, "app/templates/login.yaml": SETTINGS}))
    assert rendered.unstable is None
    assert await bodies(bench) == []


async def test_a_function_without_effect_is_no_instability(bench: Bench) -> None:
    guarded = SETTINGS + "{{ $unused := randAlphaNum 4 }}"
    rendered = await bench.render(bench.push({**CHART, "app/templates/login.yaml": guarded}))
    assert rendered.unstable is None


async def test_a_chart_that_fails_at_another_time_is_kept_whole(bench: Bench) -> None:
    year = datetime.now(UTC).year
    fails = f'{{{{ if ne (now | date "2006") "{year}" }}}}{{{{ fail "expired" }}}}{{{{ end }}}}'
    commit = bench.push({**CHART, "app/templates/login.yaml": fails})
    rendered = await bench.render(commit)
    assert rendered.unstable == Unstable(("ConfigMap settings",), ("now",), is_kept=True)


async def test_where_nothing_may_be_written_it_is_said(bench: Bench) -> None:
    bench.start(is_read_only=True)
    rendered = await bench.render(bench.push(CHART))
    assert rendered.unstable == replace(FOUND, is_kept=False)
    assert await bodies(bench) == []


async def test_a_hub_that_does_not_answer_changes_no_password(bench: Bench) -> None:
    commit = bench.push(CHART)
    first = password(await bench.render(commit))
    bench.start()
    bench.hub.go_offline()
    with pytest.raises(ClusterUnreachable):
        await bench.render(commit)
    bench.hub.come_back()
    assert password(await bench.render(commit)) == first
