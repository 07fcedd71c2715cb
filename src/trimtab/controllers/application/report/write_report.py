"""The only place that writes an Application: status, conditions, and the fields it takes up.

Application has no status subresource, so the write is one JSON patch by ``trimtab-status`` that
tests resourceVersion. Nothing is written when nothing changed, and ``reconciledAt`` changes only
together with something else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
import structlog

from trimtab.controllers.application.deletion.finalizers import with_hook_finalizers
from trimtab.controllers.application.model import Observation, SyncOutcome
from trimtab.controllers.application.report.status import build_status
from trimtab.controllers.application.settings import REFRESH, STATUS_MANAGER
from trimtab.controllers.application.sync.progress import PROGRESS, progress_text
from trimtab.core.conditions import Condition
from trimtab.core.manifest import Manifest, canonical_json
from trimtab.core.manifest.live import LiveObject
from trimtab.crds.argoproj_v1alpha1.application import Application, ApplicationStatus
from trimtab.ports.cluster import Cluster, FieldValidation, Invalid, NotFound, Write
from trimtab.runtime import parse_time

ATTEMPTS = 4
WORDS_EVERY = timedelta(seconds=2)
_log = structlog.get_logger("application")
_DECODER = msgspec.json.Decoder(Application)


def decode_application(live: LiveObject) -> Application:
    """Return an Application from its bytes.

    Raises:
        msgspec.ValidationError: A field has another type than the schema's.
    """
    return _DECODER.decode(live.raw)


@dataclass(frozen=True, slots=True)
class Report:
    """What one look found, to be written as status.

    Args:
        now: When.
        observation: What was seen; None when it could not be observed.
        outcome: Of a sync in this look, or None.
        conditions: Errors and warnings beside those of observation and outcome.
        is_unreachable: The destination does not answer: health is unknown too.
        takes_operation: ``operation`` has been taken up and is removed.
        takes_refresh: The refresh annotation has been honoured and is removed.
    """

    now: datetime
    observation: Observation | None = None
    outcome: SyncOutcome | None = None
    conditions: tuple[Condition, ...] = ()
    is_unreachable: bool = False
    takes_operation: bool = False
    takes_refresh: bool = False


async def write_report(
    hub: Cluster, app: Application, live: LiveObject, report: Report
) -> timedelta | None:
    """Write a report; nothing is written when nothing changed.

    Args:
        hub: Where it is.
        app: The Application as the look began with it.
        live: The same as the hub held it.
        report: What the look found.

    Returns:
        After what time to look again, where only words changed too soon after the last write.
    """
    # What this look has written itself, its intent for example, is newer than what it began with.
    current = hub.live(live.key) or live
    for _ in range(ATTEMPTS):
        known = app if current is live else decode_application(current)
        status = build_status(known, report)
        patch = _patch(known, current, status, report)
        if patch is None:
            return None
        wait = _patience(known.status, status, report)
        if wait:
            return wait
        try:
            # A definition that others installed may not know all of it: what it knows is kept.
            write = Write(STATUS_MANAGER, validation=FieldValidation.IGNORE)
            written = await hub.patch(
                current.key, "json", canonical_json(patch), write, version=current.version
            )
        except Invalid as error:
            found = await hub.get(current.key, version=current.version)
            if found is None:
                return None
            if found.meta.resource_version == current.meta.resource_version:
                # Not a stale test: the schema in this hub refuses the status itself.
                _log.error("status.refused", app=str(current.key), error=error.message)
                return None
            current = found
            continue
        except NotFound:
            return None
        hub.remember(written.live)
        return None
    return None


def _patience(
    before: ApplicationStatus, status: ApplicationStatus, report: Report
) -> timedelta | None:
    """Return how long a report may wait that only tells progress in other words.

    A rollout says at each of its steps how far it is; a write for each would be most of a push.
    """
    is_news = report.outcome is not None or report.takes_operation or report.takes_refresh
    last = parse_time(before.reconciled_at)
    if is_news or last is None or _without_words(before) != _without_words(status):
        return None
    wait = last + WORDS_EVERY - report.now
    return wait if timedelta() < wait <= WORDS_EVERY else None


def _without_words(status: ApplicationStatus) -> bytes:
    resources = tuple(
        msgspec.structs.replace(r, health=msgspec.structs.replace(r.health, message=""))
        if r.health is not None
        else r
        for r in status.resources
    )
    return _comparable(msgspec.structs.replace(status, resources=resources))


def _patch(
    app: Application, live: LiveObject, status: ApplicationStatus, report: Report
) -> list[dict[str, object]] | None:
    """Return the JSON patch, or None when nothing would change."""
    changes: list[dict[str, object]] = []
    if _comparable(status) != _comparable(app.status):
        changes.append({"op": "add", "path": "/status", "value": status})
    if report.takes_operation and app.operation is not None:
        changes.append({"op": "remove", "path": "/operation"})
    if report.takes_refresh and REFRESH in live.annotations:
        changes.append({"op": "remove", "path": _annotation(REFRESH)})
    if report.outcome is not None:
        changes += _keep(live, progress_text(report.outcome))
    if report.observation is not None:
        changes += _hold(live, report.observation.desired.hooks)
    if not changes:
        return None
    version = live.meta.resource_version
    return [{"op": "test", "path": "/metadata/resourceVersion", "value": version}, *changes]


def _keep(live: LiveObject, progress: str) -> list[dict[str, object]]:
    """Return what makes an Application keep the progress of a sync, or forget it."""
    if live.annotations.get(PROGRESS, "") == progress:
        return []
    if not progress:
        return [{"op": "remove", "path": _annotation(PROGRESS)}]
    if not live.meta.annotations:
        path, value = "/metadata/annotations", {PROGRESS: progress}
        return [{"op": "add", "path": path, "value": value}]
    return [{"op": "add", "path": _annotation(PROGRESS), "value": progress}]


def _hold(live: LiveObject, hooks: Sequence[Manifest]) -> list[dict[str, object]]:
    """Return what keeps an Application until the hooks of its deletion have run."""
    present = live.meta.finalizers or ()
    wanted = with_hook_finalizers(present, hooks)
    # None can be added once the deletion was asked for.
    if wanted == present or live.meta.deletion_timestamp:
        return []
    return [{"op": "add", "path": "/metadata/finalizers", "value": wanted}]


def _annotation(name: str) -> str:
    token = name.replace("~", "~0").replace("/", "~1")
    return f"/metadata/annotations/{token}"


def _comparable(status: ApplicationStatus) -> bytes:
    return msgspec.json.encode(msgspec.structs.replace(status, reconciled_at="", observed_at=""))
