"""The ``Renderer`` port over the pool: requests become parameters, answers become tuples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, assert_never, cast

from trimtab.adapters.engines.charts import repository_params
from trimtab.adapters.engines.pool import EnginePool
from trimtab.core import JsonObject, JsonValue
from trimtab.core.render import (
    DirectoryRequest,
    HelmRequest,
    JsonnetVariable,
    KustomizeOptions,
    KustomizePatch,
    KustomizeRequest,
    RenderRequest,
)
from trimtab.ports.renderer import ChartRepository, EngineError, RenderOutput


class EngineRenderer:
    """Renders with a pool's engines; implements ``trimtab.ports.renderer.Renderer``."""

    def __init__(self, pool: EnginePool) -> None:
        self._pool = pool

    async def render(
        self, request: RenderRequest, *, root: Path | None, timeout: timedelta
    ) -> RenderOutput:
        """See ``Renderer.render``."""
        match request:
            case HelmRequest():
                method, params = "helm.template", helm_params(request)
            case KustomizeRequest():
                method, params = "kustomize.build", kustomize_params(request)
            case DirectoryRequest(files=()):
                method, params = "directory.render", directory_params(request)
            case DirectoryRequest(files=files):
                method = "directory.render_inline"
                params = directory_params(request)
                params["files"] = [{"path": file.path, "text": file.text} for file in files]
            case _:
                assert_never(request)
        if method != "directory.render_inline":
            if root is None:
                raise EngineError("invalid", f"{method} needs its files on disk")
            params["root"] = str(root)
        return _output(await self._pool.call(method, params, timeout=timeout))

    async def parse(self, text: str, *, timeout: timedelta) -> Sequence[JsonObject]:
        """See ``Renderer.parse``."""
        answer = await self._pool.call("yaml.to_json", {"doc": text}, timeout=timeout)
        return tuple(cast("Mapping[str, Sequence[JsonObject]]", answer)["objects"])

    async def build_dependencies(
        self,
        *,
        root: Path,
        path: str,
        repositories: Sequence[ChartRepository],
        timeout: timedelta,
    ) -> None:
        """See ``Renderer.build_dependencies``."""
        params: dict[str, JsonValue] = {
            "root": str(root),
            "path": path,
            "repositories": [repository_params(each) for each in repositories],
        }
        await self._pool.call("helm.dependency", params, timeout=timeout)


def helm_params(request: HelmRequest) -> dict[str, JsonValue]:
    """Return the parameters of ``helm.template``, without the root."""
    return {
        "path": request.path,
        "release_name": request.release_name,
        "namespace": request.namespace,
        "values_files": list(request.value_files),
        "values": request.values,
        "values_object": request.values_object,
        "parameters": [
            {"name": each.name, "value": each.value, "force_string": each.force_string}
            for each in request.parameters
        ],
        "file_parameters": [
            {"name": each.name, "path": each.path} for each in request.file_parameters
        ],
        "kube_version": request.kube_version,
        "api_versions": list(request.api_versions),
        "skip_crds": request.skip_crds,
        "skip_tests": request.skip_tests,
        "skip_schema_validation": request.skip_schema_validation,
        "ignore_missing_value_files": request.ignore_missing_value_files,
        "is_probe": request.is_probe,
    }


def kustomize_params(request: KustomizeRequest) -> dict[str, JsonValue]:
    """Return the parameters of ``kustomize.build``, without the root."""
    options = kustomize_options(request.options)
    options["build_options"] = list(request.build_options)
    options["env"] = dict(request.env or {})
    return {"path": request.path, "options": options}


def kustomize_options(options: KustomizeOptions) -> dict[str, JsonValue]:
    """Return the Application's own options as the engine wants them."""
    return {
        "name_prefix": options.name_prefix,
        "name_suffix": options.name_suffix,
        "images": list(options.images),
        "replicas": [{"name": name, "count": count} for name, count in options.replicas],
        "common_labels": dict(options.common_labels or {}),
        "common_annotations": dict(options.common_annotations or {}),
        "force_common_labels": options.force_common_labels,
        "force_common_annotations": options.force_common_annotations,
        "label_without_selector": options.label_without_selector,
        "label_include_templates": options.label_include_templates,
        "common_annotations_envsubst": options.common_annotations_envsubst,
        "namespace": options.namespace,
        "components": list(options.components),
        "ignore_missing_components": options.ignore_missing_components,
        "patches": [_patch(each) for each in options.patches],
    }


def directory_params(request: DirectoryRequest) -> dict[str, JsonValue]:
    """Return the parameters of ``directory.render``, without root and files."""
    return {
        "path": request.path,
        "recurse": request.recurse,
        "include": request.include,
        "exclude": request.exclude,
        "max_combined_bytes": request.max_combined_bytes,
        "jsonnet": {
            "ext_vars": _variables(request.ext_vars),
            "tlas": _variables(request.tlas),
            "libs": list(request.libs),
        },
    }


def _patch(patch: KustomizePatch) -> JsonObject:
    fields: dict[str, JsonValue] = {
        "path": patch.path,
        "patch": patch.patch,
        "target": patch.target,
        "options": patch.options,
    }
    return {name: value for name, value in fields.items() if value}


def _variables(variables: Iterable[JsonnetVariable]) -> list[JsonValue]:
    return [{"name": each.name, "value": each.value, "code": each.code} for each in variables]


def _output(answer: JsonValue) -> RenderOutput:
    fields = cast("Mapping[str, Any]", answer)
    return RenderOutput(
        objects=tuple(fields["objects"]),
        read=tuple(fields["read"]),
        volatile=tuple(fields["volatile"]),
    )
