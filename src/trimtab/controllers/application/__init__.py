"""Argo CD's Application: a commit reaches its cluster, in order, and stays."""

from trimtab.controllers.application.fleet import FleetDeletions, recorded_deletions
from trimtab.controllers.application.observe import owner_of
from trimtab.controllers.application.reconcile import ApplicationReconciler
from trimtab.controllers.application.report.journal import Journal
from trimtab.controllers.application.settings import (
    APP_PROJECT,
    APPLICATION,
    SECRET,
    ApplicationSettings,
    application_settings,
)
from trimtab.controllers.application.watches import Router
from trimtab.controllers.application.world import Catalogue, World

__all__ = [
    "APPLICATION",
    "APP_PROJECT",
    "SECRET",
    "ApplicationReconciler",
    "ApplicationSettings",
    "Catalogue",
    "FleetDeletions",
    "Journal",
    "Router",
    "World",
    "application_settings",
    "owner_of",
    "recorded_deletions",
]
