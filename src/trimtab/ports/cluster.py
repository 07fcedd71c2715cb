"""Reading, writing and watching one Kubernetes cluster.

Rules: bodies go in and come out as JSON bytes, so that nothing is lost on the way; every call has
a deadline of the adapter's; every error is one of those below; a write says which field manager.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Literal, Protocol

from trimtab.core import JsonValue
from trimtab.core.errors import Stalled, Transient, TrimtabError
from trimtab.core.manifest.identity import GroupKind, ObjectKey
from trimtab.core.manifest.live import LiveObject


class ClusterUnreachable(Transient):
    """No answer from the API server: refused, timed out, TLS failure, or a circuit that is open."""


class CredentialsRefused(Stalled):
    """The API server answered 401: the credentials are wrong or have expired."""


@dataclass(frozen=True, slots=True)
class StatusCause:
    """One entry of a Status' details.causes."""

    field: str
    message: str
    reason: str


class ApiError(TrimtabError):
    """A Status error of the API server.

    Args:
        code: HTTP status.
        reason: The Status reason (``Invalid``, ``Forbidden`` …); never branch on ``message``.
        message: The server's message.
        causes: details.causes in order.
        retry_after: Of 429 and 503.
    """

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        causes: Sequence[StatusCause] = (),
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(reason or f"HTTP{code}", message)
        self.code = code
        self.causes = tuple(causes)
        self.retry_after = retry_after


class NotFound(ApiError):
    """404: the object, or its kind, does not exist."""


class AlreadyExists(ApiError):
    """409 AlreadyExists: a create met an object of that name."""


class Conflict(ApiError):
    """409 Conflict: a precondition on uid or resourceVersion failed, or another manager owns it."""


class Invalid(ApiError):
    """422, or 400: the object is refused (schema, immutable field, admission by validation)."""


class Forbidden(ApiError):
    """403: RBAC, quota or an admission plugin said no."""


class TooManyRequests(ApiError):
    """429 that outlasted the adapter's own retries."""


class ServerError(ApiError):
    """5xx: may pass."""


@dataclass(frozen=True, slots=True)
class ResourceType:
    """One served resource, from discovery.

    Args:
        group: API group; empty for core.
        version: The version to use (the group's preferred one).
        kind: CamelCase kind.
        plural: Resource name in URLs.
        namespaced: Whether its objects live in namespaces.
        verbs: Supported verbs.
        subresources: For example ``status`` and ``scale``.
        versions: All served versions, preferred first.
    """

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: frozenset[str]
    subresources: frozenset[str]
    versions: tuple[str, ...]

    @property
    def group_kind(self) -> GroupKind:
        """Its group and kind."""
        return GroupKind(self.group, self.kind)


class Propagation(StrEnum):
    """What happens to dependents of a deleted object."""

    FOREGROUND = "Foreground"
    BACKGROUND = "Background"
    ORPHAN = "Orphan"


class FieldValidation(StrEnum):
    """How the API server treats unknown and duplicate fields."""

    STRICT = "Strict"
    WARN = "Warn"
    IGNORE = "Ignore"


@dataclass(frozen=True, slots=True)
class Write:
    """Options of one write.

    Args:
        manager: Field manager.
        dry_run: Ask the server without storing.
        force: Take over fields that other managers own (server-side apply only).
        validation: Treatment of unknown and duplicate fields.
    """

    manager: str
    dry_run: bool = False
    force: bool = True
    validation: FieldValidation = FieldValidation.STRICT


@dataclass(frozen=True, slots=True)
class Written:
    """The answer to a write: the object as it is now, and the server's warnings."""

    live: LiveObject
    warnings: tuple[str, ...] = ()


class ClusterReader(Protocol):
    """Reads of one cluster. ``version`` None means the preferred version of the kind."""

    async def resource_type(self, group_kind: GroupKind) -> ResourceType | None:
        """Return how a kind is served, or None. A miss re-reads discovery at most once in 2 s."""
        ...

    async def resource_types(self) -> Sequence[ResourceType]:
        """Return every served resource, one entry a kind."""
        ...

    async def server_version(self) -> str:
        """Return the gitVersion, for example ``v1.37.2``."""
        ...

    async def get(self, key: ObjectKey, *, version: str | None = None) -> LiveObject | None:
        """Return the object, or None when it (or its kind) does not exist."""
        ...

    async def list(
        self, group_kind: GroupKind, *, namespace: str = "", label_selector: str = ""
    ) -> Sequence[LiveObject]:
        """Return all objects of a kind, read in chunks."""
        ...


PatchType = Literal["json", "merge", "strategic"]


class ClusterWriter(Protocol):
    """Writes to one cluster; each needs a key so that the caller's intent is checked."""

    async def apply(self, key: ObjectKey, version: str, body: bytes, write: Write) -> Written:
        """Server-side apply. An apply that changes nothing keeps resourceVersion."""
        ...

    async def create(self, key: ObjectKey, version: str, body: bytes, write: Write) -> Written:
        """POST. Raises AlreadyExists. ``key.name`` may be empty with generateName."""
        ...

    async def replace(self, key: ObjectKey, version: str, body: bytes, write: Write) -> Written:
        """PUT; the body carries resourceVersion. Raises NotFound, Conflict."""
        ...

    async def patch(
        self,
        key: ObjectKey,
        patch_type: PatchType,
        body: bytes,
        write: Write,
        *,
        subresource: str = "",
        version: str | None = None,
    ) -> Written:
        """JSON, merge or strategic merge patch of an object or one of its subresources."""
        ...

    async def delete(
        self,
        key: ObjectKey,
        *,
        uid: str,
        propagation: Propagation = Propagation.FOREGROUND,
        dry_run: bool = False,
    ) -> bool:
        """Delete only the object with this uid. False when it is gone already.

        Raises:
            Conflict: Another object has the name now.
        """
        ...


class Change(StrEnum):
    """What a watch reports about one object."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One difference of the live view.

    Args:
        change: Added, modified or deleted.
        live: The object as it is, or as it was last for DELETED.
        previous: What the view held before, or None.
        is_own: It is the answer to a write of this process, put in by ``remember``.
    """

    change: Change
    live: LiveObject
    previous: LiveObject | None
    is_own: bool = False


Listener = Callable[[WatchEvent], None]
"""Called in the event loop; must not block and must not raise."""


class ClusterWatcher(Protocol):
    """The live view of a cluster: what its watches have seen, by kind."""

    def ensure(self, kinds: Iterable[GroupKind]) -> None:
        """Watch these kinds from now on (idempotent, returns at once)."""
        ...

    def is_synced(self, group_kind: GroupKind) -> bool:
        """Return whether the kind's first LIST has been read and its watch is not broken."""
        ...

    async def wait_synced(self, kinds: Iterable[GroupKind], *, timeout: timedelta) -> None:
        """Wait until all kinds are synced or known not to be served.

        Raises:
            ClusterUnreachable: The deadline passed.
        """
        ...

    def live(self, key: ObjectKey) -> LiveObject | None:
        """Return the object from the view, or None."""
        ...

    def objects(self, group_kind: GroupKind) -> Sequence[LiveObject]:
        """Return the view's objects of a kind, in no particular order."""
        ...

    def owned_by(self, uid: str) -> Sequence[LiveObject]:
        """Return the view's objects with an ownerReference to this uid."""
        ...

    def tracked(self, owner: str) -> Sequence[LiveObject]:
        """Return the view's objects that the index function given at wiring maps to ``owner``."""
        ...

    def remember(self, live: LiveObject) -> None:
        """Put the answer of a write into the view, unless the view is already newer."""
        ...

    def forget(self, key: ObjectKey, uid: str) -> None:
        """Take a deleted object out of the view, if the view still holds that uid."""
        ...

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` for every later event of watched kinds; return the way to stop it."""
        ...


class Cluster(ClusterReader, ClusterWriter, ClusterWatcher, Protocol):
    """One cluster, whole. Functions ask for the narrow part that they need."""

    @property
    def name(self) -> str:
        """The name people gave it."""
        ...

    @property
    def server(self) -> str:
        """The URL by which Applications name it."""
        ...

    @property
    def reachable(self) -> bool | None:
        """Last known contact: None before the first, False while the circuit is open."""
        ...

    def impersonate(self, user: str, groups: Sequence[str] = ()) -> "Cluster":
        """Return a view whose writes and dry runs act as ``user``; reads and watches are shared."""
        ...


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """A cluster as an Argo CD cluster Secret or a kubeconfig context describes it.

    Args:
        name: Unique name.
        server: API server URL; the identity in Applications.
        config: The Secret's ``config`` JSON, decoded (bearerToken, tlsClientConfig …).
        namespaces: Restriction to namespaces; empty means all.
        cluster_resources: With ``namespaces``: cluster-scoped kinds are watched too.
        project: Project that the cluster belongs to; empty means any.
        labels: The Secret's labels.
        annotations: The Secret's annotations.
    """

    name: str
    server: str
    config: Mapping[str, JsonValue]
    namespaces: tuple[str, ...] = ()
    cluster_resources: bool = True
    project: str = ""
    labels: Mapping[str, str] | None = None
    annotations: Mapping[str, str] | None = None


class ClusterUnknown(Stalled):
    """No cluster has that name or server URL."""


class ClusterDirectory(Protocol):
    """The clusters of the fleet, by server URL or by name."""

    def find(self, *, server: str = "", name: str = "") -> Cluster:
        """Return the cluster.

        Raises:
            ClusterUnknown: No such cluster, or a name that two share.
        """
        ...

    def settings(self, server: str) -> ClusterSettings | None:
        """Return what the cluster was registered with."""
        ...

    def all(self) -> Sequence[Cluster]:
        """Return every cluster, sorted by name."""
        ...

    async def put(self, settings: ClusterSettings) -> None:
        """Add a cluster or replace its connection; nothing happens when nothing changed."""
        ...

    async def remove(self, server: str) -> None:
        """Close and forget a cluster; nothing in it is touched."""
        ...

    def subscribe(self, listener: Callable[[Cluster, WatchEvent | None], None]) -> None:
        """Call ``listener`` for every watch event, and with None when reachability turns."""
        ...


class PodLogs(Protocol):
    """Log lines of a pod."""

    def lines(
        self, key: ObjectKey, *, container: str = "", follow: bool = False, tail: int | None = None
    ) -> AsyncIterator[str]:
        """Yield lines, oldest first."""
        ...
