"""jq for the runners: ``del(path)`` for each expression."""

from collections.abc import Sequence
from typing import Any

from conformance.framework import Unsupported


def delete(body: Any, expressions: Sequence[str]) -> tuple[Any, bool, bool]:
    """Return the object without the paths, if an expression is refused, if it ran too long."""
    if not expressions:
        return body, False, False
    raise Unsupported("no jq engine yet")
