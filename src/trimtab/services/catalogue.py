"""Projects and repositories of the installation, read from the hub's live view.

Nothing is kept but what was parsed, under the resourceVersion that it was parsed from. A project is
found as soon as its watch event is in; no request is made.
"""

from typing import Final

from trimtab.core import JsonObject
from trimtab.core.manifest import GroupKind, LiveObject, ObjectKey
from trimtab.core.policy import Project, parse_project
from trimtab.ports.cluster import ClusterWatcher
from trimtab.ports.source import Repository
from trimtab.services.registry import book_of
from trimtab.services.repositories import RepositoryBook, permitted_submodule

_PROJECT = GroupKind("argoproj.io", "AppProject")
_SECRET = GroupKind("", "Secret")
DEFAULT_PROJECT: Final[JsonObject] = {
    "metadata": {"name": "default"},
    "spec": {
        "sourceRepos": ["*"],
        "destinations": [{"server": "*", "namespace": "*"}],
        "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
    },
}
"""What Argo CD creates as project ``default`` where nobody has made one."""

_DEFAULT = parse_project(DEFAULT_PROJECT)


class HubCatalogue:
    """Reads projects and repositories of one namespace of the hub.

    Args:
        hub: The hub's live view; it watches AppProjects and labelled Secrets.
        namespace: Of the installation.
        has_submodules: Whether submodules are followed.
    """

    def __init__(self, hub: ClusterWatcher, namespace: str, *, has_submodules: bool = True) -> None:
        self._hub = hub
        self._has_submodules = has_submodules
        self._namespace = namespace
        self._projects: dict[str, tuple[str, Project]] = {}
        self._book: RepositoryBook | None = None
        self._repositories: dict[tuple[str, str], Repository] = {}

    def project(self, name: str) -> Project | None:
        """Return a project, or None; ``default`` exists even where nobody has made it."""
        live = self._hub.live(ObjectKey(_PROJECT.group, _PROJECT.kind, self._namespace, name))
        if live is None:
            return _DEFAULT if name == "default" else None
        known = self._projects.get(name)
        if known is None or known[0] != live.meta.resource_version:
            known = (live.meta.resource_version, parse_project(live.body()))
            self._projects[name] = known
        return known[1]

    def repository(self, url: str, project: str) -> Repository:
        """Return a repository with the credentials that are registered for it.

        Args:
            url: As the Application states it.
            project: Registrations of other projects are left out.
        """
        if self._book is None:
            self._book = book_of(
                [secret for secret in self._hub.objects(_SECRET) if self._is_ours(secret)],
                lambda name: self._hub.live(ObjectKey("", "ConfigMap", self._namespace, name)),
                has_submodules=self._has_submodules,
            )
        key = (url, project)
        if key not in self._repositories:
            self._repositories[key] = self._book.find(url, project=project)
        return self._repositories[key]

    def submodule(self, url: str, parent: Repository) -> Repository:
        """Return the repository of a submodule.

        Args:
            url: Of the submodule, absolute.
            parent: Whose submodule it is.

        Raises:
            RepositoryDenied: The parent's project may not have it opened.
        """
        found = self.repository(url, parent.project)
        return permitted_submodule(found, parent, self.project(parent.project or "default"))

    def forget_repositories(self) -> None:
        """Read registrations anew: one of them changed."""
        self._book = None
        self._repositories.clear()

    def _is_ours(self, secret: LiveObject) -> bool:
        return secret.key.namespace == self._namespace and not secret.partial
