"""Argo CD's AppProject: what the deliveries of a team may do."""

import msgspec

from trimtab.core.manifest import ObjectMeta


class _Wire(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Camel-case names on the wire, defaults left out."""


class GroupKindPattern(_Wire, frozen=True):
    """A group and kind, globs allowed; ``name`` only for cluster-scoped kinds."""

    group: str = ""
    kind: str = ""
    name: str = ""


class DestinationPattern(_Wire, frozen=True):
    """A permitted destination, globs and ``!`` allowed."""

    server: str = ""
    namespace: str = ""
    name: str = ""


class DestinationServiceAccount(_Wire, frozen=True):
    """The account that writes to matching destinations."""

    server: str = ""
    namespace: str = ""
    default_service_account: str = ""


class JwtToken(_Wire, frozen=True):
    """An issued token of a role."""

    iat: int = 0
    exp: int = 0
    id: str = ""


class ProjectRole(_Wire, frozen=True):
    """A role with its policies."""

    name: str = ""
    description: str = ""
    policies: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    jwt_tokens: tuple[JwtToken, ...] = ()


class SignatureKey(_Wire, frozen=True):
    """A key that commits must be signed with."""

    key_id: str = msgspec.field(default="", name="keyID")


class OrphanedResourceKey(_Wire, frozen=True):
    """An orphan that is none of our business."""

    group: str = ""
    kind: str = ""
    name: str = ""


class OrphanedResources(_Wire, frozen=True):
    """Whether objects that no delivery owns are reported."""

    warn: bool | None = None
    ignore: tuple[OrphanedResourceKey, ...] = ()


class SyncWindow(_Wire, frozen=True):
    """When syncs are allowed or denied."""

    kind: str = ""
    schedule: str = ""
    duration: str = ""
    applications: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()
    manual_sync: bool = False
    time_zone: str = ""
    and_operator: bool = False
    description: str = ""
    sync_overrun: bool = False


class GpgPolicy(_Wire, frozen=True):
    """Which keys sign."""

    mode: str = ""
    keys: tuple[str, ...] = ()


class GitRepoPattern(_Wire, frozen=True):
    """Repositories that a policy is for."""

    url: str = ""


class GitIntegrityPolicy(_Wire, frozen=True):
    """Integrity demanded of some repositories."""

    repos: tuple[GitRepoPattern, ...] = ()
    gpg: GpgPolicy | None = None


class GitIntegrity(_Wire, frozen=True):
    """Integrity of Git sources."""

    policies: tuple[GitIntegrityPolicy, ...] = ()


class SourceIntegrity(_Wire, frozen=True):
    """Integrity of sources."""

    git: GitIntegrity | None = None


class AppProjectSpec(_Wire, frozen=True):
    """What the deliveries of a project may do. ``None`` and an empty list differ."""

    source_repos: tuple[str, ...] = ()
    destinations: tuple[DestinationPattern, ...] = ()
    description: str = ""
    roles: tuple[ProjectRole, ...] = ()
    cluster_resource_whitelist: tuple[GroupKindPattern, ...] | None = None
    namespace_resource_blacklist: tuple[GroupKindPattern, ...] | None = None
    orphaned_resources: OrphanedResources | None = None
    sync_windows: tuple[SyncWindow, ...] = ()
    namespace_resource_whitelist: tuple[GroupKindPattern, ...] | None = None
    signature_keys: tuple[SignatureKey, ...] = ()
    cluster_resource_blacklist: tuple[GroupKindPattern, ...] | None = None
    source_namespaces: tuple[str, ...] = ()
    permit_only_project_scoped_clusters: bool = False
    destination_service_accounts: tuple[DestinationServiceAccount, ...] = ()
    source_integrity: SourceIntegrity | None = None


class AppProject(msgspec.Struct, frozen=True, rename="camel"):
    """An AppProject, decoded."""

    metadata: ObjectMeta = msgspec.field(default_factory=ObjectMeta)
    spec: AppProjectSpec = AppProjectSpec()
