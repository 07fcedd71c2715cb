"""Charts come from Helm repositories, OCI registries and folders; nothing else uses the network."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chart_shelf import Shelf, serve_shelf
from engine_cases import SOON, write_tree
from trimtab.adapters.engines import EngineCharts, EnginePool, EngineRenderer
from trimtab.core.render import HelmRequest
from trimtab.ports.renderer import ChartRepository, EngineError

pytest_plugins = ["engine_fixtures"]


@pytest.fixture
async def shelf() -> AsyncIterator[Shelf]:
    async with serve_shelf("0.9.0", "1.2.0", "1.10.1", "2.0.0-rc.1") as shelf:
        yield shelf


@pytest.fixture
def charts(engines: EnginePool) -> EngineCharts:
    return EngineCharts(engines)


@pytest.mark.parametrize("kind", ["http", "oci"])
@pytest.mark.parametrize(
    ("constraint", "version"),
    [
        ("", "1.10.1"),
        ("1.2.0", "1.2.0"),
        ("^1.2", "1.10.1"),
        ("<1", "0.9.0"),
        ("2.0.0-rc.1", "2.0.0-rc.1"),
    ],
)
async def test_a_version_is_resolved_and_pulled(
    kind: str,
    constraint: str,
    version: str,
    shelf: Shelf,
    charts: EngineCharts,
    renderer: EngineRenderer,
    tmp_path: Path,
) -> None:
    repository = getattr(shelf, kind)
    assert await charts.resolve(repository, "buoy", constraint, timeout=SOON) == version
    folder = await charts.pull(repository, "buoy", constraint, tmp_path / "into", timeout=SOON)
    request = HelmRequest(folder, "r", "n")
    output = await renderer.render(request, root=tmp_path / "into", timeout=SOON)
    assert output.objects == ({"kind": "A", "version": version},)


@pytest.mark.parametrize("kind", ["http", "oci"])
async def test_what_goes_wrong_has_a_code_and_shows_no_password(
    kind: str, shelf: Shelf, charts: EngineCharts
) -> None:
    good: ChartRepository = getattr(shelf, kind)
    wrong = ChartRepository(good.url, username="me", password="hunter2", is_oci=good.is_oci)
    gone = ChartRepository("http://127.0.0.1:9/charts", password="hunter2", is_oci=good.is_oci)
    for repository, constraint, code in (
        (good, "^7", "not_found"),
        (good, "not a range", "invalid"),
        (wrong, "*", "denied"),
        (gone, "*", "unreachable"),
    ):
        with pytest.raises(EngineError) as refused:
            await charts.resolve(repository, "buoy", constraint, timeout=SOON)
        assert refused.value.code == code, refused.value.summary
        assert "hunter2" not in refused.value.summary


async def test_an_archive_that_is_not_the_indexed_one_is_refused(
    shelf: Shelf, charts: EngineCharts, tmp_path: Path
) -> None:
    shelf.spoiled = True
    with pytest.raises(EngineError, match="digest"):
        await charts.pull(shelf.http, "buoy", "1.2.0", tmp_path, timeout=SOON)


async def test_dependencies_are_fetched_from_everywhere(
    shelf: Shelf, renderer: EngineRenderer, tmp_path: Path
) -> None:
    oci = shelf.url.replace("http://", "oci://") + "/reg"
    dependencies = [
        {"name": "buoy", "version": "^1.0", "repository": shelf.http.url},
        {"name": "rope", "version": "0.1.x", "repository": "file://../rope"},
        {"name": "buoy", "version": "0.9.0", "repository": oci, "alias": "old"},
    ]
    head = {"apiVersion": "v2", "name": "ship", "version": "1.0.0", "dependencies": dependencies}
    rope = {"apiVersion": "v2", "name": "rope", "version": "0.1.5"}
    root = write_tree(
        tmp_path,
        {
            "ship/Chart.yaml": json.dumps(head),
            "rope/Chart.yaml": json.dumps(rope),
            "rope/templates/a.yaml": "kind: Rope",
        },
    )
    request = HelmRequest("ship", "r", "n")
    with pytest.raises(EngineError) as missing:
        await renderer.render(request, root=root, timeout=SOON)
    assert missing.value.code == "dependencies"
    await renderer.build_dependencies(
        root=root, path="ship", repositories=[shelf.http, shelf.oci], timeout=SOON
    )
    output = await renderer.render(request, root=root, timeout=SOON)
    assert sorted(str(each.get("version", each["kind"])) for each in output.objects) == [
        "0.9.0",
        "1.10.1",
        "Rope",
    ]


@pytest.mark.parametrize(
    ("dependency", "code"),
    [
        ({"repository": "file://../../outside"}, "forbidden"),
        ({"repository": "file://../gone"}, "not_found"),
        ({"repository": ""}, "not_found"),
        ({"repository": "@stable"}, "invalid"),
    ],
)
async def test_a_dependency_that_cannot_be_fetched_is_named(
    dependency: dict[str, str], code: str, renderer: EngineRenderer, tmp_path: Path
) -> None:
    head = {
        "apiVersion": "v2",
        "name": "ship",
        "version": "1.0.0",
        "dependencies": [{"name": "rope", "version": "1.x", **dependency}],
    }
    root = write_tree(tmp_path / "root", {"ship/Chart.yaml": json.dumps(head)})
    with pytest.raises(EngineError, match="dependency rope of ship") as refused:
        await renderer.build_dependencies(root=root, path="ship", repositories=[], timeout=SOON)
    assert refused.value.code == code
