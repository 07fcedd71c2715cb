"""A cluster in memory that behaves as an API server does, and fails when a test says so.

Rules: every write is carried out at once, and its watch event is told before the call returns;
nothing waits and no clock is read. There are no controllers: a test sets statuses itself with
:meth:`FakeCluster.set_status`, from a listener if it likes.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

import msgspec

from trimtab.adapters.kubernetes.view import TrackedBy, View, without_values
from trimtab.core import JsonObject, JsonValue
from trimtab.core.manifest import GroupKind, LiveObject, ObjectKey, key_of
from trimtab.ports.cluster import (
    AlreadyExists,
    Conflict,
    Invalid,
    Listener,
    NotFound,
    PatchType,
    Propagation,
    ResourceType,
    Write,
    Written,
)
from trimtab.testing.cluster_fields import merge
from trimtab.testing.cluster_kinds import SECRET
from trimtab.testing.cluster_patches import PatchError, json_patch, merge_patch
from trimtab.testing.cluster_script import Request, ScriptedCluster, SharedState
from trimtab.testing.cluster_store import Store, matches_labels

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class FakeCluster(ScriptedCluster):
    """Implements ``ports.cluster.Cluster``; it passes the contract suite of the real one.

    Args:
        name: Name.
        server: Server URL.
        tracked_by: Index function of ``tracked``.
        full_secret_selector: Label whose Secrets are watched whole, ``key`` or ``key=value``.
        now: Source of timestamps.
    """

    def __init__(
        self,
        name: str = "in-cluster",
        server: str = "https://kubernetes.default.svc",
        *,
        tracked_by: TrackedBy | None = None,
        full_secret_selector: str = "",
        now: Callable[[], datetime] = lambda: _EPOCH,
    ) -> None:
        self._name, self._server, self._user = name, server, ""
        store = Store(View(tracked_by), full_secret_selector, now, realm=server)
        self._shared = SharedState(store)
        for namespace in ("default", "kube-system"):
            self.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})

    # The port: identity.

    @property
    def name(self) -> str:
        """The name people gave it."""
        return self._name

    @property
    def server(self) -> str:
        """The URL by which Applications name it."""
        return self._server

    @property
    def reachable(self) -> bool | None:
        """None before the first request, False while offline."""
        return self._shared.reachable

    def impersonate(self, user: str, groups: Sequence[str] = ()) -> "FakeCluster":
        """Return a face of the same cluster whose writes say ``user``."""
        face = object.__new__(FakeCluster)
        face._name, face._server, face._user = self._name, self._server, user
        face._shared = self._shared
        return face

    # The port: reads.

    async def resource_type(self, group_kind: GroupKind) -> ResourceType | None:
        """Return how a kind is served, or None."""
        self._contact()
        return self._shared.store.kinds.get(group_kind)

    async def resource_types(self) -> Sequence[ResourceType]:
        """Return every served kind."""
        self._contact()
        return tuple(self._shared.store.kinds.values())

    async def server_version(self) -> str:
        """Return a version."""
        self._contact()
        return "v1.37.0"

    async def get(self, key: ObjectKey, *, version: str | None = None) -> LiveObject | None:
        """Return the object, or None."""
        self._request(Request("get", key))
        return self._shared.store.objects.get(key)

    async def list(
        self, group_kind: GroupKind, *, namespace: str = "", label_selector: str = ""
    ) -> Sequence[LiveObject]:
        """Return all objects of a kind."""
        self._request(Request("list", ObjectKey(group_kind.group, group_kind.kind, namespace, "")))
        self._shared.store.resource(group_kind)
        return [
            live
            for key, live in self._shared.store.objects.items()
            if key.group_kind == group_kind
            and namespace in ("", key.namespace)
            and matches_labels(live.labels, label_selector)
        ]

    # The port: writes.

    async def apply(self, key: ObjectKey, version: str, body: bytes, write: Write) -> Written:
        """Server-side apply."""
        applied = self._received("apply", key, version, body, write)
        store = self._shared.store
        live = store.objects.get(key)
        _check_preconditions(live, applied)
        if live is None:
            store.require_namespace(key)
        rules = store.rules(key.group_kind)
        wanted, owners = rules.apply(live, applied, write.manager, force=write.force)
        return Written(store.save(key, wanted, owners, dry_run=write.dry_run))

    async def create(self, key: ObjectKey, version: str, body: bytes, write: Write) -> Written:
        """POST."""
        wanted = self._received("create", key, version, body, write)
        metadata = cast("JsonObject", wanted.get("metadata") or {})
        if not key.name and metadata.get("generateName"):
            self._shared.names += 1
            name = f"{metadata['generateName']}{self._shared.names:05d}"
            key = ObjectKey(key.group, key.kind, key.namespace, name)
            wanted = {**wanted, "metadata": {**metadata, "name": name}}
        store = self._shared.store
        store.require_namespace(key)
        if key in store.objects:
            raise AlreadyExists(409, "AlreadyExists", f'{key.kind} "{key.name}" already exists')
        body_, owners = store.rules(key.group_kind).update(None, wanted, write.manager)
        return Written(store.save(key, body_, owners, dry_run=write.dry_run))

    async def replace(self, key: ObjectKey, version: str, body: bytes, write: Write) -> Written:
        """PUT."""
        wanted = self._received("replace", key, version, body, write)
        live = self._existing(key)
        _check_preconditions(live, wanted)
        store = self._shared.store
        body_, owners = store.rules(key.group_kind).update(live, wanted, write.manager)
        return Written(store.save(key, body_, owners, dry_run=write.dry_run))

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
        """JSON, merge or strategic merge patch of an object or its status."""
        self._request(_request_of("patch", key, body, write, self._user))
        store = self._shared.store
        resource = store.resource(key.group_kind, version or "")
        if subresource and (subresource != "status" or subresource not in resource.subresources):
            raise NotFound(404, "NotFound", f"{key}: no subresource {subresource}")
        live = self._existing(key)
        wanted = _patched(key.group_kind, live.body(), patch_type, body)
        _check_preconditions(live, wanted)
        body_, owners = store.rules(key.group_kind).update(
            live, wanted, write.manager, subresource=subresource
        )
        return Written(store.save(key, body_, owners, dry_run=write.dry_run))

    async def delete(
        self,
        key: ObjectKey,
        *,
        uid: str,
        propagation: Propagation = Propagation.FOREGROUND,
        dry_run: bool = False,
    ) -> bool:
        """Delete only the object with this uid."""
        self._request(Request("delete", key, dry_run=dry_run, user=self._user))
        live = self._shared.store.objects.get(key)
        if live is None:
            return False
        if live.meta.uid != uid:
            raise Conflict(409, "Conflict", f"{key}: the uid in the precondition is another one's")
        if not dry_run:
            self._shared.store.delete(key, orphan=propagation is Propagation.ORPHAN)
        return True

    # The port: the live view.

    def ensure(self, kinds: Iterable[GroupKind]) -> None:
        """Watch these kinds; their objects are in the view at once."""
        if self._shared.reachable is None:
            self._turn(contact=True)
        self._shared.store.watch(kinds)

    def is_synced(self, group_kind: GroupKind) -> bool:
        """Return whether the kind is watched, served and in contact."""
        store = self._shared.store
        is_known = group_kind in store.watched and group_kind in store.kinds
        return is_known and self._shared.reachable is not False

    async def wait_synced(self, kinds: Iterable[GroupKind], *, timeout: timedelta) -> None:
        """Return at once, or raise at once when offline."""
        self.ensure(kinds)
        self._contact()

    def live(self, key: ObjectKey) -> LiveObject | None:
        """Return the object from the view."""
        return self._shared.store.view.live(key)

    def objects(self, group_kind: GroupKind) -> Sequence[LiveObject]:
        """Return the view's objects of a kind."""
        return self._shared.store.view.objects(group_kind)

    def owned_by(self, uid: str) -> Sequence[LiveObject]:
        """Return the view's objects with an ownerReference to this uid."""
        return self._shared.store.view.owned_by(uid)

    def tracked(self, owner: str) -> Sequence[LiveObject]:
        """Return the view's objects that belong to ``owner``."""
        return self._shared.store.view.tracked(owner)

    def remember(self, live: LiveObject) -> None:
        """Put the answer of a write into the view."""
        if live.key.group_kind == SECRET:
            held = self.live(live.key)
            live = without_values(live) if held is None or held.partial else live
        self._shared.store.view.remember(live)

    def forget(self, key: ObjectKey, uid: str) -> None:
        """Take a deleted object out of the view."""
        self._shared.store.view.forget(key, uid)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` for every later change of the view."""
        return self._shared.store.view.subscribe(listener)

    # How it works.

    def _received(
        self, verb: str, key: ObjectKey, version: str, body: bytes, write: Write
    ) -> JsonObject:
        self._request(_request_of(verb, key, body, write, self._user))
        resource = self._shared.store.resource(key.group_kind, version)
        if resource.namespaced and not key.namespace:
            raise Invalid(422, "NamespaceMissing", f"{key}: {key.kind} needs a namespace")
        try:
            decoded = msgspec.json.decode(body)
        except msgspec.DecodeError as error:
            raise Invalid(400, "BadRequest", f"{key}: not JSON: {error}") from error
        stated = key_of(cast("JsonObject", decoded))
        if stated.group_kind != key.group_kind or stated.name != key.name:
            raise Invalid(400, "BadRequest", f"the body says {stated}, the URL says {key}")
        if stated.namespace not in ("", key.namespace):
            raise Invalid(400, "BadRequest", f"the body says {stated}, the URL says {key}")
        metadata = {**cast("JsonObject", decoded.get("metadata") or {})}
        if resource.namespaced:
            metadata["namespace"] = key.namespace
        return {**decoded, "metadata": metadata}


def _request_of(verb: str, key: ObjectKey, body: bytes, write: Write, user: str) -> Request:
    return Request(verb, key, write.manager, write.dry_run, user, body)


def _patched(kind: GroupKind, body: JsonObject, patch_type: PatchType, patch: bytes) -> JsonObject:
    try:
        decoded = cast("JsonValue", msgspec.json.decode(patch))
        match patch_type:
            case "json":
                return json_patch(body, decoded)
            case "merge":
                return cast("JsonObject", merge_patch(body, decoded))
            case "strategic":
                return cast("JsonObject", merge(kind, body, decoded, nulls=True))
    except (PatchError, msgspec.DecodeError) as error:
        raise Invalid(422, "Invalid", f"the patch cannot be applied: {error}") from error


def _check_preconditions(live: LiveObject | None, body: JsonObject) -> None:
    metadata = cast("JsonObject", body.get("metadata") or {})
    uid, version = metadata.get("uid"), metadata.get("resourceVersion")
    if live is None:
        if uid:
            raise Conflict(409, "Conflict", "uid mismatch: the object does not exist")
        return
    if uid and uid != live.meta.uid:
        raise Conflict(409, "Conflict", f"{live.key}: uid mismatch: it is {live.meta.uid}")
    if version and version != live.meta.resource_version:
        raise Conflict(409, "Conflict", f"{live.key}: the object has been modified; read it again")
