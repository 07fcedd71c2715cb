"""The ``Normaliser`` port: users' jq paths, and built-in kinds in the API server's own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import cast

from trimtab.adapters.engines.pool import EnginePool
from trimtab.core import JsonObject, JsonValue

_TIMEOUT = timedelta(seconds=30)


class EngineNormaliser:
    """Normalises with a pool's engines; implements ``trimtab.ports.normaliser.Normaliser``.

    Args:
        pool: Where it runs.
        timeout: Limit for one call; each jq expression has a second of its own besides.
    """

    def __init__(self, pool: EnginePool, *, timeout: timedelta = _TIMEOUT) -> None:
        self._pool = pool
        self._timeout = timeout

    async def delete_jq_paths(
        self, objects: Sequence[JsonObject], expressions: Sequence[str]
    ) -> Sequence[JsonObject]:
        """See ``Normaliser.delete_jq_paths``."""
        if not objects or not expressions:
            return objects
        params: dict[str, JsonValue] = {
            "objects": list(objects),
            "expressions": list(expressions),
        }
        return _objects(await self._pool.call("jq.delete", params, timeout=self._timeout))

    async def canonicalise(
        self,
        objects: Sequence[JsonObject],
        *,
        defaults: bool = True,
        known_types: Sequence[Mapping[str, str]] = (),
    ) -> Sequence[JsonObject]:
        """See ``Normaliser.canonicalise``.

        Args:
            objects: Any objects; those of unknown kinds come back as they are.
            defaults: Fill in what an API server would.
            known_types: Fields of custom kinds that hold a Kubernetes type: ``group``, ``kind``,
                ``field`` (dotted) and ``type`` (``core/v1/Container``, ``core/Quantity`` …).
        """
        if not objects:
            return objects
        params: dict[str, JsonValue] = {
            "objects": list(objects),
            "defaults": defaults,
            "known_types": list(known_types),
        }
        return _objects(await self._pool.call("normalise", params, timeout=self._timeout))


def _objects(answer: JsonValue) -> tuple[JsonObject, ...]:
    return tuple(cast("Mapping[str, Sequence[JsonObject]]", answer)["objects"])
