"""An AppProject as a value: what its applications may come from, go to and create."""

from collections.abc import Mapping
from dataclasses import dataclass

from trimtab.core import JsonObject, JsonValue
from trimtab.core.manifest import annotations_of, as_list, as_object
from trimtab.core.policy.budget import DEFAULT_BUDGET, DeletionBudget, parse_budget
from trimtab.core.policy.windows import SyncWindow, parse_window


@dataclass(frozen=True, slots=True)
class Destination:
    """A cluster and namespace: of an application, or as patterns in a project.

    Args:
        server: API server URL.
        name: Cluster name; an application states one of the two.
        namespace: Namespace.
    """

    server: str = ""
    name: str = ""
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class KindPattern:
    """Globs over group and kind, and over the name of cluster-scoped objects."""

    group: str
    kind: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class ProjectRole:
    """A role of a project: policy lines, and the groups that have it."""

    name: str
    description: str = ""
    policies: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OrphanedResources:
    """Whether objects that belong to no application are reported."""

    warn: bool = True
    ignore: tuple[KindPattern, ...] = ()


@dataclass(frozen=True, slots=True)
class DestinationServiceAccount:
    """The account that syncs to matching destinations act as."""

    server: str
    namespace: str
    account: str


@dataclass(frozen=True, slots=True)
class Project:
    """The spec of an AppProject.

    Args:
        name: metadata.name.
        description: For people.
        source_repos: Globs over repository URLs, ``!`` denies.
        source_namespaces: Globs over the namespaces that Applications may live in.
        destinations: Where applications may deploy to.
        cluster_whitelist: Cluster-scoped kinds that are allowed; none by default.
        cluster_blacklist: Cluster-scoped kinds that are not.
        namespace_whitelist: Namespaced kinds that are allowed; None allows all, empty allows none.
        namespace_blacklist: Namespaced kinds that are not.
        roles: Roles.
        sync_windows: When syncs may run. None stands where the list holds a null.
        orphaned_resources: None: orphans are not looked for.
        service_accounts: Accounts by destination.
        only_scoped_clusters: Only clusters that belong to the project may be used.
        signature_keys: GnuPG key ids one of which must have signed the revision.
        has_source_integrity: It demands signatures by ``sourceIntegrity``.
        budget: How much a plan may delete before a person must confirm it.
        budget_problems: Annotations about the budget that are not understood.
    """

    name: str
    description: str = ""
    source_repos: tuple[str, ...] = ()
    source_namespaces: tuple[str, ...] = ()
    destinations: tuple[Destination, ...] = ()
    cluster_whitelist: tuple[KindPattern, ...] = ()
    cluster_blacklist: tuple[KindPattern, ...] = ()
    namespace_whitelist: tuple[KindPattern, ...] | None = None
    namespace_blacklist: tuple[KindPattern, ...] = ()
    roles: tuple[ProjectRole, ...] = ()
    sync_windows: tuple[SyncWindow | None, ...] = ()
    orphaned_resources: OrphanedResources | None = None
    service_accounts: tuple[DestinationServiceAccount, ...] = ()
    only_scoped_clusters: bool = False
    signature_keys: tuple[str, ...] = ()
    has_source_integrity: bool = False
    budget: DeletionBudget = DEFAULT_BUDGET
    budget_problems: tuple[str, ...] = ()


def parse_project(body: JsonObject) -> Project:
    """Return the value of an AppProject; fields of other types than the schema's are left out."""
    spec = as_object(body.get("spec"))
    orphaned = spec.get("orphanedResources")
    budget, budget_problems = parse_budget(annotations_of(body))
    return Project(
        name=_text(as_object(body.get("metadata")), "name"),
        description=_text(spec, "description"),
        source_repos=_texts(spec, "sourceRepos"),
        source_namespaces=_texts(spec, "sourceNamespaces"),
        destinations=tuple(map(parse_destination, _objects(spec, "destinations"))),
        cluster_whitelist=_kinds(spec, "clusterResourceWhitelist"),
        cluster_blacklist=_kinds(spec, "clusterResourceBlacklist"),
        namespace_whitelist=_kinds(spec, "namespaceResourceWhitelist")
        if isinstance(spec.get("namespaceResourceWhitelist"), list | tuple)
        else None,
        namespace_blacklist=_kinds(spec, "namespaceResourceBlacklist"),
        roles=tuple(map(_role, _objects(spec, "roles"))),
        sync_windows=tuple(
            parse_window(as_object(item)) if isinstance(item, Mapping) else None
            for item in as_list(spec.get("syncWindows"))
        ),
        orphaned_resources=_orphaned(orphaned) if isinstance(orphaned, Mapping) else None,
        service_accounts=tuple(
            DestinationServiceAccount(
                _text(item, "server"),
                _text(item, "namespace"),
                _text(item, "defaultServiceAccount"),
            )
            for item in _objects(spec, "destinationServiceAccounts")
        ),
        only_scoped_clusters=spec.get("permitOnlyProjectScopedClusters") is True,
        signature_keys=tuple(_text(item, "keyID") for item in _objects(spec, "signatureKeys")),
        has_source_integrity=bool(spec.get("sourceIntegrity")),
        budget=budget,
        budget_problems=budget_problems,
    )


def parse_destination(entry: JsonObject) -> Destination:
    """Return a destination from its JSON."""
    return Destination(_text(entry, "server"), _text(entry, "name"), _text(entry, "namespace"))


def _role(entry: JsonObject) -> ProjectRole:
    return ProjectRole(
        _text(entry, "name"),
        _text(entry, "description"),
        _texts(entry, "policies"),
        _texts(entry, "groups"),
    )


def _orphaned(entry: JsonObject) -> OrphanedResources:
    return OrphanedResources(warn=entry.get("warn") is not False, ignore=_kinds(entry, "ignore"))


def _kinds(owner: JsonObject, name: str) -> tuple[KindPattern, ...]:
    return tuple(
        KindPattern(_text(item, "group"), _text(item, "kind"), _text(item, "name"))
        for item in _objects(owner, name)
    )


def _objects(owner: JsonObject, name: str) -> tuple[JsonObject, ...]:
    return tuple(as_object(item) for item in as_list(owner.get(name)))


def _texts(owner: JsonObject, name: str) -> tuple[str, ...]:
    return tuple(item for item in as_list(owner.get(name)) if isinstance(item, str))


def _text(owner: JsonObject, name: str) -> str:
    value: JsonValue = owner.get(name)
    return value if isinstance(value, str) else ""
