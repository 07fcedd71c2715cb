"""Runner for ``argocd/manifests``: source folders to objects, through the render service.

A case's tree becomes a commit of a repository in memory and is rendered by the real engines. The
Application's source is read by the wire model, so that the same settings count as in a cluster.
"""

import asyncio
import tempfile
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from conformance.cases import Case
from conformance.framework import Answer, Unsupported, compare_keys
from trimtab.adapters.engines import EngineCharts, EnginePool, EngineRenderer, find_binary
from trimtab.adapters.engines.renderer import directory_params
from trimtab.core.diff.removal import pointer_tokens
from trimtab.core.errors import Stalled
from trimtab.core.manifest import TrackingMethod, normalise_manifests, with_tracking
from trimtab.core.render import KUSTOMIZATION_FILES, DirectoryRequest
from trimtab.crds.argoproj_v1alpha1.mapping import map_source
from trimtab.crds.argoproj_v1alpha1.source import ApplicationSource
from trimtab.ports.source import Repository
from trimtab.services.charts import ChartStore, Dependencies
from trimtab.services.folders import SourceFolder, open_folder
from trimtab.services.render import RenderContext, Rendered, RenderService, SourceAt
from trimtab.services.trees import Trees
from trimtab.testing.git import FakeSource, Link

_URL = "https://git.example/repository"
_TIMEOUT = timedelta(seconds=30)
_HELM_OPTIONS = {"kubeVersion", "skipTests"}


@dataclass(frozen=True, slots=True)
class _Bench:
    """The product's parts around one case."""

    case: Case
    pool: EnginePool
    renderer: EngineRenderer
    source: FakeSource
    folder: Path

    def at(self, source: Mapping[str, Any]) -> SourceAt:
        """Return a source as the wire states it, at a commit that holds the case's tree."""
        spec = map_source(msgspec.convert({"repoURL": _URL, **source}, ApplicationSource))
        return SourceAt(spec, Repository(_URL), self.source.commit(_URL, _tree(self.case)))

    async def render(self, source: Mapping[str, Any], **context: Any) -> Rendered:
        service = RenderService(
            self.source,
            self.renderer,
            Trees(self.source, self.folder / "trees"),
            ChartStore(EngineCharts(self.pool), self.folder / "charts", lambda: 0.0),
            Dependencies(self.renderer, Repository),
        )
        known = RenderContext(
            **{"app_name": self.case.input.get("appName", ""), "namespace": "", **context}
        )
        return await service.render(self.at(source), known)


def _tree(case: Case) -> dict[str, bytes | Link | str | None]:
    files: dict[str, bytes | Link | str | None] = {}
    if "root" in case.input:
        root = case.folder / case.input["root"]
        for file in sorted(each for each in root.rglob("*") if each.is_file()):
            files[file.relative_to(root).as_posix()] = file.read_bytes()
    for link in case.input.get("symlinks", ()):
        files[link["path"]] = Link(link["target"])
    return files


async def _find(bench: _Bench) -> Answer:
    """Run the engine's search alone: lists are objects here, they are opened up later."""
    root = bench.folder / "tree"
    for name, content in _tree(bench.case).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Link):
            (root / name).symlink_to(content.target)
        elif isinstance(content, bytes):
            (root / name).write_bytes(content)
    spec = bench.at({"directory": bench.case.input.get("directory", {})}).spec
    params = directory_params(spec.directory or DirectoryRequest(path=""))
    limit = bench.case.input.get("maxCombinedSizeBytes", 0)
    params |= {
        "root": str(root),
        "path": bench.case.input["path"],
        "max_combined_bytes": limit,
        "keep_lists": True,
    }
    answer: Any = await bench.pool.call("directory.render", params, timeout=_TIMEOUT)
    return _objects(answer["objects"])


async def _generate(bench: _Bench) -> Answer:
    rendered = await bench.render(bench.case.input["source"])
    method = bench.case.input.get("trackingMethod")
    if method is None:
        return _objects(rendered.objects)
    shaped = normalise_manifests(
        rendered.objects, default_namespace="", is_namespaced=lambda _: None
    )
    marked = [
        with_tracking(
            manifest,
            app_instance=bench.case.input["appName"],
            method=TrackingMethod(method),
            label_key=bench.case.input["appLabelKey"],
        )
        for manifest in shaped.manifests
    ]
    return _objects([manifest.body for manifest in marked])


async def _source_type(bench: _Bench) -> Answer:
    folder: SourceFolder = await open_folder(
        bench.source, bench.renderer, bench.at({"path": "."}), app_name=""
    )
    return {"sourceType": str(folder.source_type)}


async def _helm(bench: _Bench) -> Answer:
    options = dict(bench.case.input["options"])
    name, plain, text = (options.pop(each, None) for each in ("name", "set", "setString"))
    if options.keys() - _HELM_OPTIONS:
        raise Unsupported(f"helm options {sorted(options.keys() - _HELM_OPTIONS)}")
    given = [(key, value, False) for key, value in (plain or {}).items()]
    given += [(key, value, True) for key, value in (text or {}).items()]
    helm = {
        **options,
        "releaseName": name or "",
        "parameters": [
            {"name": key, "value": value, "forceString": forced} for key, value, forced in given
        ],
    }
    return _objects((await bench.render({"path": ".", "helm": helm})).objects)


async def _kustomize(bench: _Bench) -> Answer:
    given = bench.case.input
    source = {"path": given["path"], "kustomize": given["kustomize"]}
    context = {
        "env": given["env"],
        "kube_version": given.get("kubeVersion", ""),
        "api_versions": tuple(given.get("apiVersions", ())),
    }
    return _objects((await bench.render(source, **context)).objects)


async def _set_escape(bench: _Bench) -> Answer:
    params = {"value": bench.case.input["value"]}
    answer: Any = await bench.pool.call("helm.set_escape", params, timeout=_TIMEOUT)
    return {"value": answer["value"]}


async def _kustomization_file(bench: _Bench) -> Answer:
    return {"value": bench.case.input["name"] in KUSTOMIZATION_FILES}


def _objects(objects: Any) -> Answer:
    return {
        "count": len(objects),
        "names": [(each.get("metadata") or {}).get("name", "") for each in objects],
        "manifests": list(objects),
        "error": False,
    }


_RUNNERS: dict[str, Callable[[_Bench], Coroutine[Any, Any, Answer]]] = {
    "find-manifests": _find,
    "generate": _generate,
    "source-type": _source_type,
    "helm-template": _helm,
    "kustomize-build": _kustomize,
    "helm-set-escape": _set_escape,
    "is-kustomization-file": _kustomization_file,
}


def run(case: Case) -> Answer:
    """Return what the product says about one case."""
    kind = case.input["type"]
    if kind not in _RUNNERS:
        raise Unsupported(kind)
    return asyncio.run(_run(case, _RUNNERS[kind]))


async def _run(case: Case, runner: Callable[[_Bench], Coroutine[Any, Any, Answer]]) -> Answer:
    with tempfile.TemporaryDirectory() as folder:
        async with EnginePool(find_binary, workers=1) as pool:
            bench = _Bench(case, pool, EngineRenderer(pool), FakeSource(), Path(folder))
            try:
                return await runner(bench)
            except Stalled as error:
                return {"error": True, "text": error.message}


def compare(answer: Answer, expected: Mapping[str, Any]) -> list[str]:
    """Compare keys exactly, the error's text by what it contains, and checks by their place."""
    wanted = dict(expected)
    if "commands" in wanted:
        raise Unsupported("no helm command is run: there is no command line to report")
    text, checks = wanted.pop("errorContains", ""), wanted.pop("checks", ())
    wanted.setdefault("error", False)
    if not wanted["error"] and answer.get("error"):
        return [f"refused: {answer['text']}"]
    mismatches = compare_keys({"error": False, **answer}, wanted)
    if text not in answer.get("text", ""):
        mismatches.append(f"error: expected {text!r} in {answer.get('text')!r}")
    for check in checks:
        found = _lookup(_selected(answer["manifests"], check), check["path"])
        if found != check["equals"]:
            mismatches.append(f"{check}: found {found!r}")
    return mismatches


def _selected(objects: list[Any], check: Mapping[str, Any]) -> Any:
    if "index" in check:
        return objects[check["index"]]
    select = check["select"]
    for each in objects:
        name, kind = each.get("metadata", {}).get("name"), each.get("kind")
        if select.get("name", name) == name and select.get("kind", kind) == kind:
            return each
    return None


def _lookup(document: Any, path: str) -> Any:
    for token in pointer_tokens(path):
        if isinstance(document, list):
            document = document[int(token)] if int(token) < len(document) else None
        else:
            document = (document or {}).get(token)
    return document
