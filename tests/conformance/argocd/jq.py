"""jq for the runners: ``del(path)`` for each expression."""

from collections.abc import Sequence
from typing import Any

from conformance.framework import Unsupported

SUPPORTED = False


def delete(body: Any, expressions: Sequence[str]) -> tuple[Any, bool, bool]:
    """Return the object without the paths, whether an expression is refused, and ran out of time."""
    if not expressions:
        return body, False, False
    raise Unsupported("no jq engine yet")
