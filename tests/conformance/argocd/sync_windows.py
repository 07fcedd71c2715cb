"""Runner for ``argocd/sync-windows``: which windows are open, and what they let through."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from conformance.cases import Case
from conformance.framework import Answer, Unsupported, compare_keys
from trimtab.core.policy import (
    SyncWindow,
    WindowTarget,
    active_windows,
    allows_overrun,
    can_sync,
    inactive_allows,
    is_active,
    parse_project,
    parse_window,
    validate_project,
    window_problems,
    windows_matching,
)


def _windows(given: dict[str, Any]) -> list[SyncWindow]:
    # The description carries the position, so that equal windows stay apart.
    return [
        parse_window({**entry, "description": str(position)})
        for position, entry in enumerate(given["windows"])
    ]


def _at(given: dict[str, Any], name: str = "at") -> datetime:
    return datetime.fromisoformat(given[name])


def _positions(windows: Iterable[SyncWindow]) -> list[int]:
    return [int(window.description) for window in windows]


def _open(given: dict[str, Any], select: Callable[..., tuple[SyncWindow, ...]]) -> Answer:
    windows = _windows(given)
    if any(map(_is_unusable, windows)):
        return {"error": True, "windows": []}
    return {"error": False, "windows": _positions(select(windows, _at(given)))}


def _is_unusable(window: SyncWindow) -> bool:
    return bool(window_problems(window))


def _window_active(given: dict[str, Any]) -> Answer:
    window = parse_window(given["window"])
    return {"active": is_active(window, _at(given)), "error": _is_unusable(window)}


def _matches(given: dict[str, Any]) -> Answer:
    body = given["application"]
    destination = body["spec"]["destination"]
    target = WindowTarget(
        name=body["metadata"]["name"],
        namespace=destination.get("namespace", ""),
        cluster_name=destination.get("name", ""),
        cluster_server=destination.get("server", ""),
    )
    return {"windows": _positions(windows_matching(_windows(given), target))}


def _can_sync(given: dict[str, Any]) -> Answer:
    started = _at(given, "operationStartedAt") if given.get("operationStartedAt") else None
    permission = can_sync(
        _windows(given),
        app=None,
        now=_at(given),
        manual=given["manual"],
        operation_started_at=started,
    )
    error = permission.reason if permission.problems else ""
    return {"canSync": permission.is_allowed, "error": error}


_RUNNERS: dict[str, Callable[[dict[str, Any]], Answer]] = {
    "active": lambda given: _open(given, active_windows),
    "inactive-allows": lambda given: _open(given, inactive_allows),
    "window-active": _window_active,
    "validate": lambda given: {"valid": not _is_unusable(parse_window(given["window"]))},
    "validate-project": lambda given: {
        "valid": not validate_project(parse_project(given["project"]))
    },
    "matches": _matches,
    "can-sync": _can_sync,
    "deny-allows-overrun": lambda given: {"denyAllowsOverrun": allows_overrun(_windows(given))},
}


def run(case: Case) -> Answer:
    """Return what the product says about one case."""
    kind = case.input["type"]
    if kind not in _RUNNERS:
        raise Unsupported(kind)
    return _RUNNERS[kind](case.input)


def compare(answer: Answer, expected: Mapping[str, Any]) -> list[str]:
    """Compare answers exactly, and error texts by the parts that they must contain."""
    parts = expected.get("error")
    if not isinstance(parts, list):
        return compare_keys(answer, expected)
    exact = {key: value for key, value in expected.items() if key != "error"}
    missing = [part for part in parts if part not in answer["error"]]
    return compare_keys(answer, exact) + [
        f"error: expected {part!r} in {answer['error']!r}" for part in missing
    ]
