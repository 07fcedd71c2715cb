"""Generic controller engine: keyed queue, backoff, supervisor. Knows nothing of our domain."""

from trimtab.runtime.backoff import Backoff
from trimtab.runtime.clock import Clock, SystemClock, format_millis, format_time, parse_time
from trimtab.runtime.engine import ControllerEngine, EngineSettings, Look
from trimtab.runtime.lease import (
    LeaderElection,
    LeaseLost,
    LeaseRecord,
    LeaseSettings,
    LeaseStore,
)
from trimtab.runtime.outcome import AgainAt, Done, Outcome, StalledFailure, TransientFailure
from trimtab.runtime.queue import Priority, WorkQueue
from trimtab.runtime.supervisor import supervise

__all__ = [
    "AgainAt",
    "Backoff",
    "Clock",
    "ControllerEngine",
    "Done",
    "EngineSettings",
    "LeaderElection",
    "LeaseLost",
    "LeaseRecord",
    "LeaseSettings",
    "LeaseStore",
    "Look",
    "Outcome",
    "Priority",
    "StalledFailure",
    "SystemClock",
    "TransientFailure",
    "WorkQueue",
    "format_millis",
    "format_time",
    "parse_time",
    "supervise",
]
