"""The ``Charts`` port: versions and archives of Helm repositories and OCI registries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import cast

from trimtab.adapters.engines.pool import EnginePool
from trimtab.core import JsonObject, JsonValue
from trimtab.ports.renderer import ChartRepository


class EngineCharts:
    """Finds and fetches charts; implements ``trimtab.ports.renderer.Charts``."""

    def __init__(self, pool: EnginePool) -> None:
        self._pool = pool

    async def resolve(
        self, repository: ChartRepository, chart: str, constraint: str, *, timeout: timedelta
    ) -> str:
        """See ``Charts.resolve``."""
        params: dict[str, JsonValue] = {
            "repository": repository_params(repository),
            "chart": chart,
            "version": constraint,
        }
        answer = await self._pool.call("helm.resolve", params, timeout=timeout)
        return cast("Mapping[str, str]", answer)["version"]

    async def pull(
        self,
        repository: ChartRepository,
        chart: str,
        version: str,
        into: Path,
        *,
        timeout: timedelta,
    ) -> str:
        """See ``Charts.pull``."""
        params: dict[str, JsonValue] = {
            "repository": repository_params(repository),
            "chart": chart,
            "version": version,
            "into": str(into),
        }
        answer = await self._pool.call("helm.pull", params, timeout=timeout)
        return cast("Mapping[str, str]", answer)["path"]


def repository_params(repository: ChartRepository) -> JsonObject:
    """Return a repository as the engine's network methods want it."""
    return {
        "url": repository.url,
        "username": repository.username,
        "password": repository.password,
        "ca": repository.ca_pem,
        "cert": repository.client_cert_pem,
        "key": repository.client_key_pem,
        "insecure": repository.insecure,
        "oci": repository.is_oci,
    }
