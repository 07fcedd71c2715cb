"""The ports that a look at an Application goes through, and what it is told once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from trimtab.controllers.application.fleet import FleetDeletions
from trimtab.controllers.application.settings import ApplicationSettings
from trimtab.core.policy import Project
from trimtab.ports.cluster import ClusterDirectory
from trimtab.ports.normaliser import Normaliser
from trimtab.ports.source import Repository, Source
from trimtab.runtime import Clock
from trimtab.services.capabilities import CapabilityCache
from trimtab.services.charts import ChartStore
from trimtab.services.render import RenderService
from trimtab.services.written_kinds import WrittenKinds

HUB_SERVER = "https://kubernetes.default.svc"


class Catalogue(Protocol):
    """Projects and repositories of the installation."""

    def project(self, name: str) -> Project | None:
        """Return a project."""
        ...

    def repository(self, url: str, project: str) -> Repository:
        """Return a repository with the credentials that are registered for it."""
        ...


@dataclass(frozen=True, slots=True)
class World:
    """The ports that a look goes through; ``may_write``: this process holds the lease now."""

    clusters: ClusterDirectory
    source: Source
    charts: ChartStore
    capabilities: CapabilityCache
    render: RenderService
    normaliser: Normaliser
    catalogue: Catalogue
    clock: Clock
    settings: ApplicationSettings
    fleet: FleetDeletions
    written: WrittenKinds
    may_write: Callable[[], bool] = lambda: True
