"""What a test says to a cluster in memory, and asks of it, behind the port's back."""

from collections.abc import Callable
from dataclasses import dataclass, field

from trimtab.core import JsonObject
from trimtab.core.manifest import GroupKind, LiveObject, ObjectKey, key_of
from trimtab.ports.cluster import (
    ApiError,
    ClusterUnreachable,
    CredentialsRefused,
    NotFound,
    ResourceType,
)
from trimtab.testing.cluster_store import Store

Fault = ApiError | ClusterUnreachable | CredentialsRefused


@dataclass(frozen=True, slots=True)
class Request:
    """A request that the cluster got.

    Args:
        verb: ``get``, ``list``, ``apply``, ``create``, ``replace``, ``patch`` or ``delete``.
        key: The object; for lists without a name.
        manager: Field manager of a write.
        dry_run: Whether nothing was to be stored.
        user: Impersonated user, or empty.
        body: What was sent.
    """

    verb: str
    key: ObjectKey
    manager: str = ""
    dry_run: bool = False
    user: str = ""
    body: bytes = field(default=b"", repr=False)


@dataclass(slots=True)
class SharedState:
    """What all faces of one cluster share."""

    store: Store
    requests: list[Request] = field(default_factory=list[Request])
    reachable: bool | None = None
    next_faults: list[tuple[str, Fault]] = field(default_factory=list[tuple[str, Fault]])
    refusals: list[tuple[Callable[[Request], bool], Fault]] = field(
        default_factory=list[tuple[Callable[[Request], bool], Fault]]
    )
    on_contact: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])
    names: int = 0


class ScriptedCluster:
    """The side of a fake cluster that its tests see; all faces of one cluster share the state."""

    _name: str
    _shared: SharedState

    @property
    def requests(self) -> list[Request]:
        """The requests so far, refused ones included; a test may clear it."""
        return self._shared.requests

    def count(self, *verbs: str, dry_run: bool | None = None) -> int:
        """Return how many requests of these verbs (default: all) there were."""
        return sum(
            (not verbs or request.verb in verbs) and dry_run in (None, request.dry_run)
            for request in self._shared.requests
        )

    def seed(self, body: JsonObject, *, manager: str = "seed") -> LiveObject:
        """Create or update an object behind the port's back, as another client would."""
        key, store = key_of(body), self._shared.store
        live = store.objects.get(key)
        wanted, owners = store.rules(key.group_kind).update(live, body, manager)
        if live is None and "status" in body:
            wanted["status"] = body["status"]
        return store.save(key, wanted, owners)

    def add_kind(self, resource: ResourceType) -> None:
        """Serve a custom kind without a CRD object."""
        self._shared.store.kinds[resource.group_kind] = resource

    def set_status(
        self, key: ObjectKey, status: JsonObject, *, manager: str = "controller"
    ) -> LiveObject:
        """Set an object's status, as its controller would."""
        store = self._shared.store
        live = self._existing(key)
        subresource = "status" if store.rules(key.group_kind).has_status else ""
        body = {**live.body(), "status": status}
        wanted, owners = store.rules(key.group_kind).update(
            live, body, manager, subresource=subresource
        )
        return store.save(key, wanted, owners)

    def stored(self, key: ObjectKey) -> LiveObject | None:
        """Return an object as it is stored, without a request."""
        return self._shared.store.objects.get(key)

    def vanish(self, key: ObjectKey) -> None:
        """Delete an object and what it owns behind the port's back."""
        self._shared.store.delete(key, orphan=False)

    def fail_next(self, error: Fault, *, verb: str = "", times: int = 1) -> None:
        """Let the next requests (of this verb) fail."""
        self._shared.next_faults += [(verb, error)] * times

    def refuse(self, predicate: Callable[[Request], bool], error: Fault) -> Callable[[], None]:
        """Refuse all requests that match, as admission or RBAC would; return the way to stop it."""
        refusal = (predicate, error)
        self._shared.refusals.append(refusal)
        return lambda: self._shared.refusals.remove(refusal)

    def go_offline(self) -> None:
        """Lose contact: requests fail, watches see nothing."""
        self._shared.store.is_watching = False
        self._turn(contact=False)

    def come_back(self) -> None:
        """Find contact again; watches catch up."""
        self._shared.store.is_watching = True
        self._shared.store.show_all(self._shared.store.watched)
        self._turn(contact=True)

    def hold_watches(self) -> Callable[[], None]:
        """Delay watch events, requests still work; return the way to let them through."""
        self._shared.store.is_watching = False

        def release() -> None:
            self._shared.store.is_watching = True
            self._shared.store.show_all(self._shared.store.watched)

        return release

    def on_reachable(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` whenever contact turns."""
        self._shared.on_contact.append(listener)

    def stored_in(self, namespace: str, kind: GroupKind) -> list[LiveObject]:
        """Return the stored objects of a kind in a namespace, without a request."""
        found = self._shared.store.objects.items()
        return [o for key, o in found if (key.namespace, key.group_kind) == (namespace, kind)]

    def _existing(self, key: ObjectKey) -> LiveObject:
        self._shared.store.resource(key.group_kind)
        live = self._shared.store.objects.get(key)
        if live is None:
            raise NotFound(404, "NotFound", f'{key.kind} "{key.name}" not found')
        return live

    def _request(self, request: Request) -> None:
        shared = self._shared
        shared.requests.append(request)
        self._contact()
        for number, (verb, error) in enumerate(shared.next_faults):
            if verb in ("", request.verb):
                del shared.next_faults[number]
                raise error
        for predicate, error in shared.refusals:
            if predicate(request):
                raise error

    def _contact(self) -> None:
        if self._shared.reachable is False:
            raise ClusterUnreachable(
                "ClusterUnreachable", f"cluster {self._name} cannot be reached: it is offline"
            )
        if self._shared.reachable is None:
            self._turn(contact=True)

    def _turn(self, *, contact: bool) -> None:
        if self._shared.reachable is not contact:
            self._shared.reachable = contact
            for listener in self._shared.on_contact:
                listener()
