"""The objects of a fake cluster, and the view that its watches would have of them.

Deletion, namespaces, owner references and CRDs work at once, as if every controller had run.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import cast
from zlib import crc32

import msgspec

from trimtab.adapters.kubernetes.view import Scope, View, without_values
from trimtab.core import JsonObject, JsonValue
from trimtab.core.manifest import GroupKind, LiveObject, ObjectKey, parse_live
from trimtab.ports.cluster import NotFound, ResourceType
from trimtab.testing.cluster_fields import Tree
from trimtab.testing.cluster_kinds import CRD, NAMESPACE, SECRET, built_in_kinds, crd_kind
from trimtab.testing.cluster_server import Owner, Server


class Store:
    """What is stored, and what is seen of it.

    Args:
        view: The live view.
        full_secret_selector: ``key`` or ``key=value``: these Secrets are watched whole.
        now: Source of timestamps.
        realm: Part of each uid: no two clusters share one.
    """

    def __init__(
        self, view: View, full_secret_selector: str, now: Callable[[], datetime], *, realm: str
    ) -> None:
        self.view = view
        self.kinds = built_in_kinds()
        self.objects: dict[ObjectKey, LiveObject] = {}
        self.watched: set[GroupKind] = set()
        self.is_watching = True
        self._selector = full_secret_selector
        self._now = now
        self._version = 100
        self._uids = 0
        self._realm = crc32(realm.encode())

    def resource(self, kind: GroupKind, version: str = "") -> ResourceType:
        """Return how a kind is served.

        Raises:
            NotFound: It is not, or not in this version.
        """
        found = self.kinds.get(kind)
        if found is None:
            raise NotFound(404, "KindNotServed", f"the cluster does not serve {kind}")
        if version and version not in found.versions:
            raise NotFound(404, "VersionNotServed", f"the cluster does not serve {kind} {version}")
        return found

    def rules(self, kind: GroupKind) -> Server:
        """Return the API server's rules for a kind, now."""
        return Server(self.resource(kind), f"{self._now():%FT%TZ}")

    def require_namespace(self, key: ObjectKey) -> None:
        """Refuse an object in a namespace that does not exist.

        Raises:
            NotFound: It does not.
        """
        if key.namespace and ObjectKey("", "Namespace", "", key.namespace) not in self.objects:
            raise NotFound(404, "NotFound", f'namespaces "{key.namespace}" not found')

    def save(
        self,
        key: ObjectKey,
        body: JsonObject,
        owners: list[Owner],
        *,
        dry_run: bool = False,
    ) -> LiveObject:
        """Store an object, unless nothing changed in it, and return it as it is then."""
        live = self.objects.get(key)
        self._uids += live is None
        uid = f"{self._realm:08x}-0000-4000-8000-{self._uids:012d}"
        sealed = self.rules(key.group_kind).seal(live, body, owners, uid=uid)
        metadata = cast("Tree", sealed["metadata"])
        if live is not None:
            metadata["resourceVersion"] = live.meta.resource_version
            if sealed == live.body():
                return live
        if dry_run:
            return _parsed(sealed)
        self._version += 1
        metadata["resourceVersion"] = str(self._version)
        stored = _parsed(sealed)
        if live is not None and stored.meta.deletion_timestamp and not stored.meta.finalizers:
            self._take_out(key)
            return stored
        self.objects[key] = stored
        self._show(stored)
        self._serve_crd(stored)
        return stored

    def delete(self, key: ObjectKey, *, orphan: bool) -> None:
        """Delete an object and what it owns; finalizers hold it back."""
        live = self.objects[key]
        if live.meta.finalizers:
            if live.meta.deletion_timestamp is None:
                self._mark_deleted(live)
            return
        self._take_out(key)
        if not orphan:
            self._delete_owned(live.meta.uid)

    def watch(self, kinds: Iterable[GroupKind]) -> None:
        """Show these kinds in the view from now on."""
        for kind in kinds:
            if kind not in self.watched:
                self.watched.add(kind)
                self.view.open(kind)
                self.show_all([kind])

    def show_all(self, kinds: Iterable[GroupKind]) -> None:
        """Bring the view of these kinds up to date, as a LIST does."""
        if not self.is_watching:
            return
        for kind in kinds:
            items = [self._seen(o) for k, o in self.objects.items() if k.group_kind == kind]
            self.view.replace(Scope(kind), items, str(self._version))

    def _mark_deleted(self, live: LiveObject) -> None:
        body = cast("Tree", live.body())
        self._version += 1
        marked = dict(cast("JsonObject", body["metadata"]))
        marked["deletionTimestamp"] = f"{self._now():%FT%TZ}"
        marked["resourceVersion"] = str(self._version)
        self.objects[live.key] = stored = _parsed({**body, "metadata": marked})
        self._show(stored)

    def _take_out(self, key: ObjectKey) -> None:
        live = self.objects.pop(key)
        self._version += 1
        body = live.body()
        metadata = {
            **cast("JsonObject", body["metadata"]),
            "resourceVersion": str(self._version),
        }
        if self.is_watching and key.group_kind in self.watched:
            last = _parsed({**body, "metadata": metadata})
            self.view.drop(self._seen(last), Scope(key.group_kind))
        if key.group_kind == NAMESPACE:
            for each in [k for k in self.objects if k.namespace == key.name]:
                self._take_out(each)
        if key.group_kind == CRD:
            self._unserve(crd_kind(body).group_kind)

    def _delete_owned(self, uid: str) -> None:
        for key, live in list(self.objects.items()):
            references = live.meta.owner_references or ()
            if key in self.objects and any(reference.uid == uid for reference in references):
                self.delete(key, orphan=False)

    def _serve_crd(self, live: LiveObject) -> None:
        if live.key.group_kind == CRD:
            resource = crd_kind(live.body())
            self.kinds[resource.group_kind] = resource
            if resource.group_kind in self.watched:
                self.show_all([resource.group_kind])

    def _unserve(self, kind: GroupKind) -> None:
        for key in [k for k in self.objects if k.group_kind == kind]:
            self._take_out(key)
        self.kinds.pop(kind, None)
        self.view.close(kind)

    def _show(self, live: LiveObject) -> None:
        if self.is_watching and live.key.group_kind in self.watched:
            self.view.put(self._seen(live))

    def _seen(self, live: LiveObject) -> LiveObject:
        """Return what a watch shows: of a Secret only metadata, unless it is selected."""
        if live.key.group_kind != SECRET:
            return live
        if self._selector and matches_labels(live.labels, self._selector):
            return live
        return without_values(live)


def matches_labels(labels: Mapping[str, str], selector: str) -> bool:
    """Return whether labels satisfy ``a``, ``!a``, ``a=b`` and ``a!=b``, joined by commas."""
    for requirement in filter(None, (part.strip() for part in selector.split(","))):
        if "!=" in requirement:
            name, _, value = requirement.partition("!=")
            is_met = labels.get(name) != value
        elif "=" in requirement:
            name, _, value = requirement.replace("==", "=").partition("=")
            is_met = labels.get(name) == value
        elif requirement.startswith("!"):
            is_met = requirement[1:] not in labels
        else:
            is_met = requirement in labels
        if not is_met:
            return False
    return True


def _parsed(body: Mapping[str, JsonValue]) -> LiveObject:
    return parse_live(msgspec.json.encode(body))
