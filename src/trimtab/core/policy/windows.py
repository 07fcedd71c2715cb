"""Sync windows: when syncs are allowed, denied, or may be started by hand only.

A window is open for its duration after each time of its schedule. An open deny window beats an
open allow window; where allow windows exist and none is open, nothing may sync.

Source:
    Argo CD, SyncWindows.CanSync and SyncWindow.active.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from trimtab.core import JsonObject
from trimtab.core.manifest import as_list
from trimtab.core.manifest.durations import parse_duration
from trimtab.core.manifest.globs import glob_matches
from trimtab.core.policy.cron import Schedule, parse_schedule


@dataclass(frozen=True, slots=True)
class SyncWindow:
    """One entry of ``spec.syncWindows``.

    Args:
        kind: ``allow`` or ``deny``.
        schedule: Five cron fields.
        duration: A Go duration.
        applications: Globs over application names.
        namespaces: Globs over destination namespaces.
        clusters: Globs over cluster names and servers.
        manual_sync: Syncs started by hand may pass.
        sync_overrun: A sync that was allowed to start may run on.
        time_zone: IANA name; empty is UTC.
        use_and: All selectors must match, instead of one.
        description: For people.
    """

    kind: str
    schedule: str
    duration: str
    applications: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()
    manual_sync: bool = False
    sync_overrun: bool = False
    time_zone: str = ""
    use_and: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True)
class WindowTarget:
    """What windows select by: an application and where it deploys to."""

    name: str
    namespace: str = ""
    cluster_name: str = ""
    cluster_server: str = ""


@dataclass(frozen=True, slots=True)
class SyncPermission:
    """Whether a sync may run, and why not.

    Args:
        is_allowed: The answer.
        reason: Empty when allowed; else a sentence for the condition.
        problems: What is wrong with the windows; then nothing is allowed.
    """

    is_allowed: bool
    reason: str = ""
    problems: tuple[str, ...] = ()


def parse_window(entry: JsonObject) -> SyncWindow:
    """Return a window from its JSON."""

    def text(name: str) -> str:
        value = entry.get(name)
        return value if isinstance(value, str) else ""

    def texts(name: str) -> tuple[str, ...]:
        return tuple(item for item in as_list(entry.get(name)) if isinstance(item, str))

    return SyncWindow(
        kind=text("kind"),
        schedule=text("schedule"),
        duration=text("duration"),
        applications=texts("applications"),
        namespaces=texts("namespaces"),
        clusters=texts("clusters"),
        manual_sync=entry.get("manualSync") is True,
        sync_overrun=entry.get("syncOverrun") is True,
        time_zone=text("timeZone"),
        use_and=entry.get("andOperator") is True,
        description=text("description"),
    )


def window_problems(window: SyncWindow) -> tuple[str, ...]:
    """Return what is wrong with a window; empty when it can be used."""
    found: list[str] = []
    if window.kind not in ("allow", "deny"):
        found.append(f"kind '{window.kind}' mismatch: can only be allow or deny")
    if parse_schedule(window.schedule) is None:
        found.append(f"cannot parse schedule '{window.schedule}'")
    if parse_duration(window.duration) is None:
        found.append(f"cannot parse duration '{window.duration}'")
    if _zone(window.time_zone) is None:
        found.append(f"cannot parse time zone '{window.time_zone}'")
    return tuple(found)


def is_active(window: SyncWindow, now: datetime) -> bool:
    """Return whether a usable window is open.

    It is when its first start after ``now - duration`` lies before ``now``: not yet at the very
    instant of a start.
    """
    opened = _opening(window)
    if opened is None:
        return False
    schedule, duration, zone = opened
    local = now.astimezone(zone)
    # Wall-clock arithmetic in the zone's offset of this instant, as the schedule is meant.
    offset = local.utcoffset() or timedelta()
    wall = (now.astimezone(UTC) + offset).replace(tzinfo=None)
    start = schedule.next_after(wall - duration)
    return start is not None and start < wall


def windows_matching(
    windows: Iterable[SyncWindow | None], target: WindowTarget
) -> tuple[SyncWindow, ...]:
    """Return the windows that select an application, in order."""
    return tuple(window for window in windows if window is not None and _selects(window, target))


def active_windows(windows: Iterable[SyncWindow], now: datetime) -> tuple[SyncWindow, ...]:
    """Return the windows that are open, in order."""
    return tuple(window for window in windows if is_active(window, now))


def inactive_allows(windows: Iterable[SyncWindow], now: datetime) -> tuple[SyncWindow, ...]:
    """Return the allow windows that are closed, in order."""
    return tuple(w for w in windows if w.kind == "allow" and not is_active(w, now))


def allows_overrun(windows: Iterable[SyncWindow]) -> bool:
    """Return whether every one of some windows lets a running sync go on."""
    return all(window.sync_overrun for window in windows)


def can_sync(
    windows: Iterable[SyncWindow | None],
    *,
    app: WindowTarget | None,
    now: datetime,
    manual: bool,
    operation_started_at: datetime | None = None,
) -> SyncPermission:
    """Return whether an application may sync now.

    Args:
        windows: The project's windows.
        app: The application; None when the windows were selected already.
        now: The current time, with a zone.
        manual: Started by a person.
        operation_started_at: Set for a sync that is running already.
    """
    given = tuple(window for window in windows if window is not None)
    selected = given if app is None else windows_matching(given, app)
    if not selected:
        return SyncPermission(is_allowed=True)
    problems = [problem for window in selected for problem in window_problems(window)]
    if problems:
        message = "invalid sync windows: " + "; ".join(problems)
        return SyncPermission(is_allowed=False, reason=message, problems=tuple(problems))
    blocking = _blocking(selected, now)
    if not blocking or (manual and all(window.manual_sync for window in blocking)):
        return SyncPermission(is_allowed=True)
    if operation_started_at is not None and allows_overrun(blocking):
        before = _blocking(selected, operation_started_at)
        if not before or (manual and all(window.manual_sync for window in before)):
            return SyncPermission(is_allowed=True)
    return SyncPermission(is_allowed=False, reason=_reason(blocking))


def _blocking(windows: Sequence[SyncWindow], now: datetime) -> tuple[SyncWindow, ...]:
    """Open deny windows; or, where none of the allow windows is open, all of those."""
    active = active_windows(windows, now)
    denies = tuple(window for window in active if window.kind == "deny")
    if denies or any(window.kind == "allow" for window in active):
        return denies
    return inactive_allows(windows, now)


def _reason(blocking: Sequence[SyncWindow]) -> str:
    window = blocking[0]
    told = f"'{window.schedule}' for {window.duration}"
    told += f" ({window.description})" if window.description else ""
    if window.kind == "deny":
        return f"a deny window is open: {told}"
    return f"no allow window is open: {told}"


def _selects(window: SyncWindow, target: WindowTarget) -> bool:
    answers: list[bool] = []
    if window.applications:
        answers.append(any(glob_matches(glob, target.name) for glob in window.applications))
    if window.namespaces:
        answers.append(any(glob_matches(glob, target.namespace) for glob in window.namespaces))
    if window.clusters:
        named = (target.cluster_name, target.cluster_server)
        answers.append(any(glob_matches(g, text) for g in window.clusters for text in named))
    if window.use_and:
        return bool(answers) and all(answers)
    return any(answers)


def _opening(window: SyncWindow) -> tuple[Schedule, timedelta, tzinfo] | None:
    schedule, duration = parse_schedule(window.schedule), parse_duration(window.duration)
    zone = _zone(window.time_zone)
    return (
        None if schedule is None or duration is None or zone is None else (schedule, duration, zone)
    )


def _zone(name: str) -> tzinfo | None:
    if not name or name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
