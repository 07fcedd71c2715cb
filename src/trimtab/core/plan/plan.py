"""A plan: ordered phases and waves of changes, and what a user confirms."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from trimtab.core.diff.changes import FieldChange
from trimtab.core.manifest import (
    HookPhase,
    LiveObject,
    Manifest,
    ObjectKey,
    digest_of,
    manifest_of,
)
from trimtab.core.plan.options import SyncOptions, WriteChoice

DIGEST_LENGTH = 16


class Action(StrEnum):
    """What is done to one object."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    RECREATE = "recreate"
    PRUNE = "prune"
    HOOK = "hook"


DELETING = frozenset({Action.PRUNE, Action.RECREATE})
"""Actions that delete an object somebody may depend on."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One object as it is wanted and as it is.

    Args:
        manifest: The desired object; None when it is no longer desired (a prune candidate).
        live: The object in the cluster, or None when it is missing.
        differs: Live differs from predicted; of no meaning when one side is None.
        field_changes: The differences, for people.
        is_refused: The dry run refused the update for a field that cannot change. With force the
            object is recreated; without, the plan keeps the update and the preflight says why.
        reason: Why it is in the plan, where that is more than the action says.
    """

    manifest: Manifest | None
    live: LiveObject | None
    differs: bool = True
    field_changes: tuple[FieldChange, ...] = ()
    is_refused: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """One thing to do to one object.

    Args:
        action: What.
        key: To which object.
        manifest: What to write; None for a prune.
        live_uid: Of the object that is updated or deleted; a precondition of every deletion.
        phase: When.
        wave: When within the phase.
        field_changes: What an update changes.
        reason: Why, for people; empty where the action says it all.
        write: How to write; None for a prune.
    """

    action: Action
    key: ObjectKey
    manifest: Manifest | None = None
    live_uid: str = ""
    phase: HookPhase = HookPhase.SYNC
    wave: int = 0
    field_changes: tuple[FieldChange, ...] = ()
    reason: str = ""
    write: WriteChoice | None = None

    @property
    def is_deletion(self) -> bool:
        """Whether an object that exists is deleted, for good or to be created anew."""
        return self.action in DELETING


@dataclass(frozen=True, slots=True)
class Wave:
    """What is done together.

    Args:
        number: The wave.
        changes: In order of kind rank and name; prunes in reverse, before the others.
        unchanged: Desired objects of this wave that need no change but must be healthy before a
            later wave begins, since an earlier attempt may have left them unfinished.
    """

    number: int
    changes: tuple[PlannedChange, ...]
    unchanged: tuple[ObjectKey, ...] = ()

    @property
    def hooks(self) -> tuple[PlannedChange, ...]:
        """The hooks among the changes."""
        return tuple(change for change in self.changes if change.action is Action.HOOK)

    @property
    def objects(self) -> tuple[PlannedChange, ...]:
        """The changes that are no hooks."""
        return tuple(change for change in self.changes if change.action is not Action.HOOK)


@dataclass(frozen=True, slots=True)
class PhasePlan:
    """One phase and its waves, lowest first."""

    phase: HookPhase
    waves: tuple[Wave, ...]


class SkipReason(StrEnum):
    """Why something that could be done is not."""

    PRUNE_DISABLED = "PruneDisabled"
    PRUNE_FORBIDDEN = "PruneForbidden"
    PRUNE_UNCONFIRMED = "PruneUnconfirmed"


@dataclass(frozen=True, slots=True)
class Skipped:
    """One thing that the plan leaves undone.

    Args:
        key: Of the object.
        action: What would have been done.
        reason: Why not.
        message: In Argo CD's words, as tools show them.
    """

    key: ObjectKey
    action: Action
    reason: SkipReason
    message: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a sync will do.

    Args:
        revision: Commit, chart version or digest that the manifests come from.
        phases: In the order they run; SyncFail comes last and runs only after a failure.
        skipped: What is left undone, sorted by key.
        options: The sync's options.
        digest: Over every change: equal plans have equal digests. 16 hexadecimal digits.
    """

    revision: str
    phases: tuple[PhasePlan, ...]
    skipped: tuple[Skipped, ...]
    options: SyncOptions
    digest: str

    def changes(self) -> Iterator[PlannedChange]:
        """Yield every change in order."""
        for phase in self.phases:
            for wave in phase.waves:
                yield from wave.changes

    @property
    def is_empty(self) -> bool:
        """Whether no object would be touched; hooks count as something to do."""
        return next(self.changes(), None) is None

    @property
    def deletions(self) -> tuple[PlannedChange, ...]:
        """The changes that delete an object, in order."""
        return tuple(change for change in self.changes() if change.is_deletion)

    @property
    def deletion_digest(self) -> str:
        """Over what would be deleted and the revision; what a person confirms."""
        rows = sorted(
            [change.action, str(change.key), change.live_uid] for change in self.deletions
        )
        return digest_of([self.revision, rows])[:DIGEST_LENGTH]

    @property
    def unconfirmed(self) -> tuple[ObjectKey, ...]:
        """Objects whose pruning waits for a person."""
        return tuple(
            skip.key for skip in self.skipped if skip.reason is SkipReason.PRUNE_UNCONFIRMED
        )


def digest_changes(revision: str, changes: Iterable[PlannedChange]) -> str:
    """Return the digest over changes, whatever their order."""
    rows = sorted(
        [
            change.phase,
            str(change.wave),
            change.action,
            str(change.key),
            change.manifest.digest if change.manifest else "",
            change.live_uid,
        ]
        for change in changes
    )
    return digest_of([revision, rows])[:DIGEST_LENGTH]


def namespace_candidate(
    name: str, live: LiveObject | None, *, body_metadata: dict[str, dict[str, str]] | None = None
) -> Candidate:
    """Return the candidate for option CreateNamespace.

    Args:
        name: The destination's namespace.
        live: The namespace, if it exists: then there is nothing to do.
        body_metadata: ``labels`` and ``annotations`` of managedNamespaceMetadata.
    """
    metadata = {"name": name, **(body_metadata or {})}
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    return Candidate(manifest_of(body), live, differs=False, reason="CreateNamespace")
