"""jq for the runners: the product's own engines delete what path expressions select."""

import asyncio
from collections.abc import Sequence
from typing import Any

from trimtab.adapters.engines import EngineNormaliser, EnginePool, find_binary
from trimtab.ports.renderer import EngineError


def delete(body: Any, expressions: Sequence[str]) -> tuple[Any, bool, bool]:
    """Return the object without the paths, if an expression is refused, if it ran too long.

    An expression that is refused or ran too long leaves the object as it is.
    """
    if not expressions:
        return body, False, False
    try:
        return asyncio.run(_delete(body, expressions)), False, False
    except EngineError as error:
        return body, error.code == "invalid", error.code == "timeout"


async def _delete(body: Any, expressions: Sequence[str]) -> Any:
    async with EnginePool(find_binary, workers=1) as pool:
        (left,) = await EngineNormaliser(pool).delete_jq_paths([body], expressions)
        return left
