"""Meaning that only engines know: jq paths of users, and what Kubernetes types take for equal."""

from collections.abc import Sequence
from typing import Protocol

from trimtab.core import JsonObject


class Normaliser(Protocol):
    """Answers come in as observations, so that the diff stays pure."""

    async def delete_jq_paths(
        self, objects: Sequence[JsonObject], expressions: Sequence[str]
    ) -> Sequence[JsonObject]:
        """Return each object without the fields that the jq path expressions select.

        Raises:
            EngineError: An expression does not compile, or ran too long.
        """
        ...

    async def canonicalise(self, objects: Sequence[JsonObject]) -> Sequence[JsonObject]:
        """Return built-in kinds with quantities and defaults as an API server would store them."""
        ...
