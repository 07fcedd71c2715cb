"""Which Applications an event concerns.

The queue carries keys, never events. Rules: an event of the hub's Applications names its own key; a
cluster event concerns the Application that the object is marked for, now or before; a commit
concerns every Application that reads the repository.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import msgspec

from trimtab.controllers.application.settings import (
    APPLICATION,
    NAMESPACE,
    REFRESH,
    ApplicationSettings,
)
from trimtab.controllers.application.sync.progress import without_progress
from trimtab.core.manifest import split_app_instance
from trimtab.core.manifest.live import LiveObject
from trimtab.core.policy import normalise_repository
from trimtab.ports.cluster import Change, Cluster, WatchEvent
from trimtab.runtime import Priority

# How long a change of status alone may gather others: a rollout makes six within a second or two.
SETTLE_SECONDS = 0.25


class Enqueue(Protocol):
    """Asks for a look, now or after a while."""

    def __call__(self, key: str, priority: Priority, after_seconds: float = 0.0, /) -> None:
        """Ask for a look at ``namespace/name``."""
        ...


class _Destination(msgspec.Struct, frozen=True):
    server: str = ""
    name: str = ""
    namespace: str = ""


class _Source(msgspec.Struct, frozen=True):
    repo_url: str = msgspec.field(default="", name="repoURL")


class _Spec(msgspec.Struct, frozen=True):
    destination: _Destination = _Destination()
    project: str = ""
    source: _Source | None = None
    sources: tuple[_Source, ...] = ()


class _Phase(msgspec.Struct, frozen=True):
    phase: str = ""


class _Status(msgspec.Struct, frozen=True):
    operation_state: _Phase | None = msgspec.field(default=None, name="operationState")


class _Glance(msgspec.Struct, frozen=True):
    """The part of an Application that routing needs."""

    spec: msgspec.Raw = msgspec.Raw(b"{}")
    operation: msgspec.Raw = msgspec.Raw(b"")
    status: _Status = _Status()

    @property
    def is_running(self) -> bool:
        """Whether an operation goes on."""
        state = self.status.operation_state
        return state is not None and state.phase in ("Running", "Terminating")

    @property
    def is_terminating(self) -> bool:
        """Whether a person wants the running operation to stop."""
        state = self.status.operation_state
        return state is not None and state.phase == "Terminating"


_GLANCE = msgspec.json.Decoder(_Glance)
_SPEC = msgspec.json.Decoder(_Spec)


@dataclass(frozen=True, slots=True)
class Route:
    """What an Application depends on."""

    server: str
    cluster_name: str
    namespace: str
    project: str
    repositories: frozenset[str]


class Router:
    """Knows which Applications there are, and what each depends on.

    Args:
        settings: The controller's.
        owner: Index function of live views: which Application an object is marked for.
        enqueue: Asks for a look.
        forget: An Application is gone.
    """

    def __init__(
        self,
        settings: ApplicationSettings,
        owner: Callable[[LiveObject], str | None],
        enqueue: Enqueue,
        forget: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._owner = owner
        self._enqueue = enqueue
        self._forget = forget
        self._routes: dict[str, Route] = {}
        self._waiting: set[str] = set()
        self._by_repository: dict[str, set[str]] = {}

    @property
    def keys(self) -> Iterable[str]:
        """Every Application that is known."""
        return self._routes.keys()

    def group_of(self, key: str) -> str:
        """Return whose share of workers an Application takes: its destination's."""
        route = self._routes.get(key)
        return "" if route is None else route.server or route.cluster_name

    @property
    def repositories(self) -> Iterable[str]:
        """Every repository that some Application reads, normalised."""
        return self._by_repository.keys()

    def on_cluster_event(self, cluster: Cluster, event: WatchEvent | None, *, is_hub: bool) -> None:
        """Take an event of any cluster; None means that its reachability turned."""
        if event is None:
            self.enqueue_cluster(cluster)
            return
        if is_hub and event.live.key.group_kind == APPLICATION:
            self._on_application(event)
        if event.live.key.group_kind == NAMESPACE:
            self._on_namespace(cluster, event)
        if event.is_own or (is_hub and _is_echo(event)):
            return
        owners = {self._owner(event.live)}
        if event.previous is not None and not event.live.is_marked_as(event.previous):
            owners.add(self._owner(event.previous))
        settles = _only_status_changed(event)
        for owner in owners - {None}:
            namespace, name = split_app_instance(str(owner), self._settings.namespace)
            key = f"{namespace}/{name}"
            if key in self._routes:
                # A sync that waits for health goes on at once.
                gathers = settles and key not in self._waiting
                self._enqueue(key, Priority.EVENT, SETTLE_SECONDS if gathers else 0.0)

    def enqueue_cluster(self, cluster: Cluster) -> None:
        """Ask for a look at every Application of a cluster."""
        for key, route in self._routes.items():
            if route.server == cluster.server or route.cluster_name == cluster.name:
                self._enqueue(key, Priority.EVENT)

    def enqueue_project(self, project: str) -> None:
        """Ask for a look at every Application of a project."""
        for key, route in self._routes.items():
            if (route.project or "default") == project:
                self._enqueue(key, Priority.EVENT)

    def enqueue_repository(self, url: str) -> None:
        """Ask for a look at every Application that reads a repository."""
        for key in self._by_repository.get(normalise_repository(url), ()):
            self._enqueue(key, Priority.EVENT)

    def enqueue_all(self) -> None:
        """Ask for a look at everything."""
        for key in self._routes:
            self._enqueue(key, Priority.POLL)

    def _on_application(self, event: WatchEvent) -> None:
        live = event.live
        if live.key.namespace != self._settings.namespace:
            return
        key = f"{live.key.namespace}/{live.key.name}"
        if event.change is Change.DELETED:
            self._unroute(key)
            self._waiting.discard(key)
            self._forget(key)
            return
        glance = _glance(live)
        (self._waiting.add if glance.is_running else self._waiting.discard)(key)
        if _is_echo(event):
            return
        self._route(key, _spec(glance))
        asked = bool(glance.operation) or REFRESH in live.annotations
        self._enqueue(key, Priority.USER if asked else Priority.EVENT)

    def _route(self, key: str, spec: _Spec) -> None:
        sources = spec.sources or ((spec.source,) if spec.source else ())
        repositories = frozenset(normalise_repository(source.repo_url) for source in sources)
        destination = spec.destination
        route = Route(
            destination.server.rstrip("/"),
            destination.name,
            destination.namespace,
            spec.project,
            repositories,
        )
        if self._routes.get(key) == route:
            return
        self._unroute(key)
        self._routes[key] = route
        for url in repositories:
            self._by_repository.setdefault(url, set()).add(key)

    def _unroute(self, key: str) -> None:
        route = self._routes.pop(key, None)
        for url in route.repositories if route else ():
            keys = self._by_repository[url]
            keys.discard(key)
            if not keys:
                del self._by_repository[url]

    def _on_namespace(self, cluster: Cluster, event: WatchEvent) -> None:
        """A namespace that came or went concerns the Applications that deliver into it."""
        if event.change is Change.MODIFIED and not event.live.meta.deletion_timestamp:
            return
        for key, route in self._routes.items():
            here = route.server == cluster.server or route.cluster_name == cluster.name
            if here and route.namespace == event.live.key.name:
                self._enqueue(key, Priority.EVENT)


def _only_status_changed(event: WatchEvent) -> bool:
    """Return whether nothing that a sync writes has changed.

    A kind that counts generations counts one for each change outside metadata and status.
    """
    if event.change is not Change.MODIFIED or event.previous is None:
        return False
    now, then = event.live.meta.generation, event.previous.meta.generation
    return bool(now) and now == then and _same_metadata(event.live, event.previous)


def _is_echo(event: WatchEvent) -> bool:
    """Return whether only the status of an Application changed, as our own reports change it."""
    live, before = event.live, event.previous
    if event.change is not Change.MODIFIED or before is None or live.key.group_kind != APPLICATION:
        return False
    now, then = _glance(live), _glance(before)
    return (
        now.spec == then.spec
        and now.operation == then.operation
        and not now.is_terminating
        and _same_metadata(live, before)
    )


def _same_metadata(live: LiveObject, before: LiveObject) -> bool:
    """Return whether the metadata that people and controllers set is the same."""
    now, then = live.meta, before.meta
    return (
        without_progress(now.annotations) == without_progress(then.annotations)
        and now.labels == then.labels
        and now.finalizers == then.finalizers
        and now.owner_references == then.owner_references
        and now.deletion_timestamp == then.deletion_timestamp
    )


def _glance(live: LiveObject) -> _Glance:
    try:
        return _GLANCE.decode(live.raw)
    except msgspec.ValidationError:
        return _Glance()


def _spec(glance: _Glance) -> _Spec:
    try:
        return _SPEC.decode(glance.spec)
    except msgspec.ValidationError:
        return _Spec()
