"""What is reported of an Application that could not be observed, and when it is tried again."""

from dataclasses import replace
from datetime import datetime

from trimtab.controllers.application.model import SyncOutcome, Target
from trimtab.controllers.application.report.write_report import Report
from trimtab.controllers.application.settings import REFRESH
from trimtab.controllers.application.sync.intents import requested_intent
from trimtab.core.conditions import Condition, ConditionType
from trimtab.core.errors import Transient, TrimtabError
from trimtab.crds.argoproj_v1alpha1.application import Application
from trimtab.ports.cluster import ClusterUnknown, ClusterUnreachable, CredentialsRefused
from trimtab.runtime import Outcome, StalledFailure, TransientFailure


def failure_report(app: Application, error: TrimtabError, now: datetime) -> tuple[Report, Outcome]:
    """Return the report of an error, and what the queue is told of it."""
    report = Report(
        now,
        conditions=_conditions(error),
        is_unreachable=_is_unreachable(error),
        takes_refresh=REFRESH in (app.metadata.annotations or {}),
    )
    if isinstance(error, Transient):
        return report, TransientFailure(error.reason, error.retry_after)
    intent = requested_intent(app, now)
    if intent is not None:
        # What was asked for cannot be done: it ends with the reason instead of waiting.
        outcome = SyncOutcome(
            intent, "Error", error.message, intent.progress, Target((), ()), finished_at=now
        )
        report = replace(report, outcome=outcome, takes_operation=True)
    return report, StalledFailure(error.reason)


def _conditions(error: TrimtabError) -> tuple[Condition, ...]:
    if isinstance(error, ClusterUnknown) or error.reason == ConditionType.INVALID_SPEC_ERROR:
        return (Condition(ConditionType.INVALID_SPEC_ERROR, error.message),)
    is_named = error.reason == ConditionType.COMPARISON_ERROR
    message = error.message if is_named else f"{error.reason}: {error.message}"
    compared = Condition(ConditionType.COMPARISON_ERROR, message)
    if _is_unreachable(error):
        return (Condition(ConditionType.CLUSTER_UNREACHABLE, error.message), compared)
    return (compared,)


def _is_unreachable(error: TrimtabError) -> bool:
    return isinstance(error, ClusterUnreachable | CredentialsRefused)
