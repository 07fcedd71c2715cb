"""What one look at an Application works with: inputs, observation, intent and result."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from trimtab.core.conditions import Condition
from trimtab.core.diff import FieldChange, IgnoreRules
from trimtab.core.health import Health
from trimtab.core.manifest import Manifest, ObjectKey
from trimtab.core.manifest.live import LiveObject
from trimtab.core.plan import Candidate, ObjectResult, SyncOptions, SyncProgress
from trimtab.core.policy import NO_CONTENTION, Contention, Project
from trimtab.crds.argoproj_v1alpha1.application import Application, Operation
from trimtab.crds.argoproj_v1alpha1.source import ApplicationSource
from trimtab.ports.cluster import Cluster, ClusterSettings
from trimtab.services.render import SourceAt


@dataclass(frozen=True, slots=True)
class Target:
    """What to render: sources with the commits that their revisions mean.

    Args:
        wire: The sources as the Application or the operation states them.
        sources: The same, resolved; in the same order.
    """

    wire: tuple[ApplicationSource, ...]
    sources: tuple[SourceAt, ...]

    @property
    def revisions(self) -> tuple[str, ...]:
        """The commits, in order."""
        return tuple(source.commit for source in self.sources)

    @property
    def revision(self) -> str:
        """The one commit, or those of several sources joined by commas."""
        return ",".join(self.revisions)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What an Application's spec means in this installation.

    Args:
        key: ``namespace/name``.
        app: The Application.
        app_live: The same as the hub holds it.
        project: Its project.
        cluster: Its destination; writes act as the project's account.
        settings: What the destination was registered with.
        app_instance: What its objects are marked with.
        ignore: What is no drift.
    """

    key: str
    app: Application
    app_live: LiveObject
    project: Project
    cluster: Cluster
    settings: ClusterSettings
    app_instance: str
    ignore: IgnoreRules

    @property
    def namespace(self) -> str:
        """The destination's namespace."""
        return self.app.spec.destination.namespace


@dataclass(frozen=True, slots=True)
class Desired:
    """The manifests of a target, marked as the Application's.

    Args:
        digest: Over the renders and everything that shaped the manifests.
        objects: Ordinary objects.
        hooks: Hooks.
        source_types: One a source.
        conditions: Warnings.
        namespaced: Whether each kind lives in namespaces; kinds not served are absent.
        has_unknown_kinds: Some kinds are not served: the answer may change without a commit.
    """

    digest: str
    objects: tuple[Manifest, ...]
    hooks: tuple[Manifest, ...]
    source_types: tuple[str, ...]
    conditions: tuple[Condition, ...]
    namespaced: Mapping[tuple[str, str], bool]
    has_unknown_kinds: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """One object: desired, live, and how the two compare.

    Args:
        manifest: None when it is no longer desired.
        live: None when it is missing.
        differs: Live is not as desired; always true when one side is missing.
        changes: Field by field, masked for Secrets.
        health: None for a kind without, and for a missing object.
        is_refused: A dry run refused the change.
        refusal: Why.
    """

    manifest: Manifest | None
    live: LiveObject | None
    differs: bool
    changes: tuple[FieldChange, ...] = ()
    health: Health | None = None
    is_refused: bool = False
    refusal: str = ""

    @property
    def key(self) -> ObjectKey:
        """The object's identity."""
        if self.manifest is not None:
            return self.manifest.key
        assert self.live is not None
        return self.live.key

    def candidate(self) -> Candidate:
        """Return it as an input of a plan."""
        return Candidate(
            self.manifest,
            self.live,
            differs=self.differs,
            field_changes=self.changes,
            is_refused=self.is_refused,
        )


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything that decisions need.

    Args:
        target: What was rendered.
        desired: Its manifests.
        seen: Desired objects in rendered order, then live ones that are no longer desired.
        conditions: Warnings found on the way.
        now: When it was made.
        hooks: Live hooks; they say nothing about the Application being in sync or healthy.
    """

    target: Target
    desired: Desired
    seen: tuple[Seen, ...]
    conditions: tuple[Condition, ...]
    now: datetime
    hooks: tuple[Seen, ...] = ()

    @property
    def is_synced(self) -> bool:
        """Whether nothing differs."""
        return not any(seen.differs for seen in self.seen)


@dataclass(frozen=True, slots=True)
class Intent:
    """A sync to carry out, or to go on with.

    Args:
        operation: As it is recorded in status.operationState.
        kind: ``sync``, ``self-heal`` or ``rollback``: for the ledger.
        started_at: When the attempt began.
        retry_count: Attempts before this one.
        progress: What was done so far.
        options: Merged from the policy and the operation.
        only: Sync only these objects; None for all. Selective syncs run no hooks.
        is_user: A person asked for it.
        is_new: It begins now.
        superseded: How many syncs in a row were superseded before it.
    """

    operation: Operation
    kind: str
    started_at: datetime
    options: SyncOptions
    progress: SyncProgress
    retry_count: int = 0
    only: frozenset[ObjectKey] | None = None
    is_user: bool = False
    is_new: bool = True
    superseded: int = 0


@dataclass(frozen=True, slots=True)
class SyncOutcome:
    """How far a sync came in this look.

    Args:
        intent: Which.
        phase: Argo CD's operation phase.
        message: For a person.
        progress: What was done.
        target: What was synced.
        finished_at: None while it runs.
        retry_at: When the next attempt begins, for one that failed and is tried again.
        conditions: What a person should know.
        look_again: When to look again, in seconds; None to wait for an event.
        drift: Objects that were healed, with the fields that drifted.
        plan_text: The plan, where a person must look at it.
        manifests_digest: Over the manifests of the sync.
    """

    intent: Intent
    phase: str
    message: str
    progress: SyncProgress
    target: Target
    finished_at: datetime | None = None
    retry_at: datetime | None = None
    conditions: tuple[Condition, ...] = ()
    look_again: float | None = None
    drift: tuple[tuple[ObjectKey, tuple[FieldChange, ...]], ...] = ()
    plan_text: str = ""
    manifests_digest: str = ""

    @property
    def results(self) -> tuple[ObjectResult, ...]:
        """What was done to each object."""
        return self.progress.results


@dataclass(slots=True)
class Memory:
    """What a process remembers of one Application: may be lost at any time.

    Args:
        verdicts: Comparisons by object.
        health: Health by object and resourceVersion.
        desired: The last manifests by digest of what shaped them.
        heal_failures: Self-heals in a row that failed.
        heal_after: Monotonic time before which no self-heal is tried.
        contention: Fields that were healed lately.
        refused: Objects whose update the API server refuses, and which may be recreated.
    """

    verdicts: dict[ObjectKey, "Verdict"] = field(default_factory=dict)
    health: dict[ObjectKey, tuple[str, Health | None]] = field(default_factory=dict)
    desired: tuple[str, Desired] | None = None
    heal_failures: int = 0
    heal_after: float = 0.0
    contention: Contention = field(default_factory=lambda: NO_CONTENTION)
    refused: frozenset[ObjectKey] = frozenset()


@dataclass(frozen=True, slots=True)
class Verdict:
    """A comparison and what it holds for.

    Args:
        desired_digest: The manifest's.
        resource_version: The live object's.
        key: See core's verdict_key; empty where it was not needed.
        differs: The answer.
        changes: Field by field.
        refusal: Why a dry run was refused.
    """

    desired_digest: str
    resource_version: str
    key: bytes
    differs: bool
    changes: tuple[FieldChange, ...] = ()
    refusal: str = ""
