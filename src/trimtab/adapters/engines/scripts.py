"""Users' own scripts and ranges: Lua as Argo CD runs it, jq programs, semantic versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import cast

from trimtab.adapters.engines.pool import EnginePool
from trimtab.core import JsonObject, JsonValue

_TIMEOUT = timedelta(seconds=10)


class EngineScripts:
    """Runs small programs of users in the pool's engines."""

    def __init__(self, pool: EnginePool, *, timeout: timedelta = _TIMEOUT) -> None:
        self._pool = pool
        self._timeout = timeout

    async def run_lua(
        self, script: str, obj: JsonObject, *, open_libraries: bool = False
    ) -> JsonValue:
        """Return what a Lua script returns, given the object as the global ``obj``.

        Args:
            script: Lua 5.1 with ``goto``.
            obj: The object; nulls vanish.
            open_libraries: Whether all standard libraries are there, not only the harmless ones.

        Raises:
            EngineError: It does not compile, fails, or runs longer than a second.
        """
        params: dict[str, JsonValue] = {
            "script": script,
            "object": obj,
            "open_libraries": open_libraries,
        }
        answer = await self._pool.call("lua.run", params, timeout=self._timeout)
        return cast("Mapping[str, JsonValue]", answer)["result"]

    async def evaluate_jq(self, expression: str, value: JsonValue) -> Sequence[JsonValue]:
        """Return every value that a jq expression yields.

        Raises:
            EngineError: It does not compile, fails, or runs longer than a second.
        """
        params: dict[str, JsonValue] = {"expression": expression, "value": value}
        answer = await self._pool.call("jq.eval", params, timeout=self._timeout)
        return cast("Mapping[str, Sequence[JsonValue]]", answer)["results"]

    async def newest_version(self, constraint: str, versions: Sequence[str]) -> str:
        """Return the newest of the versions that a constraint allows, empty if there is none.

        Raises:
            EngineError: The constraint is not one.
        """
        params: dict[str, JsonValue] = {"constraint": constraint, "versions": list(versions)}
        answer = await self._pool.call("semver.match", params, timeout=self._timeout)
        return cast("Mapping[str, str]", answer)["best"]
