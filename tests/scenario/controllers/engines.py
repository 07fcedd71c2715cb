"""Engines in memory for stories of controllers: folders of JSON files are all that they know."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from trimtab.core import JsonObject
from trimtab.core.render import DirectoryRequest, RenderRequest
from trimtab.ports.renderer import ChartRepository, EngineError, RenderOutput


class JsonRenderer:
    """Implements ``ports.renderer.Renderer`` for folders of JSON files."""

    async def render(
        self, request: RenderRequest, *, root: Path | None, timeout: timedelta
    ) -> RenderOutput:
        assert isinstance(request, DirectoryRequest)
        objects: list[JsonObject] = []
        for file in request.files:
            try:
                objects.append(json.loads(file.text))
            except json.JSONDecodeError as error:
                raise EngineError("invalid", f"{file.path}: {error}") from error
        return RenderOutput(tuple(objects), ())

    async def parse(self, text: str, *, timeout: timedelta) -> Sequence[JsonObject]:
        raise AssertionError("no override files here")

    async def build_dependencies(
        self,
        *,
        root: Path,
        path: str,
        repositories: Sequence[ChartRepository],
        timeout: timedelta,
    ) -> None:
        raise AssertionError("no charts here")


class NoEngines:
    """Implements ``Normaliser`` and ``Charts``, which these stories never ask."""

    async def delete_jq_paths(
        self, objects: Sequence[JsonObject], expressions: Sequence[str]
    ) -> Sequence[JsonObject]:
        raise AssertionError("no jq here")

    async def canonicalise(self, objects: Sequence[JsonObject]) -> Sequence[JsonObject]:
        raise AssertionError("no engine here")

    async def resolve(self, *_: object, **__: object) -> str:
        raise AssertionError("no charts here")

    async def pull(self, *_: object, **__: object) -> str:
        raise AssertionError("no charts here")
