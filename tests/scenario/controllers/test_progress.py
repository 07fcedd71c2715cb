"""The annotation that keeps the progress of a sync between looks and processes."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from trimtab.controllers.application.model import Intent, SyncOutcome, Target
from trimtab.controllers.application.sync.progress import PROGRESS, progress_of, progress_text
from trimtab.core.manifest import HookPhase, ObjectKey
from trimtab.core.plan import Action, ObjectResult, ResultCode, RunState, SyncOptions, SyncProgress
from trimtab.crds.argoproj_v1alpha1.application import Application, ObjectMeta, Operation

_NOW = datetime(2026, 3, 1, tzinfo=UTC)
_RANDOM = Random(7)


def result(number: int) -> ObjectResult:
    """Return what was done to one of many objects."""
    return ObjectResult(
        key=ObjectKey("apps", "Deployment", f"team-{number % 40}", f"service-{number}"),
        action=Action.UPDATE,
        phase=HookPhase.SYNC,
        wave=number % 5,
        status=ResultCode.SYNCED,
        state=RunState.SUCCEEDED,
        message=f"deployment.apps/service-{number} configured",
        uid=str(uuid.UUID(int=_RANDOM.getrandbits(128))),
        version="v1",
        at=_NOW,
    )


def outcome(objects: int) -> SyncOutcome:
    """Return a sync that has written some objects and waits."""
    progress = SyncProgress(_NOW, "abc", results=tuple(map(result, range(objects))))
    intent = Intent(Operation(), "sync", _NOW, SyncOptions(), progress, superseded=1)
    return SyncOutcome(intent, "Running", "waiting", progress, Target((), ()))


def application(text: str) -> Application:
    """Return an Application that keeps a text."""
    return Application(metadata=ObjectMeta(annotations={PROGRESS: text} if text else {}))


@pytest.mark.parametrize("objects", [0, 3, 400])
def test_what_is_kept_is_found_again(objects: int) -> None:
    running = outcome(objects)
    kept = progress_of(application(progress_text(running)))
    assert kept.sync == running.progress
    assert kept.superseded == 1
    assert kept.next_attempt is None


def test_of_a_sync_too_large_for_annotations_hooks_and_failures_are_kept() -> None:
    running = outcome(6000)
    hook = replace(result(6001), action=Action.HOOK)
    failed = replace(result(6002), state=RunState.FAILED)
    results = (*running.progress.results, hook, failed)
    text = progress_text(replace(running, progress=replace(running.progress, results=results)))
    assert len(text) < 200 * 1024
    kept = progress_of(application(text)).sync
    assert kept is not None
    assert kept.results == (hook, failed)


def test_a_sync_that_waits_for_its_next_attempt_keeps_only_when() -> None:
    at = _NOW + timedelta(minutes=1)
    waiting = replace(outcome(3), phase="Failed", finished_at=_NOW, retry_at=at)
    kept = progress_of(application(progress_text(waiting)))
    assert (kept.sync, kept.next_attempt) == (None, at)


def test_a_sync_that_ended_keeps_nothing() -> None:
    assert progress_text(replace(outcome(3), phase="Succeeded", finished_at=_NOW)) == ""


@pytest.mark.parametrize(
    "text",
    ["", "rubbish", "{", '{"sync": 3}', "zlib:", "zlib:AAAA", "zlib:!", "[]"],
)
def test_what_somebody_else_wrote_there_counts_as_nothing(text: str) -> None:
    kept = progress_of(application(text))
    assert (kept.sync, kept.superseded, kept.next_attempt) == (None, 0, None)
