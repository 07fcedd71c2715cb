"""What a project permits, and the violations of one delivery in Argo CD's words.

Source:
    Argo CD, AppProject: IsSourcePermitted, IsDestinationPermitted, IsGroupKindNamePermitted.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from trimtab.core.manifest import GroupKind, ObjectKey
from trimtab.core.manifest.globs import glob_matches
from trimtab.core.policy.project import Destination, KindPattern, Project


class ViolationKind(StrEnum):
    """Which rule of a project was broken."""

    SOURCE = "Source"
    SOURCE_NAMESPACE = "SourceNamespace"
    DESTINATION = "Destination"
    RESOURCE = "Resource"


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that a project does not permit.

    Args:
        kind: The rule.
        message: For the condition, as Argo CD words it.
        key: The object, for RESOURCE.
    """

    kind: ViolationKind
    message: str
    key: ObjectKey | None = None


@dataclass(frozen=True, slots=True)
class PlacedKind:
    """An object that is to be created, and whether its kind is namespaced."""

    key: ObjectKey
    is_namespaced: bool


def matches(pattern: str, text: str, *, separator: str = "") -> bool:
    """Return whether a project's glob matches; a leading ``!`` turns it round."""
    if pattern.startswith("!"):
        return not glob_matches(pattern[1:], text, separator=separator)
    return glob_matches(pattern, text, separator=separator)


def normalise_repository(url: str) -> str:
    """Return a repository URL or pattern in the form in which projects compare them.

    Case, surrounding space, a trailing ``.git`` and the ssh scheme make no difference.
    """
    text = url.strip().lower().removesuffix(".git")
    if "ssh://" in text or text.startswith("git@"):
        text = text.removeprefix("ssh://")
        user, at, rest = text.partition("@")
        host, slash, path = rest.partition("/")
        if at and slash and ":" not in host:
            text = f"{user}@{host}:{path}"
    return text


def source_permitted(project: Project, url: str) -> bool:
    """Return whether applications of a project may use a repository.

    A lone ``*`` permits all; a ``!`` entry that names the repository denies whatever others say.
    """
    permitted = False
    wanted = normalise_repository(url)
    for pattern in project.source_repos:
        if pattern.startswith("!"):
            denied = normalise_repository(pattern[1:])
            if denied == "*" or glob_matches(denied, wanted, separator="/"):
                return False
        elif pattern == "*" or glob_matches(normalise_repository(pattern), wanted, separator="/"):
            permitted = True
    return permitted


def source_namespace_permitted(project: Project, namespace: str, *, controller: str) -> bool:
    """Return whether an Application in a namespace may use the project.

    The controller's own namespace always may; an empty namespace means that one.
    """
    if not namespace or namespace == controller:
        return True
    return any(glob_matches(pattern, namespace) for pattern in project.source_namespaces)


def destination_permitted(
    project: Project,
    destination: Destination,
    *,
    project_clusters: Iterable[Destination] | None = None,
) -> bool:
    """Return whether applications of a project may deploy to a destination.

    Args:
        project: The project.
        destination: Server and name as far as known, and the namespace.
        project_clusters: The clusters that belong to the project, as server and name; asked only
            where the project permits no others.
    """
    if not _matches_destination(project, destination):
        return False
    if not project.only_scoped_clusters:
        return True
    return any(
        (destination.server and cluster.server == destination.server)
        or (destination.name and cluster.name == destination.name)
        for cluster in project_clusters or ()
    )


def _matches_destination(project: Project, destination: Destination) -> bool:
    permitted = False
    for entry in project.destinations:
        by_name = bool(entry.name) and matches(entry.name, destination.name)
        by_server = bool(entry.server) and matches(entry.server, destination.server)
        by_namespace = matches(entry.namespace, destination.namespace)
        if (by_name or by_server) and by_namespace:
            permitted = True
            continue
        excludes = (
            (entry.name.startswith("!") and not by_name)
            or (entry.server.startswith("!") and not by_server and by_namespace)
            or (entry.namespace.startswith("!") and not by_namespace and by_server)
        )
        if excludes:
            return False
    return permitted


def kind_permitted(
    project: Project, group_kind: GroupKind, *, namespaced: bool, name: str = ""
) -> bool:
    """Return whether a project permits objects of a kind.

    Namespaced kinds are permitted unless a list says otherwise, cluster-scoped ones only where
    the whitelist names them; a blacklist wins.

    Args:
        project: The project.
        group_kind: The kind.
        namespaced: Whether the kind lives in namespaces.
        name: The object's name, for patterns with names over cluster-scoped kinds.
    """
    if namespaced:
        whitelist = project.namespace_whitelist
        listed = whitelist is None or _any_kind(whitelist, group_kind, "")
        return listed and not _any_kind(project.namespace_blacklist, group_kind, "")
    return _any_kind(project.cluster_whitelist, group_kind, name) and not _any_kind(
        project.cluster_blacklist, group_kind, name
    )


def _any_kind(patterns: Iterable[KindPattern], group_kind: GroupKind, name: str) -> bool:
    return any(
        glob_matches(pattern.group, group_kind.group)
        and glob_matches(pattern.kind, group_kind.kind)
        and (not pattern.name or glob_matches(pattern.name, name))
        for pattern in patterns
    )


def check_application(
    project: Project,
    sources: Iterable[str],
    destination: Destination,
    *,
    project_clusters: Iterable[Destination] | None = None,
) -> tuple[Violation, ...]:
    """Return what an application's spec violates, before anything is rendered."""
    found = [
        Violation(
            ViolationKind.SOURCE,
            f"application repo {url} is not permitted in project '{project.name}'",
        )
        for url in sources
        if not source_permitted(project, url)
    ]
    if not destination_permitted(project, destination, project_clusters=project_clusters):
        message = (
            f"application destination server '{destination.server or destination.name}' and "
            f"namespace '{destination.namespace}' do not match any of the allowed destinations "
            f"in project '{project.name}'"
        )
        found.append(Violation(ViolationKind.DESTINATION, message))
    return tuple(found)


def check_delivery(
    project: Project,
    sources: Iterable[str],
    destination: Destination,
    objects: Iterable[PlacedKind] = (),
    *,
    project_clusters: Iterable[Destination] | None = None,
) -> tuple[Violation, ...]:
    """Return every violation of a delivery: sources, destination, then objects in order.

    An object in another namespace than the destination's must be permitted there as well.
    """
    clusters = tuple(project_clusters or ())
    found = list(check_application(project, sources, destination, project_clusters=clusters))
    for placed in objects:
        key = placed.key
        if not kind_permitted(
            project, key.group_kind, namespaced=placed.is_namespaced, name=key.name
        ):
            kind = f"{key.group}/{key.kind}" if key.group else key.kind
            message = f"Resource {kind} {key.name} is not permitted in project {project.name}."
            found.append(Violation(ViolationKind.RESOURCE, message, key))
            continue
        there = Destination(destination.server, destination.name, key.namespace)
        if placed.is_namespaced and not destination_permitted(
            project, there, project_clusters=clusters
        ):
            message = f"namespace {key.namespace} is not permitted in project '{project.name}'"
            found.append(Violation(ViolationKind.DESTINATION, message, key))
    return tuple(found)


def service_account_for(project: Project, server: str, namespace: str) -> str | None:
    """Return the user that a sync to a destination acts as.

    Returns:
        ``system:serviceaccount:NAMESPACE:NAME`` of the first entry that matches, its namespace the
        destination's where the entry states none; None where no entry matches.
    """
    for entry in project.service_accounts:
        if not (matches(entry.server, server) and matches(entry.namespace, namespace)):
            continue
        home, colon, name = entry.account.partition(":")
        if not colon:
            home, name = namespace, entry.account
        return f"system:serviceaccount:{home}:{name}"
    return None
