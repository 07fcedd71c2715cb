"""What the watches of one cluster have seen, with indexes, and who is told of changes.

Rules: resourceVersions decide, never the order of arrival: an answer to our own write may come
before or after its watch event, and whichever is newer stays. A change is told once, at the moment
when the view changes. Only an authoritative snapshot or a DELETED event takes an object out.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import msgspec

from trimtab.core.manifest import GroupKind, LiveObject, ObjectKey, parse_live
from trimtab.ports.cluster import Change, Listener, WatchEvent

TrackedBy = Callable[[LiveObject], str | None]
"""Maps an object to the delivery that tracks it, or None."""

_TOMBSTONE_AGE = 120.0


@dataclass(frozen=True, slots=True)
class Scope:
    """The share of a kind that one watch is responsible for.

    Args:
        group_kind: The kind.
        namespace: One namespace, or empty for all.
        partial: Only objects known by metadata, only whole ones, or (None) both.
    """

    group_kind: GroupKind
    namespace: str = ""
    partial: bool | None = None

    def holds(self, live: LiveObject) -> bool:
        """Return whether an object of the kind belongs to this share."""
        if self.namespace and live.key.namespace != self.namespace:
            return False
        return self.partial is None or live.partial == self.partial


class View:
    """The live objects of one cluster.

    Args:
        tracked_by: Index function of :meth:`tracked`.
        clock: Monotonic seconds.
    """

    def __init__(
        self, tracked_by: TrackedBy | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tracked_by = tracked_by or _untracked
        self._clock = clock
        self._kinds: dict[GroupKind, dict[ObjectKey, LiveObject]] = {}
        self._owned: dict[str, set[ObjectKey]] = {}
        self._tracked: dict[str, set[ObjectKey]] = {}
        self._tombstones: dict[str, tuple[str, float]] = {}
        self._listeners: list[Listener] = []

    def open(self, group_kind: GroupKind) -> None:
        """Start to hold objects of a kind."""
        self._kinds.setdefault(group_kind, {})

    def close(self, group_kind: GroupKind) -> None:
        """Empty a kind that the cluster no longer serves; its objects went with it."""
        for live in list(self._kinds.get(group_kind, {}).values()):
            self._remove(live)

    def live(self, key: ObjectKey) -> LiveObject | None:
        """Return an object, or None."""
        kind = self._kinds.get(key.group_kind)
        return None if kind is None else kind.get(key)

    def objects(self, group_kind: GroupKind) -> Sequence[LiveObject]:
        """Return all objects of a kind."""
        return tuple(self._kinds.get(group_kind, {}).values())

    def owned_by(self, uid: str) -> Sequence[LiveObject]:
        """Return the objects with an ownerReference to ``uid``."""
        return self._all(self._owned.get(uid, ()))

    def tracked(self, owner: str) -> Sequence[LiveObject]:
        """Return the objects that the index function maps to ``owner``."""
        return self._all(self._tracked.get(owner, ()))

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` for every change; return the way to stop it."""
        self._listeners.append(listener)

        def stop() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return stop

    def put(self, live: LiveObject, *, is_own: bool = False) -> None:
        """Take in an object, unless the view already holds it as new or newer."""
        kind = self._kinds.get(live.key.group_kind)
        if kind is None:
            return
        held = kind.get(live.key)
        if held is not None and not _supersedes(live, held):
            return
        if held is None and self._is_buried(live):
            return
        self._index(live, held)
        kind[live.key] = live
        change = Change.MODIFIED if held else Change.ADDED
        self._tell(WatchEvent(change, live, held, is_own))

    def drop(self, live: LiveObject, scope: Scope) -> None:
        """Take out an object that a watch of ``scope`` reports as deleted."""
        if scope.partial is None:
            # The answer to a write of ours may still be under way, and must not bring it back.
            self._bury(live.meta.uid, live.meta.resource_version)
        else:
            self._tombstones.pop(live.meta.uid, None)
        held = self.live(live.key)
        if held is None or not scope.holds(held):
            return  # it only left this watch's label selector
        if held.meta.uid == live.meta.uid or not _is_newer(held, live):
            self._remove(held, live)

    def replace(
        self, scope: Scope, items: Iterable[LiveObject], version: str, *, rewound: bool = False
    ) -> None:
        """Make a scope equal to a snapshot, telling the differences.

        Args:
            scope: What the snapshot covers.
            items: All its objects.
            version: Its resourceVersion; what the view learned after it stays.
            rewound: The cluster's history went back (restored from a backup): the snapshot wins
                over everything.
        """
        kind = self._kinds.get(scope.group_kind, {})
        seen: set[ObjectKey] = set()
        for live in items:
            seen.add(live.key)
            held = kind.get(live.key)
            if rewound and held is not None and _differ(live, held):
                self._remove(held)
            self.put(live)
        for held in [live for key, live in kind.items() if key not in seen and scope.holds(live)]:
            if rewound or not _is_after(held.meta.resource_version, version):
                self._remove(held)

    def remember(self, live: LiveObject) -> None:
        """Put the answer of a write into the view, unless the view is already newer."""
        if live.meta.deletion_timestamp is not None and not live.meta.finalizers:
            # The write took away the last finalizer: this is the object's last state, not its next.
            self.forget(live.key, live.meta.uid)
            return
        self.put(live, is_own=True)

    def forget(self, key: ObjectKey, uid: str) -> None:
        """Take a deleted object out, and ignore what is still under way about it."""
        held = self.live(key)
        if held is None or held.meta.uid != uid:
            return
        self._bury(uid, held.meta.resource_version)
        self._remove(held)

    def _bury(self, uid: str, version: str) -> None:
        now = self._clock()
        if len(self._tombstones) > 1000:
            self._tombstones = {u: t for u, t in self._tombstones.items() if t[1] > now}
        self._tombstones[uid] = (version, now + _TOMBSTONE_AGE)

    def _is_buried(self, live: LiveObject) -> bool:
        tombstone = self._tombstones.get(live.meta.uid)
        if tombstone is None:
            return False
        version, until = tombstone
        # Something newer than what was forgotten means that it lives on, held by a finalizer.
        return until > self._clock() and not _is_after(live.meta.resource_version, version)

    def _remove(self, held: LiveObject, last: LiveObject | None = None) -> None:
        kind = self._kinds[held.key.group_kind]
        del kind[held.key]
        self._index(None, held)
        self._tell(WatchEvent(Change.DELETED, last or held, held))

    def _index(self, live: LiveObject | None, held: LiveObject | None) -> None:
        if live is not None and held is not None and _same_indexes(live, held):
            return
        for index, of in ((self._owned, _owners), (self._tracked, self._trackers)):
            before = of(held) if held is not None else ()
            after = of(live) if live is not None else ()
            if before == after:
                continue
            for name in before:
                if held is not None and (keys := index.get(name)) is not None:
                    keys.discard(held.key)
                    if not keys:
                        del index[name]
            for name in after:
                if live is not None:
                    index.setdefault(name, set()).add(live.key)

    def _trackers(self, live: LiveObject) -> tuple[str, ...]:
        owner = self._tracked_by(live)
        return () if owner is None else (owner,)

    def _all(self, keys: Iterable[ObjectKey]) -> Sequence[LiveObject]:
        return tuple(live for key in keys if (live := self.live(key)) is not None)

    def _tell(self, event: WatchEvent) -> None:
        for listener in tuple(self._listeners):
            listener(event)


def _same_indexes(live: LiveObject, held: LiveObject) -> bool:
    """Return whether everything that indexes look at is the same, as it mostly is."""
    return live.is_marked_as(held) and live.meta.owner_references == held.meta.owner_references


def _untracked(_live: LiveObject) -> str | None:
    return None


class _MetadataOnly(msgspec.Struct):
    metadata: msgspec.Raw


def without_values(live: LiveObject) -> LiveObject:
    """Return an object as a metadata-only watch would hold it."""
    if live.partial:
        return live
    metadata = msgspec.json.decode(live.raw, type=_MetadataOnly)
    raw = msgspec.json.encode(metadata)
    return parse_live(raw, group_kind=live.key.group_kind, version=live.version, partial=True)


def _owners(live: LiveObject) -> tuple[str, ...]:
    references = live.meta.owner_references
    return tuple(reference.uid for reference in references) if references else ()


def _supersedes(live: LiveObject, held: LiveObject) -> bool:
    if live.meta.resource_version == held.meta.resource_version:
        return held.partial and not live.partial
    return _is_newer(live, held)


def _is_newer(live: LiveObject, held: LiveObject) -> bool:
    return _is_after(live.meta.resource_version, held.meta.resource_version)


def _differ(live: LiveObject, held: LiveObject) -> bool:
    return live.meta.resource_version != held.meta.resource_version


def _is_after(version: str, other: str) -> bool:
    """Compare resourceVersions; ones that are no numbers are taken in order of arrival."""
    if version.isdecimal() and other.isdecimal():
        return int(version) > int(other)
    return version != other
