"""What the ledger is told: every sync attempt, failed ones included, and who had changed what."""

from collections.abc import Callable, Sequence
from typing import Protocol

from trimtab.controllers.application.model import SyncOutcome
from trimtab.core import JsonValue
from trimtab.core.conditions import ConditionType
from trimtab.core.diff import ABSENT, FieldChange, drift_managers
from trimtab.core.errors import TrimtabError
from trimtab.core.manifest import LiveObject
from trimtab.core.plan import ResultCode
from trimtab.crds.argoproj_v1alpha1.application import Application
from trimtab.ports.ledger import Entry
from trimtab.ports.source import CommitInfo, Source
from trimtab.runtime import Clock, format_millis
from trimtab.services.event_recorder import Event

MAX_LISTED = 50


class Appends(Protocol):
    """Takes entries in; they are recorded, or will be."""

    async def append(self, entries: Sequence[Entry]) -> None:
        """Record entries."""
        ...


class Journal:
    """Writes ledger entries of Applications.

    Args:
        ledger: Where to.
        source: For the commit's author and message.
        clock: Time.
        manager: Our field manager, which never drifts.
        tell: Takes Kubernetes Events.
    """

    def __init__(
        self,
        ledger: Appends,
        source: Source,
        clock: Clock,
        *,
        manager: str,
        tell: Callable[[Event], None],
    ) -> None:
        self._ledger = ledger
        self._tell = tell
        self._source = source
        self._clock = clock
        self._manager = manager

    async def record(self, app: Application, live: LiveObject, outcome: SyncOutcome) -> None:
        """Record a sync attempt that ended, or one that is tried again."""
        if outcome.finished_at is None or not _is_news(app, outcome):
            return
        commit = await self._commit(outcome)
        actor, reason = self._who_and_why(outcome, commit)
        event = _event(live, outcome, reason)
        if event is not None:
            self._tell(event)
        await self._ledger.append(
            [
                Entry(
                    delivery=f"{app.metadata.namespace}/{app.metadata.name}",
                    at=format_millis(outcome.finished_at),
                    kind=outcome.intent.kind,
                    actor=actor,
                    revision=outcome.target.revision,
                    reason=reason,
                    outcome=outcome.phase,
                    manifests_digest=outcome.manifests_digest,
                    detail=_detail(app, outcome, commit),
                )
            ]
        )

    async def record_deletion(self, app: Application, *, outcome: str, detail: str) -> None:
        """Record that an Application was deleted."""
        await self._ledger.append(
            [
                Entry(
                    delivery=f"{app.metadata.namespace}/{app.metadata.name}",
                    at=format_millis(self._clock.now()),
                    kind="delete",
                    actor="user",
                    revision=app.status.sync.revision,
                    reason="the Application was deleted",
                    outcome=outcome,
                    manifests_digest="",
                    detail={"message": detail},
                )
            ]
        )

    async def _commit(self, outcome: SyncOutcome) -> CommitInfo | None:
        if not outcome.target.sources:
            return None
        first = outcome.target.sources[0]
        try:
            return await self._source.commit_info(first.repository, first.commit)
        except TrimtabError:
            return None

    def _who_and_why(self, outcome: SyncOutcome, commit: CommitInfo | None) -> tuple[str, str]:
        operation = outcome.intent.operation
        if outcome.intent.kind == "self-heal":
            changes = [change for _, fields in outcome.drift for change in fields]
            managers = drift_managers(changes, ours=(self._manager,))
            by = f" by {', '.join(managers)}" if managers else ""
            return "automated", f"self-heal: drift{by}"
        subject = commit.subject if commit else ""
        if operation.initiated_by.username:
            return operation.initiated_by.username, subject
        return (commit.author if commit else "automated"), subject


def _event(live: LiveObject, outcome: SyncOutcome, why: str) -> Event | None:
    """Return what people are told; automation that did what Git says is no event."""
    assert outcome.finished_at is not None
    has_failed = outcome.phase != "Succeeded"
    if outcome.intent.kind == "self-heal" and not has_failed:
        objects = ", ".join(str(key) for key, _ in outcome.drift[:MAX_LISTED])
        return Event(live, "SelfHealed", f"{why}: {objects}", outcome.finished_at)
    if not has_failed and not outcome.intent.is_user:
        return None
    ended = "failed" if has_failed else "succeeded"
    text = f"Sync operation to {outcome.target.revision} {ended}: {outcome.message}"
    return Event(live, "OperationCompleted", text, outcome.finished_at, is_warning=has_failed)


def _is_news(app: Application, outcome: SyncOutcome) -> bool:
    """A self-heal that wrote nothing is no event, nor is a plan that is still stopped."""
    if outcome.intent.kind == "self-heal" and not outcome.results:
        return False
    before = app.status.operation_state
    is_stopped = any(c.type == ConditionType.DELETION_BUDGET_EXCEEDED for c in outcome.conditions)
    if before is None or before.sync_result is None or not is_stopped or outcome.intent.is_user:
        return True
    stopped = (before.phase, before.message, before.sync_result.revision)
    return stopped != (outcome.phase, outcome.message, outcome.target.revision)


def _detail(
    app: Application, outcome: SyncOutcome, commit: CommitInfo | None
) -> dict[str, JsonValue]:
    destination = app.spec.destination
    detail: dict[str, JsonValue] = {
        "message": outcome.message,
        "project": app.spec.project,
        "destination": destination.server or destination.name,
        "started": format_millis(outcome.intent.started_at),
        "objects": [
            {"key": str(r.key), "action": str(r.action), "status": str(r.status)}
            for r in outcome.results[:MAX_LISTED]
        ],
        "failed": sum(1 for r in outcome.results if r.status is ResultCode.SYNC_FAILED),
    }
    if commit is not None:
        detail["commit"] = {"author": commit.author, "at": commit.committed_at}
    if outcome.drift:
        detail["drift"] = [
            {"object": str(key), "path": f.path, "manager": f.manager, **_values(f)}
            for key, fields in outcome.drift[:MAX_LISTED]
            for f in fields[:MAX_LISTED]
        ]
    return detail


def _values(change: FieldChange) -> dict[str, JsonValue]:
    before = None if change.before is ABSENT else change.before
    after = None if change.after is ABSENT else change.after
    return {"before": before, "after": after}  # pyright: ignore[reportReturnType] -- ABSENT is gone
